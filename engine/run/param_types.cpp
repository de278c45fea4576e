#include "run/param_types.h"

#include <array>

#include "base/encodings.h"
#include "value/go_type.h"

namespace fencepost::run {
namespace {

// --- core/v1
constexpr std::array kTypeMetaFields{GoField{"Kind", "kind", true},
                                     GoField{"APIVersion", "apiVersion", true}};
constexpr GoType kTypeMeta{"v1.TypeMeta", Kind::kStruct, nullptr, kTypeMetaFields};
constexpr std::array kObjectMetaFields{
    GoField{"Name", "name", true},
    GoField{"GenerateName", "generateName", true},
    GoField{"Namespace", "namespace", true},
    GoField{"UID", "uid", true},
    GoField{"ResourceVersion", "resourceVersion", true},
    GoField{"Generation", "generation", true},
    GoField{"CreationTimestamp", "creationTimestamp"},
    GoField{"Labels", "labels", true},
    GoField{"Annotations", "annotations", true},
};
constexpr GoType kObjectMeta{"v1.ObjectMeta", Kind::kStruct, nullptr, kObjectMetaFields};
constexpr std::array kSecretFields{
    GoField{"TypeMeta", "", false, true}, GoField{"ObjectMeta", "metadata", true, true},
    GoField{"Data", "data", true},        GoField{"StringData", "stringData", true},
    GoField{"Type", "type", true},
};
constexpr GoType kSecret{"v1.Secret", Kind::kStruct, nullptr, kSecretFields};
constexpr GoType kSecretPointer{"*v1.Secret", Kind::kStruct, nullptr, kSecretFields, true};
constexpr GoType kSecrets{"map[string]v1.Secret", Kind::kMap, &kSecret};
constexpr std::array kConfigMapFields{
    GoField{"TypeMeta", "", false, true},
    GoField{"ObjectMeta", "metadata", true, true},
    GoField{"Data", "data", true},
    GoField{"BinaryData", "binaryData", true},
};
constexpr GoType kConfigMap{"v1.ConfigMap", Kind::kStruct, nullptr, kConfigMapFields};
constexpr GoType kConfigMaps{"map[string]v1.ConfigMap", Kind::kMap, &kConfigMap};

// --- pkg/param and cr/v1alpha1
constexpr GoType kClaims{"map[string]map[string]string", Kind::kMap, &go::kMapStringString};
constexpr std::array kWorkloadFields{GoField{"Name", "Name"}, GoField{"Namespace", "Namespace"},
                                     GoField{"Pods", "Pods"}, GoField{"Containers", "Containers"},
                                     GoField{"PersistentVolumeClaims", "PersistentVolumeClaims"}};
constexpr GoType kStatefulSetParams{"*param.StatefulSetParams", Kind::kStruct, nullptr, kWorkloadFields,
                                    true};
constexpr GoType kDeploymentParams{"*param.DeploymentParams", Kind::kStruct, nullptr, kWorkloadFields, true};
constexpr GoType kDeploymentConfigParams{"*param.DeploymentConfigParams", Kind::kStruct, nullptr,
                                         kWorkloadFields, true};
constexpr std::array kNamedFields{GoField{"Name", "Name"}, GoField{"Namespace", "Namespace"}};
constexpr GoType kPvcParams{"*param.PVCParams", Kind::kStruct, nullptr, kNamedFields, true};
constexpr GoType kNamespaceParams{"*param.NamespaceParams", Kind::kStruct, nullptr, kNamedFields, true};

constexpr std::array kArtifactFields{GoField{"KeyValue", "keyValue", true},
                                     GoField{"KopiaSnapshot", "kopiaSnapshot", true}};
constexpr GoType kArtifact{"v1alpha1.Artifact", Kind::kStruct, nullptr, kArtifactFields};
constexpr GoType kArtifacts{"map[string]v1alpha1.Artifact", Kind::kMap, &kArtifact};

constexpr std::array kLocationFields{GoField{"Type", "type"},         GoField{"Bucket", "bucket"},
                                     GoField{"Endpoint", "endpoint"}, GoField{"Prefix", "prefix"},
                                     GoField{"Region", "region"},     GoField{"Path", "path", true}};
constexpr GoType kLocation{"v1alpha1.Location", Kind::kStruct, nullptr, kLocationFields};
constexpr std::array kKeyPairFields{GoField{"ID", "ID"}, GoField{"Secret", "Secret"}};
constexpr GoType kKeyPair{"*param.KeyPair", Kind::kStruct, nullptr, kKeyPairFields, true};
constexpr GoType kKopiaServerSecret{"*param.KopiaServerCreds", Kind::kStruct, nullptr, {}, true};
constexpr std::array kCredentialFields{GoField{"Type", "Type"}, GoField{"KeyPair", "KeyPair"},
                                       GoField{"Secret", "Secret"},
                                       GoField{"KopiaServerSecret", "KopiaServerSecret"}};
constexpr GoType kCredential{"param.Credential", Kind::kStruct, nullptr, kCredentialFields};
constexpr std::array kProfileFields{GoField{"Location", "Location"},
                                    GoField{"Credential", "Credential"},
                                    GoField{"SkipSSLVerify", "SkipSSLVerify"},
                                    GoField{"CABundle", "CABundle", true},
                                    GoField{"RepositoryKey", "RepositoryKey", true},
                                    GoField{"ProtectionPeriod", "ProtectionPeriod", true}};
constexpr GoType kProfile{"*param.Profile", Kind::kStruct, nullptr, kProfileFields, true};

constexpr std::array kPhaseFields{GoField{"Secrets", "Secrets"}, GoField{"ConfigMaps", "ConfigMaps"},
                                  GoField{"Output", "Output"}};
constexpr GoType kPhase{"*param.Phase", Kind::kStruct, nullptr, kPhaseFields, true};
constexpr GoType kPhases{"map[string]*param.Phase", Kind::kMap, &kPhase};

constexpr std::array kParamsFields{GoField{"StatefulSet", "StatefulSet"},
                                   GoField{"DeploymentConfig", "DeploymentConfig"},
                                   GoField{"Deployment", "Deployment"},
                                   GoField{"PVC", "PVC"},
                                   GoField{"Namespace", "Namespace"},
                                   GoField{"ArtifactsIn", "ArtifactsIn"},
                                   GoField{"ConfigMaps", "ConfigMaps"},
                                   GoField{"Secrets", "Secrets"},
                                   GoField{"Time", "Time"},
                                   GoField{"Profile", "Profile"},
                                   GoField{"Options", "Options"},
                                   GoField{"Object", "Object"},
                                   GoField{"Phases", "Phases"},
                                   GoField{"DeferPhase", "DeferPhase"},
                                   GoField{"PodOverride", "PodOverride"},
                                   GoField{"PodAnnotations", "PodAnnotations"},
                                   GoField{"PodLabels", "PodLabels"}};
constexpr GoType kParams{"param.TemplateParams", Kind::kStruct, nullptr, kParamsFields};

Value strings(const std::map<std::string, std::string>& texts) {
    Map map;
    for (const auto& [key, text] : texts) map.set(key, text);
    return Value(std::move(map), go::kMapStringString);
}

Value strings(const Value& object) {
    if (!object.is_map()) return Value::typed_nil(go::kMapStringString);
    Map map;
    for (const auto& [key, text] : object.as_map()) map.set(key, text.string_or(""));
    return Value(std::move(map), go::kMapStringString);
}

Value decoded(const Value& data) {
    if (!data.is_map()) return Value::typed_nil(go::kMapStringBytes);
    Map map;
    for (const auto& [key, text] : data.as_map()) map.set(key, Bytes{base64_decode(text.string_or(""))});
    return Value(std::move(map), go::kMapStringBytes);
}

Value type_meta(const Value& object) {
    return Value::of_struct(kTypeMeta, {{object["kind"].string_or(""), object["apiVersion"].string_or("")}});
}

Value object_meta(const Value& object) {
    const Value& meta = object["metadata"];
    return Value::of_struct(
        kObjectMeta,
        {{meta["name"].string_or(""), meta["generateName"].string_or(""), meta["namespace"].string_or(""),
          meta["uid"].string_or(""), meta["resourceVersion"].string_or(""), meta["generation"].int_or(0),
          meta["creationTimestamp"], strings(meta["labels"]), strings(meta["annotations"])}});
}

Value secret(const Value& object, const GoType& type = kSecret) {
    return Value::of_struct(type, {{type_meta(object), object_meta(object), decoded(object["data"]),
                                    strings(Value()), object["type"].string_or("")}});
}

Value config_map(const Value& object) {
    return Value::of_struct(kConfigMap, {{type_meta(object), object_meta(object), strings(object["data"]),
                                          decoded(object["binaryData"])}});
}

Value secrets(const std::map<std::string, Value>& objects) {
    Map map;
    for (const auto& [key, object] : objects) map.set(key, secret(object));
    return Value(std::move(map), kSecrets);
}

Value config_maps(const std::map<std::string, Value>& objects) {
    Map map;
    for (const auto& [key, object] : objects) map.set(key, config_map(object));
    return Value(std::move(map), kConfigMaps);
}

Value phase(const PhaseParams& params) {
    return Value::of_struct(kPhase, {{secrets(params.secrets), config_maps(params.config_maps),
                                      params.output.is_map() ? params.output : Value(Map{})}});
}

Value artifacts(const std::map<std::string, model::Artifact>& all) {
    Map map;
    for (const auto& [name, artifact] : all) {
        map.set(name, Value::of_struct(kArtifact, {{strings(artifact.key_value), artifact.kopia_snapshot}}));
    }
    return Value(std::move(map), kArtifacts);
}

Value or_nil(const Value& value, const GoType& type) {
    return value.is_nil() ? Value::typed_nil(type) : value;
}

}  // namespace

Value template_params(const LaunchParams& launch, const std::map<std::string, PhaseParams>& phases,
                      const PhaseParams* defer_phase) {
    Map phase_map;
    for (const auto& [name, params] : phases) phase_map.set(name, phase(params));
    return Value::of_struct(
        kParams,
        {{or_nil(launch.stateful_set, kStatefulSetParams), Value::typed_nil(kDeploymentConfigParams),
          or_nil(launch.deployment, kDeploymentParams), or_nil(launch.pvc, kPvcParams),
          or_nil(launch.ns, kNamespaceParams), artifacts(launch.artifacts), config_maps(launch.config_maps),
          secrets(launch.secrets), launch.time, or_nil(launch.profile, kProfile), strings(launch.options),
          launch.object, Value(std::move(phase_map), kPhases),
          defer_phase == nullptr ? phase({}) : phase(*defer_phase),
          launch.pod_override.is_map() ? launch.pod_override : Value(Map{}), strings(launch.pod_annotations),
          strings(launch.pod_labels)}});
}

Value workload(Workload kind, const std::string& name, const std::string& ns, const WorkloadPods& pods) {
    List names;
    List containers;
    Map claims;
    for (const std::string& pod : pods.pods) names.emplace_back(pod);
    for (const auto& of_pod : pods.containers) {
        List list;
        for (const std::string& container : of_pod) list.emplace_back(container);
        containers.emplace_back(std::move(list), go::kStrings);
    }
    for (const auto& [pod, mounts] : pods.claims) claims.set(pod, strings(mounts));
    return Value::of_struct(
        kind == Workload::kStatefulSet ? kStatefulSetParams : kDeploymentParams,
        {{name, ns, Value(std::move(names), go::kStrings), Value(std::move(containers), go::kStringLists),
          Value(std::move(claims), kClaims)}});
}

Value reference(Named kind, const std::string& name, const std::string& ns) {
    return Value::of_struct(kind == Named::kPvc ? kPvcParams : kNamespaceParams, {{name, ns}});
}

Value profile(const model::Profile& profile, const ProfileSecrets& found) {
    Value key_pair = Value::typed_nil(kKeyPair);
    Value typed = Value::typed_nil(kSecretPointer);
    if (profile.credential_type == "keyPair")
        key_pair = Value::of_struct(kKeyPair, {{found.id, found.secret}});
    if (profile.credential_type == "secret") typed = secret(found.credential_secret, kSecretPointer);
    Value location = Value::of_struct(kLocation, {{profile.location_type, profile.bucket, profile.endpoint,
                                                   profile.prefix, profile.region, profile.path}});
    Value credential =
        Value::of_struct(kCredential, {{profile.credential_type, std::move(key_pair), std::move(typed),
                                        Value::typed_nil(kKopiaServerSecret)}});
    return Value::of_struct(kProfile, {{std::move(location), std::move(credential), profile.skip_ssl_verify,
                                        profile.ca_bundle, found.repository_key, profile.protection_period}});
}

}  // namespace fencepost::run
