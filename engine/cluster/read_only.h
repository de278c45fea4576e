// Clusters that can only be looked at: writes, exec, logs and watches are Error{kUnsupported}.
#pragma once

#include "cluster/cluster.h"

namespace fencepost::cluster {

// What is read, and from where, is for those that derive from it.
class ReadOnlyCluster : public Cluster {
  public:
    [[nodiscard]] std::unique_ptr<Watch> watch(const ResourceType& type, const WatchOptions& options) final;
    Value create(const ResourceType& type, const Value& object, const WriteOptions& options) final;
    Value replace(const ResourceType& type, const Value& object, const WriteOptions& options) final;
    Value patch(const ObjectKey& key, PatchType patch_type, const Value& patch,
                const PatchOptions& options) final;
    Value remove(const ObjectKey& key, const DeleteOptions& options) final;
    ExecResult exec(std::string_view ns, std::string_view pod, const ExecOptions& options,
                    const CancelToken& cancel) final;
    void post_guard(const Guard& guard) final;
    void relieve_guard(std::string_view id, const std::function<void()>& undo,
                       const CancelToken& cancel) final;
    void logs(std::string_view ns, std::string_view pod, const LogOptions& options,
              const std::function<void(std::string_view)>& sink, const CancelToken& cancel) final;
};

// Secrets have their names and keys but no values: what is rendered from them shows none. Borrows the cluster
// behind it. Thread-safe if that one is.
class HiddenSecrets final : public ReadOnlyCluster {
  public:
    explicit HiddenSecrets(Cluster& behind) : behind_(behind) {}

    [[nodiscard]] Value get(const ObjectKey& key) override;
    [[nodiscard]] ObjectList list(const ResourceType& type, const ListOptions& options) override;
    [[nodiscard]] std::optional<ResourceDescription> find_type(std::string_view group,
                                                               std::string_view version,
                                                               std::string_view name) override {
        return behind_.find_type(group, version, name);
    }
    [[nodiscard]] std::vector<ResourceDescription> types() override { return behind_.types(); }

  private:
    Cluster& behind_;
};

}  // namespace fencepost::cluster
