#include "functions/catalog.h"

#include "functions/functions.h"

namespace fencepost::functions {

run::Catalog catalog() {
    return run::Catalog({&kube_exec(), &kube_exec_all(), &kube_task(), &multi_container_run(),
                         &prepare_data(), &backup_data(), &restore_data(), &copy_volume_data(),
                         &backup_data_stats(), &delete_data(), &check_repository(), &kube_ops(), &wait(),
                         &wait_v2(), &scale_workload(), &location_delete(), &fence(), &unfence()});
}

}  // namespace fencepost::functions
