// Amazon RDS: databases, which are single instances or Aurora's clusters, and their snapshots. One request
// each, nothing waits; what becomes of them is seen by looking again. Blocking; thread-safe. Errors:
// query_client.h's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aws/query_client.h"
#include "base/cancel.h"
#include "base/clock.h"

namespace fencepost::aws {

enum class DatabaseKind { kInstance, kCluster };

struct Database {
    std::string status;  // "available", "creating", "deleting" ...
    std::string engine_version;
    std::string address;  // "" while there is none
    std::string port;
    std::string subnet_group;  // "" where it is in none
    std::vector<std::string> security_groups;
    std::vector<std::string> members;   // the instances of a cluster
    std::optional<SystemTime> created;  // not while it is being created
};

struct Snapshot {
    std::string database;  // of which it is
    std::string status;    // "available", "creating", "failed" ...
    std::string engine_version;
    std::string allocated_gib;
};

struct RestoreRequest {
    std::string database;  // the new one's identifier
    std::string snapshot;
    std::string subnet_group;  // "": AWS' choice
    std::vector<std::string> security_groups;
    std::string engine, engine_version;  // of a cluster
};

class Rds {
  public:
    explicit Rds(QueryClient client) : client_(std::move(client)) {}

    [[nodiscard]] std::optional<Database> find(DatabaseKind kind, const std::string& id,
                                               const CancelToken& cancel) const;
    void restore(DatabaseKind kind, const RestoreRequest& request, const CancelToken& cancel) const;
    void create_instance_in_cluster(const std::string& id, const std::string& cluster,
                                    const std::string& engine, const std::string& instance_class,
                                    const CancelToken& cancel) const;
    // Without a last snapshot.
    void remove(DatabaseKind kind, const std::string& id, const CancelToken& cancel) const;

    [[nodiscard]] std::optional<Snapshot> find_snapshot(DatabaseKind kind, const std::string& id,
                                                        const CancelToken& cancel) const;
    void create_snapshot(DatabaseKind kind, const std::string& id, const std::string& database,
                         const CancelToken& cancel) const;
    void remove_snapshot(DatabaseKind kind, const std::string& id, const CancelToken& cancel) const;

  private:
    [[nodiscard]] std::optional<XmlNode> describe(const std::string& what, const std::string& id,
                                                  const CancelToken& cancel) const;
    QueryClient client_;
};

}  // namespace fencepost::aws
