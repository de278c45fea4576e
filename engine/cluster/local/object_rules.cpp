#include "cluster/local/object_rules.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "base/encodings.h"
#include "base/error.h"
#include "cluster/invalid_object.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::size_t kMaxNameBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;
constexpr std::size_t kMaxAnnotationBytes = std::size_t{256} * 1024;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_dns_name(std::string_view name) {
    if (name.empty() || name.size() > kMaxNameBytes) return false;
    char before = '.';
    for (const char c : name) {
        if (!is_alphanumeric(c) && c != '-' && c != '.') return false;
        if ((c == '-' && before == '.') || (c == '.' && (before == '.' || before == '-'))) return false;
        before = c;
    }
    return is_alphanumeric(name.back());
}

bool is_label_value(std::string_view value) {
    const auto is_word = [](char c) { return is_alphanumeric(c) || (c >= 'A' && c <= 'Z'); };
    if (value.empty()) return true;
    return value.size() <= kMaxLabelBytes && is_word(value.front()) && is_word(value.back()) &&
           std::all_of(value.begin(), value.end(),
                       [&](char c) { return is_word(c) || c == '-' || c == '_' || c == '.'; });
}

InvalidObject invalid(const Value& object, const std::string& field, const std::string& why) {
    return {object["kind"].string_or("object"), name_of(object), field, why};
}

void check_texts(const Value& object, const char* member, bool are_labels) {
    const Value& texts = object.get("metadata", member);
    if (texts.is_nil()) return;
    const std::string field = std::string("metadata.") + member;
    if (!texts.is_map()) throw invalid(object, field, "must be a map of strings");
    std::size_t bytes = 0;
    for (const auto& [key, value] : texts.as_map()) {
        if (!value.is_string())
            throw invalid(object, field + "." + key, "must be a string (quote it in YAML)");
        bytes += key.size() + value.as_string().size();
        if (are_labels && !is_label_value(value.as_string())) {
            throw invalid(object, field + "." + key,
                          "Invalid value: \"" + value.as_string() +
                              "\": a valid label must be at most 63 letters, digits, '-', '_' or '.', and "
                              "start and end with a letter or digit");
        }
    }
    if (!are_labels && bytes > kMaxAnnotationBytes)
        throw invalid(object, field, "must have at most 262144 bytes");
}

void check_metadata(const Value& object) {
    check_texts(object, "labels", true);
    check_texts(object, "annotations", false);
    for (const Value& owner : object.get("metadata", "ownerReferences").list_or_empty()) {
        for (const char* member : {"apiVersion", "kind", "name", "uid"}) {
            if (owner[member].string_or("").empty())
                throw invalid(object, std::string("metadata.ownerReferences.") + member, "Required value");
        }
    }
}

void prepare_secret(Value& object) {
    if (object.get("stringData").is_map()) {
        for (const auto& [key, value] : Map(object.get("stringData").as_map())) {
            if (!value.is_string()) throw invalid(object, "stringData." + key, "must be a string");
            object["data"][key] = base64_encode(value.as_string());
        }
    }
    object.erase("stringData");
    for (const auto& [key, value] : object.get("data").map_or_empty()) {
        try {
            (void)base64_decode(value.string_or("?"));
        } catch (const Error&) {
            throw invalid(object, "data." + key, "must be base64 (stringData takes plain text)");
        }
    }
    if (object["type"].string_or("").empty()) object["type"] = "Opaque";
}

void check_containers(const Value& object, const char* list, std::set<std::string>& names) {
    for (const Value& container : object.get("spec", list).list_or_empty()) {
        const std::string name = container["name"].string_or("");
        if (name.empty()) throw invalid(object, std::string("spec.") + list + "[].name", "Required value");
        if (!names.insert(name).second)
            throw invalid(object, std::string("spec.") + list + "[].name",
                          "Duplicate value: \"" + name + "\"");
    }
}

void prepare_pod(Value& object) {
    if (object.get("spec", "containers").list_or_empty().empty())
        throw invalid(object, "spec.containers", "Required value");
    std::set<std::string> names;
    check_containers(object, "initContainers", names);
    check_containers(object, "containers", names);
    std::set<std::string> volumes;
    for (const Value& volume : object.get("spec", "volumes").list_or_empty())
        volumes.insert(volume["name"].string_or(""));
    for (const char* list : {"initContainers", "containers"}) {
        for (const Value& container : object.get("spec", list).list_or_empty()) {
            for (const Value& mount : container["volumeMounts"].list_or_empty()) {
                const std::string name = mount["name"].string_or("");
                if (!volumes.contains(name)) {
                    throw invalid(object,
                                  std::string("spec.") + list + "[" + container["name"].string_or("") +
                                      "].volumeMounts",
                                  "Not found: \"" + name + "\"");
                }
            }
        }
    }
    Value& spec = object["spec"];
    if (spec["restartPolicy"].is_nil()) spec["restartPolicy"] = "Always";
    if (spec["terminationGracePeriodSeconds"].is_nil()) spec["terminationGracePeriodSeconds"] = 30;
    object["status"] = Map{{"phase", "Pending"}};
}

