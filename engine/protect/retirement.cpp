#include "protect/retirement.h"

#include <algorithm>
#include <set>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/idempotent.h"
#include "protect/exports.h"
#include "protect/restore_point.h"
#include "protect/snapshots.h"
#include "run/record.h"

namespace fencepost::protect {

namespace types = cluster::types;

namespace {

// First what makes it count.
void remove_export(run::World& world, const Value& content, const Tokens& tokens) {
    const Value& spec = content["spec"];
    const std::string name = cluster::name_of(content);
    try {
        Exports exports(world, spec.get("export", "profile"), tokens.shutdown);
        exports.remove_index(spec.get("application", "namespace").string_or(""), name);
        std::set<std::string> snapshots{spec.get("manifests", "snapshot").string_or("")};
        for (const Value& volume : spec["volumes"].list_or_empty())
            snapshots.insert(volume["backupID"].string_or(""));
        exports.forget(snapshots);
        exports.forget(name, {}, {});
        exports.prune();
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        // It is the way there that is gone, and not the restore point.
        throw Error(ErrorKind::kFailedPrecondition,
                    "the export at " + spec.get("export", "location").string_or("") +
                        " cannot be removed: " + e.what(),
                    "make the Profile again that leads to it");
    }
}

// Imports do not count: what they stand for is kept by whoever has exported it.
bool is_last_of_backup(run::World& world, const Value& content) {
    const Value& backup = content.get("spec", "backupAction", "uid");
    const List all = world.cluster.list(types::kRestorePointContents).items;
    return std::none_of(all.begin(), all.end(), [&](const Value& other) {
        return cluster::uid_of(other) != cluster::uid_of(content) && backup.is_string() &&
               !other.get("spec", "import").is_map() && other.get("spec", "backupAction", "uid") == backup;
    });
}

void remove_artifacts(run::World& world, const Value& content, const Tokens& tokens) {
    const Value& spec = content["spec"];
    const std::string name = cluster::name_of(content), uid = cluster::uid_of(content);
    constexpr std::size_t kDigits = 10;
    for (const Value& resource : spec["resources"].list_or_empty()) {
        const std::string blueprint = resource["blueprint"].string_or("");
        const bool deletes = spec.get("blueprints", blueprint, "actions", "delete").is_map();
        if (!deletes || !resource["artifacts"].is_map()) continue;
        const std::string label = label_of(resource);
        const ChildAction child =
            deletion(world, name + "-" + sha256_hex(uid + "/" + label).substr(0, kDigits), uid,
                     stored_blueprint(world, content, blueprint), spec["profile"], resource["artifacts"]);
        const ChildEnd end = run_child(world, child, tokens);
        if (end.is_complete) continue;
        // The next attempt is to run it again.
        (void)world.cluster.remove({types::kActionSets, world.controller_namespace, child.name});
        throw Error(ErrorKind::kFailedPrecondition, "delete of " + label + " failed: " + end.error);
    }
}

// What the deletes have forgotten takes its place in the repository until that is pruned: once, after the
// last of those that are retired together.
void free_space(run::World& world, const Value& content, const Tokens& tokens) {
    const Value& profile = content.get("spec", "profile");
    if (!profile.is_map()) return;
    const List all = world.cluster.list(types::kRestorePointContents, {.metadata_only = true}).items;
    const auto leaves = [&](const Value& other) {
        return cluster::uid_of(other) != cluster::uid_of(content) &&
               !other.get("metadata", "deletionTimestamp").is_nil();
    };
    if (std::any_of(all.begin(), all.end(), leaves)) return;
    try {
        const location::ResolvedProfile resolved = resolve(world, profile);
        if (resolved.repository_key.is_empty()) return;
        const auto place = location::open_location(resolved, world.http, world.clock);
        const auto repository =
            location::Repository::open(*place, world.clock, resolved.repository_key, false, tokens.shutdown);
        prune_unless_busy(*repository, tokens.shutdown);
    } catch (const Error& e) {
        if (e.is_transient()) throw;
        // The restore point is gone all the same.
        if (e.kind() != ErrorKind::kNotFound)
            world.log.warning("a repository could not be pruned",
                              {{"profile", profile["name"].string_or("")}, {"error", e.what()}});
    }
}

}  // namespace

ChildAction deletion(const run::World& world, std::string name, std::string parent, std::string blueprint,
                     const Value& profile, const Value& artifacts) {
    return {.name = std::move(name),
            .parent = std::move(parent),
            .action = "delete",
            .blueprint = std::move(blueprint),
            .object = namespace_subject(world.controller_namespace),
            .profile = profile,
            .artifacts = artifacts};
}

void retire(run::World& world, const Value& content, const Tokens& tokens) {
    verify(world, content);  // nobody else says what is deleted
    const Value& spec = content["spec"];
    const std::string name = cluster::name_of(content);
    if (!spec["import"].is_map()) {
        if (spec["export"].is_map()) remove_export(world, content, tokens);
        if (is_last_of_backup(world, content)) {
            remove_artifacts(world, content, tokens);
            free_space(world, content, tokens);
        }
        const std::string ns = spec.get("application", "namespace").string_or("");
        if (!spec["export"].is_map()) {
            for (const Value& volume : spec["volumes"].list_or_empty()) remove_copy(world, ns, volume);
            remove_manifests(world, name);
        }
    }
    // All that name it: the content's own note of the one that it is bound to may not have been written yet.
    for (const Value& point : world.cluster.list(types::kRestorePoints).items) {
        if (point.get("spec", "restorePointContentRef", "name") == Value(name))
            cluster::remove_if_there(world.cluster, {types::kRestorePoints, cluster::namespace_of(point),
                                                     cluster::name_of(point)});
    }
    (void)cluster::update(world.cluster, {types::kRestorePointContents, "", name},
                          [&](Value& there) {
                              there = run::without_finalizer(std::move(there));
                              return true;
                          },
                          tokens.shutdown, {.field_manager = "fencepost"});
}

}  // namespace fencepost::protect
