#include "run/obligations.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "run/listed_entry.h"
#include "run/record.h"

namespace fencepost::run {
namespace {

namespace types = cluster::types;

constexpr std::chrono::milliseconds kLookEvery{500};  // while anything is open
constexpr std::chrono::seconds kLookWhenIdle{30};
constexpr std::chrono::seconds kLongestLead{
    1};  // before the deadline: for the undo itself; a tenth of short ones
constexpr std::chrono::minutes kUndoLimit{5};
constexpr std::chrono::seconds kLongestBackoff{60};
constexpr std::chrono::hours kKeepDischarged{24};
constexpr int kAttemptsOfHooks = 2;  // that fail before what they listed is taken off for them
constexpr std::size_t kKeptOutput = 2'000;
constexpr std::string_view kPrehook = "Prehook";
constexpr std::string_view kPosthook = "Posthook";

bool is_open(const Value& obligation) { return obligation.get("status", "state").string_or("") == "Open"; }

// The part of a reference that says which object it is.
bool is_same_subject(const Value& a, const Value& b) {
    for (const char* member : {"group", "resource", "kind", "namespace", "name"}) {
        if (a[member].string_or("") != b[member].string_or("")) return false;
    }
    return true;
}

std::int64_t nanoseconds(auto duration) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

bool has_worked(const Value& action_set) {
    return action_set.get("status", "state").string_or("") == state::kComplete;
}

cluster::ObjectKey key_of(const World& world, const std::string& id) {
    return {types::kObligations, world.controller_namespace, id};
}

}  // namespace

std::string why_lost(const Value& obligation) {
    const std::string state = obligation.get("status", "state").string_or("");
    std::string reason = obligation.get("status", "reason").string_or("");
    const bool is_gone = state == "Withdrawn" && reason.ends_with("is gone");
    const bool is_early = reason == "deadline" || reason == "shutdown" || reason == "operator";
    return is_gone || is_early ? reason : "";
}

bool is_prehook(std::string_view action) noexcept { return action.ends_with(kPrehook); }

bool is_posthook(std::string_view action) noexcept { return action.ends_with(kPosthook); }

std::string posthook_of(std::string_view prehook) {
    return std::string(prehook.substr(0, prehook.size() - kPrehook.size())).append(kPosthook);
}

ObligationKeeper::ObligationKeeper(World& world)
    : world_(world), boot_id_(read_file("/proc/sys/kernel/random/boot_id").substr(0, 36)) {}

ObligationKeeper::~ObligationKeeper() {
    stop_.cancel(CancelReason::kShutdown);
    thread_.join();
}

void ObligationKeeper::start() {
    thread_.spawn([this] { run(); });
}

void ObligationKeeper::set_deadline(Value& spec, SystemTime deadline) const {
    const std::chrono::nanoseconds left = deadline - world_.clock.now();
    spec["deadline"] = format_rfc3339_nano(deadline);
    spec["monotonicDeadline"]["bootId"] = boot_id_;
    spec["monotonicDeadline"]["nanoseconds"] =
        nanoseconds((world_.clock.steady_now() + left).time_since_epoch());
}

std::string ObligationKeeper::store(Value spec, std::chrono::seconds time_limit, const Incurrer& who) {
    const SystemTime now = world_.clock.now();
    spec["actionSet"]["name"] = who.action_set;
    spec["actionSet"]["namespace"] = who.ns;
    spec["actionSet"]["uid"] = who.uid;
    spec["action"] = who.action;
    spec["subject"] = who.subject;
    const auto lead =
        std::min<std::chrono::nanoseconds>(kLongestLead, std::chrono::nanoseconds(time_limit) / 10);
    spec["leadNanoseconds"] = nanoseconds(lead);
    set_deadline(spec, now + time_limit);
    Value object;
    object["metadata"]["name"] = "obligation-" + hex_encode(random_bytes(8));
    object["metadata"]["namespace"] = world_.controller_namespace;
    object["spec"] = std::move(spec);
    object["status"]["state"] = "Open";
    object["status"]["attempts"] = 0;
    object["status"]["createdAt"] = format_rfc3339_nano(now);
    note_debtor(who.uid);
    const Value stored = world_.cluster.create(types::kObligations, object, {.field_manager = "fencepost"});
    note_debtor(who.uid);  // again: who asked the cluster meanwhile may have been a moment too early
    look_soon();
    return cluster::name_of(stored);
}

void ObligationKeeper::note_debtor(const std::string& uid) {
    auto debtors = debtors_.lock();
    if (debtors->uids) debtors->uids->insert(uid);
}

void ObligationKeeper::look_soon() {
    auto debtors = debtors_.lock();
    debtors->has_new = true;
    debtors.notify_all();
}

std::string ObligationKeeper::incur(const ObligationRequest& request, const Incurrer& who) {
    Value spec;
    spec["kind"] = request.kind;
    spec["description"] = request.description;
    spec["pod"]["namespace"] = request.ns;
    spec["pod"]["name"] = request.pod;
    spec["pod"]["uid"] = request.pod_uid;
    spec["container"] = request.container;
    for (const auto& command : request.undo_commands) {
        List words;
        for (const std::string& word : command) words.emplace_back(word);
        spec["undoCommands"].push_back(std::move(words));
    }
    if (!request.details.is_nil()) spec["details"] = request.details;
    std::string id;
    {
        const auto one_at_a_time = incurring_.lock();
        refuse_second_fence(request, who);
        id = store(std::move(spec), request.time_limit, who);
    }
    try {
        const InHand in_hand(*this, id, stop_.token());
        keep_guard(world_.cluster.get(key_of(world_, id)));
    } catch (const Error&) {
        withdraw(id, "nothing was done: its guard could not be posted");
        throw;
    }
    return id;
}

void ObligationKeeper::refuse_second_fence(const ObligationRequest& request, const Incurrer& who) const {
    const auto is_fenced = [&](const Value& object) {
        return object.get("spec", "pod", "uid").string_or("") == request.pod_uid &&
               object.get("spec", "actionSet", "uid").string_or("") != who.uid;
    };
    for (const Value& other : open(is_fenced)) {
        throw Error(ErrorKind::kFailedPrecondition,
                    other.get("spec", "description").string_or("") + " already, by the action " +
                        other.get("spec", "actionSet", "name").string_or(""),
                    "whichever ended first would lift it under the other; run them one after the other");
    }
}

// One that stands already stays. Where the container does not run, nothing is fenced in it; once it runs
// again, the keeper's next look posts the guard.
void ObligationKeeper::keep_guard(const Value& obligation) const {
    const Value& spec = obligation["spec"];
    if (spec["undoCommands"].list_or_empty().empty()) return;
    cluster::Guard guard;
    guard.id = cluster::name_of(obligation);
    guard.ns = spec.get("pod", "namespace").string_or("");
    guard.pod = spec.get("pod", "name").string_or("");
    guard.pod_uid = spec.get("pod", "uid").string_or("");
    guard.container = spec["container"].string_or("");
    for (const Value& command : spec["undoCommands"].list_or_empty()) {
        guard.commands.emplace_back();
        for (const Value& word : command.list_or_empty()) guard.commands.back().push_back(word.string_or(""));
    }
    guard.deadline = parse_rfc3339(spec["deadline"].string_or(""));
    const Value& monotonic = spec["monotonicDeadline"];
    guard.steady_deadline =
        monotonic["bootId"].string_or("") == boot_id_
            ? SteadyTime(std::chrono::nanoseconds(monotonic["nanoseconds"].int_or(0)))
            : world_.clock.steady_now() + std::max<std::chrono::nanoseconds>(
                                              guard.deadline - world_.clock.now(), std::chrono::seconds(0));
    try {
        world_.cluster.post_guard(guard);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kFailedPrecondition) throw;
    }
}

