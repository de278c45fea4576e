#include "cli/plan_needs.h"

#include <algorithm>
#include <map>

#include "base/ascii.h"
#include "base/error.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"
#include "model/diagnostic.h"
#include "run/launch.h"

namespace fencepost::cli {
namespace {

namespace types = cluster::types;
using State = PlanCheck::State;
using Object = run::Need::Object;
using model::Severity;

constexpr const char* kReviews = "selfsubjectaccessreviews.authorization.k8s.io";

bool has_unknown(const Value& value) {
    if (value.is_string()) return is_unknown(value.as_string());
    const List& items = value.list_or_empty();
    const auto& members = value.map_or_empty();
    return std::any_of(items.begin(), items.end(), has_unknown) ||
           std::any_of(members.begin(), members.end(),
                       [](const Member& member) { return has_unknown(member.value); });
}

cluster::ObjectKey key_of(const run::Need& need) { return {need.type, need.ns, need.name}; }

std::string described(const run::Need& need) {
    return need.verb + " " + need.type.resource + (need.subresource.empty() ? "" : "/" + need.subresource) +
           (need.type.group.empty() ? "" : "." + need.type.group) +
           (need.name.empty() ? "" : " " + need.name) +
           (need.ns.empty() ? "" : " in the namespace " + need.ns);
}

Value review_of(const run::Need& need) {
    Value review;
    review["apiVersion"] = "authorization.k8s.io/v1";
    review["kind"] = "SelfSubjectAccessReview";
    Value& asked = review["spec"]["resourceAttributes"];
    asked["verb"] = need.verb;
    asked["group"] = need.type.group;
    asked["version"] = need.type.version;
    asked["resource"] = need.type.resource;
    if (!need.subresource.empty()) asked["subresource"] = need.subresource;
    if (!need.ns.empty()) asked["namespace"] = need.ns;
    if (!need.name.empty()) asked["name"] = need.name;
    return review;
}

}  // namespace

PlanNeeds::PlanNeeds(Prospect& prospect, const run::Catalog& catalog, const Value& view)
    : world_(prospect.world()), params_(prospect.launch_params()) {
    const model::Action& action = prospect.definition();
    std::map<std::string, const model::Phase*> phases;
    for (const model::Phase& phase : action.phases) phases[phase.name] = &phase;
    const List& views = view["phases"].list_or_empty();
    for (std::size_t i = 0; i < views.size(); ++i) {
        const bool is_defer = views[i]["isDefer"].bool_or(false);
        const model::Phase& phase =
            is_defer ? *action.defer_phase : *phases.at(views[i]["name"].string_or(""));
        if (!views[i]["args"].is_map()) continue;  // skipped, or it does not render
        const std::string pointer = phase_pointer(prospect.action().name, i, action.phases.size());
        for (run::Need& need : references_of(phase)) needs_.push_back({std::move(need), pointer, phase.name});
        const Value args = rendered_as_far(views[i]["args"]);
        try {
            for (run::Need& need : catalog.find(phase.func)->needs(world_, prospect.action(), args))
                needs_.push_back({std::move(need), pointer, phase.name});
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kInvalid) throw;
            if (has_unknown(args)) continue;
            unreadable_.push_back({.severity = model::Severity::kError,
                                   .pointer = pointer + "/args",
                                   .rule = "arguments",
                                   .message = error.what(),
                                   .hint = {}});
        }
    }
}

// The engine reads what a phase's `objects` name.
std::vector<run::Need> PlanNeeds::references_of(const model::Phase& phase) const {
    std::vector<run::Need> needs;
    try {
        for (const auto& [name, reference] : run::render_references(renderer_, phase.objects, params_)) {
            const std::string kind = ascii_lower(reference.kind);
            if (kind != "secret" && kind != "configmap") continue;
            needs.push_back({.verb = "get",
                             .type = kind == "secret" ? types::kSecrets : types::kConfigMaps,
                             .ns = reference.ns,
                             .name = reference.name});
        }
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kInvalid) throw;  // PlanChecks tells it at its place
    }
    return needs;
}

