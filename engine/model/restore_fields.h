// The fields of a RestoreAction's spec that are known here, for whoever reads one: the RestoreAction itself,
// and a policy's restoreParameters. Kasten has more (instantRecovery, targetVsphereStorage), which the
// CustomResourceDefinition takes so that they can be refused with a word. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "model/problem.h"

namespace fencepost::model {

[[nodiscard]] bool is_restore_field(std::string_view name) noexcept;

// An error for each other member, since whoever set it meant it.
void refuse_other_restore_fields(const Value& spec, const std::string& pointer, const char* rule,
                                 Problems& problems);

}  // namespace fencepost::model
