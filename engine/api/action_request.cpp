#include "api/action_request.h"

#include <algorithm>
#include <optional>

#include "api/action_lookup.h"
#include "api/body_check.h"
#include "api/subject.h"
#include "base/ascii.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"
#include "model/diagnostic.h"

namespace fencepost::api {
namespace {

class Builder {
  public:
    Builder(const Value& body, const Access& access, Services& services)
        : access_(access), services_(services), check_(body) {}

    Value build() {
        check_.only("",
                    {"action", "subject", "blueprint", "profile", "options", "from", "timeout", "deadline"});
        const std::string action = check_.text("/action", true);
        take_parent();
        spec_["name"] = action;
        take_subject();
        take_profile();
        take_options();
        take_timeout();
        check_.done();
        take_blueprint(action);
        check_.done();

        Value object;
        object["apiVersion"] = "cr.kanister.io/v1alpha1";
        object["kind"] = "ActionSet";
        object["metadata"]["namespace"] = services_.controller_namespace;
        object["metadata"]["generateName"] = name_prefix(action);
        object["metadata"]["annotations"] = annotations_;
        object["spec"]["actions"].push_back(spec_);
        return object;
    }

  private:
    void take_parent() {
        const std::string id = check_.text("/from");
        if (id.empty()) return;
        const auto parent = cluster::find_object(
            services_.cluster, {cluster::types::kActionSets, services_.controller_namespace, id});
        if (!parent || !may(access_, Role::kViewer, *parent))
            return check_.fail("/from", "there is no action '" + id + "'", "GET /v1/actions lists them");
        const std::string state = parent->get("status", "state").string_or("pending");
        if (state != "complete") {
            return check_.fail("/from", "the action '" + id + "' is " + state,
                               "only a complete action has artifacts to start from");
        }
        const List& specs = parent->get("spec", "actions").list_or_empty();
        const List& states = parent->get("status", "actions").list_or_empty();
        if (specs.empty() || states.empty())
            return check_.fail("/from", "the action '" + id + "' did nothing");
        annotations_[kFrom] = id;
        parent_ = specs.front();
        const Value& artifacts = states.front()["artifacts"];
        if (artifacts.is_map()) spec_["artifacts"] = artifacts;
    }

    void take_subject() {
        if (check_.at("/subject").is_nil() && parent_["object"].is_map()) {
            spec_["object"] = parent_["object"];
        } else {
            if (!check_.object("/subject", true)) return;
            if (const auto reference = check_subject(check_, "/subject", services_.cluster)) {
                spec_["object"] = reference->to_value();
            }
        }
        if (!spec_["object"].is_map()) return;
        const auto reference = model::ObjectReference::from(spec_["object"]);
        access_.require(Role::kOperator, reference.ns);
        const auto key = subject_key(reference, services_.cluster);
        if (const auto object = cluster::find_object(services_.cluster, key)) {
            subject_ = *object;
        } else {
            check_.fail("/subject", "there is no " + cluster::to_string(key));
        }
    }

    void take_profile() {
        if (check_.at("/profile").is_nil()) {
            if (parent_["profile"].is_map()) spec_["profile"] = parent_["profile"];
            return;
        }
        if (!check_.object("/profile")) return;
        check_.only("/profile", {"name", "namespace"});
        const std::string name = check_.text("/profile/name", true);
        std::string ns = check_.text("/profile/namespace");
        if (ns.empty()) ns = services_.controller_namespace;
        // The controller's own are there for everybody; others are their namespace's.
        if (ns != services_.controller_namespace) access_.require(Role::kOperator, ns);
        if (!name.empty() &&
            !cluster::find_object(services_.cluster, {cluster::types::kProfiles, ns, name})) {
            check_.fail("/profile/name", "there is no Profile " + ns + "/" + name,
                        "apply it first: fencepost apply -f FILE");
        }
        Value& profile = spec_["profile"];
        profile["apiVersion"] = "v1alpha1";
        profile["group"] = "cr.kanister.io";
        profile["resource"] = "profiles";
        profile["kind"] = "Profile";
        profile["name"] = name;
        profile["namespace"] = ns;
    }

