// LockKeeper: keeps what Profiles with a protectionPeriod hold under the store's object lock for as long as
// it is there, and frees what was removed and is no longer locked. status.protection of the Profile tells
// what it found. On a thread of its own from construction to destruction.
#pragma once

#include <map>
#include <string>

#include "base/task_group.h"
#include "run/function.h"

namespace fencepost::protect {

class LockKeeper {
  public:
    explicit LockKeeper(run::World& world);
    LockKeeper(const LockKeeper&) = delete;
    LockKeeper& operator=(const LockKeeper&) = delete;
    ~LockKeeper();

  private:
    struct Turn {
        SystemTime next;
        std::string period;  // as the Profile said it: another one is a turn at once
        std::string told;    // the error that was logged last
    };

    void work();
    void look();
    void look_at(const Value& profile, Turn& turn);

    run::World& world_;
    std::map<std::string, Turn> turns_;  // by namespace/name; the thread's own
    CancelSource stop_;
    TaskGroup thread_;
};

}  // namespace fencepost::protect
