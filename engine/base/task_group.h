// Threads that cannot be forgotten: the destructor joins every one. Stacks are 256 KiB, so that thousands of
// waiting actions stay cheap. A task must not let an exception out; one that does ends the process with its
// text. Thread safety: spawn() may be called from any thread until the destructor runs.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace fencepost {

class TaskGroup {
  public:
    static constexpr std::size_t kStackBytes = std::size_t{256} * 1024;
    TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    ~TaskGroup();  // joins
    void spawn(std::function<void()> task);
    void join();  // waits for all that were spawned so far
    [[nodiscard]] std::size_t running() const;
    struct Impl;

  private:
    std::shared_ptr<Impl> impl_;
};

}  // namespace fencepost
