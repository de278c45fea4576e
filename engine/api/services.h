// What the routes need; held by the Api, borrowed by every handler.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "net/http_client.h"
#include "run/function.h"
#include "value/value.h"

namespace fencepost::api {

// What the run layer knows beyond the objects in the cluster. The composition root joins it to the engine, so
// that routes are tested without one.
struct RunAccess {
    // The log of a phase, or of all phases in order where phase is ""; with follow, until the action ends.
    std::function<void(const std::string& action_set, const std::string& phase, bool follow,
                       const std::function<void(std::string_view)>& sink, const CancelToken& cancel)>
        logs;
    // {id, kind, description, state, action, createdAt, deadline, releasedAt ...} each; open ones alone, or
    // all.
    std::function<List(bool with_discharged)> obligations;
    // Undoes now what an obligation promises to undo; throws what the undo throws. Gives it longer.
    std::function<void(const std::string& id, const CancelToken& cancel)> release;
    std::function<void(const std::string& id, SystemTime deadline, const CancelToken& cancel)> extend;
    // For what is looked at without running it; borrowed.
    const run::Catalog* catalog = nullptr;
    net::HttpClient* http = nullptr;
};

struct Services {
    cluster::Cluster& cluster;
    const RunAccess& run;
    Clock& clock;
    Log& log;
    std::string controller_namespace;
};

}  // namespace fencepost::api
