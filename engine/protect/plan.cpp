#include "protect/plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"
#include "base/human.h"
#include "binding/index.h"
#include "binding/ownership.h"
#include "binding/resolve.h"
#include "protect/fenced_instance.h"
#include "protect/manifest.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;
using cluster::ResourceDescription;

constexpr std::array<std::string_view, 3> kActions{"backupPrehook", "backup", "backupPosthook"};
constexpr std::string_view kFiltered = "filtered";
// What is_captured() leaves out by what metadata does not tell.
constexpr const char* kSecretsOfPeople =
    "type!=kubernetes.io/service-account-token,type!=fencepost.io/manifests,type!=fencepost.io/signing-key";

ObjectKey key_of(const ResourceDescription& type, const Value& object) {
    return {type.type, cluster::namespace_of(object), cluster::name_of(object)};
}

std::vector<binding::Candidate> usable_candidates(cluster::Cluster& cluster, std::string_view ns) {
    auto candidates = binding::load_candidates(cluster, ns, ns);
    for (binding::Candidate& candidate : candidates) binding::check_blueprint(cluster, candidate, ns);
    return candidates;
}

class Planner {
  public:
    Planner(cluster::Cluster& cluster, std::string_view controller_namespace, const std::string& ns,
            const ResourceFilter& filter)
        : cluster_(cluster),
          controller_namespace_(controller_namespace),
          filter_(filter),
          served_(cluster.types()),
          candidates_(usable_candidates(cluster, controller_namespace)),
          index_(candidates_) {
        plan_.ns = ns;
    }

    Plan make() {
        (void)cluster_.get({types::kNamespaces, "", plan_.ns});
        for (const ResourceDescription& type : served_) {
            if (!type.is_namespaced || !type.is_listable || !is_captured(type.type) || !is_preferred(type))
                continue;
            try {
                look_at(type);
            } catch (const Error& e) {
                // A database without its custom resource is better than nothing, where somebody is told.
                if (e.kind() != ErrorKind::kForbidden || !may_be_left_out(type.type)) throw;
                plan_.warnings.push_back("no " + type.type.resource + " would be captured: " + e.message());
            }
        }
        if (plan_.objects.empty()) {
            throw Error(ErrorKind::kFailedPrecondition,
                        "nothing of namespace '" + plan_.ns + "' would be backed up",
                        plan_.skipped.empty() ? "it is empty" : "the filters leave nothing over");
        }
        give_claims();
        std::sort(plan_.objects.begin(), plan_.objects.end());
        return std::move(plan_);
    }

  private:
    // Without these the plan would be wrong, not only less.
    static bool may_be_left_out(const cluster::ResourceType& type) {
        return type != types::kPods && type != types::kPersistentVolumeClaims && type != types::kSecrets;
    }

    // What the cluster serves in several versions is looked at in one.
    bool is_preferred(const ResourceDescription& type) {
        return seen_types_.insert(type.type.group + "/" + type.type.resource).second;
    }

    void look_at(const ResourceDescription& type) {
        cluster::ListOptions options{.ns = plan_.ns};
        // Who uses which claim stands in the Pods; of all else the metadata is enough.
        options.metadata_only = type.type != types::kPods;
        if (type.type == types::kSecrets) options.field_selector = kSecretsOfPeople;
        for (const Value& object : cluster_.list(type.type, options).items) {
            owner_of_[cluster::uid_of(object)] = owner_uid(object);
            if (type.type == types::kPods) pods_.push_back(object);
            const bool is_in = filter_.accepts(type.type, object);
            if (type.type == types::kPersistentVolumeClaims)
                claims_.push_back({cluster::name_of(object), cluster::uid_of(object), object, is_in});
            govern(type, object, is_in);
            if (!is_captured(type, object)) continue;
            if (is_in)
                plan_.objects.push_back(key_of(type, object));
            else if (type.type == types::kPersistentVolumeClaims)
                plan_.skipped.push_back({key_of(type, object), std::string(kFiltered)});
        }
    }

    static std::string owner_uid(const Value& object) {
        const List& owners = object.get("metadata", "ownerReferences").list_or_empty();
        for (const Value& owner : owners) {
            if (owner["controller"].bool_or(false)) return owner["uid"].string_or("");
        }
        return owners.size() == 1 ? owners.front()["uid"].string_or("") : "";
    }

    void govern(const ResourceDescription& type, const Value& object, bool is_in) {
        const auto resolution =
            binding::choose(index_, binding::make_subject(object, type, served_), controller_namespace_);
        if (!resolution) return;
        if (!is_in) {
            plan_.skipped.push_back({key_of(type, object), std::string(kFiltered)});
            return;
        }
        Governed governed{.key = key_of(type, object),
                          .kind = type.kind,
                          .uid = cluster::uid_of(object),
                          .blueprint = resolution->blueprint,
                          .binding = resolution->binding,
                          .reason = resolution->reason};
        const Value blueprint =
            cluster_.get({types::kBlueprints, std::string(controller_namespace_), resolution->blueprint});
        for (const std::string_view action : kActions) {
            if (blueprint.get("actions", action).is_map()) governed.actions.emplace_back(action);
        }
        governed.is_fencing = is_fencing(blueprint);
        if (governed.actions.empty()) {
            plan_.warnings.push_back("the Blueprint " + governed.blueprint + " of the " + governed.kind +
                                     " " + governed.key.name + " has no action of a backup");
        }
        plan_.governed.push_back(std::move(governed));
    }

