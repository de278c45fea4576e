#include "model/cluster_instance.h"

namespace fencepost::model {

ClusterInstance instance_of(const Value& object) {
    const Value& labels = object.get("metadata", "labels");
    for (const std::string operators : {"k8s.enterprisedb.io/", "cnpg.io/"}) {
        const std::string cluster = labels[operators + "cluster"].string_or("");
        if (!cluster.empty()) return {cluster, labels[operators + "instanceName"].string_or("")};
    }
    return {};
}

}  // namespace fencepost::model
