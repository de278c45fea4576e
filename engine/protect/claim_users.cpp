#include "protect/claim_users.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "binding/ownership.h"
#include "protect/workloads.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

constexpr std::chrono::milliseconds kLookAgain{200};

bool is_leaving(const Value& object) { return !object.get("metadata", "deletionTimestamp").is_nil(); }

bool is_controlled(const Value& object) {
    const List& owners = object.get("metadata", "ownerReferences").list_or_empty();
    return std::any_of(owners.begin(), owners.end(),
                       [](const Value& owner) { return owner["controller"].bool_or(false); });
}

std::int64_t replicas_of(const Value& object) { return object.get("spec", "replicas").int_or(1); }

std::string stopped_from(const Value& object) {
    return object.get("metadata", "annotations", kScaledFrom).string_or("");
}

bool is_at_rest(const Value& object) {
    const std::int64_t generation = object.get("metadata", "generation").int_or(0);
    const Value& status = object["status"];
    return replicas_of(object) == 0 && status["observedGeneration"].int_or(0) >= generation &&
           status["replicas"].int_or(0) == 0;
}

}  // namespace

std::string ClaimUsers::User::label() const { return type.resource + "/" + cluster::name_of(object); }
cluster::ObjectKey ClaimUsers::User::key() const {
    return {type, cluster::namespace_of(object), cluster::name_of(object)};
}

ClaimUsers::ClaimUsers(run::World& world, std::string ns, std::set<std::string> claims)
    : world_(world), ns_(std::move(ns)), claims_(std::move(claims)) {}

// A ReplicaSet that a Deployment controls has no say of its own.
std::vector<ClaimUsers::User> ClaimUsers::users() const {
    static const std::array<std::pair<const cluster::ResourceType*, const char*>, 3> kKinds{
        {{&types::kDeployments, "Deployment"},
         {&types::kStatefulSets, "StatefulSet"},
         {&types::kReplicaSets, "ReplicaSet"}}};
    std::vector<User> users;
    for (const auto& [type, kind] : kKinds) {
        for (Value& object : world_.cluster.list(*type, {.ns = ns_}).items) {
            std::set<std::string> claims = claims_used_by(object, claims_);
            if (claims.empty() || is_leaving(object) || is_controlled(object)) continue;
            users.push_back({*type, kind, std::move(object), std::move(claims)});
        }
    }
    return users;
}

std::vector<Value> ClaimUsers::pods(const std::set<std::string>& claims) const {
    std::vector<Value> pods = world_.cluster.list(types::kPods, {.ns = ns_}).items;
    std::erase_if(pods, [&](const Value& pod) {
        const std::string phase = pod.get("status", "phase").string_or("");
        return phase == "Succeeded" || phase == "Failed" || claims_of_pod(pod, claims).empty();
    });
    return pods;
}

void ClaimUsers::refuse_unstoppable(const std::set<std::string>& freed) const {
    const std::vector<User> known = users();
    for (const User& user : known) {
        const Value& policy = user.object.get("spec", "persistentVolumeClaimRetentionPolicy", "whenScaled");
        if (policy != Value("Delete")) continue;
        throw Error(ErrorKind::kFailedPrecondition,
                    user.label() +
                        " deletes its claims where it is scaled down, also those that would not "
                        "be restored",
                    "set its spec.persistentVolumeClaimRetentionPolicy.whenScaled to Retain");
    }
    std::set<std::string> others;
    std::set_difference(claims_.begin(), claims_.end(), freed.begin(), freed.end(),
                        std::inserter(others, others.end()));
    for (const Value& pod : pods(others)) {
        if (is_leaving(pod)) continue;
        const auto owners = binding::owners_of(world_.cluster, pod);
        const bool is_known = std::any_of(owners.begin(), owners.end(), [&](const binding::Owner& owner) {
            return std::any_of(known.begin(), known.end(), [&](const User& user) {
                return cluster::uid_of(user.object) == cluster::uid_of(owner.object);
            });
        });
        if (is_known) continue;
        throw Error(ErrorKind::kFailedPrecondition,
                    "the Pod " + ns_ + "/" + cluster::name_of(pod) + " uses the claim " +
                        *claims_of_pod(pod, others).begin() +
                        ", and is of no Deployment, StatefulSet or ReplicaSet that could be scaled down",
                    "stop it before, or restore with overwriteExisting");
    }
}

void ClaimUsers::change(const User& user, const std::function<bool(Value& object)>& change,
                        const CancelToken& cancel) const {
    try {
        (void)cluster::update(world_.cluster, user.key(), change, cancel, {.field_manager = "fencepost"});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
}

void ClaimUsers::stop(std::chrono::seconds limit, const CancelToken& cancel) const {
    for (const User& user : users()) {
        change(
            user,
            [](Value& object) {
                const std::int64_t replicas = replicas_of(object);
                if (replicas == 0) return false;
                object["metadata"]["annotations"][kScaledFrom] = std::to_string(replicas);
                object["spec"]["replicas"] = 0;
                return true;
            },
            cancel);
    }
    const Deadline deadline = world_.clock.steady_now() + limit;
    for (std::vector<std::string> left = at_work(); !left.empty(); left = at_work()) {
        if (world_.clock.steady_now() > deadline) {
            throw Error(ErrorKind::kTimeout, "what uses the claims does not stop: " + joined(left, ", "),
                        "see what holds it, or who starts it again");
        }
        world_.clock.sleep(kLookAgain, cancel);
    }
}

// A controller that has not seen yet that it is to stop may make a Pod at any moment.
std::vector<std::string> ClaimUsers::at_work() const {
    std::vector<std::string> names;
    for (const User& user : users()) {
        if (!is_at_rest(user.object)) names.push_back(user.label());
    }
    for (const Value& pod : pods(claims_)) names.push_back("pods/" + cluster::name_of(pod));
    return names;
}

std::vector<std::string> ClaimUsers::start(const std::set<std::string>& broken) const {
    std::vector<std::string> left;
    for (const User& user : users()) {
        if (stopped_from(user.object).empty()) continue;
        const bool is_broken = std::any_of(user.claims.begin(), user.claims.end(),
                                           [&](const std::string& claim) { return broken.contains(claim); });
        if (is_broken) {
            left.push_back(user.label());
            continue;
        }
        change(user,
               [](Value& object) {
                   const std::string before = stopped_from(object);
                   if (before.empty()) return false;
                   if (replicas_of(object) == 0) object["spec"]["replicas"] = parse_quantity(before);
                   object["metadata"]["annotations"].erase(kScaledFrom);
                   return true;
               },
               {});
    }
    return left;
}

std::vector<std::string> ClaimUsers::not_ready() const {
    std::vector<std::string> waits;
    for (const User& user : users()) {
        if (!is_ready(user.kind, user.object)) waits.push_back(user.label());
    }
    return waits;
}

}  // namespace fencepost::protect
