#include "protect/scratch_restore.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "cluster/idempotent.h"
#include "protect/applications.h"
#include "protect/hooks.h"
#include "protect/isolation.h"
#include "protect/manifest.h"
#include "protect/own_action.h"
#include "protect/resource_filter.h"
#include "protect/restore_point.h"
#include "protect/transform_sets.h"
#include "value/json.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;

constexpr std::chrono::milliseconds kLookAgain{200};
constexpr std::chrono::seconds kFirstPause{1}, kLongestPause{60};
constexpr std::size_t kLongestTold = 500;  // bytes of an answer: a restore point is no place for a table
constexpr std::size_t kMostTables = 500;   // told one by one; their rows are counted all the same

cluster::ResourceType type_of(const Value& resource) {
    return {resource["group"].string_or(""), resource["apiVersion"].string_or("v1"),
            resource["resource"].string_or("")};
}

bool is_of(const Value& manifest, const Value& resource) {
    const std::string group = group_and_version(manifest["apiVersion"].string_or("")).first;
    return group == resource["group"].string_or("") && manifest["kind"] == resource["kind"] &&
           cluster::name_of(manifest) == resource["name"].string_or("");
}

std::string verify_step(const Value& resource) { return "verify " + resource["label"].string_or(""); }

// Of an action's outputs; the last phase that left it counts.
const Value* output_of(const ChildEnd& end, std::string_view name) {
    const Value* found = nullptr;
    for (const Value& phase : end.phases.list_or_empty()) {
        if (const Value* one = phase["output"].find(name)) found = one;
    }
    return found;
}

Value json_output(const ChildEnd& end, const char* name, Kind kind) {
    const Value* text = output_of(end, name);
    Value value;
    try {
        if (text != nullptr && text->is_string()) value = parse_json(text->as_string());
    } catch (const Error&) {
        value = Value();
    }
    if (value.kind() == kind) return value;
    throw Error(ErrorKind::kInvalid,
                std::string("the blueprint's action 'verify' left ") +
                    (text == nullptr ? "no" : "an unreadable") + " output '" + name + "'",
                "docs/policies.md tells what it has to leave");
}

Value judged(const model::Assertion& assertion, const Value& answer) {
    Value told(Map{{"name", assertion.name}, {"want", assertion.expected}});
    const bool has_failed = answer["error"].is_string();
    told[has_failed ? "error" : "got"] =
        shortened(answer[has_failed ? "error" : "value"].string_or(""), kLongestTold);
    told["passed"] = !has_failed && answer["value"] == Value(assertion.expected);
    return told;
}

}  // namespace

std::string scratch_name(const std::string& token, const std::string& resource) {
    constexpr std::size_t kDigits = 20;
    return "fencepost_verify_" + sha256_hex(token + "/" + resource).substr(0, kDigits);
}

void refuse_unverifiable(const Value& content, const Value& resource) {
    const std::string blueprint = resource["blueprint"].string_or("");
    const auto refusal = model::why_not_verifiable(content.get("spec", "blueprints", blueprint, "actions"));
    if (!refusal) return;
    throw Error(ErrorKind::kFailedPrecondition,
                label_of(resource) + ": the Blueprint " + blueprint +
                    ", as it was when the backup was made, cannot verify: " + refusal->why,
                refusal->hint);
}

std::string failed_assertions(const Value& answered) {
    std::string first;
    std::size_t count = 0;
    for (const Value& one : answered["assertions"].list_or_empty()) {
        if (one["passed"].bool_or(false) || ++count > 1) continue;
        first = "the assertion '" + one["name"].string_or("") + "' wants '" + one["want"].string_or("") +
                "', " +
                (one["error"].is_string() ? "and its query failed: " + one["error"].as_string()
                                          : "and got '" + one["got"].string_or("") + "'");
    }
    return count > 1 ? first + "; and " + std::to_string(count - 1) + " more" : first;
}

ScratchRestore::ScratchRestore(run::World& world, ActionStatus& status, Tokens tokens, ScratchLimits limits)
    : world_(world), status_(status), tokens_(std::move(tokens)), limits_(limits) {}

