// The present objects of one type, kept by list and watch on a thread of its own.
// Thread safety: all members may be called from any thread; on_change is called without locks held.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "base/log.h"
#include "cluster/cluster.h"

namespace fencepost::cluster::local {

class ObjectMirror {
  public:
    using Name = std::pair<std::string, std::string>;  // namespace, name
    using Objects = std::map<Name, Value>;

    // on_change gets the object, and whether it is gone now.
    ObjectMirror(Cluster& cluster, const ResourceType& type,
                 std::function<void(const Value&, bool)> on_change)
        : cluster_(cluster), type_(type), on_change_(std::move(on_change)) {}
    void run(const CancelToken& cancel, Log& log);  // until cancelled
    [[nodiscard]] bool is_synced() { return state_.lock()->is_synced; }
    [[nodiscard]] Objects objects() { return state_.lock()->objects; }
    // What a write gave back: newer than what the watch has brought so far.
    void put(const Value& object);

  private:
    struct State {
        Objects objects;
        bool is_synced = false;
    };
    void list_and_watch(const CancelToken& cancel);
    void take(const Value& object, bool is_gone);
    Cluster& cluster_;
    const ResourceType& type_;
    std::function<void(const Value&, bool)> on_change_;
    Guarded<State> state_;
};

}  // namespace fencepost::cluster::local
