#include "protect/own_action.h"

#include "base/error.h"
#include "protect/action_status.h"

namespace fencepost::protect {
namespace {

constexpr std::chrono::milliseconds kLookAgain{500};

}  // namespace

Value end_of_action(run::World& world, const cluster::ObjectKey& key, const CancelToken& cancel) {
    for (;;) {
        Value action = world.cluster.get(key);
        if (is_terminal(action)) return action;
        world.clock.sleep(kLookAgain, cancel);
    }
}

void ask_to_cancel(run::World& world, const cluster::ObjectKey& key) {
    Value patch;
    patch["spec"]["cancel"] = true;
    try {
        (void)world.cluster.patch(key, cluster::PatchType::kMerge, patch, {.field_manager = "fencepost"});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
}

}  // namespace fencepost::protect