// Wait renders its own arguments, and sees outputs: what needs none is rendered here.
Value PlanNeeds::rendered_as_far(const Value& args) const {
    if (args.is_string()) {
        if (args.as_string().find("{{") == std::string::npos) return args;
        try {
            return Value(renderer_.text(args.as_string(), params_));
        } catch (const Error&) {
            return args;
        }
    }
    Value result = args;
    if (args.is_list()) {
        result = List{};
        for (const Value& item : args.as_list()) result.push_back(rendered_as_far(item));
    }
    for (const auto& [key, item] : args.map_or_empty()) result[key] = rendered_as_far(item);
    return result;
}

std::string PlanNeeds::shown(const run::Need& need) const {
    const auto type = world_.cluster.find_type(need.type.group, need.type.version, need.type.resource);
    return (type ? type->kind : need.type.resource) + " " + (need.ns.empty() ? "" : need.ns + "/") +
           need.name;
}

bool PlanNeeds::may_have_changed(const std::string& ns) const {
    return changed_.contains(ns) || changed_.contains("");
}

void PlanNeeds::check_objects(model::Problems& problems) {
    for (model::Problem& problem : unreadable_) problems.add(std::move(problem));
    unreadable_.clear();
    for (const Placed& placed : needs_) {
        const run::Need& need = placed.need;
        const bool is_known = !is_unknown(need.ns) && !is_unknown(need.name) && !need.name.empty();
        try {
            if (!need.ns.empty() && !is_unknown(need.ns)) check_namespace(placed, problems);
            if (is_known && need.object == Object::kThere) check_there(placed, problems);
            if (is_known && need.object == Object::kAwaited) check_awaited(placed, problems);
            if (is_known && need.object == Object::kAbsent) check_absent(placed, problems);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kForbidden) throw;
            tell(Severity::kWarning, placed, need.argument, "unseen", error.message(),
                 "whether it is there could not be looked at", problems);
        }
        if (need.object == Object::kAbsent || need.verb == "update" || need.verb == "patch")
            changed_.insert(is_unknown(need.ns) ? "" : need.ns);
        if (is_known && need.object == Object::kAbsent) made_.insert(key_of(need));
        if (is_known && need.verb == "delete") {
            removed_.insert(key_of(need));
            made_.erase(key_of(need));
        }
    }
}

// Once, however many of the phase's needs come to it.
void PlanNeeds::tell(model::Severity severity, const Placed& placed, const std::string& argument,
                     const std::string& rule, const std::string& message, const std::string& hint,
                     model::Problems& problems) {
    if (!told_.emplace(placed.pointer, message).second) return;
    problems.add({.severity = severity,
                  .pointer = placed.pointer + "/args" + argument,
                  .rule = rule,
                  .message = message,
                  .hint = hint});
}

void PlanNeeds::check_namespace(const Placed& placed, model::Problems& problems) {
    const std::string& ns = placed.need.ns;
    if (made_.contains({types::kNamespaces, "", ns}) ||
        cluster::find_object(world_.cluster, {types::kNamespaces, "", ns}))
        return;
    // Without a server there may be no namespaces at all.
    if (world_.cluster.list(types::kNamespaces, {}).items.empty()) return;
    tell(Severity::kWarning, placed, "/namespace", "missing-object", "there is no namespace " + ns,
         "the phase '" + placed.phase + "' needs it", problems);
}

void PlanNeeds::check_there(const Placed& placed, model::Problems& problems) {
    const run::Need& need = placed.need;
    if (made_.contains(key_of(need))) return;
    const auto found = cluster::find_object(world_.cluster, key_of(need));
    if (found && removed_.contains(key_of(need)) && need.verb != "delete") {
        tell(Severity::kWarning, placed, need.argument, "missing-object",
             "an earlier phase deletes " + shown(need), "", problems);
    } else if (found) {
        if (need.type == types::kPods) check_pod(placed, *found, problems);
    } else if (may_have_changed(need.ns)) {
        tell(Severity::kWarning, placed, need.argument, "missing-object",
             "there is no " + shown(need) + " yet", "fine where an earlier phase has made it by then",
             problems);
    } else {
        tell(Severity::kError, placed, need.argument, "missing-object", "there is no " + shown(need),
             "the phase '" + placed.phase + "' would fail", problems);
    }
}

