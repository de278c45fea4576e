#include "protect/policy_import.h"

#include <algorithm>
#include <map>

#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "cluster/idempotent.h"
#include "protect/applications.h"
#include "protect/exports.h"
#include "protect/policy_retention.h"
#include "protect/readiness.h"
#include "protect/restore_point.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;

constexpr const char* kLook = "what is there";
constexpr const char* kTarget = "targetNamespace";
// By one run; the next one goes on. They are named in the run's record, which has limits.
constexpr std::size_t kMostImports = 200;

std::string application_of(const Value& spec) { return spec.get("application", "namespace").string_or(""); }
std::string step_of_import(const Value& wanted) { return "import of " + wanted["content"].string_or(""); }
std::string step_of_restore(const Value& chosen) {
    return "restore of " + chosen["application"].string_or("") + " from " + chosen["content"].string_or("");
}

// Is the content the restore point that an index of the location tells of?
bool is_here(run::World& world, const std::string& name) {
    const auto content = cluster::find_object(world.cluster, {types::kRestorePointContents, "", name});
    return content && content->get("spec", "export", "content") == Value(name);
}

bool is_newer(const Value& one, const Value& other) {
    return parse_rfc3339(one["actionTime"].string_or("")) > parse_rfc3339(other["actionTime"].string_or(""));
}

// Where the readiness report may not know what the restore does about it.
bool has_own_way(const Value& parameters) {
    return !parameters["transforms"].is_nil() || !parameters["filters"].is_nil() ||
           !parameters["profile"].is_nil();
}

std::string missing_in(const Value& readiness) {
    std::vector<std::string> missing;
    for (const Value& check : readiness["checks"].list_or_empty()) {
        if (check["state"] != Value("Missing")) continue;
        missing.push_back(check["check"].string_or("") + " " + check["name"].string_or("") + ": " +
                          check["message"].string_or(""));
    }
    return joined(missing, "; ");
}

}  // namespace

PolicyImport::PolicyImport(run::World& world, ActionStatus& status, const Tokens& tokens,
                           PolicyChildren& children, model::Policy policy)
    : world_(world),
      status_(status),
      tokens_(tokens),
      children_(children),
      policy_(std::move(policy)),
      import_(*policy_.find("import")),
      restore_(policy_.find("restore")) {}

std::string PolicyImport::run() {
    look();
    import_all();
    if (restore_ != nullptr) restore_all();
    if (!not_imported_.empty()) return "the import failed of " + joined(not_imported_, ", ");
    if (!not_restored_.empty()) return "the restore failed of " + joined(not_restored_, ", ");
    return {};
}

void PolicyImport::fail(std::vector<std::string>& those, const std::string& application,
                        const std::string& error) {
    if (std::find(those.begin(), those.end(), application) == those.end()) those.push_back(application);
    status_.add_exception(application + ": " + error);
}

// What this run imports, written down before it begins.
void PolicyImport::look() {
    if (status_.record()["imports"].is_list()) return;
    status_.begin_step(kLook);
    status_.flush(tokens_.shutdown);
    Exports exports(world_, import_.parameters["profile"], tokens_.cancel);
    status_.change()["location"] = exports.place();
    std::map<std::string, List> there;  // by application
    for (Value& index : exports.indexes("")) {
        if (index["error"].is_string())
            status_.add_exception(index["name"].string_or("") + ": " + index["error"].as_string());
        else if (const std::string name = application_of(index); selects_name(policy_.selector, name))
            there[name].push_back(std::move(index));
    }
    List all;
    for (const auto& [application, indexes] : there) {
        for (Value& one : wanted(application, indexes)) all.push_back(std::move(one));
    }
    std::stable_sort(all.begin(), all.end(), is_newer);
    if (all.size() > kMostImports) {
        status_.add_exception("the newest " + std::to_string(kMostImports) + " of " +
                              std::to_string(all.size()) +
                              " new restore points are imported; the next run goes on");
        all.resize(kMostImports);
    }
    status_.change_record()["imports"] = all;
    status_.end_step(kLook, "complete", std::to_string(all.size()) + " to be imported");
    status_.flush(tokens_.shutdown);
}

// Of one application: what is there, and not here, and would stay.
List PolicyImport::wanted(const std::string& application, const List& there) const {
    List all = contents_of(world_, policy_, application, &import_);
    for (const Value& index : there) {
        if (is_here(world_, index["name"].string_or(""))) continue;
        Value
            spec;  // as a content would have it; when the exporting installation lets it go is another matter
        for (const char* member : {"name", "scheduledTime", "actionTime"}) spec[member] = index[member];
        all.push_back(Map{{"spec", spec}});
    }
    const std::vector<bool> stay = judge(all, policy_, &import_, world_.clock.now());
    List found;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Value& spec = all[i]["spec"];
        if (!spec["name"].is_string() || !stay[i]) continue;
        found.push_back(
            Map{{"content", spec["name"]}, {"application", application}, {"actionTime", spec["actionTime"]}});
    }
    return found;
}

// One after the other, as they would anyway: so a cancelled run leaves none behind.
void PolicyImport::import_all() {
    const List imports = status_.record()["imports"].as_list();
    // How many will be restored is known once all is imported.
    status_.expect_parts(imports.size() + (restore_ != nullptr ? 1 : 0));
    std::vector<std::string> applications;
    for (const Value& wanted : imports) {
        import(wanted);
        const std::string application = wanted["application"].as_string();
        if (std::find(applications.begin(), applications.end(), application) == applications.end())
            applications.push_back(application);
    }
    for (const std::string& application : applications) {
        if (std::find(not_imported_.begin(), not_imported_.end(), application) == not_imported_.end())
            apply_retention(world_, policy_, application, &import_);
    }
}

