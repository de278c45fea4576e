// Launch: everything that an action needs from the cluster before its first phase. Reads, writes nothing.
// Errors are worded as Kanister's where people know them. Blocking; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/objects.h"
#include "run/function.h"
#include "run/param_types.h"
#include "run/render.h"

namespace fencepost::run {

// The blueprint in the ActionSet's own namespace. Throws kNotFound; kInvalid where none is named.
[[nodiscard]] Value fetch_blueprint(World& world, const std::string& ns, const model::ActionSpec& action);
[[nodiscard]] const model::Action& find_action(const model::Blueprint& blueprint, const std::string& name);

// Every function is known; duplicate phase names are refused.
void check_functions(const Catalog& catalog, const model::Action& action);
void check_args(const Function& function, const Value& rendered);

// As the location's code takes it, with its credentials.
[[nodiscard]] location::ResolvedProfile resolve_profile(World& world,
                                                        const model::ObjectReference& reference);
// `pods_then` is what pods_seen() told of an earlier launch of the same action, or nil. Where more Pods of
// the subject ran then than now, as the action has scaled it down since, they are still the subject's.
[[nodiscard]] LaunchParams launch(World& world, const model::ActionSpec& action, const std::string& time,
                                  const Value& pods_then = {});
// The subject's Pods as JSON, nil where it is no workload.
[[nodiscard]] Value pods_seen(const LaunchParams& launch);

// The Secrets and ConfigMaps of a phase's `objects`; references are rendered with params that know no phases
// yet.
[[nodiscard]] PhaseParams fetch_phase_objects(World& world,
                                              const std::map<std::string, model::ObjectReference>& objects);
[[nodiscard]] std::map<std::string, model::ObjectReference> render_references(
    const Renderer& renderer, const std::map<std::string, model::ObjectReference>& objects,
    const Value& params);

}  // namespace fencepost::run
