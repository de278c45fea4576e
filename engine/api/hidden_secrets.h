// A Cluster whose Secrets have names and keys but no values: what is rendered from it shows none. Reads only;
// writes, exec, logs and watches are Error{kUnsupported}. Borrows the cluster behind it. Thread-safe.
#pragma once

#include "cluster/cluster.h"

namespace fencepost::api {

class HiddenSecrets final : public cluster::Cluster {
  public:
    explicit HiddenSecrets(cluster::Cluster& behind) : behind_(behind) {}

    [[nodiscard]] Value get(const cluster::ObjectKey& key) override;
    [[nodiscard]] cluster::ObjectList list(const cluster::ResourceType& type,
                                           const cluster::ListOptions& options) override;
    [[nodiscard]] std::optional<cluster::ResourceDescription> find_type(std::string_view group,
                                                                        std::string_view version,
                                                                        std::string_view name) override {
        return behind_.find_type(group, version, name);
    }
    [[nodiscard]] std::vector<cluster::ResourceDescription> types() override { return behind_.types(); }

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
    cluster::Cluster& behind_;
};

}  // namespace fencepost::api
