// A Cluster that can only be read: the objects of manifest files, and behind them a server for what they
// lack. So an action is rendered by the very code that runs it, with no server where the files hold all. An
// object without a namespace is found in every namespace.
//
// Errors: kNotFound, with what to do. Not thread-safe.
#pragma once

#include <map>

#include "cli/manifests.h"
#include "cli/server.h"
#include "cluster/read_only.h"
#include "cluster/local/type_table.h"

namespace fencepost::cli {

class ManifestCluster final : public cluster::ReadOnlyCluster {
  public:
    // The server is borrowed; it is asked only for what the manifests do not have.
    ManifestCluster(const std::vector<Manifest>& manifests, Server& server);

    [[nodiscard]] Value get(const cluster::ObjectKey& key) override;
    [[nodiscard]] cluster::ObjectList list(const cluster::ResourceType& type,
                                           const cluster::ListOptions& options) override;
    [[nodiscard]] std::optional<cluster::ResourceDescription> find_type(std::string_view group,
                                                                        std::string_view version,
                                                                        std::string_view name) override;
    [[nodiscard]] std::vector<cluster::ResourceDescription> types() override;

  private:
    [[nodiscard]] cluster::ResourceDescription description_of(const cluster::ResourceType& type) const;

    std::map<cluster::ObjectKey, Value> objects_;
    cluster::local::TypeTable types_;
    Server& server_;
    bool is_server_away_ = false;
};

}  // namespace fencepost::cli
