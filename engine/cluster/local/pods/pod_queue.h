// Which Pods need a look, and when: news make a Pod ready at once, a timer later; a Pod is with one thread at
// a time. Thread safety: all members may be called from any thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "cluster/local/pods/pod_worker.h"
#include "value/value.h"

namespace fencepost::cluster::local {

class PodQueue {
  public:
    struct Work {
        std::string uid;
        std::optional<Value> pod;
        PodWorker* worker;  // owned by the queue; made by the caller of take() where null
    };

    void put(const std::string& uid, std::optional<Value> pod);  // news of the object; nullopt: it is gone
    void wake(const std::string& uid);
    // Blocks; nullopt once stop() was called.
    [[nodiscard]] std::optional<Work> take(
        const std::function<std::unique_ptr<PodWorker>(const std::string&)>& make);
    void done(const std::string& uid, const PodWorker::Next& next);
    [[nodiscard]] std::vector<std::string> uids();
    void stop();
    void clear();  // REQUIRES: no thread is between take() and done()

  private:
    struct Entry {
        std::optional<Value> pod;
        std::unique_ptr<PodWorker> worker;
        bool is_ready = false;  // in `ready`
        bool is_busy = false;
        bool has_news = false;  // came while it was busy
        SteadyTime timer = SteadyTime::max();
    };
    struct State {
        std::map<std::string, Entry> entries;
        std::deque<std::string> ready;
        std::set<std::pair<SteadyTime, std::string>> timers;
        bool is_stopping = false;
    };
    static void make_ready(State& state, const std::string& uid, Entry& entry);
    static void set_timer(State& state, const std::string& uid, Entry& entry, SteadyTime at);
    static void fire_timers(State& state);

    Guarded<State> state_;
};

}  // namespace fencepost::cluster::local
