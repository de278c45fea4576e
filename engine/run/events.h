// Kubernetes Events about ActionSets, with Kanister's reasons, and about protect's actions. Written by a
// thread of their own, best effort: they never hold a backup up, and above kMaxQueued the oldest are dropped.
// Thread-safe.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "base/task_group.h"
#include "run/function.h"

namespace fencepost::run {

class Events {
  public:
    // `component`: whom the Events name as their source.
    Events(World& world, std::string component);
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;
    ~Events();  // writes what is queued for at most a second
    enum class Type { kNormal, kWarning };
    void tell(const Value& about, Type type, std::string_view reason, std::string_view message);

  private:
    static constexpr std::size_t kMaxQueued = 1'000;
    struct State {
        std::deque<Value> queue;
        bool is_stopping = false;
    };
    void run();
    World& world_;
    const std::string component_;
    Guarded<State> state_;
    TaskGroup thread_;
};

}  // namespace fencepost::run
