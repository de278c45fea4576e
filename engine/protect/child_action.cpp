#include "protect/child_action.h"

#include "base/encodings.h"
#include "base/error.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"
#include "run/obligations.h"
#include "run/record.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;

constexpr std::chrono::milliseconds kRetryPause{500};

ObjectKey key_of(const Value& action_set) {
    return {types::kActionSets, cluster::namespace_of(action_set), cluster::name_of(action_set)};
}

Value describe(const run::World& world, const ChildAction& child) {
    Value object;
    object["apiVersion"] = "cr.kanister.io/v1alpha1";
    object["kind"] = "ActionSet";
    object["metadata"]["name"] = child.name;
    object["metadata"]["namespace"] = world.controller_namespace;
    object["metadata"]["labels"][kParentLabel] = child.parent;
    Value action;
    action["name"] = child.action;
    action["blueprint"] = child.blueprint;
    action["object"] = child.object;
    if (child.profile.is_map()) {
        action["profile"] = child.profile;
        if (child.profile["namespace"].string_or("").empty())
            action["profile"]["namespace"] = world.controller_namespace;
    }
    if (child.artifacts.is_map()) action["artifacts"] = child.artifacts;
    if (child.options.is_map()) action["options"] = child.options;
    object["spec"]["actions"].push_back(std::move(action));
    return object;
}

// Its next state that counts: nullopt to look again.
class Follower {
  public:
    Follower(run::World& world, const Value& action_set)
        : world_(world), key_(key_of(action_set)), uid_(cluster::uid_of(action_set)) {}

    // Returns the ActionSet once it is terminal; nullopt where `cancel` fired first.
    std::optional<Value> until_terminal(const CancelToken& cancel, const CancelToken& shutdown) {
        while (!cancel.is_cancelled()) {
            try {
                return watch(cancel);
            } catch (const Cancelled&) {
                break;
            } catch (const Error& e) {
                if (e.kind() != ErrorKind::kGone && !e.is_transient()) throw;
            }
            if (!cancel.wait_for(kRetryPause)) break;
        }
        shutdown.throw_if_cancelled();
        return std::nullopt;
    }

    void ask_to_cancel(const CancelToken& shutdown) {
        (void)cluster::update(world_.cluster, key_,
                              [&](Value& object) {
                                  if (run::is_terminal(object) || object.get("spec", "cancel").bool_or(false))
                                      return false;
                                  object["spec"]["cancel"] = true;
                                  return true;
                              },
                              shutdown, {.field_manager = "fencepost"});
    }

  private:
    // From what is there now, so that one that was deleted before is told as well. The list's version and not
    // the object's: the cluster may have forgotten what came after that one, and does after each start.
    Value watch(const CancelToken& cancel) {
        const std::string selector = "metadata.name=" + key_.name;
        const auto present =
            world_.cluster.list(types::kActionSets, {.ns = key_.ns, .field_selector = selector});
        const auto changes = world_.cluster.watch(
            types::kActionSets,
            {.ns = key_.ns, .field_selector = selector, .resource_version = present.resource_version});
        Value now = present.items.empty() ? Value() : present.items.front();
        for (bool is_deleted = present.items.empty();;) {
            if (is_deleted || cluster::uid_of(now) != uid_) {
                throw Error(ErrorKind::kNotFound, "the ActionSet " + key_.ns + "/" + key_.name +
                                                      " was deleted before it had ended");
            }
            if (run::is_terminal(now)) return now;
            const auto event = changes->next(cancel);
            if (!event || event->type == cluster::WatchEvent::Type::kBookmark) continue;
            is_deleted = event->type == cluster::WatchEvent::Type::kDeleted;
            now = event->object;
        }
    }

    run::World& world_;
    const ObjectKey key_;
    const std::string uid_;
};

ChildEnd end_of(const Value& action_set) {
    const Value& status = action_set["status"];
    ChildEnd end{.uid = cluster::uid_of(action_set),
                 .is_complete = status["state"].string_or("") == run::state::kComplete,
                 .error = status.get("error", "message").string_or("")};
    for (const Value& action : status["actions"].list_or_empty()) {
        if (end.is_complete && action["artifacts"].is_map()) end.artifacts = action["artifacts"];
        for (const Value& phase : action["phases"].list_or_empty()) {
            if (!phase["output"].is_map()) continue;
            Value left;
            left["name"] = phase["name"];
            left["output"] = phase["output"];
            end.phases.push_back(std::move(left));
        }
    }
    if (!end.is_complete && end.error.empty()) end.error = "it failed without saying why";
    return end;
}

}  // namespace

std::string label_value(const std::string& name) {
    constexpr std::size_t kLongest = 63, kDigits = 10;
    if (name.size() <= kLongest) return name;
    return name.substr(0, kLongest - kDigits - 1) + "-" + sha256_hex(name).substr(0, kDigits);
}

Value namespace_subject(const std::string& ns) {
    return Map{{"kind", "Namespace"},
               {"apiVersion", "v1"},
               {"resource", "namespaces"},
               {"name", ns},
               {"namespace", ns}};
}

Value start_child(run::World& world, const ChildAction& child) {
    const Value described = describe(world, child);
    try {
        return world.cluster.create(types::kActionSets, described, {.field_manager = "fencepost"});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kAlreadyExists) throw;
    }
    Value there = world.cluster.get(key_of(described));
    if (there.get("metadata", "labels", kParentLabel) == Value(child.parent)) return there;
    throw Error(ErrorKind::kAlreadyExists, "the ActionSet " + child.name + " is somebody else's");
}

ChildEnd wait_for_child(run::World& world, const Value& action_set, const Tokens& tokens) {
    Follower follower(world, action_set);
    auto ended = follower.until_terminal(tokens.cancel, tokens.shutdown);
    if (!ended) {
        follower.ask_to_cancel(tokens.shutdown);
        ended = follower.until_terminal(tokens.shutdown, tokens.shutdown);
    }
    return end_of(*ended);
}

ChildEnd run_child(run::World& world, const ChildAction& child, const Tokens& tokens) {
    return wait_for_child(world, start_child(world, child), tokens);
}

bool still_holds(run::World& world, const std::string& action_set_uid) {
    for (const Value& obligation :
         world.cluster.list(types::kObligations, {.ns = world.controller_namespace}).items) {
        if (obligation.get("spec", "actionSet", "uid") != Value(action_set_uid)) continue;
        const bool is_released = obligation.get("status", "state").string_or("") == "Released";
        if (is_released || !run::why_lost(obligation).empty()) return false;
    }
    return true;
}

bool is_started(run::World& world, const std::string& name) {
    return cluster::find_object(world.cluster, {types::kActionSets, world.controller_namespace, name})
        .has_value();
}

}  // namespace fencepost::protect
