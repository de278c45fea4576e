#include "protect/policy_retention.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "policy/retention.h"
#include "protect/child_action.h"
#include "protect/export_run.h"
#include "protect/policy_children.h"

namespace fencepost::protect {

namespace types = cluster::types;

namespace {

bool is_import(const model::PolicyAction* source) { return source != nullptr && source->action == "import"; }

policy::Point point_of(const Value& content) {
    const Value& marks = content.get("metadata", "labels");
    policy::Point point{.scheduled = time_of(content),
                        .is_manual = marks[labels::kIsManual] == Value("true"),
                        .is_kept_by_hand = marks[labels::kKeep] == Value("true"),
                        .expires_at = std::nullopt};
    if (content.get("spec", "expiresAt").is_string())
        point.expires_at = parse_rfc3339(content.get("spec", "expiresAt").as_string());
    return point;
}

// By when its data is of, as is_newer() of an import's run: when it was due is another time.
std::size_t newest_of(const List& contents) {
    const auto taken = [](const Value& content) {
        return parse_rfc3339(content.get("spec", "actionTime").string_or(""));
    };
    const auto newest = std::max_element(contents.begin(), contents.end(),
                                         [&](const Value& a, const Value& b) { return taken(a) < taken(b); });
    return static_cast<std::size_t>(newest - contents.begin());
}

}  // namespace

List contents_of(run::World& world, const model::Policy& policy, const std::string& application,
                 const model::PolicyAction* source) {
    const std::string ours =
        std::string(labels::kPolicy) + "=" + label_value(policy.name) + "," + labels::kPolicyNamespace + "=" +
        policy.ns + ",k10.kasten.io/appNamespace=" + application + "," +
        (source == nullptr ? "!" + std::string(kExportProfile)
                           : std::string(kExportProfile) + "=" +
                                 label_value(source->parameters.get("profile", "name").string_or("")));
    List contents = world.cluster.list(types::kRestorePointContents, {.label_selector = ours}).items;
    std::erase_if(contents, [&](const Value& content) {
        return !content.get("metadata", "deletionTimestamp").is_nil() ||
               content.get("spec", "import").is_map() != is_import(source);
    });
    return contents;
}

SystemTime time_of(const Value& content) {
    const Value& spec = content["spec"];
    return parse_rfc3339(spec["scheduledTime"].string_or(spec["actionTime"].string_or("")));
}

std::vector<bool> judge(List& contents, const model::Policy& policy, const model::PolicyAction* source,
                        SystemTime now) {
    std::stable_sort(contents.begin(), contents.end(),
                     [](const Value& a, const Value& b) { return time_of(a) < time_of(b); });
    std::vector<policy::Point> points;
    for (const Value& content : contents) points.push_back(point_of(content));
    if (is_import(source) && !points.empty()) points[newest_of(contents)].is_kept_by_hand = true;
    const auto& retention = source != nullptr && source->retention ? source->retention : policy.retention;
    std::vector<bool> stay;
    for (const policy::Verdict& verdict : policy::judge(points, retention, policy::Calendar(policy), now))
        stay.push_back(verdict.stays);
    return stay;
}

void apply_retention(run::World& world, const model::Policy& policy, const std::string& application,
                     const model::PolicyAction* source) {
    List contents = contents_of(world, policy, application, source);
    const std::vector<bool> stay = judge(contents, policy, source, world.clock.now());
    for (std::size_t i = 0; i < contents.size(); ++i) {
        if (stay[i]) continue;
        try {
            (void)world.cluster.remove({types::kRestorePointContents, "", cluster::name_of(contents[i])},
                                       {.precondition_uid = cluster::uid_of(contents[i])});
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict) throw;
        }
    }
}

}  // namespace fencepost::protect
