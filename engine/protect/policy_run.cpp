#include "protect/policy_run.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "cluster/idempotent.h"
#include "cluster/requester.h"
#include "policy/retention.h"
#include "protect/applications.h"
#include "protect/child_action.h"
#include "protect/export_run.h"
#include "protect/own_action.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;

std::string step_of(const std::string& application) { return "backup of " + application; }
std::string step_of_export(const std::string& application, const model::PolicyAction& action) {
    return "export of " + application + " to " + action.parameters.get("profile", "name").string_or("");
}

std::string step_of_verification(const std::string& application, const model::PolicyAction& action) {
    return "verification of " +
           (action.action == "export" ? "the " + step_of_export(application, action) : application);
}
std::string verification_name(const std::string& restore_point) { return restore_point + "-verify"; }

bool is_export(const model::PolicyAction& action) { return action.action == "export"; }

// What this policy has made of the application, here or, of an export, at that profile.
List contents_of(run::World& world, const model::Policy& policy, const std::string& application,
                 const model::PolicyAction* exports) {
    const std::string ours =
        std::string(labels::kPolicy) + "=" + label_value(policy.name) + "," + labels::kPolicyNamespace + "=" +
        policy.ns + ",k10.kasten.io/appNamespace=" + application + "," +
        (exports == nullptr ? "!" + std::string(kExportProfile)
                            : std::string(kExportProfile) + "=" +
                                  label_value(exports->parameters.get("profile", "name").string_or("")));
    List contents = world.cluster.list(types::kRestorePointContents, {.label_selector = ours}).items;
    std::erase_if(contents, [](const Value& content) {
        return !content.get("metadata", "deletionTimestamp").is_nil() ||
               content.get("spec", "import").is_map();
    });
    return contents;
}

SystemTime time_of(const Value& content) {
    const Value& spec = content["spec"];
    return parse_rfc3339(spec["scheduledTime"].string_or(spec["actionTime"].string_or("")));
}

// Exports that are rarer than backups: the first run of each period is exported, or, where that failed, the
// next one.
bool is_due(run::World& world, const model::Policy& policy, const model::PolicyAction& action,
            const std::string& application, const Value& scheduled) {
    if (!action.frequency || !scheduled.is_string()) return true;
    const policy::Calendar calendar(policy);
    const auto period = calendar.period(*action.frequency, parse_rfc3339(scheduled.as_string()));
    const List there = contents_of(world, policy, application, &action);
    return std::none_of(there.begin(), there.end(), [&](const Value& content) {
        const bool is_manual = content.get("metadata", "labels", labels::kIsManual) == Value("true");
        return !is_manual && content.get("spec", "scheduledTime") != scheduled &&
               calendar.period(*action.frequency, time_of(content)) == period;
    });
}

}  // namespace

PolicyRun::PolicyRun(run::World& world, const Value& object, Tokens tokens)
    : world_(world), tokens_(std::move(tokens)), status_(world, types::kRunActions, object) {}

void PolicyRun::run() {
    std::vector<std::string> failed, not_exported, not_verified;
    std::string failure;
    bool is_cancelled = false;
    try {
        status_.begin(tokens_.shutdown);
        freeze();
        std::vector<std::string> applications;
        for (const Value& name : status_.record()["applications"].list_or_empty())
            applications.push_back(name.as_string());
        for (const std::string& application : applications) back_up(application);
        for (const std::string& application : applications) {
            const std::string error = end_of_backup(application);
            if (error.empty()) {
                start_exports(application);
                continue;
            }
            failed.push_back(application);
            status_.add_exception(application + ": " + error);
        }
        for (const std::string& application : applications) {
            if (std::find(failed.begin(), failed.end(), application) != failed.end()) continue;
            const std::string error = end_of_exports(application);
            if (error.empty()) continue;
            not_exported.push_back(application);
            status_.add_exception(application + ": " + error);
        }
        for (const std::string& application : applications) {
            const std::string error = end_of_verifications(application);
            if (error.empty()) continue;
            not_verified.push_back(application);
            status_.add_exception(application + ": " + error);
        }
    } catch (const Cancelled&) {
        tokens_.shutdown.throw_if_cancelled();
        is_cancelled = true;
        failure = "it was cancelled";
    } catch (const Error& e) {
        failure = text_of(e);
    }
    if (failure.empty() && !failed.empty()) failure = "the backup failed of " + joined(failed, ", ");
    if (failure.empty() && !not_exported.empty())
        failure = "the export failed of " + joined(not_exported, ", ");
    if (failure.empty() && !not_verified.empty())
        failure = "the verification failed of " + joined(not_verified, ", ");
    status_.change_record() = Value();
    status_.end(failure.empty() ? state::kComplete
                : is_cancelled  ? state::kCancelled
                                : state::kFailed,
                failure, tokens_.shutdown);
}

