#include "protect/protector.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "cluster/idempotent.h"
#include "protect/action_events.h"
#include "protect/backup_run.h"
#include "protect/export_run.h"
#include "protect/import_run.h"
#include "protect/lock_keeper.h"
#include "protect/policy_run.h"
#include "protect/restore_run.h"
#include "protect/retirement.h"
#include "protect/scheduler.h"
#include "protect/validate_run.h"
#include "run/record.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;
using cluster::WatchEvent;

constexpr std::chrono::milliseconds kFirstPause{250};
constexpr std::chrono::milliseconds kLongestPause{30'000};

// What is run here, by the kind that a CancelAction names.
constexpr std::array<std::pair<std::string_view, const cluster::ResourceType*>, 6> kActions{
    {{"BackupAction", &types::kBackupActions},
     {"RestoreAction", &types::kRestoreActions},
     {"ExportAction", &types::kExportActions},
     {"ImportAction", &types::kImportActions},
     {"ValidateAction", &types::kValidateActions},
     {"RunAction", &types::kRunActions}}};

bool is_leaving(const Value& object) { return !object.get("metadata", "deletionTimestamp").is_nil(); }
bool wants_cancel(const Value& object) {
    return object.get("spec", "cancel").bool_or(false) || is_leaving(object);
}

ObjectKey key_of(const cluster::ResourceType& type, const Value& object) {
    return {type, cluster::namespace_of(object), cluster::name_of(object)};
}

// Of an application, and of a policy, one at a time. An export may take long, and leaves the application
// alone: backups do not wait for it.
std::string line_of(const cluster::ResourceType& type, const Value& action) {
    const std::string ns = cluster::namespace_of(action);
    if (type == types::kRunActions)
        return "policy/" + action.get("spec", "subject", "name").string_or("") + "/" + ns;
    if (type == types::kExportActions) return "export/" + ns;
    if (type == types::kImportActions) return "import/" + ns;
    if (type == types::kValidateActions) return "validate/" + ns;
    return "application/" + ns;
}

// One piece of work: an action, or the end of a restore point.
struct Entry {
    ObjectKey key;
    std::string line;   // those of one line run one after the other
    std::string order;  // within the line
    CancelSource source;
    bool is_running = false;
    bool is_told = false;  // that it has started; of its thread alone
    Entry(ObjectKey the_key, const CancelToken& parent) : key(std::move(the_key)), source(parent) {}
};

using Entries = std::map<std::string, std::shared_ptr<Entry>>;  // by uid

}  // namespace

struct Protector::Impl {
    run::World& world;
    CancelSource stop;
    run::Events events;
    Guarded<Entries> entries;
    TaskGroup threads;
    Scheduler scheduler;
    LockKeeper lock_keeper;

    explicit Impl(run::World& the_world)
        : world(the_world),
          events(the_world, "fencepost"),
          scheduler(the_world, events),
          lock_keeper(the_world) {
        for (const auto& [kind, action] : kActions) {
            follow(*action, [this, type = *action](WatchEvent::Type event, const Value& object) {
                look_at_action(type, event, object);
            });
        }
        follow(types::kCancelActions,
               [this](WatchEvent::Type type, const Value& object) { pass_on(type, object); });
        follow(types::kRestorePoints,
               [this](WatchEvent::Type type, const Value& object) { bind(type, object); });
        follow(types::kRestorePointContents,
               [this](WatchEvent::Type type, const Value& object) { look_at_content(type, object); });
    }

    ~Impl() {
        stop.cancel(CancelReason::kShutdown);
        threads.join();
    }

    using Look = std::function<void(WatchEvent::Type, const Value&)>;
    void follow(const cluster::ResourceType& type, Look look);
    void watch(const cluster::ResourceType& type, const Look& look);
    void look_at_action(const cluster::ResourceType& type, WatchEvent::Type event, const Value& object);
    void look_at_content(WatchEvent::Type event, const Value& object);
    void pass_on(WatchEvent::Type event, const Value& cancel_action);
    void bind(WatchEvent::Type event, const Value& point);
    void set_binding(const std::string& content, const Value& reference);
    void add(const Value& object, const ObjectKey& key, const std::string& line);
    void start_what_may();
    void run_entry(const std::string& uid, const std::shared_ptr<Entry>& entry);
    void run_once(const Value& object, Entry& entry);
    void run_action(const Value& object, const Entry& entry);
    void fail_unreadable(const ObjectKey& key, const std::string& why);
    void remove_children(const std::string& parent);
};

