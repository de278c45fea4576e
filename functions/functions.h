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
[[nodiscard]] const run::Function& backup_data_all();
[[nodiscard]] const run::Function& restore_data();
[[nodiscard]] const run::Function& restore_data_all();
[[nodiscard]] const run::Function& copy_volume_data();
[[nodiscard]] const run::Function& backup_data_stats();
[[nodiscard]] const run::Function& delete_data();
[[nodiscard]] const run::Function& delete_data_all();
[[nodiscard]] const run::Function& check_repository();
[[nodiscard]] const run::Function& scale_workload();
[[nodiscard]] const run::Function& create_csi_snapshot();
[[nodiscard]] const run::Function& create_csi_snapshot_static();
[[nodiscard]] const run::Function& restore_csi_snapshot();
[[nodiscard]] const run::Function& delete_csi_snapshot();
[[nodiscard]] const run::Function& delete_csi_snapshot_content();
[[nodiscard]] const run::Function& create_rds_snapshot();
[[nodiscard]] const run::Function& export_rds_snapshot_to_location();
[[nodiscard]] const run::Function& restore_rds_snapshot();
[[nodiscard]] const run::Function& delete_rds_snapshot();
[[nodiscard]] const run::Function& location_delete();
[[nodiscard]] const run::Function& fence();
[[nodiscard]] const run::Function& unfence();

}  // namespace fencepost::functions
