// Lint: what is wrong, or will be at three in the morning, with Blueprints, ActionSets, Profiles,
// BlueprintBindings and TransformSets. model::validate tells what cannot run; on top of that come habits that
// hurt (rule.h has them all), and what only several files together show: a binding without its blueprint, one
// binding in another's shadow. Pure; thread-safe.
//
//     for (const Diagnostic& one : lint({{"b.yaml", text}}, catalog.specs())) ...
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/diagnostic.h"
#include "model/validate.h"

namespace fencepost::lint {

struct Source {
    std::string file;  // as diagnostics shall name it
    std::string text;
};

// What another program, shellcheck, says of a script: at a line and column of it, 1-based.
struct ScriptFinding {
    int line = 1;
    int column = 1;
    std::string message;
};
// Asked for every script, with its shell's name ("bash") and its text, in which templates have been replaced
// by words of the same length.
using ScriptCheck =
    std::function<std::vector<ScriptFinding>(const std::string& shell, const std::string& text)>;

// In the order of the sources and of the places in them. `functions` may be empty: then their names and
// arguments are not checked.
[[nodiscard]] std::vector<model::Diagnostic> lint(std::span<const Source> sources,
                                                  std::span<const model::FunctionSpec> functions,
                                                  const ScriptCheck& check_script = {});
[[nodiscard]] std::vector<model::Diagnostic> lint(const Source& source,
                                                  std::span<const model::FunctionSpec> functions,
                                                  const ScriptCheck& check_script = {});

// The text with the repairs of its diagnostics, as many as can be made; the same text where there are none.
// A repair that does not mend what it is for, or leaves no YAML, is not made.
[[nodiscard]] std::string fixed(const Source& source, std::span<const model::FunctionSpec> functions);

}  // namespace fencepost::lint