void PolicyRun::freeze() {
    if (status_.record()["policy"].is_map()) return;
    const Value& subject = status_.spec()["subject"];
    const Value object = world_.cluster.get(
        {types::kPolicies, subject["namespace"].string_or(status_.key().ns), subject["name"].string_or("")});
    const model::Policy policy = model::Policy::from(object);
    for (const model::PolicyAction& action : policy.actions) {
        if (action.action != "backup" && !is_export(action)) {
            throw Error(ErrorKind::kUnsupported,
                        "the policy's action '" + action.action + "' is not known here yet", "leave it out");
        }
    }
    status_.change_record()["policy"] = object;
    status_.change_record()["applications"] = List{};
    const std::vector<std::string> applications = applications_of(world_.cluster, policy.selector);
    if (applications.empty())
        throw Error(ErrorKind::kFailedPrecondition, "the policy selects no application");
    for (const std::string& name : applications) status_.change_record()["applications"].push_back(name);
    status_.change()["policySpec"] = object["spec"];
    status_.flush(tokens_.shutdown);
}

void PolicyRun::back_up(const std::string& application) {
    const model::Policy policy = model::Policy::from(status_.record()["policy"]);
    if (status_.spec()["scheduledTime"].is_string()) {
        const SystemTime start = policy::Calendar(policy).start_of(
            parse_rfc3339(status_.spec()["scheduledTime"].as_string()), application);
        if (const auto left = start - world_.clock.now(); left.count() > 0)
            world_.clock.sleep(left, tokens_.cancel);
    }
    tokens_.cancel.throw_if_cancelled();
    for (const model::PolicyAction& action : policy.actions) {
        if (!is_export(action)) start_backup(application, action.parameters);
    }
    status_.begin_step(step_of(application));
    status_.flush(tokens_.shutdown);
}

model::Policy PolicyRun::policy() const { return model::Policy::from(status_.record()["policy"]); }

// An action of this run in the application's namespace, without its subject.
Value PolicyRun::child(const std::string& application, const std::string& name) const {
    const Value& policy = status_.record()["policy"];
    Value action;
    action["metadata"]["name"] = name;
    action["metadata"]["namespace"] = application;
    Value& labels = action["metadata"]["labels"];
    labels["k10.kasten.io/appName"] = application;
    labels["k10.kasten.io/appNamespace"] = application;
    labels[labels::kPolicy] = label_value(cluster::name_of(policy));
    labels[labels::kPolicyNamespace] = policy.get("metadata", "namespace");
    labels[labels::kRun] = label_value(status_.key().name);
    if (!status_.spec()["scheduledTime"].is_string()) labels[labels::kIsManual] = "true";
    cluster::set_requester(action, cluster::requester_of(status_.object()));
    for (const char* member : {"scheduledTime", "expiresAt"}) {
        if (status_.spec()[member].is_string()) action["spec"][member] = status_.spec()[member];
    }
    return action;
}

// Unless an earlier daemon has started it.
void PolicyRun::start_backup(const std::string& application, const Value& parameters) {
    Value action = child(application, status_.key().name);
    Value& spec = action["spec"];
    spec["subject"]["name"] = application;
    spec["subject"]["namespace"] = application;
    for (const char* member : {"filters", "profile", "ignoreExceptions", "hooks"}) {
        if (!parameters[member].is_nil()) spec[member] = parameters[member];
    }
    cluster::create_unless_there(world_.cluster, types::kBackupActions, action,
                                 {.field_manager = "fencepost"});
}

// "" where it is complete. The retention of an application follows its backup: a run that made nothing new
// retires nothing, and one that made nothing good neither.
std::string PolicyRun::end_of_backup(const std::string& application) {
    std::string error =
        end_of({types::kBackupActions, application, status_.key().name}, step_of(application));
    if (!error.empty()) return error;
    const model::Policy policy = this->policy();
    bool is_verified = false;
    for (const model::PolicyAction& action : policy.actions) {
        if (is_export(action) || !action.verification) continue;
        is_verified = true;
        start_verification(application, action, status_.key().name);
    }
    if (!is_verified) apply_retention(world_, policy, application);
    return {};
}

void PolicyRun::start_verification(const std::string& application, const model::PolicyAction& action,
                                   const std::string& restore_point) {
    Value made = child(application, verification_name(restore_point));
    for (const char* member : {"scheduledTime", "expiresAt"}) made["spec"].erase(member);
    made["spec"]["subject"] =
        Map{{"kind", "RestorePoint"}, {"name", restore_point}, {"namespace", application}};
    const Value& block = action.parameters["verification"];
    made["spec"]["restore"] = block.is_map() ? block : Value(Map{});
    cluster::create_unless_there(world_.cluster, types::kValidateActions, made,
                                 {.field_manager = "fencepost"});
    status_.begin_step(step_of_verification(application, action));
    status_.flush(tokens_.shutdown);
}

