#include "protect/restored_blueprints.h"

#include <algorithm>

#include "base/error.h"
#include "cluster/idempotent.h"
#include "protect/hooks.h"
#include "protect/point_in_time.h"
#include "protect/restore_point.h"
#include "protect/restore_spec.h"
#include "protect/scratch_restore.h"
#include "protect/volume_clone.h"

namespace fencepost::protect {

namespace types = cluster::types;

RestoredBlueprints::RestoredBlueprints(run::World& world, ActionStatus& status, const Tokens& tokens,
                                       const std::vector<RestoreItem>& items)
    : world_(world), status_(status), tokens_(tokens), items_(items) {}

bool RestoredBlueprints::are_live() const {
    return status_.spec()["blueprintSource"].string_or("stored") == "live";
}

Value RestoredBlueprints::actions_of(const Value& content, const std::string& blueprint) const {
    if (!are_live()) return content.get("spec", "blueprints", blueprint, "actions");
    const auto live =
        cluster::find_object(world_.cluster, {types::kBlueprints, world_.controller_namespace, blueprint});
    return live ? (*live)["actions"] : Value();
}

// A Secret that says in another namespace what it says at home leads to the database at home.
void RestoredBlueprints::refuse_live_databases(const Value& content) const {
    const std::string home = content.get("spec", "application", "namespace").string_or("");
    const std::string& ns = status_.key().ns;
    const Value& spec = status_.spec();
    if (home == ns || spec["overwriteExisting"].bool_or(false) || spec["scratch"].is_string()) return;
    for (const Value& resource : content.get("spec", "resources").list_or_empty()) {
        const RestoreItem* item = item_of(resource);
        if (item == nullptr || item->type != types::kSecrets) continue;
        if (!actions_of(content, resource["blueprint"].string_or(""))["restore"].is_map()) continue;
        const auto live = cluster::find_object(world_.cluster, {item->type, home, item->name});
        const auto used =
            item->is_made
                ? item->manifest
                : cluster::find_object(world_.cluster, {item->type, ns, cluster::name_of(item->manifest)});
        if (!live || !used || (*live)["data"] != (*used)["data"]) continue;
        throw Error(ErrorKind::kFailedPrecondition,
                    label_of(resource) + " leads to the database that the application in namespace " + home +
                        " uses: it would be written over",
                    "give the Secret another database with a transform, leave it out with a filter, or set "
                    "spec.overwriteExisting");
    }
}

void RestoredBlueprints::prepare(const Value& content) {
    refuse_live_databases(content);
    point_in_time_ = point_in_time(status_.spec(), content, world_.clock.now());
    if (point_in_time_.empty()) return;
    std::vector<std::string> others;
    bool is_known = false;
    for (const Value& resource : content.get("spec", "resources").list_or_empty()) {
        if (item_of(resource) == nullptr) continue;
        if (knows_point_in_time(actions_of(content, resource["blueprint"].string_or(""))))
            is_known = true;
        else
            others.push_back(label_of(resource));
    }
    if (!is_known)
        throw Error(ErrorKind::kFailedPrecondition,
                    "no blueprint of what is restored knows of a point in time",
                    "one does that reads .Options.pointInTime, as postgres-basebackup; leave "
                    "spec.pointInTime out to restore what was backed up");
    for (const std::string& other : others)
        status_.add_exception(other +
                              " is restored as it was backed up: its blueprint knows of no point in time");
}

bool RestoredBlueprints::is_called(const Value& content, const Value& resource, const char* action) const {
    const std::string blueprint = resource["blueprint"].string_or("");
    return !wants_clones(status_.spec()) && item_of(resource) != nullptr &&
           content.get("spec", "blueprints", blueprint, "actions", action).is_map();
}

std::size_t RestoredBlueprints::count(const Value& content) const {
    std::size_t calls = 0;
    for (const Value& resource : content.get("spec", "resources").list_or_empty()) {
        for (const char* action : {"restorePrehook", "restore", "restorePosthook"}) {
            if (is_called(content, resource, action)) ++calls;
        }
    }
    return calls;
}

void RestoredBlueprints::call_each(const Value& content, const char* action) {
    for (const Value& resource : content.get("spec", "resources").list_or_empty()) {
        if (is_called(content, resource, action)) {
            call(content, resource, action);
            status_.end_part();
        }
        tokens_.cancel.throw_if_cancelled();
    }
}

const RestoreItem* RestoredBlueprints::item_of(const Value& resource) const {
    const auto found = std::find_if(items_.begin(), items_.end(), [&](const RestoreItem& item) {
        return item.type.group == resource["group"].string_or("") &&
               item.type.resource == resource["resource"].string_or("") &&
               item.name == resource["name"].string_or("");
    });
    return found == items_.end() ? nullptr : &*found;
}

// `scratch` is set by a verification: then blueprints restore beside what is live.
Value RestoredBlueprints::options_of(const Value& content, const Value& resource) const {
    Value options;
    if (const std::string token = status_.spec()["scratch"].string_or(""); !token.empty()) {
        refuse_unverifiable(content, resource);
        options["scratch"] = scratch_name(token, label_of(resource));
    }
    if (!point_in_time_.empty() &&
        knows_point_in_time(actions_of(content, resource["blueprint"].string_or(""))))
        options[kPointInTime] = point_in_time_;
    return options;
}

void RestoredBlueprints::call(const Value& content, const Value& resource, const std::string& action) {
    const RestoreItem& item = *item_of(resource);
    const std::string step = action + " of " + label_of(resource), ns = status_.key().ns;
    const std::string wanted = resource["blueprint"].string_or(""), name = cluster::name_of(item.manifest);
    if (!cluster::find_object(world_.cluster, {item.type, ns, name}))
        return status_.end_step(step, "skipped", "it is not in namespace " + ns);
    const Value& asked = profile_of(status_.spec());
    ChildAction child{.name = child_name(status_, step),
                      .parent = status_.uid(),
                      .action = action,
                      .blueprint = are_live() ? wanted : stored_blueprint(world_, content, wanted),
                      .object = reference_to(resource),
                      .profile = asked.is_map() ? asked : content.get("spec", "profile"),
                      .artifacts = resource["artifacts"],
                      .options = options_of(content, resource)};
    child.object["name"] = name;
    child.object["namespace"] = ns;
    const ChildEnd end = run_step(world_, status_, step, child, tokens_);
    if (end.is_complete) return;
    tokens_.cancel.throw_if_cancelled();
    throw Error(ErrorKind::kFailedPrecondition, step + " failed: " + end.error);
}

}  // namespace fencepost::protect
