#include "functions/catalog.h"

#include "functions/functions.h"

namespace fencepost::functions {

run::Catalog catalog() {
    return run::Catalog({&kube_exec(), &kube_exec_all(), &kube_task(), &multi_container_run(), &kube_ops(),
                         &wait(), &wait_v2(), &scale_workload(), &create_csi_snapshot(),
                         &create_csi_snapshot_static(), &restore_csi_snapshot(), &delete_csi_snapshot(),
                         &delete_csi_snapshot_content(), &location_delete(), &fence(), &unfence()});
}

}  // namespace fencepost::functions
