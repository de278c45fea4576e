#include "protect/backup_run.h"

#include <algorithm>
#include <map>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/requester.h"
#include "protect/fenced_instance.h"
#include "protect/manifest.h"
#include "protect/plan.h"
#include "protect/restore_point.h"
#include "protect/retirement.h"
#include "protect/share.h"
#include "value/json.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

bool has_action(const Value& resource, std::string_view action) {
    const List& actions = resource["actions"].list_or_empty();
    return std::find(actions.begin(), actions.end(), Value(action)) != actions.end();
}

// As the step of a resource is called, and its ActionSet's name is derived from.
std::string step_of(std::string_view action, const Value& resource) {
    return std::string(action) + " of " + label_of(resource);
}

double seconds_between(const Value& from, const Value& until) {
    if (!from.is_string() || !until.is_string()) return 0;
    const std::chrono::duration<double> took =
        parse_rfc3339(until.as_string()) - parse_rfc3339(from.as_string());
    return took.count();
}

const Value& step_in(const Value& status, const std::string& name) {
    static const Value none;
    for (const Value& step : status["steps"].list_or_empty()) {
        if (step["name"] == Value(name)) return step;
    }
    return none;
}

// The parts of the time that a resource was fenced.
Value window_of(const Value& status, const Value& resource) {
    const Value& before = step_in(status, step_of("backupPrehook", resource));
    const Value& copy = step_in(status, step_of("snapshots", resource));
    const Value& after = step_in(status, step_of("backupPosthook", resource));
    Value window;
    window["resource"] = label_of(resource);
    window["prehookSeconds"] = seconds_between(before["startTime"], before["endTime"]);
    window["toSnapshotSeconds"] = seconds_between(before["endTime"], copy["startTime"]);
    window["snapshotSeconds"] = seconds_between(copy["startTime"], copy["endTime"]);
    window["toPosthookSeconds"] = seconds_between(copy["endTime"], after["startTime"]);
    window["posthookSeconds"] = seconds_between(after["startTime"], after["endTime"]);
    window["fencedSeconds"] = seconds_between(before["startTime"], after["endTime"]);
    return window;
}

List manifests_of(cluster::Cluster& cluster, const Plan& plan) {
    std::map<cluster::ResourceType, std::vector<std::string>> wanted;
    for (const cluster::ObjectKey& key : plan.objects) wanted[key.type].push_back(key.name);
    List manifests;
    for (const auto& [type, names] : wanted) {
        const auto described = cluster.find_type(type.group, type.version, type.resource);
        for (const Value& object : cluster.list(type, {.ns = plan.ns}).items) {
            if (described && std::binary_search(names.begin(), names.end(), cluster::name_of(object)))
                manifests.push_back(manifest_of(*described, object));
        }
    }
    return manifests;
}

}  // namespace

BackupRun::BackupRun(run::World& world, const Value& object, Tokens tokens, SnapshotLimits limits)
    : world_(world),
      tokens_(std::move(tokens)),
      limits_(limits),
      status_(world, types::kBackupActions, object),
      ns_(cluster::namespace_of(object)),
      hooks_(world, status_, tokens_),
      snapshots_(world, ns_, cluster::uid_of(object)) {}

void BackupRun::run() {
    std::string failure;
    bool is_cancelled = false;
    try {
        status_.begin(tokens_.shutdown);
        back_up();
    } catch (const Cancelled&) {
        tokens_.shutdown.throw_if_cancelled();
        is_cancelled = true;
        failure = "it was cancelled";
    } catch (const Error& e) {
        failure = text_of(e);
    }
    // A restore point that stands is not taken back.
    if (!failure.empty() && !status_.status()["restorePoint"].is_map()) {
        try {
            hooks_.on_failure();
        } catch (const Error& e) {
            status_.add_exception(e.what());
        }
        discard();
        return finish(is_cancelled ? state::kCancelled : state::kFailed, failure);
    }
    if (!failure.empty()) status_.add_exception(failure);
    finish(state::kComplete, "");
}

