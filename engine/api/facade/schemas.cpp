#include "api/facade/schemas.h"

#include "value/yaml.h"

namespace fencepost::api::facade {
namespace {

namespace types = cluster::types;

constexpr const char* kObjectMetaText = R"(
type: object
description: What every object has besides its content - its name, its namespace, labels and annotations.
properties:
  name: {type: string, description: 'The name. It cannot be changed.'}
  generateName: {type: string, description: 'A prefix to which the server adds a random suffix where there is no name.'}
  namespace: {type: string, description: 'The namespace that the object lives in.'}
  labels: {type: object, additionalProperties: {type: string}, description: 'Short texts by which objects are selected.'}
  annotations: {type: object, additionalProperties: {type: string}, description: 'Texts for programs and people.'}
  finalizers: {type: array, items: {type: string}, description: 'What must be done before the object may go.'}
  ownerReferences:
    type: array
    description: The objects that this one depends on. It goes when all of them are gone.
    items: {type: object, x-kubernetes-preserve-unknown-fields: true}
  uid: {type: string, description: 'Set by the server. Unlike the name it is never used again.'}
  resourceVersion: {type: string, description: 'Set by the server. Changes with every change of the object.'}
  generation: {type: integer, description: 'Set by the server. Counts the changes of what is wanted.'}
  creationTimestamp: {type: string, format: date-time, description: 'Set by the server.'}
  deletionTimestamp: {type: string, format: date-time, description: 'Set by the server when the object is to go.'}
  deletionGracePeriodSeconds: {type: integer, description: 'Set by the server.'}
  selfLink: {type: string, description: 'No longer used.'}
  managedFields:
    type: array
    description: Who set which fields. Kept for objects that server-side apply has touched.
    items: {type: object, x-kubernetes-preserve-unknown-fields: true}
)";

// The parts that Kanister's kinds share; merged into each of them where {$use: name} stands.
constexpr const char* kPartsText = R"(
texts: {type: object, additionalProperties: {type: string}}
open: {type: object, x-kubernetes-preserve-unknown-fields: true}
reference:
  type: object
  description: Which object is meant.
  properties:
    apiVersion: {type: string, description: 'The version alone, as in v1.'}
    group: {type: string, description: 'The API group; empty for the core group.'}
    resource: {type: string, description: 'The plural, as in secrets.'}
    kind: {type: string}
    name: {type: string}
    namespace: {type: string}
artifacts:
  type: object
  description: What an action leaves behind or takes up, by name.
  additionalProperties:
    type: object
    properties:
      keyValue: {type: object, additionalProperties: {type: string}, description: 'Free texts.'}
      kopiaSnapshot: {type: string, description: 'What kando printed for a snapshot.'}
phase:
  type: object
  description: One step - a function and its arguments.
  properties:
    func: {type: string, description: 'The function, as in KubeTask.'}
    name: {type: string, description: 'By which templates name its outputs.'}
    objects: {type: object, additionalProperties: {$use: reference}, description: 'Secrets and ConfigMaps that the templates read.'}
    args: {type: object, x-kubernetes-preserve-unknown-fields: true, description: 'The function''s arguments. Texts are templates.'}
    timeout: {type: string, description: 'The longest time that it may take, as in 30m. (Fencepost only.)'}
    retries: {type: integer, description: 'How often it is tried again. (Fencepost only.)'}
    backoff: {type: string, description: 'The pause before a retry, doubled each time. (Fencepost only.)'}
    if: {type: string, description: 'A template. Anything but true skips the phase. (Fencepost only.)'}
progress: {$use: open}
phaseStatus:
  type: object
  properties:
    name: {type: string}
    state: {type: string, description: 'pending, running, complete, failed or skipped.'}
    output: {$use: open}
    progress: {$use: open}
    startTime: {type: string}
    endTime: {type: string}
    attempts: {type: integer}
    error: {type: string}
    logTail: {type: string}
constraint:
  type: object
  properties:
    key: {type: string}
    operator: {type: string, description: 'In, NotIn, Exists or DoesNotExist.'}
    values: {type: array, items: {x-kubernetes-preserve-unknown-fields: true}}
requirements:
  type: array
  items:
    type: object
    properties:
      type: {$use: constraint}
      namespace: {$use: constraint}
      labels: {$use: constraint}
      annotations: {$use: constraint}
)";

