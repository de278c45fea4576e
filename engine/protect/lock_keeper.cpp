#include "protect/lock_keeper.h"

#include <algorithm>
#include <utility>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/cluster.h"
#include "model/objects.h"
#include "run/launch.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using std::chrono::seconds;

constexpr seconds kMostPause{10};  // between looks at the Profiles
constexpr seconds kLeastPause{1};
constexpr seconds kMostTurn = std::chrono::hours(24);
constexpr seconds kAfterFailure = std::chrono::minutes(5);

// Location::protect() asks for an eighth.
seconds turn_of(seconds period) { return std::clamp(period / 8, kLeastPause, kMostTurn); }

Value to_status(const location::Protection& found, SystemTime now) {
    const auto count = [](std::uint64_t number) { return Value(static_cast<std::int64_t>(number)); };
    return Map{
        {"time", format_rfc3339(now)},
        {"error", Value()},
        {"objects", count(found.objects)},
        {"extended", count(found.extended)},
        {"freed", count(found.freed)},
        {"retained", count(found.retained)},
        {"retainedBytes", count(found.retained_bytes)},
        {"retainedUntil", found.retained_until ? Value(format_rfc3339(*found.retained_until)) : Value()}};
}

}  // namespace

LockKeeper::LockKeeper(run::World& world) : world_(world) {
    thread_.spawn([this] { work(); });
}

LockKeeper::~LockKeeper() {
    stop_.cancel(CancelReason::kShutdown);
    thread_.join();
}

void LockKeeper::work() {
    std::string told;
    try {
        while (true) {
            try {
                look();
                told.clear();
            } catch (const Error& e) {
                if (std::exchange(told, e.what()) != e.what())
                    world_.log.warning("Profiles could not be looked at; trying again",
                                       {{"error", e.what()}});
            }
            const SystemTime now = world_.clock.now();
            SystemTime next = now + kMostPause;
            for (const auto& [name, turn] : turns_) next = std::min(next, turn.next);
            world_.clock.sleep(std::max<std::chrono::nanoseconds>(next - now, kLeastPause), stop_.token());
        }
    } catch (const Cancelled&) {
        return;
    }
}

void LockKeeper::look() {
    std::map<std::string, Turn> turns;
    for (const Value& profile : world_.cluster.list(types::kProfiles).items) {
        const std::string period = profile["protectionPeriod"].string_or("");
        if (period.empty()) continue;
        const std::string key = cluster::namespace_of(profile) + "/" + cluster::name_of(profile);
        Turn& turn = turns[key];
        if (const auto before = turns_.find(key); before != turns_.end()) turn = std::move(before->second);
        if (turn.next <= world_.clock.now() || turn.period != period) {
            turn.period = period;
            look_at(profile, turn);
        }
    }
    turns_ = std::move(turns);
}

void LockKeeper::look_at(const Value& profile, Turn& turn) {
    const std::string ns = cluster::namespace_of(profile), name = cluster::name_of(profile);
    Value status;
    seconds pause = kAfterFailure;
    try {
        const location::ResolvedProfile resolved = run::resolve_profile(world_, {.name = name, .ns = ns});
        const seconds usual = turn_of(resolved.protection_period);
        pause = std::min(usual, kAfterFailure);
        const location::Protection found =
            location::open_location(resolved, world_.http, world_.clock)->protect(stop_.token());
        status["protection"] = to_status(found, world_.clock.now());
        pause = usual;
        turn.told.clear();
    } catch (const Error& e) {
        status["protection"] = Map{{"time", format_rfc3339(world_.clock.now())}, {"error", e.what()}};
        if (std::exchange(turn.told, e.what()) != e.what())
            world_.log.error("the object lock of a Profile's location could not be kept",
                             {{"profile", ns + "/" + name}, {"error", e.what()}});
    }
    turn.next = world_.clock.now() + pause;
    Value patch;
    patch["status"] = status;
    try {
        (void)world_.cluster.patch({types::kProfiles, ns, name}, cluster::PatchType::kMerge, patch,
                                   {.field_manager = "fencepost"});
    } catch (const Error& e) {  // the objects' locks are what counts
        if (std::exchange(turn.told, e.what()) != e.what())
            world_.log.warning("a Profile's status could not be written",
                               {{"profile", ns + "/" + name}, {"error", e.what()}});
    }
}

}  // namespace fencepost::protect
