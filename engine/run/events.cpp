#include "run/events.h"

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::run {

namespace types = cluster::types;

Events::Events(World& world, std::string component) : world_(world), component_(std::move(component)) {
    thread_.spawn([this] { run(); });
}

Events::~Events() {
    {
        auto state = state_.lock();
        state->is_stopping = true;
        state.notify_all();
    }
    thread_.join();
}

void Events::tell(const Value& about, Type type, std::string_view reason, std::string_view message) {
    const std::string now = format_rfc3339(world_.clock.now());
    Value event;
    event["metadata"]["name"] = cluster::name_of(about) + "." + hex_encode(random_bytes(8));
    event["metadata"]["namespace"] = cluster::namespace_of(about);
    for (const char* member : {"apiVersion", "kind"}) event["involvedObject"][member] = about[member];
    for (const char* member : {"name", "namespace", "uid", "resourceVersion"})
        event["involvedObject"][member] = about["metadata"][member];
    event["type"] = type == Type::kNormal ? "Normal" : "Warning";
    event["reason"] = reason;
    event["message"] = message.substr(0, 1'024);
    event["source"]["component"] = component_;
    event["firstTimestamp"] = now;
    event["lastTimestamp"] = now;
    event["count"] = 1;
    auto state = state_.lock();
    if (state->queue.size() >= kMaxQueued) state->queue.pop_front();
    state->queue.push_back(std::move(event));
    state.notify_all();
}

void Events::run() {
    auto last_chance = [&, until = std::optional<SteadyTime>()](bool is_stopping) mutable {
        if (is_stopping && !until) until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        return !until || std::chrono::steady_clock::now() < *until;
    };
    auto state = state_.lock();
    for (;;) {
        state.wait([&] { return !state->queue.empty() || state->is_stopping; });
        if (state->queue.empty() || !last_chance(state->is_stopping)) return;
        const Value event = std::move(state->queue.front());
        state->queue.pop_front();
        state.unlocked([&] {
            try {
                world_.cluster.create(types::kEvents, event,
                                      {.field_manager = "fencepost", .may_be_lost = true});
            } catch (const Error& e) {
                world_.log.debug("an event could not be written", {{"error", e.what()}});
            }
        });
    }
}

}  // namespace fencepost::run
