#include "run/engine.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/task_group.h"
#include "run/action_set_run.h"

namespace fencepost::run {
namespace {

namespace types = cluster::types;

constexpr std::chrono::milliseconds kRetryPause{1'000};
constexpr std::chrono::milliseconds kFollowPause{100};
constexpr std::chrono::seconds kLastUndo{30};  // for the fences, when the daemon stops

bool wants_cancel(const Value& object) {
    return object.get("spec", "cancel").bool_or(false) ||
           !object.get("metadata", "deletionTimestamp").is_nil();
}

// One ActionSet that waits or runs.
struct Entry {
    cluster::ObjectKey key;
    CancelSource source;
    // As it was seen, where it can start at once. One that was begun is read again: it may have ended since.
    Value object;
    bool is_running = false;
    explicit Entry(cluster::ObjectKey what, const CancelToken& parent)
        : key(std::move(what)), source(parent) {}
};

struct State {
    std::map<std::string, std::shared_ptr<Entry>> entries;  // by uid
    std::deque<std::string> waiting;
    int running = 0;
};

}  // namespace

struct Engine::Impl {
    World& world;
    const Catalog catalog;
    const EngineOptions options;
    const Renderer renderer;
    const PhaseLogs phase_logs;
    CancelSource stop_source;
    ObligationKeeper keeper;
    Timers timers;
    Events events;
    Machinery machinery;
    mutable Guarded<State> state;
    bool is_started = false;
    TaskGroup threads;

    Impl(World& the_world, Catalog the_catalog, EngineOptions the_options)
        : world(the_world),
          catalog(std::move(the_catalog)),
          options(std::move(the_options)),
          phase_logs(options.log_folder),
          keeper(world),
          events(world, "Kanister Controller"),
          machinery{world, catalog, renderer, keeper, timers, phase_logs, events} {}

    void follow();
    void list_and_watch();
    void look_at(const Value& object);
    void forget(const Value& object);
    void start_what_fits(Guarded<State>::Locked& locked);
    void run_entry(const std::string& uid, const std::shared_ptr<Entry>& entry);
    void refuse_unreadable(const cluster::ObjectKey& key, const std::string& why);
};

void Engine::Impl::follow() {
    while (!stop_source.token().is_cancelled()) {
        try {
            list_and_watch();
        } catch (const Cancelled&) {
            return;
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kGone)
                world.log.error("the watch of ActionSets broke", {{"error", e.what()}});
            if (!stop_source.token().wait_for(kRetryPause)) return;
        }
    }
}

void Engine::Impl::list_and_watch() {
    const std::vector<Value> pods = job_pods(world.cluster);  // before the ActionSets: none of them is newer
    const cluster::ObjectList present = world.cluster.list(types::kActionSets);
    std::set<std::string> going_on;
    for (const Value& object : present.items) {
        if (!is_terminal(object)) going_on.insert(cluster::uid_of(object));
        look_at(object);
    }
    remove_job_pods(world.cluster, pods, [&](const std::string& uid) { return !going_on.contains(uid); });
    const auto watch = world.cluster.watch(
        types::kActionSets, {.resource_version = present.resource_version, .allow_bookmarks = true});
    for (;;) {
        const auto event = watch->next(stop_source.token());
        if (!event || event->type == cluster::WatchEvent::Type::kBookmark) continue;
        if (event->type == cluster::WatchEvent::Type::kDeleted)
            forget(event->object);
        else
            look_at(event->object);
    }
}

void Engine::Impl::look_at(const Value& object) {
    const std::string uid = cluster::uid_of(object);
    auto locked = state.lock();
    const auto known = locked->entries.find(uid);
    if (known != locked->entries.end()) {
        if (!wants_cancel(object)) return;
        const std::shared_ptr<Entry> entry = known->second;
        locked.unlocked([&] { entry->source.cancel(CancelReason::kUser); });
        return;
    }
    // A terminal one that is being deleted has its finalizer taken off.
    const bool is_leaving = !object.get("metadata", "deletionTimestamp").is_nil();
    if (is_terminal(object) && !(is_leaving && has_finalizer(object))) return;
    if (is_leaving && !has_finalizer(object)) return;  // never begun: nothing to clean up
    if (is_anothers(object)) return;
    auto entry = std::make_shared<Entry>(
        cluster::ObjectKey{types::kActionSets, cluster::namespace_of(object), cluster::name_of(object)},
        stop_source.token());
    if (wants_cancel(object)) entry->source.cancel(CancelReason::kUser);
    if (locked->running < options.max_running && !is_begun(object)) entry->object = object;
    locked->entries[uid] = std::move(entry);
    locked->waiting.push_back(uid);
    start_what_fits(locked);
}

void Engine::Impl::forget(const Value& object) {
    const std::string uid = cluster::uid_of(object);
    std::shared_ptr<Entry> entry;
    {
        auto locked = state.lock();
        const auto known = locked->entries.find(uid);
        if (known != locked->entries.end()) entry = known->second;
    }
    if (entry != nullptr)
        entry->source.cancel(CancelReason::kUser);
    else
        phase_logs.remove(uid);
}

void Engine::Impl::start_what_fits(Guarded<State>::Locked& locked) {
    while (locked->running < options.max_running && !locked->waiting.empty() &&
           !stop_source.token().is_cancelled()) {
        const std::string uid = locked->waiting.front();
        locked->waiting.pop_front();
        const std::shared_ptr<Entry> entry = locked->entries.at(uid);
        entry->is_running = true;
        ++locked->running;
        threads.spawn([this, uid, entry] { run_entry(uid, entry); });
    }
}

// The action runner: what it throws is told here, once.
void Engine::Impl::run_entry(const std::string& uid, const std::shared_ptr<Entry>& entry) {
    bool is_done = false;
    while (!is_done && !stop_source.token().is_cancelled()) {
        try {
            Value object = std::exchange(entry->object, {});
            if (object.is_nil()) object = world.cluster.get(entry->key);
            if (cluster::uid_of(object) == uid)
                ActionSetRun(machinery, object, entry->source.token(), stop_source.token()).run();
            is_done = true;
        } catch (const Cancelled&) {
            break;
        } catch (const Error& e) {
            is_done = e.kind() == ErrorKind::kNotFound;
            if (e.kind() == ErrorKind::kInvalid) {
                refuse_unreadable(entry->key, e.what());
                is_done = true;
            }
            if (is_done) break;
            world.log.error("an ActionSet could not be taken further, trying again",
                            {{"actionSet", entry->key.name}, {"error", e.what()}});
            if (!stop_source.token().wait_for(kRetryPause)) break;
        } catch (const std::exception& e) {
            refuse_unreadable(entry->key, e.what());
            is_done = true;
        }
    }
    auto locked = state.lock();
    --locked->running;
    if (is_done) locked->entries.erase(uid);
    start_what_fits(locked);
}

// An object that is not what an ActionSet should be, or whose status somebody has changed into nonsense,
// fails alone.
void Engine::Impl::refuse_unreadable(const cluster::ObjectKey& key, const std::string& why) {
    world.log.error("an ActionSet cannot be read and is failed", {{"actionSet", key.name}, {"error", why}});
    try {
        update(world.cluster, key,
               [&](Value& object) {
                   if (has_finalizer(object)) object = without_finalizer(std::move(object));
                   if (object["metadata"]["annotations"].is_map())
                       object["metadata"]["annotations"].erase(kRecordAnnotation);
                   if (!object["status"].is_map()) object["status"] = Map{};
                   object["status"]["state"] = state::kFailed;
                   object["status"]["error"] = Map{{"message", "the ActionSet cannot be read: " + why}};
                   return true;
               },
               {}, {.field_manager = "fencepost"});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound)
            world.log.error("an unreadable ActionSet could not be failed",
                            {{"actionSet", key.name}, {"error", e.what()}});
    }
}

