#include "protect/point_in_time.h"

#include <algorithm>
#include <array>

#include "base/encodings.h"
#include "base/error.h"
#include "model/option_use.h"

namespace fencepost::protect {
namespace {

constexpr std::array<const char*, 3> kActions{"restorePrehook", "restore", "restorePosthook"};

SystemTime time_of(const Value& text) {
    try {
        return parse_rfc3339(text.string_or(""));
    } catch (const Error&) {
        throw Error(ErrorKind::kInvalid, "spec.pointInTime is no time", "as in 2027-01-01T00:00:00Z");
    }
}

}  // namespace

std::string point_in_time(const Value& spec, const Value& content, SystemTime now) {
    if (spec["pointInTime"].is_nil()) return "";
    const SystemTime time = time_of(spec["pointInTime"]);
    const std::string text = format_rfc3339_nano(time);
    const std::string of_point = content.get("spec", "actionTime").string_or("");
    if (time <= parse_rfc3339(of_point))
        throw Error(ErrorKind::kInvalid,
                    "spec.pointInTime is " + text + ", and the restore point is of " + of_point +
                        ": a log leads forward alone",
                    "take an earlier restore point");
    if (time > now)
        throw Error(ErrorKind::kInvalid, "spec.pointInTime is " + text + ", which is still to come",
                    "without it the latest state is restored, where a blueprint follows a log");
    return text;
}

bool knows_point_in_time(const Value& actions) {
    return std::any_of(kActions.begin(), kActions.end(), [&](const char* action) {
        return model::takes_option(actions[action], kPointInTime);
    });
}

}  // namespace fencepost::protect
