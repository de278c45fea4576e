#include "base/encodings.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int cancel(Server& server, const CancelOptions& options) {
    const Value action = server.send("POST", "/v1/actions/" + url_encode(options.id) + "/cancel", {});
    print(action["id"].string_or(options.id) + " is asked to cancel; its deferPhase still runs\n");
    return kDone;
}

}  // namespace fencepost::cli