    void take_options() {
        for (const auto& [key, value] : check_.texts("/options")) spec_["options"][key] = value;
    }

    void take_timeout() {
        const std::string timeout = check_.text("/timeout");
        const std::string deadline = check_.text("/deadline");
        if (!timeout.empty() && !deadline.empty()) {
            return check_.fail("/deadline", "is there beside timeout", "give one of the two");
        }
        std::chrono::nanoseconds left{0};
        const char* pointer = timeout.empty() ? "/deadline" : "/timeout";
        try {
            if (!timeout.empty()) left = parse_duration(timeout);
            if (!deadline.empty()) left = parse_rfc3339(deadline) - services_.clock.now();
        } catch (const Error& error) {
            return check_.fail(pointer, error.message(),
                               timeout.empty() ? "as in 2026-11-21T06:00:00Z" : "as in 90s or 1h30m");
        }
        if (timeout.empty() && deadline.empty()) return;
        if (left <= std::chrono::nanoseconds{0}) return check_.fail(pointer, "has passed already");
        spec_["timeout"] = timeout.empty() ? format_duration(left) : timeout;
    }

    void take_blueprint(const std::string& action) {
        std::string name = check_.text("/blueprint");
        if (!name.empty()) {
            annotations_[kBlueprintReason] = "named by the request";
        } else if (parent_["blueprint"].is_string()) {
            name = parent_["blueprint"].as_string();
            annotations_[kBlueprintReason] = "the blueprint of " + annotations_[kFrom].string_or("");
        } else {
            name = bound_blueprint();
        }
        if (name.empty()) return;
        const auto blueprint = cluster::find_object(
            services_.cluster, {cluster::types::kBlueprints, services_.controller_namespace, name});
        if (!blueprint) {
            return check_.fail("/blueprint",
                               "there is no Blueprint " + services_.controller_namespace + "/" + name);
        }
        check_action(*blueprint, action);
        spec_["blueprint"] = name;
    }

    void check_action(const Value& blueprint, const std::string& action) {
        std::vector<std::string> names;
        for (const auto& [key, value] : blueprint["actions"].map_or_empty()) names.push_back(key);
        if (std::find(names.begin(), names.end(), action) != names.end()) return;
        const std::string near = model::nearest(action, names);
        check_.fail("/action",
                    "the Blueprint " + cluster::name_of(blueprint) + " has no action '" + action +
                        "' (has: " + joined(names, ", ") + ")",
                    near.empty() ? "" : "did you mean '" + near + "'?");
    }

    std::string bound_blueprint();

    const Access& access_;
    Services& services_;
    BodyCheck check_;
    Value spec_;
    Value annotations_;
    Value parent_;
    Value subject_;
};

std::string Builder::bound_blueprint() {
    const auto key = subject_key(model::ObjectReference::from(spec_["object"]), services_.cluster);
    if (const auto bound = binding::resolve(services_.cluster, key, services_.controller_namespace)) {
        annotations_[kBlueprintReason] = bound->reason;
        return bound->blueprint;
    }
    check_.fail("/blueprint",
                "no binding matches " + cluster::to_string(key) + " and it names no blueprint itself",
                "name one, or see why with: fencepost explain " + spec_["object"]["resource"].string_or("") +
                    "/" + key.name + (key.ns.empty() ? "" : " -n " + key.ns));
    return {};
}

}  // namespace

Value action_set_from(const Value& body, const Access& access, Services& services) {
    return Builder(body, access, services).build();
}

// A Kubernetes name can hold no capitals: backupPrehook becomes backupprehook.
std::string name_prefix(std::string_view action) {
    std::string prefix;
    for (const char c : action.substr(0, 40)) {
        const char low = ascii_lower(c);
        prefix += (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') ? low : '-';
    }
    prefix.erase(0, prefix.find_first_not_of('-'));
    return (prefix.empty() ? "action" : prefix) + "-";
}

}  // namespace fencepost::api