void BackupRun::back_up() {
    hooks_.before();
    tokens_.cancel.throw_if_cancelled();
    if (!status_.record()["plan"].is_map()) discover();
    const Value plan = status_.record()["plan"];
    const List& resources = plan["resources"].list_or_empty();
    status_.expect_parts(1 + resources.size());
    status_.end_part();  // the discovery
    for (const Value& resource : resources) {
        try {
            protect(resource);
        } catch (const Error& e) {
            if (!status_.spec()["ignoreExceptions"].bool_or(false)) throw;
            status_.add_exception(label_of(resource) + ": " + e.what());
            kept(resource)["failed"] = true;
            snapshots_.remove(copies_of(resource["claims"]));
        }
        status_.end_part();
        tokens_.cancel.throw_if_cancelled();
    }
    copy_volumes(plan["claims"], "snapshots of other volumes", "");
    if (hooks_.are_a_fence()) hooks_.on_success();
    settle_volumes();
    // Last of all that may fail: where the posthook of a whole application fails, its copies may not be of
    // one moment.
    if (!hooks_.are_a_fence()) hooks_.on_success();
    make_restore_point();
}

void BackupRun::discover() {
    status_.begin_step("discovery");
    status_.flush(tokens_.shutdown);
    model::Problems problems;
    const ResourceFilter filter = ResourceFilter::read(status_.spec()["filters"], "/spec/filters", problems);
    problems.throw_errors("the BackupAction");
    const Plan plan = make_plan(world_.cluster, world_.controller_namespace, ns_, filter);
    for (const std::string& warning : plan.warnings) status_.add_exception(warning);
    Value shown = plan.to_value();
    shown.erase("objects");  // they are counted: there may be thousands
    status_.change()["plan"] = shown;
    status_.change()["objects"] = static_cast<std::int64_t>(plan.objects.size());
    Value& record = status_.change_record();
    record["manifests"] = store_manifests(world_, content_name(), manifests_of(world_.cluster, plan));
    for (const Value& resource : std::as_const(shown)["resources"].list_or_empty()) {
        const std::string name = resource["blueprint"].as_string();
        const Value blueprint = world_.cluster.get({types::kBlueprints, world_.controller_namespace, name});
        record["blueprints"][name]["actions"] = blueprint["actions"];
        record["blueprints"][name]["digest"] = model::Blueprint::from(blueprint).digest;
    }
    record["plan"] = std::move(shown);
    status_.end_step("discovery", "complete");
    status_.flush(tokens_.shutdown);
}

// Namespaces may have actions of the same name.
std::string BackupRun::content_name() const {
    return ns_ + "-" + status_.key().name + "-" + status_.uid().substr(0, 8);
}

Value& BackupRun::kept(const Value& resource) { return status_.change_record()["kept"][label_of(resource)]; }

std::vector<VolumeCopy> BackupRun::copies_of(const Value& claims) const {
    std::vector<VolumeCopy> copies;
    for (const Value& claim : claims.list_or_empty())
        copies.push_back({claim.as_string(), child_name(status_, "volume/" + claim.as_string())});
    return copies;
}

Deadline BackupRun::in(std::chrono::seconds time) const { return world_.clock.steady_now() + time; }

void BackupRun::protect(const Value& resource) {
    ChildEnd prehook;
    if (has_action(resource, "backupPrehook")) prehook = call(resource, "backupPrehook");
    // An earlier daemon had come as far as the posthook: the copies are of the time before it.
    if (is_started(world_, child_name(status_, step_of("backupPosthook", resource)))) prehook.uid.clear();
    std::string failure;
    bool is_cancelled = false;
    try {
        if (has_action(resource, "backup"))
            dump(resource);
        else
            copy_volumes(keep_fenced(status_, resource, prehook.phases), step_of("snapshots", resource),
                         prehook.uid);
    } catch (const Error& e) {
        if (!has_action(resource, "backupPosthook")) throw;
        failure = e.what();
    } catch (const Cancelled&) {
        tokens_.shutdown.throw_if_cancelled();
        is_cancelled = true;
    }
    if (has_action(resource, "backupPosthook")) {
        try {
            (void)call(resource, "backupPosthook");
        } catch (const Error& e) {
            failure = failure.empty() ? e.what() : failure + "; then " + e.what();
        }
        note_window(resource);
    }
    if (is_cancelled) throw Cancelled(CancelReason::kUser);
    if (!failure.empty()) throw Error(ErrorKind::kFailedPrecondition, failure);
}