void prepare_definition(Value& object) {
    const std::string name =
        object.get("spec", "names", "plural").string_or("") + "." + object.get("spec", "group").string_or("");
    if (name_of(object) != name)
        throw invalid(object, "metadata.name", "must be spec.names.plural+\".\"+spec.group (" + name + ")");
    if (object.get("spec", "versions").list_or_empty().empty())
        throw invalid(object, "spec.versions", "Required value");
    Value& names = object["spec"]["names"];
    const std::string kind = names["kind"].string_or("");
    if (kind.empty()) throw invalid(object, "spec.names.kind", "Required value");
    if (names["listKind"].is_nil()) names["listKind"] = kind + "List";
    if (names["singular"].is_nil()) names["singular"] = ascii_lower(kind);
}

// A definition is served as soon as it is stored.
Value definition_status(const Value& definition, SystemTime now) {
    Value status;
    status["acceptedNames"] = definition["spec"]["names"];
    for (const char* type : {"NamesAccepted", "Established"}) {
        Value condition;
        condition["type"] = type;
        condition["status"] = "True";
        condition["reason"] =
            type == std::string_view("Established") ? "InitialNamesAccepted" : "NoConflicts";
        condition["message"] = "";
        condition["lastTransitionTime"] = format_rfc3339(now);
        status["conditions"].push_back(std::move(condition));
    }
    for (const Value& version : definition.get("spec", "versions").list_or_empty()) {
        if (version["storage"].bool_or(false)) status["storedVersions"].push_back(version["name"]);
    }
    return status;
}

// Empty is as good as absent, and is not kept.
void drop_empty(Value& metadata) {
    for (const char* member : {"labels", "annotations", "finalizers", "ownerReferences"}) {
        const Value* value = std::as_const(metadata).find(member);
        const bool is_empty =
            value != nullptr && ((value->is_map() && value->as_map().empty()) ||
                                 (value->is_list() && value->as_list().empty()) || value->is_nil());
        if (is_empty) metadata.erase(member);
    }
}

// What the kinds that the embedded cluster gives life to need; others are stored as they come.
void prepare_kind(const ResourceDescription& type, Value& object) {
    if (type.type == types::kSecrets) prepare_secret(object);
    if (type.type == types::kPods) prepare_pod(object);
    if (type.type == types::kCustomResourceDefinitions) prepare_definition(object);
    if (type.type == types::kNamespaces) {
        object["spec"]["finalizers"] = List{"kubernetes"};
        object["status"] = Map{{"phase", "Active"}};
    }
    if (type.type == types::kPersistentVolumeClaims) object["status"] = Map{{"phase", "Pending"}};
    const bool is_workload = type.type == types::kStatefulSets || type.type == types::kDeployments ||
                             type.type == types::kReplicaSets;
    if (is_workload && object.get("spec", "replicas").is_nil()) object["spec"]["replicas"] = 1;
}

// A Pod's spec is what runs: the embedded cluster would have to run it anew.
void check_pod_change(const Value& stored, const Value& wanted) {
    const auto without_image = [](const Value& pod) {
        Value spec = pod["spec"];
        spec.erase("activeDeadlineSeconds");
        spec.erase("terminationGracePeriodSeconds");
        spec.erase("tolerations");
        for (const char* list : {"containers", "initContainers"}) {
            if (!spec[list].is_list()) continue;
            for (Value& container : spec[list].writable_list()) container.erase("image");
        }
        return spec;
    };
    if (!(without_image(stored) == without_image(wanted))) {
        throw InvalidObject("Pod", name_of(stored), "spec",
                            "Forbidden: pod updates may not change fields other than "
                            "`spec.containers[*].image`,`spec.initContainers[*].image`,"
                            "`spec.activeDeadlineSeconds`,`spec.tolerations`,"
                            "`spec.terminationGracePeriodSeconds`",
                            "delete the Pod and create it again");
    }
}

void keep(Value& metadata, const Value& stored, const char* member) {
    if (stored[member].is_nil())
        metadata.erase(member);
    else
        metadata[member] = stored[member];
}

// Everything that counts as the object's own wish: a change of it is a new generation.
Value wish(const Value& object, bool has_status) {
    Value rest = object;
    rest.erase("metadata");
    if (has_status) rest.erase("status");
    return rest;
}

}  // namespace

std::string qualified_name(const ResourceType& type) {
    return type.group.empty() ? type.resource : type.resource + "." + type.group;
}

bool has_finalizers(const Value& object) noexcept {
    return !object.get("metadata", "finalizers").list_or_empty().empty() ||
           (object["kind"].is_string() && object["kind"].as_string() == "Namespace" &&
            !object.get("spec", "finalizers").list_or_empty().empty());
}

