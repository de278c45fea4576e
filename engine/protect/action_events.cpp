#include "protect/action_events.h"

#include "protect/action_status.h"

namespace fencepost::protect {
namespace {

using run::Events;

std::string message_of(const Value& status) {
    if (status["error"].is_map()) return status.get("error", "message").string_or("");
    const Value& point = status["restorePoint"];
    std::string message = "all is done";
    if (point.is_map())
        message =
            "the restore point is " + point["namespace"].string_or("") + "/" + point["name"].string_or("");
    if (!status["exceptions"].list_or_empty().empty())
        message += "; status.exceptions tells what went wrong on the way";
    return message;
}

}  // namespace

void tell_start(Events& events, const Value& action) {
    events.tell(action, Events::Type::kNormal, "Started", "it runs");
}

void tell_end(Events& events, const Value& action) {
    const Value& status = action["status"];
    const std::string state = status["state"].string_or("");
    const bool is_good = state == state::kComplete;
    events.tell(action, is_good ? Events::Type::kNormal : Events::Type::kWarning, state, message_of(status));
}

}  // namespace fencepost::protect