model::Verification ScratchRestore::wanted() const {
    model::Problems problems;
    const Value& block = status_.spec()["restore"];
    model::Verification wanted = model::Verification::read(block, "/spec/restore", problems);
    (void)ResourceFilter::read(wanted.filters, "/spec/restore/filters", problems);
    problems.throw_errors("the ValidateAction");
    return wanted;
}

Value ScratchRestore::filters(const Value& content) const {
    Value filters = status_.spec().get("restore", "filters");
    if (std::as_const(filters)["includeResources"].list_or_empty().empty())
        filters["includeResources"] = data_and_settings(content);
    return filters;
}

void ScratchRestore::prepare(const Value& content) {
    const model::Verification wanted = this->wanted();
    if (status_.record()["scratch"].is_map()) return;  // by an earlier daemon
    Value transforms = resolved_transforms(world_, wanted.transforms, "/spec/restore/transforms");
    model::Problems problems;
    const ResourceFilter filter = ResourceFilter::read(filters(content), "/spec/restore/filters", problems);
    const List manifests = manifests_of(world_, content, tokens_.cancel);
    List resources;
    std::vector<std::string> labels;
    for (const Value& resource : content.get("spec", "resources").list_or_empty()) {
        const auto manifest = std::find_if(manifests.begin(), manifests.end(),
                                           [&](const Value& one) { return is_of(one, resource); });
        if (manifest == manifests.end() || !filter.accepts(type_of(resource), *manifest)) continue;
        const std::string blueprint = resource["blueprint"].string_or(""), label = label_of(resource);
        const Value& actions = content.get("spec", "blueprints", blueprint, "actions");
        refuse_unverifiable(content, resource);
        labels.push_back(label);
        resources.push_back(Map{{"label", label},
                                {"object", reference_to(resource)},
                                {"blueprint", stored_blueprint(world_, content, blueprint)},
                                {"artifacts", resource["artifacts"]},
                                {"profile", content.get("spec", "profile")},
                                {"isUndone", actions["verifyPosthook"].is_map()}});
    }
    for (const model::Assertion& assertion : wanted.assertions) {
        const bool fits = std::any_of(labels.begin(), labels.end(), [&](const std::string& label) {
            return fits_pattern(assertion.resource, label);
        });
        if (fits) continue;
        throw Error(ErrorKind::kInvalid,
                    "the assertion '" + assertion.name + "' is for " + assertion.resource +
                        ", and no such resource with a blueprint would be restored",
                    labels.empty() ? "there is none at all" : "there are: " + joined(labels, ", "));
    }
    const std::string application = content.get("spec", "application", "namespace").string_or("");
    constexpr std::size_t kLongest = 40, kDigits = 8;
    status_.change_record()["scratch"] = Map{
        {"namespace", "verify-" + application.substr(0, kLongest) + "-" + status_.uid().substr(0, kDigits)},
        {"resources", std::move(resources)},
        {"transforms", std::move(transforms)}};
    status_.flush(tokens_.shutdown);
}

std::string ScratchRestore::ns() const { return status_.record().get("scratch", "namespace").string_or(""); }

List ScratchRestore::resources() const {
    return status_.record().get("scratch", "resources").list_or_empty();
}

ObjectKey ScratchRestore::restore_key() const { return {types::kRestoreActions, ns(), status_.key().name}; }

bool ScratchRestore::is_made() {
    const auto there = cluster::find_object(world_.cluster, {types::kNamespaces, "", ns()});
    return there && there->get("metadata", "labels", kScratchLabel) == Value(status_.uid());
}

