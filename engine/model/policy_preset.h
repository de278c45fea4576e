// A PolicyPreset: when backups run, how long they stay and where they go, said once for many policies. A
// policy that names one by presetRef says which applications, and leaves the rest to it. The fields are those
// of Kasten's. Pure; thread-safe.
#pragma once

#include <string_view>

#include "model/policy.h"

namespace fencepost::model {

// "backup-export", "backup", or "unknown" where it says nothing of a backup.
[[nodiscard]] std::string_view type_of_preset(const Value& preset) noexcept;

// What is wrong with it, whatever policy names it.
void check_preset(const Value& preset, Problems& problems);

// The policy as its preset makes it, for Policy::read: it has no presetRef any more. It backs up, and exports
// where the preset does; what of these actions the preset does not say (filters, hooks, verification) is the
// policy's. Throws kInvalid for a policy that exports while its preset does not. REQUIRES: both have no
// error.
[[nodiscard]] Value with_preset(const Value& policy, const Value& preset);

}  // namespace fencepost::model
