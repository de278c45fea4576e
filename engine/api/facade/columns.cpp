#include "api/facade/columns.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "value/format.h"
#include "value/json.h"
#include "value/json_path.h"

namespace fencepost::api::facade {
namespace {

using Cell = std::function<Value(const Value& object, SystemTime now)>;
namespace types = cluster::types;

Value age_of(const Value& time, SystemTime now) {
    if (time.is_nil()) return {};
    try {
        const auto since = now - parse_rfc3339(time.string_or(""));
        return human_duration(std::chrono::floor<std::chrono::seconds>(since));
    } catch (const Error&) {
        return "<invalid>";
    }
}

std::string text_of(const Value& value) {
    if (value.is_string()) return value.as_string();
    return value.is_map() || value.is_list() ? to_json(value) : go_format_v(value);
}

// What a JSONPath finds, as the column's type wants it.
Column path_column(std::string name, std::string_view path, std::string type = "string",
                   bool is_wide = false) {
    const Cell cell = [path = JsonPath(path), type](const Value& object, SystemTime now) -> Value {
        const std::vector<Value> found = path.find(object);
        if (found.empty() || found.front().is_nil()) return {};
        if (type == "date") return age_of(found.front(), now);
        if (type != "string") return found.front();
        std::string text;
        for (const Value& value : found) text += (text.empty() ? "" : " ") + text_of(value);
        return text;
    };
    return {std::move(name), std::move(type), is_wide, cell};
}

Column wide(std::string name, std::string_view path) {
    return path_column(std::move(name), path, "string", true);
}

Column age_column() { return path_column("Age", ".metadata.creationTimestamp", "date"); }

// As path_column, but with a word where nothing is found.
Column path_or(std::string name, std::string_view path, std::string absent, bool is_wide = false) {
    Column column = path_column(std::move(name), path, "string", is_wide);
    column.cell = [find = column.cell, absent = std::move(absent)](const Value& object, SystemTime now) {
        Value found = find(object, now);
        return found.is_nil() ? Value(absent) : found;
    };
    return column;
}

Column count_column(std::string name, std::string_view key) {
    return {std::move(name), "integer", false, [key = std::string(key)](const Value& object, SystemTime) {
                const Value& counted = object[key];
                return Value(static_cast<std::int64_t>(counted.map_or_empty().size() +
                                                       counted.list_or_empty().size()));
            }};
}

// --- Pods

struct PodSummary {
    std::string status;
    std::int64_t ready = 0;
    std::int64_t restarts = 0;
    std::optional<std::string> last_restart;
};

std::string terminated_text(const Value& terminated) {
    const std::string reason = terminated["reason"].string_or("");
    if (!reason.empty()) return reason;
    const std::int64_t signal = terminated["signal"].int_or(0);
    return signal != 0 ? "Signal:" + std::to_string(signal)
                       : "ExitCode:" + std::to_string(terminated["exitCode"].int_or(0));
}

void count_restarts(const Value& status, PodSummary& summary) {
    summary.restarts += status["restartCount"].int_or(0);
    const std::string ended = status.get("lastState", "terminated", "finishedAt").string_or("");
    if (!ended.empty() && ended > summary.last_restart.value_or("")) summary.last_restart = ended;
}

// True where the init containers say what the Pod's status is.
bool summarize_init(const Value& pod, PodSummary& summary) {
    const List& statuses = pod.get("status", "initContainerStatuses").list_or_empty();
    for (std::size_t i = 0; i < statuses.size(); ++i) {
        const Value& state = statuses[i]["state"];
        if (state.get("terminated", "exitCode").int_or(-1) == 0) continue;
        PodSummary restarts;
        count_restarts(statuses[i], restarts);
        summary.restarts = restarts.restarts;
        summary.last_restart = restarts.last_restart;
        const std::string waiting = state.get("waiting", "reason").string_or("");
        if (state["terminated"].is_map()) {
            summary.status = "Init:" + terminated_text(state["terminated"]);
        } else if (!waiting.empty() && waiting != "PodInitializing") {
            summary.status = "Init:" + waiting;
        } else {
            summary.status = "Init:" + std::to_string(i) + "/" +
                             std::to_string(pod.get("spec", "initContainers").list_or_empty().size());
        }
        return true;
    }
    return false;
}

void summarize_containers(const Value& pod, PodSummary& summary) {
    bool is_any_running = false;
    const List& statuses = pod.get("status", "containerStatuses").list_or_empty();
    for (auto status = statuses.rbegin(); status != statuses.rend(); ++status) {
        const Value& state = (*status)["state"];
        count_restarts(*status, summary);
        const std::string waiting = state.get("waiting", "reason").string_or("");
        if (!waiting.empty()) {
            summary.status = waiting;
        } else if (state["terminated"].is_map()) {
            summary.status = terminated_text(state["terminated"]);
        } else if ((*status)["ready"].bool_or(false) && state["running"].is_map()) {
            is_any_running = true;
            ++summary.ready;
        }
    }
    if (summary.status == "Completed" && is_any_running) {
        const List& conditions = pod.get("status", "conditions").list_or_empty();
        const bool is_ready = std::any_of(conditions.begin(), conditions.end(), [](const Value& condition) {
            return condition["type"] == Value("Ready") && condition["status"] == Value("True");
        });
        summary.status = is_ready ? "Running" : "NotReady";
    }
}

PodSummary summarize(const Value& pod) {
    PodSummary summary;
    summary.status = pod.get("status", "reason").string_or(pod.get("status", "phase").string_or("Pending"));
    if (!summarize_init(pod, summary)) summarize_containers(pod, summary);
    if (pod.get("metadata", "deletionTimestamp").is_string()) summary.status = "Terminating";
    return summary;
}

std::vector<Column> pod_columns() {
    const Cell ready = [](const Value& pod, SystemTime) -> Value {
        return std::to_string(summarize(pod).ready) + "/" +
               std::to_string(pod.get("spec", "containers").list_or_empty().size());
    };
    const Cell status = [](const Value& pod, SystemTime) -> Value { return summarize(pod).status; };
    const Cell restarts = [](const Value& pod, SystemTime now) -> Value {
        const PodSummary summary = summarize(pod);
        std::string text = std::to_string(summary.restarts);
        if (summary.restarts > 0 && summary.last_restart)
            text += " (" + age_of(*summary.last_restart, now).string_or("") + " ago)";
        return text;
    };
    return {{"Ready", "string", false, ready},
            {"Status", "string", false, status},
            {"Restarts", "string", false, restarts},
            age_column(),
            path_or("IP", ".status.podIP", "<none>", true),
            path_or("Node", ".spec.nodeName", "<none>", true),
            path_or("Nominated Node", ".status.nominatedNodeName", "<none>", true),
            path_or("Readiness Gates", ".spec.readinessGates[*].conditionType", "<none>", true)};
}

// --- workloads

std::string fraction(const Value& object, std::string_view part) {
    return std::to_string(object["status"][part].int_or(0)) + "/" +
           std::to_string(object.get("spec", "replicas").int_or(1));
}

Column number(std::string name, std::string_view path) {
    Column column = path_column(std::move(name), path, "integer");
    column.cell = [find = column.cell](const Value& object, SystemTime now) {
        Value found = find(object, now);
        return found.is_nil() ? Value(0) : found;
    };
    return column;
}

std::vector<Column> containers_and(std::vector<Column> columns) {
    columns.push_back(wide("Containers", ".spec.template.spec.containers[*].name"));
    columns.push_back(wide("Images", ".spec.template.spec.containers[*].image"));
    return columns;
}

Column ready_fraction() {
    return {"Ready", "string", false,
            [](const Value& object, SystemTime) -> Value { return fraction(object, "readyReplicas"); }};
}

// --- the rest of the core

std::string access_modes(const Value& modes) {
    std::string text;
    for (const Value& mode : modes.list_or_empty()) {
        const std::string name = mode.string_or("");
        const std::string word = name == "ReadWriteOnce"      ? "RWO"
                                 : name == "ReadOnlyMany"     ? "ROX"
                                 : name == "ReadWriteMany"    ? "RWX"
                                 : name == "ReadWriteOncePod" ? "RWOP"
                                                              : name;
        text += (text.empty() ? "" : ",") + word;
    }
    return text;
}

Column access_modes_column(const char* section) {
    return {"Access Modes", "string", false, [section](const Value& object, SystemTime) -> Value {
                return access_modes(object[section]["accessModes"]);
            }};
}

Column claim_column() {
    return {"Claim", "string", false, [](const Value& volume, SystemTime) -> Value {
                const Value& claim = volume.get("spec", "claimRef");
                return claim.is_nil() ? ""
                                      : claim["namespace"].string_or("") + "/" + claim["name"].string_or("");
            }};
}

Column ports_column() {
    return {"Port(s)", "string", false, [](const Value& service, SystemTime) -> Value {
                std::string text;
                for (const Value& port : service.get("spec", "ports").list_or_empty()) {
                    text += (text.empty() ? "" : ",") + std::to_string(port["port"].int_or(0)) + "/" +
                            port["protocol"].string_or("TCP");
                }
                return text.empty() ? "<none>" : text;
            }};
}

std::vector<Column> event_columns() {
    const Cell last_seen = [](const Value& event, SystemTime now) -> Value {
        for (const char* key : {"lastTimestamp", "eventTime", "firstTimestamp"}) {
            if (event[key].is_string()) return age_of(event[key], now);
        }
        return "<unknown>";
    };
    const Cell object = [](const Value& event, SystemTime) -> Value {
        return ascii_lower(event.get("involvedObject", "kind").string_or("")) + "/" +
               event.get("involvedObject", "name").string_or("");
    };
    return {{"Last Seen", "string", false, last_seen},
            path_column("Type", ".type"),
            path_column("Reason", ".reason"),
            {"Object", "string", false, object},
            wide("Source", ".source.component"),
            path_column("Message", ".message"),
            wide("Count", ".count"),
            wide("Name", ".metadata.name")};
}

// As Kanister's CustomResourceDefinition prints them: no age.
std::vector<Column> action_set_columns() {
    return {path_column("Progress", ".status.progress.percentCompleted"),
            path_column("Size Downloaded B", ".status.progress.sizeDownloadedB"),
            path_column("Size Uploaded B", ".status.progress.sizeUploadedB"),
            path_column("Estimated Download Size B", ".status.progress.estimatedDownloadSizeB"),
            path_column("Estimated Upload Size B", ".status.progress.estimatedUploadSizeB"),
            path_column("Running Phase", ".status.progress.runningPhase"),
            path_column("Last Transition Time", ".status.progress.lastTransitionTime"),
            path_column("State", ".status.state")};
}

std::vector<Column> storage_columns(const cluster::ResourceType& type) {
    if (type == types::kPersistentVolumeClaims) {
        return {path_column("Status", ".status.phase"),
                path_column("Volume", ".spec.volumeName"),
                path_column("Capacity", ".status.capacity.storage"),
                access_modes_column("status"),
                path_column("StorageClass", ".spec.storageClassName"),
                age_column(),
                wide("VolumeMode", ".spec.volumeMode")};
    }
    if (type.group.empty() && type.resource == "persistentvolumes") {
        return {path_column("Capacity", ".spec.capacity.storage"),
                access_modes_column("spec"),
                path_column("Reclaim Policy", ".spec.persistentVolumeReclaimPolicy"),
                path_column("Status", ".status.phase"),
                claim_column(),
                path_column("StorageClass", ".spec.storageClassName"),
                age_column()};
    }
    if (type.group == "storage.k8s.io" && type.resource == "storageclasses") {
        return {path_column("Provisioner", ".provisioner"), path_column("ReclaimPolicy", ".reclaimPolicy"),
                path_column("VolumeBindingMode", ".volumeBindingMode"), age_column()};
    }
    if (type == types::kVolumeSnapshots) {
        return {path_column("ReadyToUse", ".status.readyToUse", "boolean"),
                path_column("SourcePVC", ".spec.source.persistentVolumeClaimName"),
                path_column("SourceSnapshotContent", ".spec.source.volumeSnapshotContentName"),
                path_column("RestoreSize", ".status.restoreSize"),
                path_column("SnapshotClass", ".spec.volumeSnapshotClassName"),
                path_column("SnapshotContent", ".status.boundVolumeSnapshotContentName"),
                path_column("CreationTime", ".status.creationTime", "date"),
                age_column()};
    }
    if (type == types::kVolumeSnapshotContents) {
        return {path_column("ReadyToUse", ".status.readyToUse", "boolean"),
                path_column("RestoreSize", ".status.restoreSize", "integer"),
                path_column("DeletionPolicy", ".spec.deletionPolicy"),
                path_column("Driver", ".spec.driver"),
                path_column("VolumeSnapshotClass", ".spec.volumeSnapshotClassName"),
                path_column("VolumeSnapshot", ".spec.volumeSnapshotRef.name"),
                path_column("VolumeSnapshotNamespace", ".spec.volumeSnapshotRef.namespace"),
                age_column()};
    }
    if (type == types::kVolumeSnapshotClasses)
        return {path_column("Driver", ".driver"), path_column("DeletionPolicy", ".deletionPolicy"),
                age_column()};
    return {};
}

std::vector<Column> workload_columns(const cluster::ResourceType& type) {
    if (type == types::kStatefulSets) return containers_and({ready_fraction(), age_column()});
    if (type == types::kDeployments) {
        return containers_and({ready_fraction(), number("Up-to-date", ".status.updatedReplicas"),
                               number("Available", ".status.availableReplicas"), age_column()});
    }
    if (type == types::kReplicaSets) {
        return containers_and({number("Desired", ".spec.replicas"), number("Current", ".status.replicas"),
                               number("Ready", ".status.readyReplicas"), age_column()});
    }
    return {};
}

std::vector<Column> own_columns(const cluster::ResourceType& type) {
    if (type == types::kActionSets) return action_set_columns();
    if (type == types::kBlueprintBindings) {
        return {path_column("Disabled", ".spec.disabled", "boolean"),
                path_column("Status", ".status.validation"), age_column()};
    }
    if (type == types::kObligations) {
        return {path_column("Kind", ".spec.kind"), path_column("State", ".status.state"),
                path_column("Pod", ".spec.pod.name"), path_column("Deadline", ".spec.deadline"),
                age_column()};
    }
    if (type == types::kPods) return pod_columns();
    if (type == types::kSecrets)
        return {path_column("Type", ".type"), count_column("Data", "data"), age_column()};
    if (type == types::kConfigMaps) return {count_column("Data", "data"), age_column()};
    if (type == types::kNamespaces) return {path_column("Status", ".status.phase"), age_column()};
    if (type == types::kEvents) return event_columns();
    if (type == types::kServices) {
        return {path_or("Type", ".spec.type", "ClusterIP"),
                path_or("Cluster-IP", ".spec.clusterIP", "<none>"),
                path_or("External-IP", ".spec.externalIPs[*]", "<none>"), ports_column(), age_column()};
    }
    if (type == types::kCustomResourceDefinitions)
        return {path_column("Created At", ".metadata.creationTimestamp")};
    if (type.group.empty() && type.resource == "serviceaccounts")
        return {count_column("Secrets", "secrets"), age_column()};
    std::vector<Column> columns = workload_columns(type);
    return columns.empty() ? storage_columns(type) : columns;
}

std::vector<Column> defined_columns(const cluster::ResourceType& type, const Value& definition) {
    std::vector<Column> columns;
    for (const Value& version : definition.get("spec", "versions").list_or_empty()) {
        if (version["name"] != Value(type.version)) continue;
        for (const Value& printed : version["additionalPrinterColumns"].list_or_empty()) {
            const std::string name = printed["name"].string_or("");
            if (name == "Name") continue;
            columns.push_back(path_column(name, printed["jsonPath"].string_or(""),
                                          printed["type"].string_or("string"),
                                          printed["priority"].int_or(0) != 0));
        }
    }
    return columns;
}

}  // namespace

std::vector<Column> columns_of(const cluster::ResourceType& type, const Value& definition) {
    std::vector<Column> columns{path_column("Name", ".metadata.name")};
    std::vector<Column> more = own_columns(type);
    if (more.empty()) more = defined_columns(type, definition);
    if (more.empty()) more.push_back(age_column());
    for (Column& column : more) columns.push_back(std::move(column));
    return columns;
}

}  // namespace fencepost::api::facade
