#include "cli/follow.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int cancel(Server& server, const CancelOptions& options) {
    const Output output(options.output);
    const Value action = server.send("POST", action_path(options.id) + "/cancel", {});
    if (output.is_table()) {
        print(action["id"].string_or(options.id) + " is asked to cancel; its deferPhase still runs\n");
    } else {
        print(output.text(action, action_names(action)));
    }
    return kDone;
}

}  // namespace fencepost::cli
