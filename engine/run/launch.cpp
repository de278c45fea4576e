#include "run/launch.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/ascii.h"
#include "base/encodings.h"
#include "base/error.h"
#include "model/diagnostic.h"
#include "model/removed_function.h"
#include "value/json.h"

namespace fencepost::run {
namespace {

namespace types = cluster::types;

// A Secret's values must not turn up in the daemon's own log.
Value fetch_secret(World& world, const model::ObjectReference& reference) {
    Value secret = world.cluster.get({types::kSecrets, reference.ns, reference.name});
    for (const auto& [key, value] : secret["data"].map_or_empty())
        world.log.redact(base64_decode(value.string_or("")));
    return secret;
}

std::string secret_value(const Value& secret, const std::string& key, const char* what) {
    const Value* value = secret["data"].find(key);
    if (value == nullptr) {
        throw Error(ErrorKind::kInvalid, std::string(what) + " '" + key + "' not found in secret '" +
                                             cluster::namespace_of(secret) + ":" + cluster::name_of(secret) +
                                             "'");
    }
    return base64_decode(value->string_or(""));
}

template <typename Work>
auto traced(const std::string& where, Work work) {
    try {
        return work();
    } catch (Error& e) {
        e.add_trace(where);
        throw;
    }
}

Value fetch_profile(World& world, const model::ObjectReference& reference) {
    return traced("profile " + reference.ns + "/" + reference.name, [&] {
        const auto stored =
            model::Profile::from(world.cluster.get({types::kProfiles, reference.ns, reference.name}));
        ProfileSecrets found;
        if (stored.credential_type == "keyPair") {
            const Value secret = fetch_secret(world, stored.credential_secret);
            found.id = secret_value(secret, stored.id_field, "Key");
            found.secret = secret_value(secret, stored.secret_field, "Value");
        } else if (stored.credential_type == "secret") {
            found.credential_secret = fetch_secret(world, stored.credential_secret);
        } else if (!stored.credential_type.empty()) {
            throw Error(ErrorKind::kUnsupported,
                        "credential type '" + stored.credential_type + "' is not supported",
                        "use keyPair or secret");
        }
        if (stored.repository_key) {
            model::ObjectReference key = *stored.repository_key;
            if (key.ns.empty()) key.ns = stored.ns;
            found.repository_key = secret_value(fetch_secret(world, key), "password", "Key");
        }
        return profile(stored, found);
    });
}

bool is_owned_by(const Value& object, const std::string& uid) {
    for (const Value& owner : object.get("metadata", "ownerReferences").list_or_empty()) {
        if (owner["uid"].string_or("") == uid) return true;
    }
    return false;
}

// Of a Deployment only the ReplicaSet of its present revision counts: the one whose template is the
// Deployment's.
std::string pods_owner(World& world, const Value& workload_object, Workload kind) {
    if (kind == Workload::kStatefulSet) return cluster::uid_of(workload_object);
    std::string newest_uid;
    std::string newest;
    for (const Value& set :
         world.cluster.list(types::kReplicaSets, {.ns = cluster::namespace_of(workload_object)}).items) {
        if (!is_owned_by(set, cluster::uid_of(workload_object)) || set.get("spec", "replicas").int_or(0) == 0)
            continue;
        const std::string created =
            set.get("metadata", "creationTimestamp").string_or("") + " " + cluster::resource_version_of(set);
        if (created >= newest) {
            newest = created;
            newest_uid = cluster::uid_of(set);
        }
    }
    return newest_uid;
}

WorkloadPods running_pods(World& world, const Value& object, Workload kind) {
    WorkloadPods result;
    const std::string owner = pods_owner(world, object, kind);
    for (const Value& pod : world.cluster.list(types::kPods, {.ns = cluster::namespace_of(object)}).items) {
        if (owner.empty() || !is_owned_by(pod, owner) ||
            pod.get("status", "phase").string_or("") != "Running")
            continue;
        const std::string name = cluster::name_of(pod);
        result.pods.push_back(name);
        std::vector<std::string> containers;
        for (const Value& status : pod.get("status", "containerStatuses").list_or_empty())
            containers.push_back(status["name"].string_or(""));
        result.containers.push_back(std::move(containers));
        std::map<std::string, std::string> claims;
        for (const Value& volume : pod.get("spec", "volumes").list_or_empty()) {
            const std::string claim = volume.get("persistentVolumeClaim", "claimName").string_or("");
            if (claim.empty()) continue;
            for (const Value& container : pod.get("spec", "containers").list_or_empty()) {
                for (const Value& mount : container["volumeMounts"].list_or_empty()) {
                    if (mount["name"] == volume["name"]) claims[claim] = mount["mountPath"].string_or("");
                }
            }
        }
        if (!claims.empty()) result.claims[name] = std::move(claims);
    }
    return result;
}

std::vector<std::string> texts(const Value& list) {
    std::vector<std::string> texts;
    for (const Value& item : list.list_or_empty()) texts.push_back(item.as_string());
    return texts;
}

WorkloadPods pods_of(World& world, const Value& object, Workload kind, const Value& then) {
    WorkloadPods now = running_pods(world, object, kind);
    if (then["Pods"].list_or_empty().size() <= now.pods.size()) return now;
    WorkloadPods seen{.pods = texts(then["Pods"])};
    for (const Value& of_pod : then["Containers"].list_or_empty()) seen.containers.push_back(texts(of_pod));
    for (const Member& pod : then["PersistentVolumeClaims"].map_or_empty()) {
        for (const Member& claim : pod.value.map_or_empty())
            seen.claims[pod.key][claim.key] = claim.value.as_string();
    }
    return seen;
}

cluster::ObjectKey subject_key(World& world, const model::ObjectReference& object) {
    if (equal_without_case(object.kind, "StatefulSet")) return {types::kStatefulSets, object.ns, object.name};
    if (equal_without_case(object.kind, "Deployment")) return {types::kDeployments, object.ns, object.name};
    if (equal_without_case(object.kind, "PVC"))
        return {types::kPersistentVolumeClaims, object.ns, object.name};
    if (equal_without_case(object.kind, "Namespace")) return {types::kNamespaces, "", object.name};
    if (object.api_version.empty() || object.resource.empty()) {
        throw Error(ErrorKind::kInvalid,
                    "Not a known object Kind '" + object.kind + "': it needs apiVersion and resource",
                    "known are StatefulSet, Deployment, PVC, Namespace");
    }
    const auto type = world.cluster.find_type(object.group, object.api_version, object.resource);
    if (!type)
        throw Error(ErrorKind::kNotFound, "the cluster has no " + object.resource + " in " + object.group +
                                              "/" + object.api_version);
    return {type->type, object.ns, object.name};
}

}  // namespace

Value fetch_blueprint(World& world, const std::string& ns, const model::ActionSpec& action) {
    if (action.blueprint.empty()) {
        throw Error(ErrorKind::kInvalid, "Blueprint is not specified for action " + action.name);
    }
    return traced("blueprint of action '" + action.name + "'",
                  [&] { return world.cluster.get({types::kBlueprints, ns, action.blueprint}); });
}

const model::Action& find_action(const model::Blueprint& blueprint, const std::string& name) {
    const auto found = blueprint.actions.find(name);
    if (found != blueprint.actions.end()) return found->second;
    std::vector<std::string> names;
    std::string list;
    for (const auto& [known, action] : blueprint.actions) {
        names.push_back(known);
        list += (list.empty() ? "" : ", ") + known;
    }
    const std::string near = model::nearest(name, names);
    throw Error(ErrorKind::kInvalid,
                "Action " + name + " not found in blueprint " + blueprint.name + " (has: " + list + ")",
                near.empty() ? "" : "did you mean '" + near + "'?");
}

void check_functions(const Catalog& catalog, const model::Action& action) {
    std::set<std::string> names;
    const auto check = [&](const model::Phase& phase) {
        if (!names.insert(phase.name).second) {
            throw Error(ErrorKind::kInvalid,
                        "action '" + action.name + "' has two phases called '" + phase.name + "'",
                        "give each its own name");
        }
        if (catalog.find(phase.func) != nullptr) return;
        const std::string message =
            "phase '" + phase.name + "': Requested function {" + phase.func + "} has not been registered";
        if (const std::string instead = model::instead_of(phase.func); !instead.empty())
            throw Error(ErrorKind::kInvalid, message + ": " + instead);
        std::vector<std::string> known;
        for (const auto& spec : catalog.specs()) known.emplace_back(spec.name);
        const std::string near = model::nearest(phase.func, known);
        throw Error(ErrorKind::kInvalid, message, near.empty() ? "" : "did you mean '" + near + "'?");
    };
    for (const model::Phase& phase : action.phases) check(phase);
    if (action.defer_phase) check(*action.defer_phase);
}

void check_args(const Function& function, const Value& rendered) {
    const model::FunctionSpec& spec = function.spec();
    const std::string name(spec.name);
    for (const model::ArgSpec& arg : spec.args) {
        if (arg.is_required && rendered.find(arg.name) == nullptr) {
            throw Error(ErrorKind::kInvalid, "Required args missing for function " + name +
                                                 ": Required arg missing: " + std::string(arg.name));
        }
    }
    for (const auto& [key, value] : rendered.map_or_empty()) {
        if (std::any_of(spec.args.begin(), spec.args.end(),
                        [&](const model::ArgSpec& arg) { return arg.name == key; }))
            continue;
        std::vector<std::string> known;
        for (const model::ArgSpec& arg : spec.args) known.emplace_back(arg.name);
        const std::string near = model::nearest(key, known);
        throw Error(
            ErrorKind::kInvalid,
            "Checking supported args for function " + name + ".: argument " + key + " is not supported",
            near.empty() ? "" : "did you mean '" + near + "'?");
    }
}

location::ResolvedProfile resolve_profile(World& world, const model::ObjectReference& reference) {
    return location::ResolvedProfile::from_json(parse_json(to_json(fetch_profile(world, reference))));
}

LaunchParams launch(World& world, const model::ActionSpec& action, const std::string& time,
                    const Value& pods_then) {
    LaunchParams params;
    params.time = time;
    params.artifacts = action.artifacts;
    params.options = action.options;
    params.pod_override = action.pod_override;
    params.pod_labels = action.pod_labels;
    params.pod_annotations = action.pod_annotations;
    for (const auto& [key, reference] : action.secrets) params.secrets[key] = fetch_secret(world, reference);
    for (const auto& [key, reference] : action.config_maps) {
        params.config_maps[key] = world.cluster.get({types::kConfigMaps, reference.ns, reference.name});
    }
    if (action.profile) params.profile = fetch_profile(world, *action.profile);

    const model::ObjectReference& object = action.object;
    const cluster::ObjectKey key = subject_key(world, object);
    try {
        params.object = world.cluster.get(key);
    } catch (Error& e) {
        e.add_trace("could not fetch object name: " + object.name + ", namespace: " + object.ns +
                    ", group: " + key.type.group + ", version: " + key.type.version +
                    ", resource: " + key.type.resource);
        throw;
    }
    if (equal_without_case(object.kind, "StatefulSet")) {
        params.stateful_set = workload(Workload::kStatefulSet, object.name, object.ns,
                                       pods_of(world, params.object, Workload::kStatefulSet, pods_then));
    } else if (equal_without_case(object.kind, "Deployment")) {
        params.deployment = workload(Workload::kDeployment, object.name, object.ns,
                                     pods_of(world, params.object, Workload::kDeployment, pods_then));
    } else if (equal_without_case(object.kind, "PVC")) {
        params.pvc = reference(Named::kPvc, object.name, object.ns);
    } else if (equal_without_case(object.kind, "Namespace")) {
        params.ns = reference(Named::kNamespace, object.ns, object.ns);
    }
    return params;
}

Value pods_seen(const LaunchParams& launch) {
    const Value& params = launch.stateful_set.is_nil() ? launch.deployment : launch.stateful_set;
    return params.is_nil() ? Value() : parse_json(to_json(params));
}

PhaseParams fetch_phase_objects(World& world, const std::map<std::string, model::ObjectReference>& objects) {
    PhaseParams params;
    for (const auto& [key, reference] : objects) {
        traced("object '" + key + "'", [&] {
            if (equal_without_case(reference.kind, "Secret"))
                params.secrets[key] = fetch_secret(world, reference);
            if (equal_without_case(reference.kind, "ConfigMap"))
                params.config_maps[key] =
                    world.cluster.get({types::kConfigMaps, reference.ns, reference.name});
            return 0;
        });
    }
    return params;
}

std::map<std::string, model::ObjectReference> render_references(
    const Renderer& renderer, const std::map<std::string, model::ObjectReference>& objects,
    const Value& params) {
    std::map<std::string, model::ObjectReference> rendered;
    for (const auto& [key, reference] : objects) {
        rendered[key] = traced("object '" + key + "'", [&] {
            return model::ObjectReference::from(renderer.value(reference.to_value(), params));
        });
    }
    return rendered;
}

}  // namespace fencepost::run