// Of the restore point that the backup of this run has made, which has its name.
void PolicyRun::start_exports(const std::string& application) {
    const model::Policy policy = this->policy();
    for (std::size_t i = 0; i < policy.actions.size(); ++i) {
        const model::PolicyAction& action = policy.actions[i];
        if (!is_export(action)) continue;
        const std::string step = step_of_export(application, action);
        if (!is_due(world_, policy, action, application, status_.spec()["scheduledTime"])) {
            status_.end_step(step, "skipped", "there is one of this period already");
            continue;
        }
        Value made = child(application, export_name(i));
        made["spec"]["subject"] =
            Map{{"kind", "RestorePoint"}, {"name", status_.key().name}, {"namespace", application}};
        for (const char* member : {"profile", "hooks"}) {
            if (!action.parameters[member].is_nil()) made["spec"][member] = action.parameters[member];
        }
        cluster::create_unless_there(world_.cluster, types::kExportActions, made,
                                     {.field_manager = "fencepost"});
        status_.begin_step(step);
    }
    status_.flush(tokens_.shutdown);
}

std::string PolicyRun::export_name(std::size_t action) const {
    return status_.key().name + "-export-" + std::to_string(action);
}

std::string PolicyRun::end_of_exports(const std::string& application) {
    const model::Policy policy = this->policy();
    std::vector<std::string> errors;
    for (std::size_t i = 0; i < policy.actions.size(); ++i) {
        const model::PolicyAction& action = policy.actions[i];
        const std::string step = step_of_export(application, action);
        if (!is_export(action) || !has_begun(step)) continue;
        const std::string error = end_of({types::kExportActions, application, export_name(i)}, step);
        if (!error.empty())
            errors.push_back(step + ": " + error);
        else if (action.verification)
            start_verification(application, action, export_name(i));
        else
            apply_retention(world_, policy, application, &action);
    }
    return joined(errors, "; ");
}

std::string PolicyRun::end_of_verifications(const std::string& application) {
    const model::Policy policy = this->policy();
    std::vector<std::string> errors;
    for (std::size_t i = 0; i < policy.actions.size(); ++i) {
        const model::PolicyAction& action = policy.actions[i];
        const std::string step = step_of_verification(application, action);
        if (!has_begun(step)) continue;
        const std::string point = is_export(action) ? export_name(i) : status_.key().name;
        const std::string error =
            end_of({types::kValidateActions, application, verification_name(point)}, step);
        if (error.empty())
            apply_retention(world_, policy, application, is_export(action) ? &action : nullptr);
        else
            errors.push_back(step + ": " + error);
    }
    return joined(errors, "; ");
}

bool PolicyRun::has_begun(const std::string& step) const {
    const List& steps = status_.status()["steps"].list_or_empty();
    return std::any_of(steps.begin(), steps.end(), [&](const Value& one) {
        return one["name"] == Value(step) && one["state"] != Value("skipped");
    });
}

std::string PolicyRun::end_of(const ObjectKey& key, const std::string& step) {
    Value action;
    try {
        action = end_of_action(world_, key, tokens_.cancel);
    } catch (const Cancelled&) {
        tokens_.shutdown.throw_if_cancelled();
        ask_to_cancel(world_, key);
        throw;
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        status_.end_step(step, "failed", "its action was deleted");
        return "its action was deleted";
    }
    const bool is_complete = action.get("status", "state") == Value(state::kComplete);
    const std::string error = action.get("status", "error", "message").string_or("it was cancelled");
    status_.end_step(step, is_complete ? "complete" : "failed", is_complete ? "" : error);
    status_.flush(tokens_.shutdown);
    return is_complete ? "" : error;
}

void apply_retention(run::World& world, const model::Policy& policy, const std::string& application,
                     const model::PolicyAction* exports) {
    List contents = contents_of(world, policy, application, exports);
    std::sort(contents.begin(), contents.end(),
              [&](const Value& a, const Value& b) { return time_of(a) < time_of(b); });
    std::vector<policy::Point> points;
    for (const Value& content : contents) {
        const Value& marks = content.get("metadata", "labels");
        policy::Point point{.scheduled = time_of(content),
                            .is_manual = marks[labels::kIsManual] == Value("true"),
                            .is_kept_by_hand = marks[labels::kKeep] == Value("true"),
                            .expires_at = std::nullopt};
        if (content.get("spec", "expiresAt").is_string())
            point.expires_at = parse_rfc3339(content.get("spec", "expiresAt").as_string());
        points.push_back(point);
    }
    const auto& retention = exports != nullptr && exports->retention ? exports->retention : policy.retention;
    const auto verdicts = policy::judge(points, retention, policy::Calendar(policy), world.clock.now());
    for (std::size_t i = 0; i < contents.size(); ++i) {
        if (verdicts[i].stays) continue;
        try {
            (void)world.cluster.remove({types::kRestorePointContents, "", cluster::name_of(contents[i])},
                                       {.precondition_uid = cluster::uid_of(contents[i])});
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict) throw;
        }
    }
}

}  // namespace fencepost::protect
