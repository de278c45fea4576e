#include "binding/ownership.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "binding/resolve.h"
#include "base/error.h"
#include "cluster/idempotent.h"

namespace fencepost::binding {
namespace {

const Value* reference_to_follow(const Value& object) {
    const List& references = object["metadata"]["ownerReferences"].list_or_empty();
    for (const Value& reference : references) {
        if (reference["controller"].bool_or(false)) return &reference;
    }
    return references.size() == 1 ? &references.front() : nullptr;
}

std::optional<Owner> fetch(cluster::Cluster& cluster, const Value& reference, const std::string& ns) {
    const std::string api_version = reference["apiVersion"].string_or("");
    const std::size_t slash = api_version.find('/');
    const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
    const std::string version = slash == std::string::npos ? api_version : api_version.substr(slash + 1);
    const auto type = cluster.find_type(group, version, reference["kind"].string_or(""));
    if (!type) return std::nullopt;
    auto object =
        find_object(cluster, {type->type, type->is_namespaced ? ns : "", reference["name"].string_or("")});
    if (!object || cluster::uid_of(*object) != reference["uid"].string_or("")) return std::nullopt;
    return Owner{.type = *type, .object = std::move(*object)};
}

// A Deployment's Pods share their ReplicaSet: each owner is fetched once.
class ChainReader {
  public:
    explicit ChainReader(cluster::Cluster& cluster, std::string ns) : cluster_(cluster), ns_(std::move(ns)) {}

    bool leads_to(const Value& object, const std::string& uid) {
        Value link = object;
        for (std::size_t depth = 0; depth < kMaxOwners; ++depth) {
            const Value* reference = reference_to_follow(link);
            if (reference == nullptr) return false;
            const std::string owner_uid = (*reference)["uid"].string_or("");
            if (owner_uid == uid) return true;
            auto known = objects_.find(owner_uid);
            if (known == objects_.end()) {
                auto owner = fetch(cluster_, *reference, ns_);
                known = objects_.emplace(owner_uid, owner ? std::move(owner->object) : Value()).first;
            }
            link = known->second;
        }
        return false;
    }

  private:
    cluster::Cluster& cluster_;
    std::string ns_;
    std::map<std::string, Value> objects_;  // by uid; nil: gone
};

}  // namespace

std::vector<Owner> owners_of(cluster::Cluster& cluster, const Value& object) {
    std::vector<Owner> owners;
    Value link = object;
    const std::string ns = cluster::namespace_of(object);
    while (owners.size() < kMaxOwners) {
        const Value* reference = reference_to_follow(link);
        if (reference == nullptr) break;
        auto owner = fetch(cluster, *reference, ns);
        if (!owner) break;
        link = owner->object;
        owners.push_back(std::move(*owner));
    }
    return owners;
}

std::vector<std::string> claims_of(cluster::Cluster& cluster, const Value& object) {
    const std::string ns = cluster::namespace_of(object);
    const std::string uid = cluster::uid_of(object);
    if (ns.empty() || uid.empty()) return {};
    ChainReader chains(cluster, ns);
    std::set<std::string> claims;
    for (const Value& pod : cluster.list(cluster::types::kPods, {.ns = ns}).items) {
        if (pod["status"]["phase"].string_or("") != "Running") continue;
        if (cluster::uid_of(pod) != uid && !chains.leads_to(pod, uid)) continue;
        for (const Value& volume : pod["spec"]["volumes"].list_or_empty()) {
            const std::string claim = volume["persistentVolumeClaim"]["claimName"].string_or("");
            if (!claim.empty()) claims.insert(claim);
        }
    }
    return {claims.begin(), claims.end()};
}

}  // namespace fencepost::binding
