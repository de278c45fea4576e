#include "model/restore_fields.h"

#include <algorithm>
#include <array>

namespace fencepost::model {
namespace {

constexpr std::array<std::string_view, 15> kFields{"subject",
                                                   "targetNamespace",
                                                   "overwriteExisting",
                                                   "dataOnly",
                                                   "volumeClones",
                                                   "pointInTime",
                                                   "skipWaitForWorkloadReady",
                                                   "filters",
                                                   "transforms",
                                                   "blueprintSource",
                                                   "profile",
                                                   "artifactOverrideProfile",
                                                   "hooks",
                                                   "cancel",
                                                   "scratch"};

}  // namespace

bool is_restore_field(std::string_view name) noexcept {
    return std::find(kFields.begin(), kFields.end(), name) != kFields.end();
}

void refuse_other_restore_fields(const Value& spec, const std::string& pointer, const char* rule,
                                 Problems& problems) {
    for (const Member& member : spec.map_or_empty()) {
        if (is_restore_field(member.key)) continue;
        const std::string near = nearest(member.key, {kFields.begin(), kFields.end()});
        problems.at_key(Severity::kError, child(pointer, member.key), rule,
                        "a restore knows no " + member.key + " here",
                        near.empty() ? "leave it out; docs/applications.md has what there is"
                                     : "did you mean '" + near + "'?");
        if (!near.empty() && spec.find(near) == nullptr) problems.fix_last(member.key, near);
    }
}

}  // namespace fencepost::model
