#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int version(const VersionOptions& options, const World& world) {
    const Output output(options.output);
    if (output.is_table()) {
        print("fencepost " + world.version + "\n");
        return kDone;
    }
    Value document;
    document["name"] = "fencepost";
    document["version"] = world.version;
    document["compiler"] = __VERSION__;
    print(output.text(document, {"fencepost/" + world.version}));
    return kDone;
}

}  // namespace fencepost::cli
