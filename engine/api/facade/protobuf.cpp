#include "api/facade/protobuf.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::api::facade {
namespace {

constexpr std::string_view kMagic{"k8s\0", 4};
constexpr int kMaxDepth = 30;

// Message: number name type. [] is a list, {} a map from texts, - is read over. Zero is as good as absent,
// but for numbers and flags with a "!".
constexpr const char* kMessages = R"(
Unknown: 1 typeMeta TypeMeta, 2 raw raw, 3 contentEncoding string, 4 contentType string
TypeMeta: 1 apiVersion string, 2 kind string
DeleteOptions: 1 gracePeriodSeconds int!, 2 preconditions Preconditions, 3 orphanDependents bool!, 4 propagationPolicy string, 5 dryRun string[], 6 ignoreStoreReadErrorWithClusterBreakingPotential bool
Preconditions: 1 uid string, 2 resourceVersion string
ObjectMeta: 1 name string, 2 generateName string, 3 namespace string, 4 selfLink string, 5 uid string, 6 resourceVersion string, 7 generation int, 8 creationTimestamp Time, 9 deletionTimestamp Time, 10 deletionGracePeriodSeconds int, 11 labels string{}, 12 annotations string{}, 13 ownerReferences OwnerReference[], 14 finalizers string[], 17 managedFields -
OwnerReference: 1 kind string, 3 name string, 4 uid string, 5 apiVersion string, 6 controller bool!, 7 blockOwnerDeletion bool!
ObjectReference: 1 kind string, 2 namespace string, 3 name string, 4 uid string, 5 apiVersion string, 6 resourceVersion string, 7 fieldPath string
LocalObjectReference: 1 name string
Namespace: 1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status -
NamespaceSpec: 1 finalizers string[]
ConfigMap: 1 metadata ObjectMeta, 2 data string{}, 3 binaryData bytes{}, 4 immutable bool!
Secret: 1 metadata ObjectMeta, 2 data bytes{}, 3 type string, 4 stringData string{}, 5 immutable bool!
ServiceAccount: 1 metadata ObjectMeta, 2 secrets ObjectReference[], 3 imagePullSecrets LocalObjectReference[], 4 automountServiceAccountToken bool!
Service: 1 metadata ObjectMeta, 2 spec ServiceSpec, 3 status -
ServiceSpec: 1 ports ServicePort[], 2 selector string{}, 3 clusterIP string, 4 type string, 5 externalIPs string[], 7 sessionAffinity string, 8 loadBalancerIP string, 9 loadBalancerSourceRanges string[], 10 externalName string, 11 externalTrafficPolicy string, 12 healthCheckNodePort int, 13 publishNotReadyAddresses bool, 17 ipFamilyPolicy string, 18 clusterIPs string[], 19 ipFamilies string[], 20 allocateLoadBalancerNodePorts bool!, 21 loadBalancerClass string, 22 internalTrafficPolicy string, 23 trafficDistribution string
ServicePort: 1 name string, 2 protocol string, 3 port int, 4 targetPort IntOrString, 5 nodePort int, 6 appProtocol string
Deployment: 1 metadata ObjectMeta, 2 spec DeploymentSpec, 3 status -
DeploymentSpec: 1 replicas int!, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 strategy DeploymentStrategy, 5 minReadySeconds int, 6 revisionHistoryLimit int!, 7 paused bool, 9 progressDeadlineSeconds int!
DeploymentStrategy: 1 type string
LabelSelector: 1 matchLabels string{}, 2 matchExpressions LabelSelectorRequirement[]
LabelSelectorRequirement: 1 key string, 2 operator string, 3 values string[]
PodTemplateSpec: 1 metadata ObjectMeta, 2 spec PodSpec
PodSpec: 2 containers Container[], 3 restartPolicy string, 4 terminationGracePeriodSeconds int!, 6 dnsPolicy string, 8 serviceAccountName string, 9 serviceAccount string, 10 nodeName string, 11 hostNetwork bool, 12 hostPID bool, 13 hostIPC bool, 16 hostname string, 17 subdomain string, 19 schedulerName string, 24 priorityClassName string
Container: 1 name string, 2 image string, 3 command string[], 4 args string[], 5 workingDir string, 6 ports ContainerPort[], 7 env EnvVar[], 8 resources ResourceRequirements, 13 terminationMessagePath string, 14 imagePullPolicy string, 16 stdin bool, 17 stdinOnce bool, 18 tty bool, 20 terminationMessagePolicy string
ContainerPort: 1 name string, 2 hostPort int, 3 containerPort int, 4 protocol string, 5 hostIP string
EnvVar: 1 name string, 2 value string
ResourceRequirements: 1 limits Quantity{}, 2 requests Quantity{}
Quantity: 1 string string
Time: 1 seconds int!, 2 nanos int
IntOrString: 1 type int!, 2 intVal int!, 3 strVal string
)";

struct Field {
    std::string name;
    std::string type;
    bool keeps_zero = false;
    bool is_list = false;
    bool is_map = false;
};
using Message = std::map<std::uint64_t, Field>;