// The reconnect loop of one watch.
void Protector::Impl::follow(const cluster::ResourceType& type, Look look) {
    threads.spawn([this, type, look = std::move(look)] {
        auto pause = kFirstPause;
        std::string told;  // once: a type that is not served, or not allowed, stays so for long
        while (!stop.token().is_cancelled()) {
            try {
                watch(type, look);
            } catch (const Cancelled&) {
                return;
            } catch (const Error& e) {
                const bool is_expected = e.kind() == ErrorKind::kGone;
                pause = is_expected ? kFirstPause : std::min(pause * 2, kLongestPause);
                if (!is_expected && std::exchange(told, e.what()) != e.what())
                    world.log.warning("the watch of " + type.resource + " broke; trying again",
                                      {{"error", e.what()}});
            }
            if (!stop.token().wait_for(pause)) return;
        }
    });
}

void Protector::Impl::watch(const cluster::ResourceType& type, const Look& look) {
    const auto changes = world.cluster.watch(type, {});
    for (;;) {
        const auto event = changes->next(stop.token());
        if (event && event->type != WatchEvent::Type::kBookmark) look(event->type, event->object);
    }
}

void Protector::Impl::look_at_action(const cluster::ResourceType& type, WatchEvent::Type event,
                                     const Value& object) {
    const std::string uid = cluster::uid_of(object);
    std::shared_ptr<Entry> known;
    {
        auto locked = entries.lock();
        const auto found = locked->find(uid);
        if (found != locked->end()) known = found->second;
    }
    const bool is_gone = event == WatchEvent::Type::kDeleted;
    if (known) {
        if (is_gone || wants_cancel(object)) known->source.cancel(CancelReason::kUser);
    } else if (is_gone) {
        remove_children(uid);
    } else if (!is_terminal(object) || (is_leaving(object) && run::has_finalizer(object))) {
        if (is_leaving(object) && !run::has_finalizer(object)) return;  // never begun
        add(object, key_of(type, object), line_of(type, object));
    }
}

void Protector::Impl::look_at_content(WatchEvent::Type event, const Value& object) {
    const std::string uid = cluster::uid_of(object);
    if (event == WatchEvent::Type::kDeleted) return remove_children(uid);
    if (!is_leaving(object) || !run::has_finalizer(object)) return;
    if (entries.lock()->contains(uid)) return;
    // A backup's restore points share its artifacts, which the last of them to go takes along: see
    // retirement.
    add(object, key_of(types::kRestorePointContents, object),
        "content/" + object.get("spec", "backupAction", "uid").string_or(uid));
}

