// The validators by kind, and what they share, for validate.cpp. They find Problems in a Value; places are
// added by the caller. Pure; thread-safe.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/problem.h"
#include "model/validate.h"
#include "value/value.h"

namespace fencepost::model {

void validate_blueprint(const Value& object, std::span<const FunctionSpec> functions, Problems& problems);
void validate_action_set(const Value& object, Problems& problems);
void validate_profile(const Value& object, Problems& problems);
void validate_binding(const Value& object, Problems& problems);
void validate_transform_set(const Value& object, Problems& problems);

// --- shared

// metadata with a name (or generateName) that an API server takes.
void check_metadata(const Value& object, Problems& problems);
// The arguments of one phase against its function's list; `phase` points at the phase.
void check_args(const FunctionSpec& function, const Value& args, const std::string& phase,
                Problems& problems);
// The members of an ObjectReference, their types, and those that must be there.
void check_reference(const Value& reference, const std::string& pointer, std::string_view what,
                     std::initializer_list<std::string_view> required, Problems& problems);
void check_artifact(const Value& artifact, const std::string& pointer, Problems& problems);
// A Go duration that is not negative; absent is fine.
void check_duration(const Value& value, const std::string& pointer, Problems& problems);
// "did you mean 'x'?", or "there are a, b, c".
[[nodiscard]] std::string hint_among(std::string_view name, const std::vector<std::string>& names,
                                     std::string_view lead = "there are ");
[[nodiscard]] bool has_template(std::string_view text) noexcept;

}  // namespace fencepost::model
