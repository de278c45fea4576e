#include "cli/follow.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int retry(Server& server, const RetryOptions& options) {
    const Output output(options.output);
    const std::string path = action_path(options.id) + (options.resumes ? "/resume" : "/retry");
    return follow_new_action(server, server.send("POST", path, {}), output, options.detach);
}

}  // namespace fencepost::cli
