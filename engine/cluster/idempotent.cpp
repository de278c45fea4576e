#include "cluster/idempotent.h"

namespace fencepost::cluster {

std::optional<Value> find_object(Cluster& cluster, const ObjectKey& key) {
    try {
        return cluster.get(key);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        return std::nullopt;
    }
}

bool create_unless_there(Cluster& cluster, const ResourceType& type, const Value& object,
                         const WriteOptions& options) {
    try {
        (void)cluster.create(type, object, options);
        return true;
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kAlreadyExists) throw;
        return false;
    }
}

void remove_if_there(Cluster& cluster, const ObjectKey& key) {
    try {
        (void)cluster.remove(key);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
}

}  // namespace fencepost::cluster