std::map<std::string, Message, std::less<>> read_messages() {
    std::map<std::string, Message, std::less<>> messages;
    std::istringstream lines(kMessages);
    for (std::string line; std::getline(lines, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos) continue;
        Message& message = messages[line.substr(0, colon)];
        std::istringstream fields(line.substr(colon + 1));
        for (std::string text; std::getline(fields, text, ',');) {
            std::uint64_t number = 0;
            Field field;
            std::istringstream(text) >> number >> field.name >> field.type;
            const auto take = [&](std::string_view suffix) {
                if (!field.type.ends_with(suffix)) return false;
                field.type.resize(field.type.size() - suffix.size());
                return true;
            };
            field.keeps_zero = take("!");
            field.is_list = take("[]");
            field.is_map = take("{}");
            message[number] = std::move(field);
        }
    }
    return messages;
}

const Message& message_of(std::string_view name) {
    static const auto messages = read_messages();
    const auto found = messages.find(name);
    if (found == messages.end())
        throw Error(ErrorKind::kUnsupported, "a " + std::string(name) + " in protobuf is not read here",
                    "send it as application/json");
    return found->second;
}

[[noreturn]] void broken() { throw Error(ErrorKind::kInvalid, "the body is no valid protobuf"); }

class Reader {
  public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    [[nodiscard]] bool is_at_end() const { return bytes_.empty(); }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (bytes_.empty()) broken();
            const auto byte = static_cast<unsigned char>(bytes_.front());
            bytes_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if ((byte & 0x80U) == 0) return value;
        }
        broken();
    }
    std::string_view piece() {
        const std::uint64_t size = varint();
        if (size > bytes_.size()) broken();
        const std::string_view result = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return result;
    }

  private:
    std::string_view bytes_;
};

Value parse_message(std::string_view name, std::string_view bytes, int depth);

Value time_of(const Value& parts) {
    const auto seconds = std::chrono::seconds(parts["seconds"].int_or(0));
    return seconds.count() == 0 ? Value() : Value(format_rfc3339(SystemTime(seconds)));
}

// What is written with a length in front: texts, bytes and messages.
Value parse_piece(const std::string& type, std::string_view bytes, int depth) {
    if (type == "string" || type == "raw") return std::string(bytes);
    if (type == "bytes") return base64_encode(bytes);
    const Value message = parse_message(type, bytes, depth + 1);
    if (type == "Time") return time_of(message);
    if (type == "Quantity") return message["string"].string_or("0");
    if (type != "IntOrString") return message;
    return message["type"].int_or(0) == 0 ? Value(message["intVal"].int_or(0)) : message["strVal"];
}

bool is_blank(const Value& value) {
    return value.is_nil() || value == Value("") || value == Value(0) || value == Value(false) ||
           (value.is_map() && value.as_map().empty());
}

void add_map_entry(Value& map, const Field& field, std::string_view bytes, int depth) {
    std::string key;
    Value value = field.type == "bytes" || field.type == "string" ? Value("") : Value();
    Reader reader(bytes);
    while (!reader.is_at_end()) {
        const std::uint64_t tag = reader.varint();
        if (tag == 10) {
            key = reader.piece();
        } else if (tag == 18) {
            value = parse_piece(field.type, reader.piece(), depth);
        } else {
            broken();
        }
    }
    map[key] = std::move(value);
}

Value parse_message(std::string_view name, std::string_view bytes, int depth) {
    if (depth > kMaxDepth) broken();
    const Message& message = message_of(name);
    Value result(Map{});
    Reader reader(bytes);
    while (!reader.is_at_end()) {
        const std::uint64_t tag = reader.varint();
        const auto found = message.find(tag >> 3U);
        if (found == message.end()) {
            throw Error(ErrorKind::kUnsupported,
                        "field " + std::to_string(tag >> 3U) + " of a " + std::string(name) +
                            " in protobuf is not read here",
                        "send it as application/json");
        }
        const Field& field = found->second;
        const bool is_varint = (tag & 7U) == 0;
        if (!is_varint && (tag & 7U) != 2) broken();
        Value value;
        if (is_varint) {
            const std::uint64_t number = reader.varint();
            value = field.type == "bool" ? Value(number != 0) : Value(static_cast<std::int64_t>(number));
        } else if (field.is_map) {
            add_map_entry(result[field.name], field, reader.piece(), depth);
            continue;
        } else if (field.type == "-") {
            (void)reader.piece();
            continue;
        } else {
            value = parse_piece(field.type, reader.piece(), depth);
        }
        if (field.is_list)
            result[field.name].push_back(std::move(value));
        else if (field.keeps_zero || !is_blank(value))
            result[field.name] = std::move(value);
    }
    return result;
}

}  // namespace

Value parse_protobuf(std::string_view body) {
    if (!body.starts_with(kMagic)) broken();
    const Value envelope = parse_message("Unknown", body.substr(kMagic.size()), 0);
    const std::string kind = envelope.get("typeMeta", "kind").string_or("");
    Value object = parse_message(kind, envelope["raw"].string_or(""), 0);
    object["apiVersion"] = envelope.get("typeMeta", "apiVersion");
    object["kind"] = kind;
    return object;
}

}  // namespace fencepost::api::facade