// With what the application's own says of the security of Pods: they are to start here as they do there.
void ScratchRestore::make_namespace(const Value& content) {
    Value made;
    made["metadata"]["name"] = ns();
    made["metadata"]["labels"][kScratchLabel] = status_.uid();
    made["metadata"]["annotations"][kOptOut] = "true";
    const std::string application = content.get("spec", "application", "namespace").string_or("");
    if (const auto live = cluster::find_object(world_.cluster, {types::kNamespaces, "", application})) {
        for (const Member& label : live->get("metadata", "labels").map_or_empty()) {
            if (label.key.starts_with("pod-security.kubernetes.io/"))
                made["metadata"]["labels"][label.key] = label.value;
        }
    }
    cluster::create_unless_there(world_.cluster, types::kNamespaces, made, {.field_manager = "fencepost"});
    if (!is_made())
        throw Error(ErrorKind::kUnavailable, "the namespace " + ns() + " is somebody else's",
                    "validate again: the next one has another name");
}

// What somebody deletes says nothing of the restore point.
Value ScratchRestore::end_of_restore() {
    try {
        return end_of_action(world_, restore_key(), tokens_.cancel);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        throw Error(ErrorKind::kUnavailable, "somebody has deleted the restore into " + ns());
    }
}

double ScratchRestore::restore(const Value& content) {
    make_namespace(content);
    Value transforms = isolation();
    for (const Value& one : status_.record().get("scratch", "transforms").list_or_empty())
        transforms.push_back(one);
    Value action;
    action["metadata"] = Map{
        {"name", restore_key().name}, {"namespace", ns()}, {"labels", Map{{kParentLabel, status_.uid()}}}};
    action["spec"] =
        Map{{"subject", Map{{"kind", "RestorePointContent"}, {"name", cluster::name_of(content)}}},
            {"filters", filters(content)},
            {"transforms", std::move(transforms)},
            {"scratch", status_.uid()}};
    cluster::create_unless_there(world_.cluster, types::kRestoreActions, action,
                                 {.field_manager = "fencepost"});
    const Value ended = end_of_restore();
    const std::string state = ended.get("status", "state").string_or("");
    if (state == state::kCancelled)
        throw Error(ErrorKind::kUnavailable, "somebody has cancelled the restore into " + ns());
    if (state != state::kComplete)
        throw Error(ErrorKind::kFailedPrecondition,
                    "into the scratch namespace: " + ended.get("status", "error", "message").string_or(""));
    const auto took = parse_rfc3339(ended.get("status", "endTime").string_or("")) -
                      parse_rfc3339(ended.get("status", "startTime").string_or(""));
    return std::chrono::duration<double>(took).count();
}

ChildAction ScratchRestore::child_of(const Value& resource, const char* action,
                                     const std::string& step) const {
    ChildAction child{.name = child_name(status_, step),
                      .parent = status_.uid(),
                      .action = action,
                      .blueprint = resource["blueprint"].as_string(),
                      .object = resource["object"],
                      .profile = resource["profile"],
                      .artifacts = resource["artifacts"]};
    child.object["namespace"] = ns();
    child.options["scratch"] = scratch_name(status_.uid(), resource["label"].as_string());
    return child;
}

Value ScratchRestore::ask(const Value& resource) {
    const model::Verification wanted = this->wanted();
    const std::string label = resource["label"].as_string();
    std::vector<const model::Assertion*> asked;
    Value queries{List{}};
    for (const model::Assertion& assertion : wanted.assertions) {
        if (!fits_pattern(assertion.resource, label)) continue;
        asked.push_back(&assertion);
        queries.push_back(assertion.sql);
    }
    ChildAction child = child_of(resource, "verify", verify_step(resource));
    child.options["queries"] = to_json(queries);
    child.options["countRows"] = wanted.counts_rows ? "true" : "false";
    const ChildEnd end = run_step(world_, status_, verify_step(resource), child, tokens_);
    if (!end.is_complete) {
        tokens_.cancel.throw_if_cancelled();
        throw Error(ErrorKind::kFailedPrecondition, end.error);
    }
    Value told(Map{{"resource", label}});
    if (wanted.counts_rows) {
        const Value tables = json_output(end, "tables", Kind::kMap);
        std::int64_t rows = 0;
        told["tables"] = Map{};
        for (const Member& table : tables.as_map()) {
            rows += table.value.int_or(0);
            if (std::as_const(told)["tables"].as_map().size() < kMostTables)
                told["tables"][table.key] = table.value;
        }
        told["rows"] = rows;
    }
    if (asked.empty()) return told;
    const Value answers = json_output(end, "answers", Kind::kList);
    if (answers.as_list().size() != asked.size()) {
        throw Error(ErrorKind::kInvalid, "the blueprint's action 'verify' was asked " +
                                             std::to_string(asked.size()) + " queries, and has answered " +
                                             std::to_string(answers.as_list().size()));
    }
    for (std::size_t i = 0; i < asked.size(); ++i)
        told["assertions"].push_back(judged(*asked[i], answers.as_list()[i]));
    return told;
}

