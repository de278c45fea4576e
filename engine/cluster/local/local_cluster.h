// The embedded cluster: objects in one SQLite file, Pods as process groups on this host, PVCs as folders.
// One daemon a data folder (flock): a second one gets Error{kFailedPrecondition} that names the first one's
// pid.
//
//     auto cluster = open_local_cluster({.data_dir = "/var/lib/fencepost"}, clock, log);
//
// Layout of data_dir: cluster.db (+ -wal, -shm), lock, api-access.json, pods/<uid>/, volumes/<namespace>/<pvc
// uid>/, snapshots/<uid>/, guards/<id>/. Thread safety: as Cluster. Destruction leaves the Pods' processes
// running: the next daemon finds them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/local/api_access.h"

namespace fencepost::cluster::local {

struct LocalOptions {
    std::filesystem::path data_dir;
    // Put in front of PATH in every container: where `fencepost` and `kando` are. Also where the container
    // supervisor program is looked for.
    std::filesystem::path program_dir;
    bool run_pods = true;  // false: an object store alone (tests, offline tools)
    // What Pods are told of the API; open_local_cluster() fills it in, and the daemon serves it.
    std::optional<ApiAccess> api_access;
};

[[nodiscard]] std::unique_ptr<Cluster> open_local_cluster(const LocalOptions& options, Clock& clock,
                                                          Log& log);

// What stands on this host to undo a fence at its deadline, also where the daemon and its database are gone.
struct StandingGuard {
    std::string id;  // the obligation's
    int pid = 0;     // 0: it is just starting
    SystemTime deadline;
    std::vector<std::vector<std::string>> undo;  // the commands, in their order
};
// By deadline. From the folder's files alone: neither a daemon nor its database is asked. Throws where the
// folder is not to be read.
[[nodiscard]] std::vector<StandingGuard> standing_guards(const std::filesystem::path& data_dir);

}  // namespace fencepost::cluster::local
