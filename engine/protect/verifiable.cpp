#include "protect/verifiable.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "cluster/idempotent.h"
#include "protect/applications.h"
#include "protect/plan.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

ResourceFilter filter_of(const Value& filters) {
    model::Problems problems;
    ResourceFilter filter = ResourceFilter::read(filters, "/filters", problems);
    problems.throw_errors("the policy");
    return filter;
}

// A selector that cannot be read fails the policy's runs.
std::vector<std::string> selected(run::World& world, const model::Policy& policy) {
    try {
        return applications_of(world.cluster, policy.selector);
    } catch (const Error& e) {
        if (e.is_transient()) throw;
        return {};
    }
}

// Of an application that cannot be backed up, its backup will tell.
std::vector<Governed> governed_in(run::World& world, const std::string& application, const Value& filters) {
    try {
        return make_plan(world.cluster, world.controller_namespace, application, filter_of(filters)).governed;
    } catch (const Error& e) {
        if (e.is_transient()) throw;
        return {};
    }
}

}  // namespace

std::vector<std::string> unverifiable(run::World& world, const model::Policy& policy) {
    const auto verifies = [](const model::PolicyAction& action) { return action.verification.has_value(); };
    if (std::none_of(policy.actions.begin(), policy.actions.end(), verifies)) return {};
    Value backed_up;
    for (const model::PolicyAction& action : policy.actions) {
        if (action.action == "backup") backed_up = action.parameters["filters"];
    }
    std::set<std::string> found;
    for (const std::string& application : selected(world, policy)) {
        for (const Governed& governed : governed_in(world, application, backed_up)) {
            const auto blueprint = cluster::find_object(
                world.cluster, {types::kBlueprints, world.controller_namespace, governed.blueprint});
            const auto object = cluster::find_object(world.cluster, governed.key);
            if (!blueprint || !object) continue;
            const auto refusal = model::why_not_verifiable((*blueprint)["actions"]);
            const bool is_wanted =
                std::any_of(policy.actions.begin(), policy.actions.end(), [&](const auto& action) {
                    return verifies(action) &&
                           filter_of(action.verification->filters).accepts(governed.key.type, *object);
                });
            if (!refusal || !is_wanted) continue;
            found.insert(governed.key.type.resource + "/" + governed.key.name + " of " + application +
                         " cannot be verified by the Blueprint " + governed.blueprint + ": " + refusal->why +
                         " (" + refusal->hint + ")");
        }
    }
    return {found.begin(), found.end()};
}

}  // namespace fencepost::protect