std::chrono::nanoseconds ObligationKeeper::time_left(const Value& obligation) const {
    const Value& spec = obligation["spec"];
    const Value& monotonic = spec["monotonicDeadline"];
    std::chrono::nanoseconds left =
        parse_rfc3339(spec["deadline"].string_or("1970-01-01T00:00:00Z")) - world_.clock.now();
    if (monotonic["bootId"].string_or("") == boot_id_) {
        const SteadyTime until(std::chrono::nanoseconds(monotonic["nanoseconds"].int_or(0)));
        left = std::min<std::chrono::nanoseconds>(left, until - world_.clock.steady_now());
    }
    return left - std::chrono::nanoseconds(spec["leadNanoseconds"].int_or(0));
}

std::string ObligationKeeper::incur_action(const std::string& description, const Value& undo_action,
                                           std::chrono::seconds time_limit, const Incurrer& who) {
    Value spec;
    spec["kind"] = "posthook";
    spec["description"] = description;
    spec["undoAction"] = undo_action;
    return store(std::move(spec), time_limit, who);
}

void ObligationKeeper::withdraw(const std::string& id, std::string_view why) {
    const InHand in_hand(*this, id, stop_.token());
    mark(id, "Withdrawn", why, stop_.token());
}

void ObligationKeeper::act_ended(const std::string& id) {
    update(world_.cluster, key_of(world_, id),
           [](Value& object) {
               Value& status = object["status"];
               // An entry that was not there yet when it was looked for is no proof.
               const bool is_entry = object.get("spec", "details", "listedEntry").is_map();
               const bool is_proven = status["state"].string_or("") == "Withdrawn" && !is_entry;
               if (is_open(object) || is_proven) return false;
               status["state"] = "Open";
               status.erase("reason");
               status.erase("releasedAt");
               return true;
           },
           {});
    look_soon();
}