// One database may be described by several objects. It is dumped for the first of them, and the artifacts are
// the others' too.
void BackupRun::dump(const Value& resource) {
    const Value& blueprints = status_.record()["blueprints"];
    const std::string share =
        share_of(world_.cluster, resource, blueprints[resource["blueprint"].as_string()]);
    const std::string first = status_.record().get("shares", share).string_or("");
    if (first.empty() || first == label_of(resource)) {
        (void)call(resource, "backup");
        if (!share.empty()) status_.change_record()["shares"][share] = label_of(resource);
        return;
    }
    const std::string step = step_of("backup", resource);
    status_.begin_step(step);
    kept(resource)["artifacts"] = status_.record().get("kept", first, "artifacts");
    status_.end_step(step, "complete", "it is the same as " + first);
}

void BackupRun::note_window(const Value& resource) {
    const Value window = window_of(status_.status(), resource);
    for (Value& there : status_.change()["window"].writable_list()) {
        if (std::as_const(there)["resource"] == window["resource"]) {
            there = window;
            return;
        }
    }
    status_.change()["window"].push_back(window);
}

// In the time between two hooks nothing is written but what has to be: the status follows once the next step
// is under way.
void BackupRun::copy_volumes(const Value& claims, const std::string& what, const std::string& holder) {
    const std::vector<VolumeCopy> copies = copies_of(claims);
    if (copies.empty()) return;
    if (!holder.empty() && !still_holds(world_, holder)) {
        throw Error(ErrorKind::kFailedPrecondition,
                    what + ": what the prehook had quiesced was undone before the volumes could be copied",
                    "see: fencepost obligations --all");
    }
    status_.begin_step(what);
    try {
        snapshots_.take(copies);
        status_.flush(tokens_.shutdown);
        snapshots_.wait_for_point_in_time(copies, in(limits_.point_in_time), tokens_.cancel);
    } catch (const Error& e) {
        status_.end_step(what, "failed", e.what());
        throw;
    }
    status_.end_step(what, "complete");
}

ChildEnd BackupRun::call(const Value& resource, const std::string& action) {
    const std::string step = step_of(action, resource);
    const ChildAction child{.name = child_name(status_, step),
                            .parent = status_.uid(),
                            .action = action,
                            .blueprint = resource["blueprint"].as_string(),
                            .object = reference_to(resource),
                            .profile = status_.spec()["profile"],
                            .artifacts = {}};
    // A posthook undoes: the user's wish to cancel is no reason to leave a fence.
    const bool undoes = action == "backupPosthook";
    const Tokens tokens = undoes ? Tokens{tokens_.shutdown, tokens_.shutdown} : tokens_;
    const ChildEnd end = run_step(world_, status_, step, child, tokens);
    if (!end.is_complete) {
        tokens.cancel.throw_if_cancelled();
        throw Error(ErrorKind::kFailedPrecondition, step + " failed: " + end.error);
    }
    keep_end(resource, action, end);
    return end;
}

// What the restore point tells of it: what the actions left as artifacts, and what their phases printed as
// outputs, which is the evidence of the state that the database was in.
void BackupRun::keep_end(const Value& resource, const std::string& action, const ChildEnd& end) {
    Value& all = kept(resource);
    for (const Member& artifact : end.artifacts.map_or_empty())
        all["artifacts"][artifact.key] = artifact.value;
    const List& there = std::as_const(all)["evidence"].list_or_empty();
    for (const Value& phase : end.phases.list_or_empty()) {
        Value evidence;
        evidence["action"] = action;
        evidence["phase"] = phase["name"];
        evidence["output"] = phase["output"];
        if (std::find(there.begin(), there.end(), evidence) == there.end())
            all["evidence"].push_back(evidence);
    }
}

