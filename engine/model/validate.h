// Validation of Blueprints, ActionSets, Profiles, BlueprintBindings, TransformSets, Policies and
// PolicyPresets, with the place of every problem: all of them in one run, with did-you-mean. Pure;
// thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/diagnostic.h"
#include "model/problem.h"
#include "value/value.h"
#include "value/yaml.h"

namespace fencepost::model {

// What the validator has to know of a function; run/function.h's Function gives one.
enum class ArgType { kString, kStringList, kInt, kBool, kMap, kAny };
struct ArgSpec {
    std::string_view name;
    ArgType type = ArgType::kString;
    bool is_required = false;
    std::string_view description;
    std::string_view fallback = {};  // what stands for it where it is left out, if that is one value
};
struct FunctionSpec {
    std::string_view name;
    std::vector<ArgSpec> args;
    std::vector<std::string_view> outputs;  // output keys it always sets; empty: whatever its markers say
    std::string_view description;
};

// The problems of one object, for those who place them themselves.
[[nodiscard]] std::vector<Problem> problems_of(const Value& object, std::span<const FunctionSpec> functions);
// By `kind`; a kind that is none of ours gives no diagnostics. `functions` may be empty: then names are not
// checked.
[[nodiscard]] std::vector<Diagnostic> validate(const YamlDocument& document, std::string_view file,
                                               std::span<const FunctionSpec> functions);
// A whole file: YAML errors become diagnostics too.
[[nodiscard]] std::vector<Diagnostic> validate_text(std::string_view text, std::string_view file,
                                                    std::span<const FunctionSpec> functions);

}  // namespace fencepost::model