    // The nearest one above the object that is governed; null where none is.
    Governed* governor_of(std::string uid) {
        for (std::size_t depth = 0; depth <= binding::kMaxOwners && !uid.empty(); ++depth) {
            for (Governed& governed : plan_.governed) {
                if (governed.uid == uid) return &governed;
            }
            const auto owner = owner_of_.find(uid);
            if (owner == owner_of_.end()) break;
            uid = owner->second;
        }
        return nullptr;
    }

    void give_claims() {
        std::map<std::string, std::set<std::string>> users;  // of a claim: uids of running Pods
        for (const Value& pod : pods_) {
            if (pod.get("status", "phase").string_or("") != "Running") continue;
            for (const Value& volume : pod.get("spec", "volumes").list_or_empty()) {
                const std::string claim = volume["persistentVolumeClaim"]["claimName"].string_or("");
                if (!claim.empty()) users[claim].insert(cluster::uid_of(pod));
            }
        }
        std::map<const Governed*, std::set<std::string>> instances;  // Pods whose claims are copied
        for (const Claim& claim : claims_) {
            if (!claim.is_in) continue;
            Governed* governor = governor_of(claim.uid);
            for (const std::string& pod : users[claim.name]) {
                if (governor == nullptr) governor = governor_of(pod);
                if (governor != nullptr) instances[governor].insert(pod);
            }
            (governor == nullptr ? plan_.plain_claims : governor->claims).push_back(claim.name);
            if (governor == nullptr || !governor->is_fencing || governor->is_dumped()) continue;
            const std::string instance = instance_of(claim.object, governor->key.name);
            if (!instance.empty()) governor->instances[instance].push_back(claim.name);
        }
        for (const Governed& governed : plan_.governed) {
            if (!governed.has_prehook() || governed.is_dumped() || !governed.claims.empty()) continue;
            plan_.warnings.push_back("no volume would be copied between the hooks of the " + governed.kind +
                                     " " + governed.key.name +
                                     ": it owns none, and no Pod that it owns uses one");
        }
        for (const auto& [governed, pods] : instances) {
            if (pods.size() < 2 || governed->is_dumped() || !governed->has_prehook()) continue;
            if (governed->instances.size() > 1) continue;  // one of them is kept
            plan_.warnings.push_back("mixed instances: the volumes of " + std::to_string(pods.size()) +
                                     " Pods of the " + governed->kind + " " + governed->key.name +
                                     " would be copied (" + joined(governed->claims, ", ") +
                                     "); is a label of the excluded ones missing?");
        }
    }

    struct Claim {
        std::string name, uid;
        Value object;  // its metadata
        bool is_in = true;
    };
    cluster::Cluster& cluster_;
    const std::string controller_namespace_;
    const ResourceFilter& filter_;
    const std::vector<ResourceDescription> served_;
    const std::vector<binding::Candidate> candidates_;
    const binding::Index index_;
    std::set<std::string> seen_types_;
    std::map<std::string, std::string> owner_of_;  // by uid
    std::vector<Value> pods_;
    std::vector<Claim> claims_;
    Plan plan_;
};

Value names(const std::vector<std::string>& words) {
    List list;
    for (const std::string& word : words) list.emplace_back(word);
    return list;
}

Value reference_of(const ObjectKey& key) {
    Value reference;
    if (!key.type.group.empty()) reference["group"] = key.type.group;
    reference["apiVersion"] = key.type.version;
    reference["resource"] = key.type.resource;
    reference["namespace"] = key.ns;
    reference["name"] = key.name;
    return reference;
}

}  // namespace

bool Governed::has_prehook() const {
    return std::find(actions.begin(), actions.end(), kActions[0]) != actions.end();
}

bool Governed::is_dumped() const {
    return std::find(actions.begin(), actions.end(), kActions[1]) != actions.end();
}

Value Plan::to_value() const {
    Value plan;
    plan["namespace"] = ns;
    plan["objects"] = List{};
    for (const ObjectKey& key : objects) plan["objects"].push_back(reference_of(key));
    plan["resources"] = List{};
    for (const Governed& one : governed) {
        Value item = reference_of(one.key);
        item["kind"] = one.kind;
        item["uid"] = one.uid;
        item["blueprint"] = one.blueprint;
        if (!one.binding.empty()) item["binding"] = one.binding;
        item["reason"] = one.reason;
        item["actions"] = names(one.actions);
        item["claims"] = names(one.claims);
        for (const auto& [instance, claims] : one.instances) item["instances"][instance] = names(claims);
        plan["resources"].push_back(std::move(item));
    }
    plan["claims"] = names(plain_claims);
    plan["skipped"] = List{};
    for (const Skipped& one : skipped) {
        Value item = reference_of(one.key);
        item["reason"] = one.reason;
        plan["skipped"].push_back(std::move(item));
    }
    plan["warnings"] = names(warnings);
    return plan;
}

Plan make_plan(cluster::Cluster& cluster, std::string_view controller_namespace, const std::string& ns,
               const ResourceFilter& filter) {
    return Planner(cluster, controller_namespace, ns, filter).make();
}

}  // namespace fencepost::protect
