// What a policy keeps of an application: the restore points that its backups have made, those that its
// exports have made at a profile's location, or those that it has imported from there. Each is judged by
// itself. Blocking; any thread. Errors: what the cluster throws.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "model/policy.h"
#include "run/function.h"

namespace fencepost::protect {

// The RestorePointContents of the application that this policy has made, and nobody deletes yet. `source`: an
// export or an import action of the policy, or null for what its backups have made here.
[[nodiscard]] List contents_of(run::World& world, const model::Policy& policy, const std::string& application,
                               const model::PolicyAction* source);
// The time that a content counts for.
[[nodiscard]] SystemTime time_of(const Value& content);
// Sorts contents of one source by their time, and tells of each whether it stays. Of imports the newest
// always does: it is what a restore takes.
[[nodiscard]] std::vector<bool> judge(List& contents, const model::Policy& policy,
                                      const model::PolicyAction* source, SystemTime now);

// Those contents, judged; what does not stay is deleted.
void apply_retention(run::World& world, const model::Policy& policy, const std::string& application,
                     const model::PolicyAction* source = nullptr);

}  // namespace fencepost::protect
