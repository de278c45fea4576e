// Preview: what an action's functions would be called with, found out without running anything. Launch,
// references, conditions, arguments and artifacts are rendered as a run renders them; what only a run can
// know, the outputs of phases, is given by the caller or stands as "<phase.key>".
//
// A phase that does not render has `error` instead of `args`; the others are rendered all the same. Reads
// from the cluster, writes nothing. Throws what launch() throws. Blocking; any thread.
#pragma once

#include <map>
#include <string>

#include "model/objects.h"
#include "run/function.h"

namespace fencepost::run {

struct PreviewInputs {
    std::string time;                                             // .Time, RFC 3339
    std::map<std::string, std::map<std::string, Value>> outputs;  // of phases: {phase: {key: value}}
};

// {phases: [{name, func, isDefer?, if?, isSkipped?, args | error}], artifacts: {name: {...}} |
// artifactsError?}
[[nodiscard]] Value preview(World& world, const Catalog& catalog, const model::Action& definition,
                            const model::ActionSpec& action, const PreviewInputs& inputs);
[[nodiscard]] bool has_errors(const Value& preview) noexcept;

}  // namespace fencepost::run