void ObligationKeeper::mark(const std::string& id, const char* state, std::string_view reason,
                            const CancelToken& cancel) {
    world_.cluster.relieve_guard(id, [] {}, cancel);
    update(world_.cluster, key_of(world_, id),
           [&](Value& object) {
               if (!is_open(object)) return false;
               object["status"]["state"] = state;
               object["status"]["reason"] = reason;
               object["status"]["releasedAt"] = format_rfc3339_nano(world_.clock.now());
               return true;
           },
           {});
}

void ObligationKeeper::note_failure(const std::string& id, const std::string& error) {
    update(world_.cluster, key_of(world_, id),
           [&](Value& object) {
               Value& status = object["status"];
               const std::int64_t attempts = status["attempts"].int_or(0) + 1;
               status["attempts"] = attempts;
               status["lastError"] = error.substr(0, 2'000);
               const std::chrono::seconds pause = std::min(
                   kLongestBackoff, std::chrono::seconds(1LL << std::min<std::int64_t>(attempts - 1, 6)));
               status["nextAttemptAt"] = format_rfc3339_nano(world_.clock.now() + pause);
               return true;
           },
           {});
}

ObligationKeeper::Objects ObligationKeeper::open(const std::function<bool(const Value&)>& matches) const {
    Objects found = world_.cluster.list(types::kObligations, {.ns = world_.controller_namespace}).items;
    std::erase_if(found, [&](const Value& object) { return !is_open(object) || !matches(object); });
    // What was quiesced last is undone first.
    std::sort(found.begin(), found.end(), [](const Value& a, const Value& b) {
        return a.get("status", "createdAt").string_or("") > b.get("status", "createdAt").string_or("");
    });
    return found;
}

int ObligationKeeper::release(const Incurrer& who, const std::function<bool(const Value&)>& matches,
                              std::string_view reason, const CancelToken& cancel) {
    return release_each(open([&](const Value& object) {
                            const Value& spec = object["spec"];
                            const bool is_mine = spec.get("actionSet", "uid").string_or("") == who.uid ||
                                                 is_same_subject(spec["subject"], who.subject);
                            return is_mine && spec["undoAction"].is_nil() && matches(object);
                        }),
                        reason, cancel);
}

int ObligationKeeper::release_of(const std::string& uid, const std::string& action, std::string_view reason,
                                 const CancelToken& cancel) {
    return release_each(open([&](const Value& object) {
                            const Value& spec = object["spec"];
                            return spec.get("actionSet", "uid").string_or("") == uid &&
                                   (action.empty() || spec["action"].string_or("") == action);
                        }),
                        reason, cancel);
}

void ObligationKeeper::release_all(std::string_view reason, const CancelToken& cancel) {
    // What an action undoes needs an engine: the next daemon's.
    release_each(open([](const Value& object) { return object.get("spec", "undoAction").is_nil(); }), reason,
                 cancel);
}

void ObligationKeeper::release_now(const std::string& id, std::string_view reason,
                                   const CancelToken& cancel) {
    release_one(id, reason, cancel);
}

// The guard that knows the old deadline goes first: if the daemon dies in between, the next one posts it
// again.
void ObligationKeeper::extend(const std::string& id, SystemTime deadline, const CancelToken& cancel) {
    const InHand in_hand(*this, id, cancel);
    if (!is_open(world_.cluster.get(key_of(world_, id)))) return;
    world_.cluster.relieve_guard(id, [] {}, cancel);
    keep_guard(update(
        world_.cluster, key_of(world_, id),
        [&](Value& object) {
            set_deadline(object["spec"], deadline);
            return true;
        },
        cancel));
}

int ObligationKeeper::release_each(const Objects& obligations, std::string_view reason,
                                   const CancelToken& cancel) {
    int released = 0;
    std::optional<Error> failure;
    for (const Value& obligation : obligations) {
        try {
            if (release_one(cluster::name_of(obligation), reason, cancel)) ++released;
        } catch (Error& e) {
            e.add_trace("cannot undo: " + obligation.get("spec", "description").string_or(""));
            if (!failure) failure = e;
        }
    }
    if (failure) throw Error(*failure);
    return released;
}

ObligationKeeper::InHand::InHand(ObligationKeeper& keeper, std::string id, const CancelToken& cancel)
    : keeper_(keeper), id_(std::move(id)) {
    const auto wake = cancel.on_cancel([&] { keeper.in_hand_.lock().notify_all(); });
    auto in_hand = keeper.in_hand_.lock();
    in_hand.wait([&] { return !in_hand->contains(id_) || cancel.is_cancelled(); });
    cancel.throw_if_cancelled();
    in_hand->insert(id_);
}

ObligationKeeper::InHand::~InHand() {
    auto in_hand = keeper_.in_hand_.lock();
    in_hand->erase(id_);
    in_hand.notify_all();
}

bool ObligationKeeper::release_one(const std::string& id, std::string_view reason,
                                   const CancelToken& cancel) {
    const InHand in_hand(*this, id, cancel);
    const Value obligation = world_.cluster.get(key_of(world_, id));
    if (!is_open(obligation)) return false;
    if (obligation.get("spec", "undoAction").is_map()) return start_undo_action(obligation);
    std::string proof;
    try {
        world_.cluster.relieve_guard(id, [&] { proof = undo(obligation, cancel); }, cancel);
        mark(id, proof.empty() ? "Released" : "Withdrawn", proof.empty() ? reason : proof, cancel);
    } catch (const Error& e) {
        note_failure(id, e.what());
        throw;
    }
    return true;
}

std::string ObligationKeeper::undo(const Value& obligation, const CancelToken& cancel) {
    const Value& spec = obligation["spec"];
    if (const Value& entry = spec.get("details", "listedEntry"); entry.is_map()) {
        return unlist_entry(world_.cluster, ListedEntry::from_value(entry), cluster::name_of(obligation),
                            cancel);
    }
    const std::string ns = spec.get("pod", "namespace").string_or("");
    const std::string name = spec.get("pod", "name").string_or("");
    const std::string uid = spec.get("pod", "uid").string_or("");
    const auto is_there = [&] {
        try {
            return cluster::uid_of(world_.cluster.get({types::kPods, ns, name})) == uid;
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;
            return false;
        }
    };
    // With the pod its processes are gone, and with them what was quiesced in them.
    const std::string proof = "pod " + ns + "/" + name + " (uid " + uid + ") is gone";
    // What the prehook's command listed outlives its pod: the next pod of that name would not start.
    const Value& hook_entry = spec.get("details", "hookEntry");
    const auto gone = [&] {
        if (hook_entry.is_map()) take_off(world_.cluster, ListedEntry::from_value(hook_entry), cancel);
        return proof;
    };
    if (!is_there()) return gone();
    for (const Value& command : spec["undoCommands"].list_or_empty()) {
        cluster::ExecOptions options;
        options.container = spec["container"].string_or("");
        options.pod_uid = uid;
        options.deadline = world_.clock.steady_now() + kUndoLimit;
        for (const Value& word : command.list_or_empty()) options.command.push_back(word.string_or(""));
        std::string output;
        options.on_stdout = options.on_stderr = [&](std::string_view bytes) {
            output += bytes;
            if (output.size() > kKeptOutput) output.erase(0, output.size() - kKeptOutput);
        };
        int code = 0;
        try {
            code = world_.cluster.exec(ns, name, options, cancel).exit_code;
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound && !is_there()) return gone();
            throw;
        }
        if (code == 0) continue;
        const std::string failure = "the undo command ended with exit code " + std::to_string(code) +
                                    " in pod " + ns + "/" + name + ": " + output;
        if (!hook_entry.is_map() || obligation.get("status", "attempts").int_or(0) < kAttemptsOfHooks)
            throw Error(ErrorKind::kInternal, failure);
        // The operator starts the instance again once it is not listed.
        const auto entry = ListedEntry::from_value(hook_entry);
        take_off(world_.cluster, entry, cancel);
        world_.log.error("the published hook does not lift the fence: its entry was taken off instead",
                         {{"obligation", cluster::name_of(obligation)},
                          {"object", to_string(entry.object)},
                          {"annotation", entry.annotation},
                          {"entry", entry.entry},
                          {"error", failure}});
        return {};
    }
    return {};
}

