#include "model/objects.h"

#include "base/encodings.h"
#include "base/error.h"
#include "model/decode.h"
#include "value/json.h"

namespace fencepost::model {
namespace {

ObjectReference reference_of(const Node& node) {
    ObjectReference reference;
    reference.api_version = node["apiVersion"].text();
    reference.group = node["group"].text();
    reference.resource = node["resource"].text();
    reference.kind = node["kind"].text();
    reference.name = node["name"].text();
    reference.ns = node["namespace"].text();
    if (reference.group.ends_with('/')) reference.group.pop_back();
    // People write "apps/v1" as they do in manifests. What holds a template is split by nobody.
    const std::size_t slash = reference.api_version.find('/');
    if (slash != std::string::npos && reference.api_version.find("{{") == std::string::npos) {
        if (reference.group.empty()) reference.group = reference.api_version.substr(0, slash);
        reference.api_version.erase(0, slash + 1);
    }
    return reference;
}

std::optional<ObjectReference> optional_reference_of(const Node& node) {
    if (node.is_absent()) return std::nullopt;
    return reference_of(node);
}

Artifact artifact_of(const Node& node) {
    return {.key_value = node["keyValue"].text_map(), .kopia_snapshot = node["kopiaSnapshot"].text()};
}

// `if: true` is a bool to YAML and the text of a template to us.
std::string condition_of(const Node& node) {
    if (node.value().is_bool()) return node.value().as_bool() ? "true" : "false";
    return node.text();
}

Phase phase_of(const Node& node) {
    Phase phase;
    phase.name = node["name"].text();
    phase.func = node["func"].text();
    phase.objects = node["objects"].map_of<ObjectReference>(reference_of);
    phase.args = node["args"].map_or_nil();
    if (phase.args.is_nil()) phase.args = Map{};
    phase.timeout = node["timeout"].text();
    phase.retries = node["retries"].number();
    phase.retry_backoff = node["backoff"].text();
    phase.condition = condition_of(node["if"]);
    return phase;
}

Action action_of(const std::string& name, const Node& node) {
    Action action;
    action.name = name;
    action.kind = node["kind"].text();
    action.config_map_names = node["configMapNames"].texts();
    action.secret_names = node["secretNames"].texts();
    action.input_artifact_names = node["inputArtifactNames"].texts();
    action.output_artifacts = node["outputArtifacts"].map_of<Artifact>(artifact_of);
    for (const Node& phase : node["phases"].items()) action.phases.push_back(phase_of(phase));
    if (const Node defer = node["deferPhase"]; !defer.is_absent()) action.defer_phase = phase_of(defer);
    return action;
}

ActionSpec action_spec_of(const Node& node) {
    ActionSpec spec;
    spec.name = node["name"].text();
    spec.object = reference_of(node["object"]);
    spec.blueprint = node["blueprint"].text();
    spec.artifacts = node["artifacts"].map_of<Artifact>(artifact_of);
    spec.config_maps = node["configMaps"].map_of<ObjectReference>(reference_of);
    spec.secrets = node["secrets"].map_of<ObjectReference>(reference_of);
    spec.profile = optional_reference_of(node["profile"]);
    spec.pod_override = node["podOverride"].map_or_nil();
    spec.pod_labels = node["podLabels"].text_map();
    spec.pod_annotations = node["podAnnotations"].text_map();
    spec.options = node["options"].text_map();
    spec.preferred_version = node["preferredVersion"].text();
    spec.depends_on = node["dependsOn"].texts();
    spec.timeout = node["timeout"].text();
    return spec;
}

// Runs `read`; what it throws says which object was being read.
template <typename Read>
auto read_object(std::string_view kind, const Value& object, Read read) {
    const Node root(object);
    try {
        return read(root, root["metadata"]);
    } catch (Error& error) {
        const std::string ns = object.get("metadata", "namespace").string_or("");
        error.add_trace(std::string(kind) + " " + (ns.empty() ? "" : ns + "/") +
                        object.get("metadata", "name").string_or("without a name"));
        throw;
    }
}

template <typename Object>
void read_identity(Object& result, const Node& metadata) {
    result.name = metadata["name"].text();
    result.ns = metadata["namespace"].text();
    result.uid = metadata["uid"].text();
    result.resource_version = metadata["resourceVersion"].text();
}

}  // namespace

ObjectReference ObjectReference::from(const Value& value) { return reference_of(Node(value)); }

Value ObjectReference::to_value() const {
    Value value;
    value["apiVersion"] = api_version;
    value["group"] = group;
    value["resource"] = resource;
    value["kind"] = kind;
    value["name"] = name;
    if (!ns.empty()) value["namespace"] = ns;
    return value;
}

Artifact Artifact::from(const Value& value) { return artifact_of(Node(value)); }

Value Artifact::to_value() const {
    Value value = Map{};
    for (const auto& [key, text] : key_value) value["keyValue"][key] = text;
    if (!kopia_snapshot.empty()) value["kopiaSnapshot"] = kopia_snapshot;
    return value;
}

Blueprint Blueprint::from(const Value& object) {
    return read_object("Blueprint", object, [](const Node& root, const Node& metadata) {
        Blueprint blueprint;
        read_identity(blueprint, metadata);
        for (const auto& [key, action] : root["actions"].members()) {
            blueprint.actions.emplace(key, action_of(key, action));
        }
        blueprint.digest = sha256_hex(to_json(root["actions"].value()));
        return blueprint;
    });
}

ActionSet ActionSet::from(const Value& object) {
    return read_object("ActionSet", object, [](const Node& root, const Node& metadata) {
        ActionSet action_set;
        read_identity(action_set, metadata);
        const Node spec = root["spec"];
        for (const Node& action : spec["actions"].items())
            action_set.actions.push_back(action_spec_of(action));
        action_set.cancel_requested = spec["cancel"].flag();
        action_set.is_being_deleted = !metadata["deletionTimestamp"].is_absent();
        return action_set;
    });
}

Profile Profile::from(const Value& object) {
    return read_object("Profile", object, [](const Node& root, const Node& metadata) {
        Profile profile;
        profile.name = metadata["name"].text();
        profile.ns = metadata["namespace"].text();
        const Node location = root["location"];
        profile.location_type = location["type"].text();
        profile.bucket = location["bucket"].text();
        profile.endpoint = location["endpoint"].text();
        profile.prefix = location["prefix"].text();
        profile.region = location["region"].text();
        profile.path = location["path"].text();
        const Node credential = root["credential"];
        profile.credential_type = credential["type"].text();
        const Node pair = credential["keyPair"];
        profile.id_field = pair["idField"].text();
        profile.secret_field = pair["secretField"].text();
        profile.credential_secret = reference_of(pair.is_absent() ? credential["secret"] : pair["secret"]);
        profile.skip_ssl_verify = root["skipSSLVerify"].flag();
        profile.ca_bundle = root["caBundle"].text();
        profile.repository_key = optional_reference_of(root["repositoryKey"]);
        profile.protection_period = root["protectionPeriod"].text();
        return profile;
    });
}

}  // namespace fencepost::model
