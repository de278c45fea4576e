// Deadlines that fire: at the time, a CancelSource is cancelled with CancelReason::kDeadline. One thread for
// any number. Thread-safe; destroying an Alarm takes it off (and waits if it is just firing).
#pragma once

#include <map>
#include <memory>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/task_group.h"

namespace fencepost::run {

class Timers {
  public:
    Timers();
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;
    ~Timers();

    class Alarm {
      public:
        Alarm() = default;
        Alarm(Alarm&& other) noexcept : timers_(std::exchange(other.timers_, nullptr)), id_(other.id_) {}
        Alarm& operator=(Alarm&&) = delete;
        ~Alarm();

      private:
        friend class Timers;
        Alarm(Timers& timers, std::pair<SteadyTime, unsigned long> id) : timers_(&timers), id_(id) {}
        Timers* timers_ = nullptr;
        std::pair<SteadyTime, unsigned long> id_;
    };
    // kNoDeadline never fires. `source` is borrowed until the Alarm is gone.
    [[nodiscard]] Alarm at(Deadline deadline, CancelSource& source);

  private:
    struct State {
        std::map<std::pair<SteadyTime, unsigned long>, CancelSource*> alarms;
        unsigned long next_id = 0;
        bool is_stopping = false;
    };
    void run();
    Guarded<State> state_;
    TaskGroup thread_;
};

}  // namespace fencepost::run