// One at a time; its name tells the attempt, so that a daemon that comes back does not start it twice.
bool ObligationKeeper::start_undo_action(const Value& obligation) {
    const std::string id = cluster::name_of(obligation);
    Value action_set;
    action_set["metadata"]["name"] = "undo-" + id.substr(id.find('-') + 1) + "-" +
                                     std::to_string(obligation.get("status", "attempts").int_or(0));
    action_set["metadata"]["namespace"] = obligation.get("spec", "actionSet", "namespace");
    action_set["metadata"]["annotations"][kUndoes] = id;
    action_set["spec"]["actions"].push_back(obligation.get("spec", "undoAction"));
    try {
        world_.cluster.create(types::kActionSets, action_set, {.field_manager = "fencepost"});
        return true;
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kAlreadyExists) throw;
    }
    // A daemon that died between the action's end and the note of it.
    const Value found = world_.cluster.get(
        {types::kActionSets, cluster::namespace_of(action_set), cluster::name_of(action_set)});
    if (is_terminal(found)) {
        undo_action_ended(id, found.get("status", "state").string_or("") == state::kComplete,
                          found.get("status", "error", "message").string_or(""));
    }
    return false;
}

std::string ObligationKeeper::posthook_ended(const Incurrer& who, std::optional<SystemTime> began) {
    Objects found = world_.cluster.list(types::kObligations, {.ns = world_.controller_namespace}).items;
    std::erase_if(found, [&](const Value& object) {
        return !is_same_subject(object.get("spec", "subject"), who.subject);
    });
    for (const Value& object : found) {
        if (is_open(object) && object.get("spec", "undoAction", "name").string_or("") == who.action)
            mark(cluster::name_of(object), "Released", "posthook", stop_.token());
    }
    return began ? lost_before(std::move(found), who, *began) : "";
}

