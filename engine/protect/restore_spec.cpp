#include "protect/restore_spec.h"

#include "model/restore_fields.h"

namespace fencepost::protect {
namespace {

using model::child;

constexpr const char* kRule = "RES-E01";

bool is_set(const Value& value) {
    return value.bool_or(false) || value.is_string() || (value.is_map() && !value.as_map().empty());
}

void refuse_together(const Value& spec, const char* field, const char* other, const char* why,
                     model::Problems& problems) {
    if (!is_set(spec[field]) || !is_set(spec[other])) return;
    problems.error(child("/spec", field), kRule,
                   std::string(field) + " does not go together with " + other + ": " + why);
}

}  // namespace

void check_restore_spec(const Value& spec, const std::string& ns) {
    model::Problems problems;
    model::refuse_other_restore_fields(spec, "/spec", kRule, problems);
    for (const char* flag : {"overwriteExisting", "dataOnly", "volumeClones", "skipWaitForWorkloadReady"})
        (void)problems.check(spec[flag], child("/spec", flag), Kind::kBool);
    refuse_together(spec, "dataOnly", "filters", "it restores all of the data", problems);
    refuse_together(spec, "dataOnly", "overwriteExisting", "it replaces volumes, and no other object",
                    problems);
    for (const char* other : {"overwriteExisting", "dataOnly", "pointInTime"})
        refuse_together(spec, "volumeClones", other, "it makes new volumes, and no more", problems);
    if (spec["targetNamespace"].string_or(ns) != ns)
        problems.error("/spec/targetNamespace", kRule, "a RestoreAction restores into its own namespace",
                       "create it in the namespace " + spec["targetNamespace"].string_or(""));
    if (is_set(spec["profile"]) && is_set(spec["artifactOverrideProfile"]) &&
        spec["profile"] != spec["artifactOverrideProfile"])
        problems.error("/spec/artifactOverrideProfile", kRule, "profile names another one",
                       "they mean the same: give one of them");
    problems.throw_errors("the RestoreAction");
}

const Value& profile_of(const Value& spec) {
    return spec[spec["profile"].is_map() ? "profile" : "artifactOverrideProfile"];
}

}  // namespace fencepost::protect
