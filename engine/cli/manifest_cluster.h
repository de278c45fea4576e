// A Cluster that can only be read: the objects of manifest files, and behind them a server for what they
// lack. So an action is rendered by the very code that runs it, with no server where the files hold all. An
// object without a namespace is found in every namespace. Secrets' values can be hidden at the source: then
// nothing that is rendered from them shows them.
//
// Errors: kNotFound, with what to do; writes, exec, logs and watches are kUnsupported. Not thread-safe.
#pragma once

#include <map>

#include "cli/manifests.h"
#include "cli/server.h"
#include "cluster/cluster.h"
#include "cluster/local/type_table.h"

namespace fencepost::cli {

enum class Secrets { kHide, kShow };

class ManifestCluster final : public cluster::Cluster {
  public:
    // The server is borrowed; it is asked only for what the manifests do not have.
    ManifestCluster(const std::vector<Manifest>& manifests, Server& server, Secrets secrets);

    [[nodiscard]] Value get(const cluster::ObjectKey& key) override;
    [[nodiscard]] cluster::ObjectList list(const cluster::ResourceType& type,
                                           const cluster::ListOptions& options) override;
    [[nodiscard]] std::optional<cluster::ResourceDescription> find_type(std::string_view group,
                                                                        std::string_view version,
                                                                        std::string_view name) override;
    [[nodiscard]] std::vector<cluster::ResourceDescription> types() override;

    [[nodiscard]] std::unique_ptr<cluster::Watch> watch(const cluster::ResourceType& type,
                                                        const cluster::WatchOptions& options) override;
    Value create(const cluster::ResourceType& type, const Value& object,
                 const cluster::WriteOptions& options) override;
    Value replace(const cluster::ResourceType& type, const Value& object,
                  const cluster::WriteOptions& options) override;
    Value patch(const cluster::ObjectKey& key, cluster::PatchType patch_type, const Value& patch,
                const cluster::PatchOptions& options) override;
    Value remove(const cluster::ObjectKey& key, const cluster::DeleteOptions& options) override;
    cluster::ExecResult exec(std::string_view ns, std::string_view pod, const cluster::ExecOptions& options,
                             const CancelToken& cancel) override;
    void post_guard(const cluster::Guard& guard) override;
    void relieve_guard(std::string_view id, const std::function<void()>& undo,
                       const CancelToken& cancel) override;
    void logs(std::string_view ns, std::string_view pod, const cluster::LogOptions& options,
              const std::function<void(std::string_view)>& sink, const CancelToken& cancel) override;

  private:
    [[nodiscard]] cluster::ResourceDescription description_of(const cluster::ResourceType& type) const;
    [[nodiscard]] Value shown(const cluster::ResourceType& type, Value object) const;

    std::map<cluster::ObjectKey, Value> objects_;
    cluster::local::TypeTable types_;
    Server& server_;
    Secrets secrets_;
    bool is_server_away_ = false;
};

}  // namespace fencepost::cli
