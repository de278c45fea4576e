#include "functions/catalog.h"

#include "functions/functions.h"

namespace fencepost::functions {

run::Catalog catalog() {
    return run::Catalog({&kube_exec(),
                         &kube_exec_all(),
                         &kube_task(),
                         &multi_container_run(),
                         &prepare_data(),
                         &backup_data(),
                         &backup_data_all(),
                         &restore_data(),
                         &restore_data_all(),
                         &copy_volume_data(),
                         &backup_data_stats(),
                         &delete_data(),
                         &delete_data_all(),
                         &check_repository(),
                         &kube_ops(),
                         &wait(),
                         &wait_v2(),
                         &scale_workload(),
                         &create_csi_snapshot(),
                         &create_csi_snapshot_static(),
                         &restore_csi_snapshot(),
                         &delete_csi_snapshot(),
                         &delete_csi_snapshot_content(),
                         &create_rds_snapshot(),
                         &export_rds_snapshot_to_location(),
                         &restore_rds_snapshot(),
                         &delete_rds_snapshot(),
                         &location_delete(),
                         &fence(),
                         &unfence()});
}

}  // namespace fencepost::functions