// A CancelAction is a wish, not a record: it goes once it is passed on.
void Protector::Impl::pass_on(WatchEvent::Type event, const Value& cancel_action) {
    if (event == WatchEvent::Type::kDeleted) return;
    const Value& subject = cancel_action.get("spec", "subject");
    const auto named = std::find_if(kActions.begin(), kActions.end(), [&](const auto& action) {
        return action.first == subject["kind"].string_or("");
    });
    const ObjectKey key{named == kActions.end() ? types::kBackupActions : *named->second,
                        subject["namespace"].string_or(cluster::namespace_of(cancel_action)),
                        subject["name"].string_or("")};
    try {
        Value patch;
        patch["spec"]["cancel"] = true;
        (void)world.cluster.patch(key, cluster::PatchType::kMerge, patch, {.field_manager = "fencepost"});
        (void)world.cluster.remove(key_of(types::kCancelActions, cancel_action));
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
}

void Protector::Impl::set_binding(const std::string& content, const Value& reference) {
    Value status;
    status["state"] = reference.is_map() ? "Bound" : "Unbound";
    status["restorePointRef"] = reference;
    Value patch;
    patch["status"] = std::move(status);
    try {
        (void)world.cluster.patch({types::kRestorePointContents, "", content}, cluster::PatchType::kMerge,
                                  patch, {.field_manager = "fencepost"});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
}

// Whoever has lost a RestorePoint with its namespace makes it again from its content.
void Protector::Impl::bind(WatchEvent::Type event, const Value& point) {
    const std::string content = point.get("spec", "restorePointContentRef", "name").string_or("");
    if (content.empty()) return;
    if (event == WatchEvent::Type::kDeleted) return set_binding(content, nullptr);
    if (is_leaving(point) || point.get("status", "state") == Value("Bound")) return;
    Value reference;
    reference["name"] = cluster::name_of(point);
    reference["namespace"] = cluster::namespace_of(point);
    set_binding(content, reference);
    Value patch;
    patch["status"]["state"] = "Bound";
    (void)world.cluster.patch(key_of(types::kRestorePoints, point), cluster::PatchType::kMerge, patch,
                              {.field_manager = "fencepost"});
}

void Protector::Impl::add(const Value& object, const ObjectKey& key, const std::string& line) {
    auto entry = std::make_shared<Entry>(key, stop.token());
    entry->line = line;
    // What had begun goes on before anything else begins.
    const bool is_begun = object.get("status", "state") == Value(state::kRunning);
    entry->order =
        (is_begun ? "0" : "1") + object.get("metadata", "creationTimestamp").string_or("") + key.name;
    if (wants_cancel(object) && key.type != types::kRestorePointContents)
        entry->source.cancel(CancelReason::kUser);
    (*entries.lock())[cluster::uid_of(object)] = std::move(entry);
    start_what_may();
}

void Protector::Impl::start_what_may() {
    auto locked = entries.lock();
    if (stop.token().is_cancelled()) return;
    std::map<std::string, std::string> next;  // by line: the uid that runs, or is to run
    for (const auto& [uid, entry] : *locked) {
        std::string& chosen = next[entry->line];
        const auto there = locked->find(chosen);
        const bool is_better =
            there == locked->end() ||
            (!there->second->is_running && (entry->is_running || entry->order < there->second->order));
        if (is_better) chosen = uid;
    }
    for (const auto& [line, uid] : next) {
        const std::shared_ptr<Entry> entry = locked->at(uid);
        if (entry->is_running) continue;
        entry->is_running = true;
        threads.spawn([this, of = uid, entry] { run_entry(of, entry); });
    }
}

// The action runner: what it throws is told here, once.
void Protector::Impl::run_entry(const std::string& uid, const std::shared_ptr<Entry>& entry) {
    auto pause = kFirstPause;
    for (bool is_done = false; !is_done;) {
        try {
            const Value object = world.cluster.get(entry->key);
            if (cluster::uid_of(object) == uid) run_once(object, *entry);
            is_done = true;
        } catch (const Cancelled&) {
            return;
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound) break;
            world.log.error("an action could not be taken further, trying again",
                            {{"action", cluster::to_string(entry->key)}, {"error", e.what()}});
            if (e.kind() == ErrorKind::kInvalid && entry->key.type != types::kRestorePointContents) {
                fail_unreadable(entry->key, e.what());
                break;
            }
            if (!stop.token().wait_for(pause)) return;
            pause = std::min(pause * 2, kLongestPause);
        } catch (const std::exception& e) {
            fail_unreadable(entry->key, e.what());
            break;
        }
    }
    entries.lock()->erase(uid);
    start_what_may();
}

void Protector::Impl::run_once(const Value& object, Entry& entry) {
    if (entry.key.type == types::kRestorePointContents)
        return retire(world, object, {entry.source.token(), stop.token()});
    if (is_terminal(object)) return ActionStatus(world, entry.key.type, object).let_go(stop.token());
    const bool is_begun = object.get("status", "state") == Value(state::kRunning);
    if (!std::exchange(entry.is_told, true) && !is_begun) tell_start(events, object);
    run_action(object, entry);
    const auto ended = cluster::find_object(world.cluster, entry.key);
    if (ended && cluster::uid_of(*ended) == cluster::uid_of(object) && is_terminal(*ended))
        tell_end(events, *ended);
}

void Protector::Impl::run_action(const Value& object, const Entry& entry) {
    const Tokens tokens{entry.source.token(), stop.token()};
    if (entry.key.type == types::kBackupActions)
        BackupRun(world, object, tokens).run();
    else if (entry.key.type == types::kRunActions)
        PolicyRun(world, object, tokens).run();
    else if (entry.key.type == types::kExportActions)
        ExportRun(world, object, tokens).run();
    else if (entry.key.type == types::kImportActions)
        ImportRun(world, object, tokens).run();
    else if (entry.key.type == types::kValidateActions)
        ValidateRun(world, object, tokens).run();
    else
        RestoreRun(world, object, tokens).run();
}

void Protector::Impl::fail_unreadable(const ObjectKey& key, const std::string& why) {
    try {
        const auto fail = [&](Value& object) {
            if (run::has_finalizer(object)) object = run::without_finalizer(std::move(object));
            object["status"] = Map{{"state", state::kFailed}, {"error", Map{{"message", why}}}};
            return true;
        };
        tell_end(events,
                 cluster::update(world.cluster, key, fail, stop.token(), {.field_manager = "fencepost"}));
    } catch (const Cancelled&) {
        return;
    } catch (const Error& e) {
        world.log.error("an unreadable action could not be failed",
                        {{"action", cluster::to_string(key)}, {"error", e.what()}});
    }
}

// The ActionSets of its steps go with what they were run for.
void Protector::Impl::remove_children(const std::string& parent) {
    const cluster::ListOptions ours{.ns = world.controller_namespace,
                                    .label_selector = std::string(kParentLabel) + "=" + parent,
                                    .metadata_only = true};
    for (const Value& child : world.cluster.list(types::kActionSets, ours).items)
        cluster::remove_if_there(world.cluster, key_of(types::kActionSets, child));
}

Protector::Protector(run::World& world) : impl_(std::make_unique<Impl>(world)) {}
Protector::~Protector() = default;

}  // namespace fencepost::protect