bool ObligationKeeper::may_owe(const std::string& uid) const {
    auto debtors = debtors_.lock();
    if (!debtors->uids) {
        std::set<std::string> found;
        for (const Value& object :
             world_.cluster.list(types::kObligations, {.ns = world_.controller_namespace}).items)
            found.insert(object.get("spec", "actionSet", "uid").string_or(""));
        debtors->uids = std::move(found);
    }
    return debtors->uids->contains(uid);
}

bool ObligationKeeper::has_open(const std::string& uid, const std::string& action) const {
    return may_owe(uid) && !open([&](const Value& object) {
                                const Value& spec = object["spec"];
                                return spec.get("actionSet", "uid").string_or("") == uid &&
                                       spec["action"].string_or("") == action;
                            }).empty();
}

void ObligationKeeper::undo_action_ended(const std::string& id, bool is_complete, const std::string& error) {
    try {
        if (is_complete)
            mark(id, "Released", "posthook", stop_.token());
        else
            note_failure(id, error);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
}

std::string ObligationKeeper::lost_fence(const std::string& uid, const std::string& action) const {
    if (!may_owe(uid)) return {};
    for (const Value& object :
         world_.cluster.list(types::kObligations, {.ns = world_.controller_namespace}).items) {
        const Value& spec = object["spec"];
        if (spec.get("actionSet", "uid").string_or("") != uid || spec["action"].string_or("") != action)
            continue;
        // Past its deadline it is being undone at this moment, if it is not yet.
        if (is_open(object) && time_left(object).count() <= 0)
            return spec["description"].string_or("") +
                   ", but its time limit passed before the action ended (deadline)";
        if (const std::string reason = why_lost(object); !reason.empty()) {
            return spec["description"].string_or("") + ", but that ended before the action did (" + reason +
                   ")";
        }
    }
    return {};
}

std::string ObligationKeeper::lost_before(Objects found, const Incurrer& posthook, SystemTime began) const {
    std::erase_if(found, [&](const Value& object) {
        const std::string prehook = object.get("spec", "action").string_or("");
        return !is_prehook(prehook) || posthook_of(prehook) != posthook.action;
    });
    const auto created = [](const Value& object) { return object.get("status", "createdAt").string_or(""); };
    const auto newest = std::max_element(
        found.begin(), found.end(), [&](const Value& a, const Value& b) { return created(a) < created(b); });
    if (newest == found.end()) return {};
    const Value prehook = newest->get("spec", "actionSet");
    const auto action_set = find_action_set(prehook);
    // One that failed has said so itself; of one that was deleted since it ended nobody knows.
    if (action_set && !has_worked(*action_set)) return {};
    std::string lost;
    for (const Value& object : found) {
        const std::string told = object.get("status", "toldBy").string_or("");
        const std::string reason = why_lost(object);
        if (object.get("spec", "actionSet") != prehook || reason.empty() ||
            (!told.empty() && told != posthook.uid))
            continue;
        // What this posthook found gone was gone before; what the daemon undid since then, it was to undo.
        if (object.get("status", "state").string_or("") == "Released" &&
            parse_rfc3339(object.get("status", "releasedAt").string_or("")) >= began)
            continue;
        update(world_.cluster, key_of(world_, cluster::name_of(object)),
               [&](Value& now) {
                   now["status"]["toldBy"] = posthook.uid;
                   return true;
               },
               {});
        lost = object.get("spec", "description").string_or("") + ", but that ended before " +
               posthook.action + " (" + reason + "): what was copied meanwhile may not be of one moment";
    }
    return lost;
}

// What an obligation's actionSet refers to; nullopt where it is gone, or another has its name.
std::optional<Value> ObligationKeeper::find_action_set(const Value& reference) const {
    try {
        Value found = world_.cluster.get(
            {types::kActionSets, reference["namespace"].string_or(""), reference["name"].string_or("")});
        if (cluster::uid_of(found) != reference["uid"].string_or("")) return std::nullopt;
        return found;
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        return std::nullopt;
    }
}

List ObligationKeeper::list(bool with_discharged) const {
    List result;
    for (const Value& object :
         world_.cluster.list(types::kObligations, {.ns = world_.controller_namespace}).items) {
        if (!with_discharged && !is_open(object)) continue;
        const Value& spec = object["spec"];
        const Value& status = object["status"];
        Value item;
        item["id"] = cluster::name_of(object);
        for (const char* member : {"kind", "description", "deadline", "subject"}) item[member] = spec[member];
        if (spec["pod"].is_map()) item["pod"] = spec["pod"];
        item["action"] = spec.get("actionSet", "name");
        std::string state = status["state"].string_or("");
        if (!state.empty()) state[0] = static_cast<char>(state[0] + ('a' - 'A'));
        item["state"] = state;
        for (const char* member : {"reason", "attempts", "lastError", "createdAt", "releasedAt"}) {
            if (!status[member].is_nil()) item[member] = status[member];
        }
        result.push_back(std::move(item));
    }
    std::sort(result.begin(), result.end(), [](const Value& a, const Value& b) {
        return a["createdAt"].string_or("") > b["createdAt"].string_or("");
    });
    return result;
}

// --- the keeper's thread: it logs what fails and goes on

// False: stop.
bool ObligationKeeper::wait_for_news(std::chrono::nanoseconds limit) {
    auto debtors = debtors_.lock();
    (void)debtors.wait_until(std::chrono::steady_clock::now() + limit,
                             [&] { return debtors->has_new || stop_.token().is_cancelled(); });
    debtors->has_new = false;
    return !stop_.token().is_cancelled();
}

void ObligationKeeper::run() {
    SystemTime forget_at = world_.clock.now();
    std::chrono::nanoseconds pause = kLookEvery;
    const CancelCallback wake = stop_.token().on_cancel([this] { debtors_.lock().notify_all(); });
    while (wait_for_news(pause)) {
        pause = kLookEvery;
        try {
            pause = look_after();
            if (world_.clock.now() >= forget_at) {
                forget_old();
                forget_at = world_.clock.now() + std::chrono::minutes(10);
            }
        } catch (const Cancelled&) {
            return;
        } catch (const Error& e) {
            world_.log.error("an obligation could not be released, trying again", {{"error", e.what()}});
        }
    }
}

bool ObligationKeeper::is_abandoned(const Value& obligation) const {
    const auto action_set = find_action_set(obligation.get("spec", "actionSet"));
    if (!action_set) return true;
    if (!is_terminal(*action_set)) return false;
    // A prehook that worked leaves its fence to the posthook, until the deadline.
    return !(has_worked(*action_set) && is_prehook(obligation.get("spec", "action").string_or("")));
}

std::chrono::nanoseconds ObligationKeeper::look_after() {
    const Objects obligations = open([](const Value&) { return true; });
    std::chrono::nanoseconds next_look = obligations.empty() ? kLookWhenIdle : kLookEvery;
    const SystemTime now = world_.clock.now();
    std::optional<Error> failure;
    for (const Value& obligation : obligations) {
        try {
            const std::string next = obligation.get("status", "nextAttemptAt").string_or("");
            if (!next.empty() && parse_rfc3339(next) > now) continue;
            const std::chrono::nanoseconds left = time_left(obligation);
            const bool is_late = left.count() <= 0;
            if (!is_late && !is_abandoned(obligation)) {
                // Looked at again in hand: a guard that is posted when all is undone would undo a later
                // fence.
                const InHand in_hand(*this, cluster::name_of(obligation), stop_.token());
                const Value now_open = world_.cluster.get(key_of(world_, cluster::name_of(obligation)));
                if (is_open(now_open)) keep_guard(now_open);
                next_look = std::min(next_look, left);
                continue;
            }
            if (!release_one(cluster::name_of(obligation), is_late ? "deadline" : "restart", stop_.token()))
                continue;
            world_.log.warning("an obligation was released by its keeper",
                               {{"obligation", cluster::name_of(obligation)},
                                {"why", is_late ? "its deadline has passed" : "its action no longer runs"}});
        } catch (const Error& e) {
            failure = e;
        }
    }
    if (failure) throw Error(*failure);
    return next_look;
}

void ObligationKeeper::forget_old() {
    debtors_.lock()->uids.reset();
    const SystemTime limit = world_.clock.now() - kKeepDischarged;
    for (const Value& object :
         world_.cluster.list(types::kObligations, {.ns = world_.controller_namespace}).items) {
        const std::string ended = object.get("status", "releasedAt").string_or("");
        if (is_open(object) || ended.empty() || parse_rfc3339(ended) > limit) continue;
        world_.cluster.remove(key_of(world_, cluster::name_of(object)));
    }
}

}  // namespace fencepost::run