void PlanNeeds::check_awaited(const Placed& placed, model::Problems& problems) {
    const run::Need& need = placed.need;
    if (made_.contains(key_of(need)) || may_have_changed(need.ns) ||
        cluster::find_object(world_.cluster, key_of(need)))
        return;
    tell(Severity::kWarning, placed, need.argument, "missing-object", "there is no " + shown(need),
         "the phase '" + placed.phase + "' would wait for it until its timeout", problems);
}

void PlanNeeds::check_absent(const Placed& placed, model::Problems& problems) {
    const run::Need& need = placed.need;
    if (removed_.contains(key_of(need)) || !cluster::find_object(world_.cluster, key_of(need))) return;
    tell(Severity::kError, placed, need.argument, "existing-object", "there is a " + shown(need) + " already",
         "the phase '" + placed.phase +
             "' would fail to make it; delete it first, or name it by metadata.generateName",
         problems);
}

void PlanNeeds::check_pod(const Placed& placed, const Value& pod, model::Problems& problems) {
    const run::Need& need = placed.need;
    const std::string phase = pod.get("status", "phase").string_or("Running");
    if (phase != "Running" && !may_have_changed(need.ns))
        tell(Severity::kWarning, placed, need.argument, "missing-object",
             "the " + shown(need) + " is " + phase, "", problems);
    std::vector<std::string> names;
    for (const Value& one : pod.get("spec", "containers").list_or_empty())
        names.push_back(one["name"].string_or(""));
    if (need.container.empty() || is_unknown(need.container) ||
        std::find(names.begin(), names.end(), need.container) != names.end())
        return;
    const std::string near = model::nearest(need.container, names);
    tell(Severity::kError, placed, need.argument == "/pods" ? "/containers" : "/container", "missing-object",
         "the " + shown(need) + " has no container '" + need.container + "'",
         near.empty() ? "" : "did you mean '" + near + "'?", problems);
}

PlanCheck PlanNeeds::check_permissions(Server& server, model::Problems& problems) const {
    PlanCheck check{"permissions", State::kSkipped, {}};
    std::size_t granted = 0;
    std::set<std::string> asked;
    try {
        const std::string path = object_path(server.type(kReviews), "", "");
        for (const Placed& placed : needs_) {
            run::Need need = placed.need;
            if (need.verb.empty() || is_unknown(need.ns)) continue;
            if (is_unknown(need.name)) need.name.clear();
            if (need.verb == "create" && need.subresource.empty()) need.name.clear();  // as RBAC judges it
            if (!asked.insert(placed.pointer + " " + described(need)).second) continue;
            const Value answer = server.send("POST", path, review_of(need));
            if (answer.get("status", "allowed").bool_or(false)) {
                ++granted;
                continue;
            }
            const std::string why = answer.get("status", "reason").string_or("");
            problems.error(placed.pointer + "/func", "forbidden",
                           "you may not " + described(need) + (why.empty() ? "" : ": " + why),
                           "the phase '" + placed.phase + "' needs it");
        }
    } catch (const Unreachable&) {
        check.detail = "no server answers that could be asked";
        return check;
    } catch (const Error& error) {
        check.detail = error.kind() == ErrorKind::kNotFound
                           ? "the server has no access reviews; an embedded cluster has no RBAC, and lets an "
                             "action do all of this"
                           : "they cannot be asked for: " + error.message();
        return check;
    }
    check.state = granted == asked.size() ? State::kFine : State::kError;
    check.detail = std::to_string(granted) + " of " + std::to_string(asked.size()) + " are granted";
    return check;
}

}  // namespace fencepost::cli
