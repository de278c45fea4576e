#include "run/timers.h"

namespace fencepost::run {

Timers::Timers() {
    thread_.spawn([this] { run(); });
}

Timers::~Timers() {
    {
        auto state = state_.lock();
        state->is_stopping = true;
        state.notify_all();
    }
    thread_.join();
}

Timers::Alarm Timers::at(Deadline deadline, CancelSource& source) {
    if (deadline == kNoDeadline) return {};
    auto state = state_.lock();
    const std::pair id(deadline, state->next_id++);
    state->alarms[id] = &source;
    if (state->alarms.begin()->first == id) state.notify_all();
    return {*this, id};
}

Timers::Alarm::~Alarm() {
    if (timers_ != nullptr) timers_->state_.lock()->alarms.erase(id_);
}

// Sources are cancelled under the lock: that is what lets an Alarm's destructor wait. Callbacks of tokens
// must not set timers.
void Timers::run() {
    auto state = state_.lock();
    while (!state->is_stopping) {
        if (state->alarms.empty()) {
            state.wait([&] { return state->is_stopping || !state->alarms.empty(); });
            continue;
        }
        const SteadyTime next = state->alarms.begin()->first.first;
        const bool is_changed = state.wait_until(next, [&] {
            return state->is_stopping || state->alarms.empty() || state->alarms.begin()->first.first != next;
        });
        if (is_changed) continue;
        while (!state->alarms.empty() &&
               state->alarms.begin()->first.first <= std::chrono::steady_clock::now()) {
            CancelSource* source = state->alarms.begin()->second;
            state->alarms.erase(state->alarms.begin());
            source->cancel(CancelReason::kDeadline);
        }
    }
}

}  // namespace fencepost::run