void ScratchRestore::tidy() {
    if (!status_.record()["scratch"].is_map() || !is_made()) return;
    const std::string step = "what was made goes";
    status_.begin_step(step);
    status_.flush(tokens_.shutdown);
    try {
        end_what_works();
        for (const Value& resource : resources()) undo(resource);
        remove_namespace();
    } catch (const Error& e) {
        status_.end_step(step, "failed", text_of(e));
        throw;
    }
    status_.end_step(step, "complete");
}

// Where the verification was cancelled, what works for it may be under way.
void ScratchRestore::end_what_works() {
    const auto there = cluster::find_object(world_.cluster, restore_key());
    if (there && !is_terminal(*there)) {
        ask_to_cancel(world_, restore_key());
        (void)end_of_action(world_, restore_key(), tokens_.shutdown);
    }
    CancelSource at_once(tokens_.shutdown);
    at_once.cancel(CancelReason::kUser);
    for (const Value& resource : resources()) {
        const auto asked = cluster::find_object(
            world_.cluster,
            {types::kActionSets, world_.controller_namespace, child_name(status_, verify_step(resource))});
        if (asked) (void)wait_for_child(world_, *asked, {at_once.token(), tokens_.shutdown});
    }
}

// A resource that never came into the namespace has had no `restore`.
void ScratchRestore::undo(const Value& resource) {
    const std::string label = resource["label"].as_string();
    const ObjectKey key{type_of(resource["object"]), ns(), resource["object"]["name"].string_or("")};
    if (!resource["isUndone"].bool_or(false) || !cluster::find_object(world_.cluster, key)) return;
    const Deadline deadline = world_.clock.steady_now() + limits_.undo;
    std::chrono::nanoseconds pause = kFirstPause;
    for (int attempt = 1;; ++attempt) {
        const ChildEnd end = run_child(world_,
                                       child_of(resource, "verifyPosthook",
                                                "verifyPosthook of " + label + " " + std::to_string(attempt)),
                                       {tokens_.shutdown, tokens_.shutdown});
        if (end.is_complete) return;
        if (world_.clock.steady_now() > deadline) {
            throw Error(ErrorKind::kFailedPrecondition,
                        "verifyPosthook of " + label + " failed again and again: " + end.error,
                        "drop the database and the role " + scratch_name(status_.uid(), label) +
                            ", then the namespace " + ns());
        }
        world_.clock.sleep(pause, tokens_.shutdown);
        pause = std::min<std::chrono::nanoseconds>(pause * 2, kLongestPause);
    }
}

void ScratchRestore::remove_namespace() {
    const ObjectKey key{types::kNamespaces, "", ns()};
    const auto there = cluster::find_object(world_.cluster, key);
    if (!there) return;
    if (there->get("metadata", "deletionTimestamp").is_nil())
        (void)world_.cluster.remove(key, {.precondition_uid = cluster::uid_of(*there)});
    const Deadline deadline = world_.clock.steady_now() + limits_.gone;
    while (is_made()) {
        if (world_.clock.steady_now() > deadline)
            throw Error(ErrorKind::kFailedPrecondition, "the namespace " + ns() + " does not go",
                        "see what holds it: finalizers of what is in it");
        world_.clock.sleep(kLookAgain, tokens_.shutdown);
    }
}

}  // namespace fencepost::protect
