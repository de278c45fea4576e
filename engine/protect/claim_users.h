// The workloads of a namespace that use some of its claims, and their rest while these are replaced:
// Deployments, StatefulSets and ReplicaSets are scaled to nothing, and later to what they had before. That
// number stands in an annotation of the workload itself, in one write with the scaling: so it is known
// whatever becomes of the daemon or the action, and a later restore starts again what an earlier one had to
// leave. Whatever somebody else scales meanwhile stays as they want it. Blocking; any thread. Errors: what
// the cluster throws, and as it is said below.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "run/function.h"

namespace fencepost::protect {

inline constexpr const char* kScaledFrom = "fencepost.io/scaled-down-from";  // on a workload: its replicas

class ClaimUsers {
  public:
    // Of the claims of these names.
    ClaimUsers(run::World& world, std::string ns, std::set<std::string> claims);

    // Throws kFailedPrecondition where stop() could not stop a Pod that uses one of the claims, but for those
    // in `freed`, which somebody else makes free; and where to stop would cost data.
    void refuse_unstoppable(const std::set<std::string>& freed) const;
    // Returns once nothing works on the claims. Throws kTimeout.
    void stop(std::chrono::seconds limit, const CancelToken& cancel) const;
    // All that was stopped, but for what uses one of the `broken` claims; returns the names of those.
    [[nodiscard]] std::vector<std::string> start(const std::set<std::string>& broken) const;
    [[nodiscard]] std::vector<std::string> not_ready() const;

  private:
    struct User {
        cluster::ResourceType type;
        std::string kind;
        Value object;
        std::set<std::string> claims;
        [[nodiscard]] std::string label() const;
        [[nodiscard]] cluster::ObjectKey key() const;
    };
    [[nodiscard]] std::vector<User> users() const;
    [[nodiscard]] std::vector<std::string> at_work() const;
    [[nodiscard]] std::vector<Value> pods(const std::set<std::string>& claims) const;
    void change(const User& user, const std::function<bool(Value& object)>& change,
                const CancelToken& cancel) const;

    run::World& world_;
    const std::string ns_;
    const std::set<std::string> claims_;
};

}  // namespace fencepost::protect