Value prepare_new(const ResourceDescription& type, Value object, SystemTime now) {
    if (!object.is_map()) throw Error(ErrorKind::kInvalid, "an object is a map");
    object["apiVersion"] =
        type.type.group.empty() ? type.type.version : type.type.group + "/" + type.type.version;
    object["kind"] = type.kind;
    if (!object["metadata"].is_map()) object["metadata"] = Map{};
    if (!resource_version_of(object).empty())
        throw Error(ErrorKind::kInvalid, "resourceVersion should not be set on objects to be created");
    Value& metadata = object["metadata"];
    for (const char* member : {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                               "generation", "resourceVersion", "selfLink", "managedFields"}) {
        metadata.erase(member);
    }
    const std::string name = name_of(object);
    const std::string prefix = object.get("metadata", "generateName").string_or("");
    if (name.empty() && prefix.empty())
        throw invalid(object, "metadata.name", "Required value: name or generateName is required");
    if (!is_dns_name(name.empty() ? prefix + "x" : name)) {
        throw invalid(object, name.empty() ? "metadata.generateName" : "metadata.name",
                      "Invalid value: \"" + (name.empty() ? prefix : name) +
                          "\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                          "characters, '-' or '.', and must start and end with an alphanumeric character");
    }
    if (!type.is_namespaced)
        metadata.erase("namespace");
    else if (namespace_of(object).empty())
        throw invalid(object, "metadata.namespace", "Required value");
    if (type.has_status_subresource) object.erase("status");
    check_metadata(object);
    drop_empty(metadata);
    prepare_kind(type, object);
    if (type.type == types::kCustomResourceDefinitions) {
        object["status"] = definition_status(object, now);
        object["metadata"]["finalizers"] = List{kDefinitionFinalizer};
    }
    object["metadata"]["creationTimestamp"] = format_rfc3339(now);
    const bool has_generation = !type.type.group.empty() || type.has_status_subresource;
    if (has_generation) object["metadata"]["generation"] = 1;
    return object;
}

Value prepare_change(const ResourceDescription& type, const Value& stored, Value wanted,
                     const std::string& subresource) {
    if (!subresource.empty() && !(subresource == "status" && type.has_status_subresource)) {
        throw Error(ErrorKind::kNotFound,
                    qualified_name(type.type) + " has no subresource '" + subresource + "'");
    }
    const std::string version = resource_version_of(wanted);
    if (!version.empty() && version != resource_version_of(stored)) {
        throw Error(ErrorKind::kConflict, "Operation cannot be fulfilled on " + qualified_name(type.type) +
                                              " \"" + name_of(stored) +
                                              "\": the object has been modified; please apply your changes "
                                              "to the latest version and try again");
    }
    const std::string uid = uid_of(wanted);
    if (!uid.empty() && uid != uid_of(stored)) {
        throw Error(ErrorKind::kConflict, "Precondition failed: UID in precondition: " + uid +
                                              ", UID in object meta: " + uid_of(stored));
    }
    if (subresource == "status") {
        Value result = stored;
        if (wanted.get("status").is_nil())
            result.erase("status");
        else
            result["status"] = wanted["status"];
        return result == stored ? stored : result;
    }
    if (type.has_status_subresource) {
        if (stored["status"].is_nil())
            wanted.erase("status");
        else
            wanted["status"] = stored["status"];
    }
    wanted["apiVersion"] = stored["apiVersion"];
    wanted["kind"] = stored["kind"];
    if (!wanted["metadata"].is_map()) wanted["metadata"] = Map{};
    Value& metadata = wanted["metadata"];
    for (const char* member :
         {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
          "generation", "resourceVersion", "generateName", "managedFields"}) {
        keep(metadata, stored["metadata"], member);
    }
    metadata.erase("selfLink");
    check_metadata(wanted);
    drop_empty(metadata);
    if (!stored.get("metadata", "deletionTimestamp").is_nil()) {
        const List& old = stored.get("metadata", "finalizers").list_or_empty();
        for (const Value& finalizer : wanted.get("metadata", "finalizers").list_or_empty()) {
            if (std::find(old.begin(), old.end(), finalizer) == old.end()) {
                throw invalid(wanted, "metadata.finalizers",
                              "Forbidden: no new finalizers can be added if the object is being deleted");
            }
        }
    }
    if (type.type == types::kSecrets) prepare_secret(wanted);
    if (type.type == types::kPods) check_pod_change(stored, wanted);
    if (type.type == types::kCustomResourceDefinitions) prepare_definition(wanted);
    if (stored["immutable"].bool_or(false) && !(wish(stored, true) == wish(wanted, true))) {
        throw invalid(wanted, "data", "Forbidden: field is immutable when `immutable` is set");
    }
    if (wanted == stored) return stored;
    const std::int64_t generation = stored.get("metadata", "generation").int_or(0);
    if (generation > 0 &&
        !(wish(stored, type.has_status_subresource) == wish(wanted, type.has_status_subresource))) {
        wanted["metadata"]["generation"] = generation + 1;
    }
    return wanted;
}

}  // namespace fencepost::cluster::local
