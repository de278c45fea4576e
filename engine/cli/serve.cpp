#include "cli/settings.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int serve(const ServeFlags& flags, const World& world) {
    const Configuration configuration = configure(flags.settings, process_environment(), flags.config);
    if (configuration.options.data_dir.empty()) {
        throw UsageError("there is no data folder",
                         "give --data-dir DIR, FENCEPOST_DATA_DIR, or dataDir in the configuration file");
    }
    return world.serve(configuration.options);
}

}  // namespace fencepost::cli
