#include "cli/settings.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int serve(const ServeFlags& flags, const World& world) {
    return world.serve(options_with_data_dir(flags.settings, flags.config));
}

}  // namespace fencepost::cli