void PolicyImport::import(const Value& wanted) {
    tokens_.cancel.throw_if_cancelled();
    const std::string application = wanted["application"].as_string(),
                      content = wanted["content"].as_string();
    constexpr std::size_t kDigits = 10;
    Value action =
        children_.make(status_.key().ns,
                       status_.key().name + "-import-" + sha256_hex(content).substr(0, kDigits), application);
    Value& spec = action["spec"];
    spec["profile"] = import_.parameters["profile"];
    spec["application"] = application;
    spec["restorePoint"] = content;
    if (import_.parameters["trustedKey"].is_string()) spec["trustedKey"] = import_.parameters["trustedKey"];
    const std::string step = step_of_import(wanted);
    children_.start(types::kImportActions, action, step);
    status_.flush(tokens_.shutdown);
    const std::string error =
        children_.end_of({types::kImportActions, status_.key().ns, cluster::name_of(action)}, step);
    if (!error.empty()) fail(not_imported_, application, content + ": " + error);
}

// The newest that is here of each application, unless it was restored already.
void PolicyImport::choose() {
    if (status_.record()["restores"].is_list()) return;
    const Value profile = Exports(world_, import_.parameters["profile"], tokens_.cancel).profile();
    std::map<std::string, Value> newest;  // by application
    for (const Value& content : world_.cluster.list(types::kRestorePointContents).items) {
        const Value& spec = content["spec"];
        const std::string application = application_of(spec);
        const bool is_ours = spec["import"].is_map() && spec.get("export", "profile") == profile &&
                             content.get("metadata", "deletionTimestamp").is_nil();
        if (!is_ours || !selects_name(policy_.selector, application)) continue;
        const Value one(Map{{"content", cluster::name_of(content)},
                            {"application", application},
                            {"actionTime", spec["actionTime"]}});
        const auto [there, is_first] = newest.emplace(application, one);
        if (!is_first && is_newer(one, there->second)) there->second = one;
    }
    const auto live = cluster::find_object(world_.cluster, {types::kPolicies, policy_.ns, policy_.name});
    List chosen;
    for (const auto& [application, one] : newest) {
        const Value restored = live ? live->get("status", "restored", application) : Value();
        if (!restored.is_map() || is_newer(one, restored)) chosen.push_back(one);
    }
    if (chosen.size() > 1 && restore_->parameters[kTarget].is_string()) {
        throw Error(ErrorKind::kInvalid,
                    std::to_string(chosen.size()) + " applications would be restored into one namespace, " +
                        restore_->parameters[kTarget].as_string(),
                    "name one application in spec.selector, or leave targetNamespace out");
    }
    status_.change_record()["restores"] = chosen;
    status_.flush(tokens_.shutdown);
}

void PolicyImport::restore_all() {
    choose();
    const Value& record = std::as_const(status_).record();
    status_.expect_parts(record["imports"].as_list().size() + record["restores"].as_list().size());
    List begun;
    for (const Value& chosen : record["restores"].as_list()) {
        std::string error;
        try {
            error = start_restore(chosen);
        } catch (const Error& e) {
            error = text_of(e);
        }
        if (error.empty())
            begun.push_back(chosen);
        else
            fail(not_restored_, chosen["application"].as_string(), error);
    }
    status_.flush(tokens_.shutdown);
    for (const Value& chosen : begun) end_restore(chosen);
}

namespace {

ObjectKey restore_key(const ActionStatus& status, const Value& chosen, const Value& parameters) {
    const std::string application = chosen["application"].as_string();
    return {types::kRestoreActions, parameters[kTarget].string_or(application),
            status.key().name + "-restore-" + application};
}

}  // namespace

std::string PolicyImport::start_restore(const Value& chosen) {
    tokens_.cancel.throw_if_cancelled();
    const std::string step = step_of_restore(chosen), content = chosen["content"].as_string();
    const ObjectKey key = restore_key(status_, chosen, restore_->parameters);
    if (!has_own_way(restore_->parameters) && !cluster::find_object(world_.cluster, key)) {
        const Value subject(Map{{"kind", "RestorePointContent"}, {"name", content}});
        const Value readiness = readiness_of(world_, open_content(world_, subject), tokens_.cancel);
        if (!readiness["ready"].bool_or(false)) {
            const std::string error = "a restore here would fail: " + missing_in(readiness);
            status_.end_step(step, "failed", error);
            return error;
        }
    }
    Value made;
    made["metadata"]["name"] = key.ns;
    cluster::create_unless_there(world_.cluster, types::kNamespaces, made, {.field_manager = "fencepost"});
    Value action = children_.make(key.ns, key.name, chosen["application"].as_string());
    if (restore_->parameters.is_map()) action["spec"] = restore_->parameters;
    action["spec"].erase(kTarget);
    action["spec"]["subject"] = Map{{"kind", "RestorePointContent"}, {"name", content}};
    children_.start(types::kRestoreActions, action, step);
    return {};
}

void PolicyImport::end_restore(const Value& chosen) {
    const std::string application = chosen["application"].as_string();
    const ObjectKey key = restore_key(status_, chosen, restore_->parameters);
    const std::string error = children_.end_of(key, step_of_restore(chosen));
    if (!error.empty()) return fail(not_restored_, application, error);
    Value restored(Map{{"restorePointContent", chosen["content"]}, {"actionTime", chosen["actionTime"]}});
    restored["restoreAction"] = Map{{"name", key.name}, {"namespace", key.ns}};
    Value patch;
    patch["status"]["restored"][application] = std::move(restored);
    try {
        (void)world_.cluster.patch({types::kPolicies, policy_.ns, policy_.name}, cluster::PatchType::kMerge,
                                   patch, {.field_manager = "fencepost"});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;  // the policy was deleted meanwhile
    }
}

}  // namespace fencepost::protect
