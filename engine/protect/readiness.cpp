#include "protect/readiness.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/ascii.h"
#include "base/error.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"
#include "protect/exports.h"
#include "protect/manifest.h"
#include "protect/restore_point.h"
#include "run/launch.h"
#include "value/json.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;

const cluster::ResourceType kStorageClasses{"storage.k8s.io", "v1", "storageclasses"};
constexpr std::array<const char*, 3> kActions{"restorePrehook", "restore", "restorePosthook"};
constexpr const char* kReady = "Ready";
constexpr const char* kMissing = "Missing";
constexpr const char* kWarning = "Warning";

class Inspection {
  public:
    Inspection(run::World& world, const Value& content, const CancelToken& cancel)
        : world_(world),
          content_(content),
          spec_(content_["spec"]),
          cancel_(cancel),
          ns_(spec_.get("application", "namespace").string_or("")),
          manifests_(manifests_of(world, content, cancel)) {}

    Value look() {
        look_at_data();
        look_at_kinds();
        look_at_storage_classes();
        look_at_blueprints();
        look_at_artifacts();
        const bool is_ready = std::none_of(checks_.begin(), checks_.end(), [](const Value& check) {
            return check["state"] == Value(kMissing);
        });
        return Map{{"ready", is_ready}, {"checks", checks_}};
    }

  private:
    void add(const char* check, const std::string& name, const char* state, const std::string& message = "") {
        Value one(Map{{"check", check}, {"name", name}, {"state", state}});
        if (!message.empty()) one["message"] = message;
        if (std::find(checks_.begin(), checks_.end(), one) == checks_.end())
            checks_.push_back(std::move(one));
    }

    // The manifests were read for this: the location answers, and the repository's key is the right one.
    void look_at_data() {
        Exports exports(world_, spec_.get("export", "profile"), cancel_);
        add("repository", exports.place(), kReady);
        const List& volumes = spec_["volumes"].list_or_empty();
        if (volumes.empty()) return;
        const std::set<std::string> there = exports.snapshots();
        for (const Value& volume : volumes) {
            const bool is_there = there.contains(volume["backupID"].string_or(""));
            add("volume", volume["claim"].string_or(""), is_there ? kReady : kMissing,
                is_there ? "" : "its files are no longer at " + exports.place());
        }
    }

    void look_at_kinds() {
        for (const Value& manifest : manifests_) {
            const std::string api = manifest["apiVersion"].string_or(""),
                              kind = manifest["kind"].string_or("");
            const auto [group, version] = group_and_version(api);
            const bool is_served = world_.cluster.find_type(group, version, kind).has_value();
            add("kind", kind + " of " + api, is_served ? kReady : kMissing,
                is_served ? "" : "install what defines it, or leave it out of the restore");
        }
    }

    void look_at_storage_classes() {
        for (const Value& manifest : manifests_) {
            if (manifest["kind"] != Value("PersistentVolumeClaim")) continue;
            const std::string name = manifest.get("spec", "storageClassName").string_or("");
            if (name.empty()) continue;  // the cluster's default, or none is needed
            const bool is_there =
                cluster::find_object(world_.cluster, {kStorageClasses, "", name}).has_value();
            add("storage class", name, is_there ? kReady : kMissing,
                is_there ? ""
                         : "make one, or give claims another one by spec.transforms of the RestoreAction");
        }
    }

    void look_at_blueprints() {
        const auto candidates = binding::load_candidates(world_.cluster, world_.controller_namespace,
                                                         world_.controller_namespace);
        for (const Value& resource : spec_["resources"].list_or_empty()) {
            const std::string name = resource["blueprint"].string_or("");
            const Value& stored = spec_.get("blueprints", name);
            if (!stored.is_map()) continue;
            const auto live =
                cluster::find_object(world_.cluster, {types::kBlueprints, world_.controller_namespace, name});
            const bool is_same =
                live && model::Blueprint::from(*live).digest == stored["digest"].string_or("");
            add("blueprint", name, kReady,
                is_same ? "" : "the one that is kept with the restore point is used");
            const std::string binding = resource["binding"].string_or("");
            const bool is_bound =
                std::any_of(candidates.begin(), candidates.end(),
                            [&](const binding::Candidate& one) { return one.binding.name == binding; });
            if (!binding.empty())
                add("binding", binding, is_bound ? kReady : kWarning,
                    is_bound ? "" : "a restore does not need it; the next backup here does");
            look_at_phases(resource, stored);
        }
    }

