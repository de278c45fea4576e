// What the parts of the executor share; made by the Engine. All members may be used from any thread.
#pragma once

#include "run/events.h"
#include "run/function.h"
#include "run/obligations.h"
#include "run/phase_logs.h"
#include "run/render.h"
#include "run/timers.h"

namespace fencepost::run {

struct Machinery {
    World& world;
    const Catalog& catalog;
    const Renderer& renderer;
    ObligationKeeper& keeper;
    Timers& timers;
    const PhaseLogs& logs;
    Events& events;
};

}  // namespace fencepost::run