constexpr const char* kBlueprintText = R"(
description: A Blueprint says how an application is backed up, restored and so on - for each action its phases.
properties:
  actions:
    type: object
    description: The actions by name, as in backup, restore, delete, backupPrehook.
    additionalProperties:
      type: object
      properties:
        name: {type: string}
        kind: {type: string, description: 'The kind of object that the action is for.'}
        configMapNames: {type: array, items: {type: string}}
        secretNames: {type: array, items: {type: string}}
        inputArtifactNames: {type: array, items: {type: string}, description: 'Artifacts that must be handed in.'}
        outputArtifacts: {$use: artifacts}
        phases: {type: array, items: {$use: phase}, description: 'Run one after the other.'}
        deferPhase: {$use: phase}
        sharedBy: {type: string, description: 'Of backup, a template: objects for which it comes to the same are backed up once. (Fencepost only.)'}
)";

constexpr const char* kActionSetText = R"(
description: An ActionSet asks for actions to be run, and its status tells how they went.
properties:
  spec:
    type: object
    properties:
      cancel: {type: boolean, description: 'Asks a running ActionSet to end. (Fencepost only.)'}
      actions:
        type: array
        items:
          type: object
          properties:
            name: {type: string, description: 'The blueprint''s action.'}
            blueprint: {type: string, description: 'The Blueprint in the ActionSet''s own namespace.'}
            object: {$use: reference}
            artifacts: {$use: artifacts}
            configMaps: {type: object, additionalProperties: {$use: reference}}
            secrets: {type: object, additionalProperties: {$use: reference}}
            profile: {$use: reference}
            podOverride: {$use: open}
            podLabels: {$use: texts}
            podAnnotations: {$use: texts}
            options: {$use: texts}
            preferredVersion: {type: string}
            repositoryServer: {$use: reference}
            dependsOn: {type: array, items: {type: string}, description: 'Actions of this set that come first. (Fencepost only.)'}
            timeout: {type: string, description: 'The longest time for the action. (Fencepost only.)'}
  status:
    type: object
    properties:
      state: {type: string, description: 'pending, running, complete or failed.'}
      startTime: {type: string}
      error: {type: object, properties: {message: {type: string}}}
      progress: {$use: progress}
      actions:
        type: array
        items:
          type: object
          properties:
            name: {type: string}
            object: {$use: reference}
            blueprint: {type: string}
            phases: {type: array, items: {$use: phaseStatus}}
            artifacts: {$use: artifacts}
            deferPhase: {$use: phaseStatus}
)";

constexpr const char* kProfileText = R"(
description: A Profile says where artifacts go, and with which credentials.
properties:
  location:
    type: object
    properties:
      type: {type: string, description: 's3Compliant, gcs, azure, kopia, or filestore (Fencepost only).'}
      bucket: {type: string}
      endpoint: {type: string, description: 'The store''s URL.'}
      prefix: {type: string, description: 'Put before every path.'}
      region: {type: string}
      path: {type: string, description: 'A folder of this host. For filestore.'}
  credential:
    type: object
    properties:
      type: {type: string, description: 'keyPair, secret or kopia.'}
      keyPair:
        type: object
        properties:
          idField: {type: string}
          secretField: {type: string}
          secret: {$use: reference}
      secret: {$use: reference}
      kopiaServerSecret: {$use: open}
  skipSSLVerify: {type: boolean}
  caBundle: {x-kubernetes-preserve-unknown-fields: true, description: 'Certificates to trust. (Fencepost only.)'}
  repositoryKey: {x-kubernetes-preserve-unknown-fields: true, description: 'With a key artifacts become snapshots. (Fencepost only.)'}
  protectionPeriod: {type: string, description: 'How long an object lock holds what is kept, as 720h. For s3Compliant. (Fencepost only.)'}
)";