Engine::Engine(World& world, Catalog catalog, EngineOptions options)
    : impl_(std::make_unique<Impl>(world, std::move(catalog), std::move(options))) {}

Engine::~Engine() { stop(); }

void Engine::start() {
    impl_->is_started = true;
    impl_->threads.spawn([impl = impl_.get()] { impl->follow(); });
    impl_->keeper.start();
}

void Engine::stop() {
    if (impl_->stop_source.token().is_cancelled()) return;
    impl_->stop_source.cancel(CancelReason::kShutdown);
    impl_->threads.join();
    if (!impl_->is_started) return;
    CancelSource limit;
    const Timers::Alarm alarm = impl_->timers.at(std::chrono::steady_clock::now() + kLastUndo, limit);
    try {
        impl_->keeper.release_all("shutdown", limit.token());
    } catch (const Cancelled&) {
        impl_->world.log.error("what is fenced could not be unfenced in time; the next start does it");
    } catch (const Error& e) {
        impl_->world.log.error("what is fenced could not be unfenced; the next start tries again",
                               {{"error", e.what()}});
    }
}

List Engine::obligations(bool with_discharged) const { return impl_->keeper.list(with_discharged); }

void Engine::release_obligation(const std::string& id, const CancelToken& cancel) {
    impl_->keeper.release_now(id, "operator", cancel);
}

void Engine::extend_obligation(const std::string& id, SystemTime deadline, const CancelToken& cancel) {
    impl_->keeper.extend(id, deadline, cancel);
}

Engine::Load Engine::load() const {
    auto locked = impl_->state.lock();
    return {static_cast<std::size_t>(locked->running), locked->waiting.size()};
}

void Engine::logs(const std::string& ns, const std::string& action_set, const std::string& phase, bool follow,
                  const std::function<void(std::string_view)>& sink, const CancelToken& cancel) const {
    std::map<std::filesystem::path, std::size_t> offsets;
    for (;;) {
        const Value object = impl_->world.cluster.get({types::kActionSets, ns, action_set});
        const bool is_over = is_terminal(object);
        const List& actions = object.get("status", "actions").list_or_empty();
        const auto read = [&](std::size_t action, const Value& entry) {
            const std::string name = entry["name"].string_or("");
            if (name.empty() || (!phase.empty() && name != phase)) return;
            const auto path = impl_->phase_logs.path(cluster::uid_of(object), action, name);
            offsets[path] = PhaseLogs::read(path, offsets[path], sink);
        };
        for (std::size_t i = 0; i < actions.size(); ++i) {
            for (const Value& entry : actions[i]["phases"].list_or_empty()) read(i, entry);
            read(i, actions[i]["deferPhase"]);
        }
        if (is_over || !follow) return;
        impl_->world.clock.sleep(kFollowPause, cancel);
    }
}

}  // namespace fencepost::run
