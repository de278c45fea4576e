#include "base/error.h"
#include "cli/follow.h"
#include "cli/progress.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int retry(Server& server, const RetryOptions& options) {
    const Output output(options.output);
    const Value old = server.get(action_path(options.id));
    if (!has_ended(old)) {
        throw Error(
            ErrorKind::kFailedPrecondition,
            options.id + " is " + old["state"].string_or("") + ": it has not ended",
            "fencepost watch " + options.id + " follows it, fencepost cancel " + options.id + " ends it");
    }
    Value body;
    for (const char* member : {"action", "subject", "blueprint", "options", "from", "timeout"}) {
        if (!old[member].is_nil()) body[member] = old[member];
    }
    for (const char* member : {"name", "namespace"}) {
        if (old["profile"][member].is_string()) body["profile"][member] = old["profile"][member];
    }
    return follow_new_action(server, server.send("POST", "/v1/actions", body), output, options.detach);
}

}  // namespace fencepost::cli
