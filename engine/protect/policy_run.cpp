#include "protect/policy_run.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "cluster/idempotent.h"
#include "policy/calendar.h"
#include "protect/applications.h"
#include "protect/child_action.h"
#include "protect/policy_import.h"
#include "protect/policy_retention.h"
#include "protect/presets.h"

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
    : world_(world),
      tokens_(std::move(tokens)),
      status_(world, types::kRunActions, object),
      children_(world, status_, tokens_) {}

void PolicyRun::run() {
    std::string failure;
    bool is_cancelled = false;
    try {
        status_.begin(tokens_.shutdown);
        freeze();
        failure = policy().find("import") != nullptr
                      ? PolicyImport(world_, status_, tokens_, children_, policy()).run()
                      : back_up_all();
    } catch (const Cancelled&) {
        tokens_.shutdown.throw_if_cancelled();
        children_.cancel();
        is_cancelled = true;
        failure = "it was cancelled";
    } catch (const Error& e) {
        failure = text_of(e);
    }
    status_.change_record() = Value();
    status_.end(failure.empty() ? state::kComplete
                : is_cancelled  ? state::kCancelled
                                : state::kFailed,
                failure, tokens_.shutdown);
}

std::string PolicyRun::back_up_all() {
    std::vector<std::string> applications, failed, not_exported, not_verified;
    for (const Value& name : status_.record()["applications"].list_or_empty())
        applications.push_back(name.as_string());
    std::size_t children = 0;  // of an application
    for (const model::PolicyAction& action : policy().actions) children += action.verification ? 2 : 1;
    status_.expect_parts(applications.size() * children);
    for (const std::string& application : applications) back_up(application);
    const auto has_failed = [&](const std::string& application, const std::string& error,
                                std::vector<std::string>& those) {
        if (error.empty()) return false;
        those.push_back(application);
        status_.add_exception(application + ": " + error);
        return true;
    };
    for (const std::string& application : applications) {
        if (!has_failed(application, end_of_backup(application), failed)) start_exports(application);
    }
    for (const std::string& application : applications) {
        if (std::find(failed.begin(), failed.end(), application) == failed.end())
            (void)has_failed(application, end_of_exports(application), not_exported);
    }
    for (const std::string& application : applications)
        (void)has_failed(application, end_of_verifications(application), not_verified);
    if (!failed.empty()) return "the backup failed of " + joined(failed, ", ");
    if (!not_exported.empty()) return "the export failed of " + joined(not_exported, ", ");
    if (!not_verified.empty()) return "the verification failed of " + joined(not_verified, ", ");
    return {};
}

void PolicyRun::freeze() {
    if (status_.record()["policy"].is_map()) return;
    const Value& subject = status_.spec()["subject"];
    const Value object = as_preset(
        world_, world_.cluster.get({types::kPolicies, subject["namespace"].string_or(status_.key().ns),
                                    subject["name"].string_or("")}));
    const model::Policy policy = model::Policy::from(object);
    status_.change_record()["policy"] = object;
    if (policy.find("import") == nullptr) {
        const std::vector<std::string> applications = applications_of(world_.cluster, policy.selector);
        if (applications.empty())
            throw Error(ErrorKind::kFailedPrecondition, "the policy selects no application");
        status_.change_record()["applications"] = List(applications.begin(), applications.end());
    }
    status_.change()["policySpec"] = object["spec"];
    status_.flush(tokens_.shutdown);
}

void PolicyRun::back_up(const std::string& application) {
    const model::Policy policy = this->policy();
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
    status_.flush(tokens_.shutdown);
}

model::Policy PolicyRun::policy() const { return model::Policy::from(status_.record()["policy"]); }

void PolicyRun::start_backup(const std::string& application, const Value& parameters) {
    Value action = children_.make(application, status_.key().name, application);
    children_.add_times(action);
    Value& spec = action["spec"];
    spec["subject"]["name"] = application;
    spec["subject"]["namespace"] = application;
    for (const char* member : {"filters", "profile", "ignoreExceptions", "hooks"}) {
        if (!parameters[member].is_nil()) spec[member] = parameters[member];
    }
    children_.start(types::kBackupActions, action, step_of(application));
}

// "" where it is complete. The retention of an application follows its backup: a run that made nothing new
// retires nothing, and one that made nothing good neither.
std::string PolicyRun::end_of_backup(const std::string& application) {
    std::string error =
        children_.end_of({types::kBackupActions, application, status_.key().name}, step_of(application));
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
    Value made = children_.make(application, verification_name(restore_point), application);
    made["spec"]["subject"] =
        Map{{"kind", "RestorePoint"}, {"name", restore_point}, {"namespace", application}};
    const Value& block = action.parameters["verification"];
    made["spec"]["restore"] = block.is_map() ? block : Value(Map{});
    children_.start(types::kValidateActions, made, step_of_verification(application, action));
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
            status_.end_part();
            continue;
        }
        Value made = children_.make(application, export_name(i), application);
        children_.add_times(made);
        made["spec"]["subject"] =
            Map{{"kind", "RestorePoint"}, {"name", status_.key().name}, {"namespace", application}};
        for (const char* member : {"profile", "hooks"}) {
            if (!action.parameters[member].is_nil()) made["spec"][member] = action.parameters[member];
        }
        children_.start(types::kExportActions, made, step);
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
        if (!is_export(action) || !children_.has_begun(step)) continue;
        const std::string error =
            children_.end_of({types::kExportActions, application, export_name(i)}, step);
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
        if (!children_.has_begun(step)) continue;
        const std::string point = is_export(action) ? export_name(i) : status_.key().name;
        const std::string error =
            children_.end_of({types::kValidateActions, application, verification_name(point)}, step);
        if (error.empty())
            apply_retention(world_, policy, application, is_export(action) ? &action : nullptr);
        else
            errors.push_back(step + ": " + error);
    }
    return joined(errors, "; ");
}

}  // namespace fencepost::protect