    void look_at_phases(const Value& resource, const Value& stored) {
        Value object;
        object["metadata"]["name"] = resource["blueprint"];
        object["actions"] = stored["actions"];
        const model::Blueprint blueprint = model::Blueprint::from(object);
        for (const char* name : kActions) {
            const auto action = blueprint.actions.find(name);
            if (action == blueprint.actions.end()) continue;
            for (const model::Phase& phase : action->second.phases) look_at_objects(resource, phase);
            if (action->second.defer_phase) look_at_objects(resource, *action->second.defer_phase);
        }
    }

    void look_at_objects(const Value& resource, const model::Phase& phase) {
        std::map<std::string, model::ObjectReference> references;
        try {
            references = run::render_references(renderer_, phase.objects, params_of(resource));
        } catch (const Error& e) {
            add("object", "of phase '" + phase.name + "'", kWarning,
                "which one is known when it runs: " + std::string(e.what()));
            return;
        }
        for (const auto& [key, reference] : references) {
            const bool is_secret = equal_without_case(reference.kind, "Secret");
            if (!is_secret && !equal_without_case(reference.kind, "ConfigMap")) continue;
            const bool is_restored =
                reference.ns == ns_ && is_captured(is_secret ? "Secret" : "ConfigMap", reference.name);
            const bool is_there =
                is_restored ||
                cluster::find_object(world_.cluster, {is_secret ? types::kSecrets : types::kConfigMaps,
                                                      reference.ns, reference.name});
            add(is_secret ? "secret" : "config map", reference.ns + "/" + reference.name,
                is_there ? kReady : kMissing,
                is_restored ? "it comes with the restore"
                : is_there  ? ""
                            : "the phase '" + phase.name + "' of the Blueprint " +
                                 resource["blueprint"].string_or("") + " takes it: make it");
        }
    }

    [[nodiscard]] bool is_captured(const char* kind, const std::string& name) const {
        return std::any_of(manifests_.begin(), manifests_.end(), [&](const Value& manifest) {
            return manifest["kind"] == Value(kind) && cluster::name_of(manifest) == name;
        });
    }

    // The subject as it will be.
    Value params_of(const Value& resource) const {
        run::LaunchParams launch;
        for (const Value& manifest : manifests_) {
            if (manifest["kind"] == resource["kind"] &&
                cluster::name_of(manifest) == resource["name"].string_or(""))
                launch.object = manifest;
        }
        if (launch.object.is_map()) launch.object["metadata"]["namespace"] = ns_;
        return run::template_params(launch, {}, nullptr);
    }

    // Those that blueprints have pushed to a profile's location.
    void look_at_artifacts() {
        std::map<std::string, std::string> snapshots;  // by id: the resource
        bool has_any = false;
        for (const Value& resource : spec_["resources"].list_or_empty()) {
            for (const Member& artifact : resource["artifacts"].map_or_empty()) {
                has_any = true;
                const std::string id = snapshot_of(artifact.value);
                if (!id.empty()) snapshots[id] = label_of(resource);
            }
        }
        if (!has_any || !spec_["artifactLocation"].is_map()) return;
        if (!spec_["profile"].is_map()) {
            return add(
                "profile", to_json(spec_["artifactLocation"], {.escape_html = false}), kMissing,
                "no Profile here leads to where the blueprints have pushed to: make one, and name it in "
                "spec.profile of the RestoreAction");
        }
        const std::string name = spec_.get("profile", "name").string_or("");
        try {
            look_into_location(name, snapshots);
        } catch (const Error& e) {
            add("profile", name, kMissing, e.what());
        }
    }

    void look_into_location(const std::string& name, const std::map<std::string, std::string>& snapshots) {
        const auto profile = resolve(world_, spec_["profile"]);
        const auto location = location::open_location(profile, world_.http, world_.clock);
        (void)location->stat("config", cancel_);  // whatever it says: it answers
        add("profile", name, kReady, location->description());
        if (snapshots.empty() || profile.repository_key.is_empty()) return;
        std::set<std::string> there;
        for (const auto& record :
             location::Repository::open(*location, world_.clock, profile.repository_key, false, cancel_)
                 ->snapshots(cancel_))
            there.insert(record.id);
        for (const auto& [id, resource] : snapshots) {
            const bool is_there = there.contains(id);
            add("artifact", resource, is_there ? kReady : kMissing,
                is_there ? "" : "its snapshot is no longer at " + location->description());
        }
    }

    run::World& world_;
    const Value content_;
    const Value& spec_;
    const CancelToken& cancel_;
    const std::string ns_;
    const List manifests_;
    const run::Renderer renderer_;
    List checks_;
};

}  // namespace

Value readiness_of(run::World& world, const Value& content, const CancelToken& cancel) {
    return Inspection(world, content, cancel).look();
}

}  // namespace fencepost::protect
