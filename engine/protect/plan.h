// What a backup of an application would do, decided before anything is touched: which objects are captured,
// which resources a blueprint governs, which of its actions run, and which volumes are copied. It is shown by
// `--plan`, frozen in the BackupAction, and kept with the restore point. Thread-safe; errors are the
// cluster's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/cluster.h"
#include "protect/resource_filter.h"

namespace fencepost::protect {

// A resource that a blueprint is bound to.
struct Governed {
    cluster::ObjectKey key;
    std::string kind, uid;
    std::string blueprint, binding, reason;
    std::vector<std::string> actions;  // of backupPrehook, backup and backupPosthook, those that it has
    // Of its running Pods, and what it owns, by name. Copied between the hooks, unless `backup` is called
    // instead: then their manifests alone are kept.
    std::vector<std::string> claims;
    bool is_fencing = false;  // backupPrehook does
    // Where it does, and no `backup` is called: the claims by the instance that they are of. Of several
    // instances only the one that the prehook then fences is copied and kept (protect/fenced_instance.h).
    std::map<std::string, std::vector<std::string>> instances;
    [[nodiscard]] bool is_dumped() const;  // it has `backup`
    [[nodiscard]] bool has_prehook() const;
};

struct Plan {
    struct Skipped {
        cluster::ObjectKey key;
        std::string reason;
    };
    std::string ns;
    std::vector<cluster::ObjectKey> objects;  // captured, by type and name
    std::vector<Governed> governed;           // one after the other, in this order
    std::vector<std::string> plain_claims;    // copied without hooks: nothing governs them
    std::vector<Skipped> skipped;             // what somebody might miss
    std::vector<std::string> warnings;
    [[nodiscard]] Value to_value() const;
};

// Throws kNotFound where there is no such namespace, kFailedPrecondition where nothing would be backed up.
[[nodiscard]] Plan make_plan(cluster::Cluster& cluster, std::string_view controller_namespace,
                             const std::string& ns, const ResourceFilter& filter);

}  // namespace fencepost::protect
