// Every function that a blueprint's `func` may name: one .cpp each. All are immutable and shared by all runs;
// see run/function.h for the contract. A new function is a new .cpp, a line here, and a line in catalog.cpp.
#pragma once

#include "run/function.h"

namespace fencepost::functions {

[[nodiscard]] const run::Function& kube_exec();
[[nodiscard]] const run::Function& kube_exec_all();
[[nodiscard]] const run::Function& kube_task();
[[nodiscard]] const run::Function& multi_container_run();
[[nodiscard]] const run::Function& kube_ops();
[[nodiscard]] const run::Function& wait();
[[nodiscard]] const run::Function& wait_v2();
[[nodiscard]] const run::Function& prepare_data();
[[nodiscard]] const run::Function& backup_data();
[[nodiscard]] const run::Function& restore_data();
[[nodiscard]] const run::Function& copy_volume_data();
[[nodiscard]] const run::Function& backup_data_stats();
[[nodiscard]] const run::Function& delete_data();
[[nodiscard]] const run::Function& check_repository();
[[nodiscard]] const run::Function& scale_workload();
[[nodiscard]] const run::Function& location_delete();
[[nodiscard]] const run::Function& fence();
[[nodiscard]] const run::Function& unfence();

}  // namespace fencepost::functions
