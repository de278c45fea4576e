// Threads for HTTP handlers: made when all are busy, ended when idle for a while, never more than there are
// requests at once (the server sees to that). Thread safety: run() may be called from any thread; drain()
// once.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

#include "base/guarded.h"
#include "base/task_group.h"

namespace fencepost::net {

class HandlerPool {
  public:
    HandlerPool() = default;
    HandlerPool(const HandlerPool&) = delete;
    HandlerPool& operator=(const HandlerPool&) = delete;
    ~HandlerPool() { drain(); }
    void run(std::function<void()> task);  // the task must not throw
    void drain();                          // waits for all tasks; none may be added from now on

  private:
    struct State {
        std::deque<std::function<void()>> tasks;
        std::size_t idle = 0;
        bool draining = false;
    };
    void work();
    Guarded<State> state_;
    TaskGroup threads_;
};

}  // namespace fencepost::net
