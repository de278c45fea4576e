// Ctrl-C as a question of how often: the first one calls back, the second one ends the process with
// kCancelled. REQUIRES: block_interrupts() before the first thread of the process. One Interrupts at a time.
#pragma once

#include <functional>

#include "base/cancel.h"
#include "base/task_group.h"

namespace fencepost::cli {

void block_interrupts();

class Interrupts {
  public:
    // Called on a thread of its own; an Error that it throws is told.
    explicit Interrupts(std::function<void()> on_first);
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;
    ~Interrupts();

  private:
    CancelSource stop_;
    TaskGroup thread_;
};

}  // namespace fencepost::cli
