#include "cluster/local/pods/pod_queue.h"

#include <utility>

namespace fencepost::cluster::local {

void PodQueue::make_ready(State& state, const std::string& uid, Entry& entry) {
    if (entry.is_busy) {
        entry.has_news = true;
    } else if (!entry.is_ready) {
        entry.is_ready = true;
        state.ready.push_back(uid);
    }
}

void PodQueue::set_timer(State& state, const std::string& uid, Entry& entry, SteadyTime at) {
    if (entry.timer != SteadyTime::max()) state.timers.erase({entry.timer, uid});
    entry.timer = at;
    if (at != SteadyTime::max()) state.timers.emplace(at, uid);
}

void PodQueue::fire_timers(State& state) {
    const SteadyTime now = std::chrono::steady_clock::now();
    while (!state.timers.empty() && state.timers.begin()->first <= now) {
        const std::string uid = state.timers.begin()->second;
        Entry& entry = state.entries.at(uid);
        set_timer(state, uid, entry, SteadyTime::max());
        make_ready(state, uid, entry);
    }
}

void PodQueue::put(const std::string& uid, std::optional<Value> pod) {
    auto state = state_.lock();
    Entry& entry = state->entries[uid];
    entry.pod = std::move(pod);
    make_ready(*state, uid, entry);
    state.notify_all();
}

void PodQueue::wake(const std::string& uid) {
    auto state = state_.lock();
    const auto found = state->entries.find(uid);
    if (found == state->entries.end()) return;
    make_ready(*state, uid, found->second);
    state.notify_all();
}

std::optional<PodQueue::Work> PodQueue::take(
    const std::function<std::unique_ptr<PodWorker>(const std::string&)>& make) {
    auto state = state_.lock();
    for (;;) {
        fire_timers(*state);
        if (state->is_stopping) return std::nullopt;
        if (!state->ready.empty()) break;
        const auto has_work = [&] { return state->is_stopping || !state->ready.empty(); };
        if (state->timers.empty()) {
            state.wait([&] { return has_work() || !state->timers.empty(); });
        } else {
            // Woken too when an earlier timer was set: the loop looks again.
            const SteadyTime first = state->timers.begin()->first;
            const auto is_earlier = [&] {
                return !state->timers.empty() && state->timers.begin()->first < first;
            };
            (void)state.wait_until(first, [&] { return has_work() || is_earlier(); });
        }
    }
    const std::string uid = state->ready.front();
    state->ready.pop_front();
    Entry& entry = state->entries.at(uid);
    entry.is_ready = false;
    entry.is_busy = true;
    if (!entry.worker) entry.worker = make(uid);
    return Work{uid, entry.pod, entry.worker.get()};
}

void PodQueue::done(const std::string& uid, const PodWorker::Next& next) {
    std::unique_ptr<PodWorker> finished;
    auto state = state_.lock();
    Entry& entry = state->entries.at(uid);
    entry.is_busy = false;
    if (next.is_finished) {
        set_timer(*state, uid, entry, SteadyTime::max());
        finished = std::move(entry.worker);
        state->entries.erase(uid);
        return;
    }
    set_timer(*state, uid, entry, next.look_again);
    if (std::exchange(entry.has_news, false)) make_ready(*state, uid, entry);
    state.notify_all();
}

std::vector<std::string> PodQueue::uids() {
    auto state = state_.lock();
    std::vector<std::string> result;
    for (const auto& [uid, entry] : state->entries) {
        if (entry.pod) result.push_back(uid);
    }
    return result;
}

void PodQueue::stop() {
    auto state = state_.lock();
    state->is_stopping = true;
    state.notify_all();
}

void PodQueue::clear() {
    std::map<std::string, Entry> entries;
    auto state = state_.lock();
    entries.swap(state->entries);
}

}  // namespace fencepost::cluster::local
