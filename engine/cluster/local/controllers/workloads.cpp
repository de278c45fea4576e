#include "cluster/local/controllers/workloads.h"

#include "base/encodings.h"
#include "base/error.h"
#include "value/json.h"

namespace fencepost::cluster::local {

Value controller_reference(const Value& owner) {
    Value reference;
    for (const char* member : {"apiVersion", "kind"}) reference[member] = owner[member];
    reference["name"] = name_of(owner);
    reference["uid"] = uid_of(owner);
    reference["controller"] = true;
    reference["blockOwnerDeletion"] = true;
    return reference;
}

bool is_controlled_by(const Value& object, const Value& owner) {
    for (const Value& reference : object.get("metadata", "ownerReferences").list_or_empty()) {
        if (reference["controller"].bool_or(false) && reference["uid"].string_or("") == uid_of(owner))
            return true;
    }
    return false;
}

std::vector<Value> controlled(Cluster& cluster, const ResourceType& type, const Value& owner) {
    std::vector<Value> objects = cluster.list(type, {.ns = namespace_of(owner)}).items;
    std::erase_if(objects, [&](const Value& object) { return !is_controlled_by(object, owner); });
    return objects;
}

bool is_ready(const Value& pod) {
    for (const Value& condition : pod.get("status", "conditions").list_or_empty()) {
        if (condition["type"].string_or("") == "Ready") return condition["status"].string_or("") == "True";
    }
    return false;
}

bool is_leaving(const Value& object) { return !object.get("metadata", "deletionTimestamp").is_nil(); }

bool is_finished(const Value& pod) {
    const std::string phase = pod.get("status", "phase").string_or("");
    return phase == "Succeeded" || phase == "Failed";
}

std::string template_hash(const Value& pod_template) {
    return sha256_hex(to_json(pod_template)).substr(0, 10);
}

Value pod_from(const Value& pod_template, const Value& owner) {
    Value pod = pod_template;
    pod["metadata"]["namespace"] = namespace_of(owner);
    pod["metadata"]["ownerReferences"] = List{controller_reference(owner)};
    return pod;
}

void write_status(Cluster& cluster, const ResourceType& type, const Value& object, const Value& status) {
    if (object["status"] == status) return;
    Value next = object;
    next["status"] = status;
    cluster.replace(type, next, {.subresource = "status"});
}

void remove_object(Cluster& cluster, const ResourceType& type, const Value& object) {
    try {
        cluster.remove({type, namespace_of(object), name_of(object)}, {.precondition_uid = uid_of(object)});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict) throw;
    }
}

void create_if_absent(Cluster& cluster, const ResourceType& type, const Value& object) {
    try {
        cluster.create(type, object);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kAlreadyExists) throw;
    }
}

}  // namespace fencepost::cluster::local
