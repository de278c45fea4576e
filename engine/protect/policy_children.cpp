#include "protect/policy_children.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/idempotent.h"
#include "cluster/requester.h"
#include "protect/child_action.h"
#include "protect/own_action.h"

namespace fencepost::protect {

namespace types = cluster::types;
using cluster::ObjectKey;

Value PolicyChildren::make(const std::string& ns, const std::string& name,
                           const std::string& application) const {
    const Value& policy = std::as_const(status_).record()["policy"];
    Value action;
    action["metadata"]["name"] = name;
    action["metadata"]["namespace"] = ns;
    Value& labels = action["metadata"]["labels"];
    labels["k10.kasten.io/appName"] = application;
    labels["k10.kasten.io/appNamespace"] = application;
    labels[labels::kPolicy] = label_value(cluster::name_of(policy));
    labels[labels::kPolicyNamespace] = policy.get("metadata", "namespace");
    labels[labels::kRun] = label_value(status_.key().name);
    if (!status_.spec()["scheduledTime"].is_string()) labels[labels::kIsManual] = "true";
    cluster::set_requester(action, cluster::requester_of(status_.object()));
    return action;
}

void PolicyChildren::add_times(Value& action) const {
    for (const char* member : {"scheduledTime", "expiresAt"}) {
        if (status_.spec()[member].is_string()) action["spec"][member] = status_.spec()[member];
    }
}

void PolicyChildren::start(const cluster::ResourceType& type, const Value& action, const std::string& step) {
    cluster::create_unless_there(world_.cluster, type, action, {.field_manager = "fencepost"});
    status_.begin_step(step);
}

std::string PolicyChildren::end_of(const ObjectKey& key, const std::string& step) {
    std::string error;
    try {
        const Value action = end_of_action(world_, key, tokens_.cancel);
        if (action.get("status", "state") != Value(state::kComplete))
            error = action.get("status", "error", "message").string_or("it was cancelled");
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        error = "its action was deleted";
    }
    status_.end_step(step, error.empty() ? "complete" : "failed", error);
    status_.end_part();
    status_.flush(tokens_.shutdown);
    return error;
}

bool PolicyChildren::has_begun(const std::string& step) const {
    const List& steps = status_.status()["steps"].list_or_empty();
    return std::any_of(steps.begin(), steps.end(), [&](const Value& one) {
        return one["name"] == Value(step) && one["state"] != Value("skipped");
    });
}

void PolicyChildren::cancel() {
    const Value& policy = std::as_const(status_).record()["policy"];
    const std::string ours = std::string(labels::kRun) + "=" + label_value(status_.key().name) + "," +
                             labels::kPolicyNamespace + "=" + cluster::namespace_of(policy);
    for (const cluster::ResourceType* type :
         {&types::kBackupActions, &types::kExportActions, &types::kValidateActions, &types::kImportActions,
          &types::kRestoreActions}) {
        for (const Value& action : world_.cluster.list(*type, {.label_selector = ours}).items) {
            if (!is_terminal(action))
                ask_to_cancel(world_, {*type, cluster::namespace_of(action), cluster::name_of(action)});
        }
    }
}

}  // namespace fencepost::protect