constexpr const char* kBindingText = R"(
description: A BlueprintBinding says for which objects a Blueprint is meant.
properties:
  spec:
    type: object
    properties:
      disabled: {type: boolean, description: 'A disabled binding matches nothing.'}
      blueprintRef: {type: object, properties: {name: {type: string}, namespace: {type: string}}}
      resources:
        type: object
        properties:
          matchAll: {$use: requirements}
          matchAny: {$use: requirements}
  status: {$use: open}
)";

constexpr const char* kObligationText = R"(
description: An Obligation is something that was quiesced and must be undone. It is written by the server alone.
properties:
  spec: {$use: open}
  status: {$use: open}
)";

// With every {$use: name} replaced by that part.
Value resolved(const Value& schema, const Value& parts) {
    if (schema.is_list()) {
        List list;
        for (const Value& item : schema.as_list()) list.push_back(resolved(item, parts));
        return list;
    }
    if (!schema.is_map()) return schema;
    if (const Value* name = schema.find("$use")) return resolved(parts[name->string_or("")], parts);
    Map map;
    for (const Member& member : schema.as_map()) map.set(member.key, resolved(member.value, parts));
    return map;
}

Value schema_from(const char* text) { return resolved(parse_yaml_value(text), parse_yaml_value(kPartsText)); }

// The kinds whose schema is known; nil for others.
const Value& known_schema(const cluster::ResourceType& type) {
    static const std::vector<std::pair<cluster::ResourceType, Value>> known{
        {types::kBlueprints, schema_from(kBlueprintText)},
        {types::kActionSets, schema_from(kActionSetText)},
        {types::kProfiles, schema_from(kProfileText)},
        {types::kBlueprintBindings, schema_from(kBindingText)},
        {types::kObligations, schema_from(kObligationText)},
    };
    static const Value none;
    for (const auto& [of, schema] : known) {
        if (of == type) return schema;
    }
    return none;
}

const Value& defined_schema(const cluster::ResourceType& type, const Value& definition) {
    static const Value none;
    for (const Value& version : definition.get("spec", "versions").list_or_empty()) {
        if (version["name"] == Value(type.version)) return version.get("schema", "openAPIV3Schema");
    }
    return none;
}

Value open_object(std::string_view description) {
    Value schema;
    schema["type"] = "object";
    schema["description"] = description;
    schema["x-kubernetes-preserve-unknown-fields"] = true;
    return schema;
}

}  // namespace

const Value& object_meta_schema() {
    static const Value schema = parse_yaml_value(kObjectMetaText);
    return schema;
}

Value schema_of(const cluster::ResourceDescription& type, const Value& definition) {
    Value schema = known_schema(type.type);
    if (schema.is_nil()) schema = defined_schema(type.type, definition);
    if (schema.is_nil()) {
        schema = open_object(type.kind +
                             " is one of Kubernetes' own kinds; the Kubernetes documentation describes it.");
        schema["properties"]["spec"] = open_object("What is wanted.");
        if (type.has_status_subresource) schema["properties"]["status"] = open_object("What is.");
    }
    schema["type"] = "object";
    Value& properties = schema["properties"];
    properties["apiVersion"] =
        Value(Map{{"type", "string"}, {"description", "The API's group and version."}});
    properties["kind"] = Value(Map{{"type", "string"}, {"description", "The kind of this object."}});
    properties["metadata"] =
        Value(Map{{"$ref", std::string("#/components/schemas/") + kObjectMeta},
                  {"description", "The object's name, namespace, labels and annotations."}});
    Value gvk;
    gvk["group"] = type.type.group;
    gvk["version"] = type.type.version;
    gvk["kind"] = type.kind;
    schema["x-kubernetes-group-version-kind"] = List{gvk};
    return schema;
}

}  // namespace fencepost::api::facade
