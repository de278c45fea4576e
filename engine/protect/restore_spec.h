// What a RestoreAction's spec may say: which fields (model/restore_fields.h), and which of them go together.
// Pure; thread-safe.
#pragma once

#include <string>

#include "value/value.h"

namespace fencepost::protect {

// `ns` is the action's. Throws kInvalid that lists all that is wrong.
void check_restore_spec(const Value& spec, const std::string& ns);

// The Profile that blueprints pull from; nil: where the backup pushed to. Kasten's name for it is known too.
[[nodiscard]] const Value& profile_of(const Value& spec);

}  // namespace fencepost::protect