void BackupRun::settle_volumes() {
    const Value record = status_.record();
    const Value& plan = record["plan"];
    std::vector<VolumeCopy> copies = copies_of(plan["claims"]);
    for (const Value& resource : plan["resources"].list_or_empty()) {
        const bool has_failed = record.get("kept", label_of(resource), "failed").bool_or(false);
        if (has_failed || has_action(resource, "backup")) continue;
        const std::vector<VolumeCopy> of_resource = copies_of(resource["claims"]);
        copies.insert(copies.end(), of_resource.begin(), of_resource.end());
    }
    if (copies.empty()) return;
    status_.begin_step("copies ready to use");
    status_.flush(tokens_.shutdown);
    snapshots_.wait_until_ready(copies, in(limits_.ready), tokens_.cancel);
    List volumes;
    for (const VolumeCopy& copy : copies) volumes.push_back(snapshots_.keep(copy));
    status_.change_record()["volumes"] = std::move(volumes);
    status_.end_step("copies ready to use", "complete");
}

// Kasten's labels of the action, by which its clients find what belongs together.
Value BackupRun::labels() const {
    Value labels;
    for (const Member& label : status_.object().get("metadata", "labels").map_or_empty()) {
        if (label.key.starts_with("k10.kasten.io/")) labels[label.key] = label.value;
    }
    labels["k10.kasten.io/appName"] = ns_;
    labels["k10.kasten.io/appNamespace"] = ns_;
    return labels;
}

void BackupRun::make_restore_point() {
    const std::string name = status_.key().name;
    const std::string content = content_name();
    const Value& record = status_.record();
    Value spec;
    spec["application"]["name"] = ns_;
    spec["application"]["namespace"] = ns_;
    spec["actionTime"] = status_.status()["startTime"];
    for (const char* member : {"scheduledTime", "expiresAt"}) {
        if (status_.spec()[member].is_string()) spec[member] = status_.spec()[member];
    }
    spec["backupAction"]["name"] = name;
    spec["backupAction"]["namespace"] = ns_;
    spec["backupAction"]["uid"] = status_.uid();
    if (const std::string who = cluster::requester_of(status_.object()); !who.empty())
        spec["backupAction"]["requestedBy"] = who;
    spec["objects"] = status_.status()["objects"];
    spec["manifests"] = record["manifests"];
    spec["volumes"] = record["volumes"].is_list() ? record["volumes"] : Value(List{});
    spec["blueprints"] = record["blueprints"].is_map() ? record["blueprints"] : Value(Map{});
    spec["warnings"] = record.get("plan", "warnings");
    spec["skipped"] = List{};
    for (const Value& one : record.get("plan", "skipped").list_or_empty()) {
        if (one["resource"] == Value("persistentvolumeclaims")) spec["skipped"].push_back(one);
    }
    spec["resources"] = List{};
    for (Value resource : record.get("plan", "resources").list_or_empty()) {
        const Value& left = record.get("kept", label_of(resource));
        for (const char* member : {"artifacts", "evidence", "failed"}) {
            if (!left[member].is_nil()) resource[member] = left[member];
        }
        spec["resources"].push_back(std::move(resource));
    }
    if (status_.spec()["profile"].is_map()) spec["profile"] = status_.spec()["profile"];
    create_content(world_, content, labels(), std::move(spec));
    status_.change()["restorePoint"]["name"] = name;
    status_.change()["restorePoint"]["namespace"] = ns_;
    create_restore_point(world_, ns_, name, content);
}

// Nothing half-made stays: copies, manifests, and what `backup` has pushed.
void BackupRun::discard() {
    const Value& record = status_.record();
    for (const Value& resource : record.get("plan", "resources").list_or_empty()) {
        const std::string name = resource["blueprint"].string_or("");
        const Value& artifacts = record.get("kept", label_of(resource), "artifacts");
        if (!artifacts.is_map() || !record.get("blueprints", name, "actions", "delete").is_map()) continue;
        const std::string step = step_of("delete", resource);
        const ChildEnd end = run_child(world_,
                                       deletion(world_, child_name(status_, step), status_.uid(), name,
                                                status_.spec()["profile"], artifacts),
                                       {tokens_.shutdown, tokens_.shutdown});
        if (!end.is_complete) status_.add_exception(step + " failed: " + end.error);
    }
    snapshots_.remove_all();
    remove_manifests(world_, content_name());
}

void BackupRun::finish(const char* state, const std::string& message) {
    status_.change_record() = Value();
    status_.end(state, message, tokens_.shutdown);
}

}  // namespace fencepost::protect
