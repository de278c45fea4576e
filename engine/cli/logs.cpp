#include "base/encodings.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int logs(Server& server, const LogsOptions& options) {
    std::string path = "/v1/actions/" + url_encode(options.id) + "/logs?";
    if (!options.phase.empty()) path += "phase=" + url_encode(options.phase) + "&";
    if (options.follow) path += "follow=1";
    server.stream(path, [](std::string_view bytes) { print(bytes); }, {});
    return kDone;
}

}  // namespace fencepost::cli
