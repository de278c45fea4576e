#include "cli/columns.h"

#include "cli/terminal.h"
#include "value/format.h"

namespace fencepost::cli {
namespace {

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> keys;
    while (!path.empty()) {
        const std::size_t dot = std::min(path.find('.'), path.size());
        keys.emplace_back(path.substr(0, dot));
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return keys;
}

Column member(std::string header, std::string_view path) {
    return {std::move(header), [keys = split(path)](const Value& object, SystemTime) {
                const Value* value = &object;
                for (const auto& key : keys) value = &(*value)[key];
                return value->is_nil() ? std::string() : go_format_v(*value);
            }};
}

Column age_column() {
    return {"AGE", [](const Value& object, SystemTime now) {
                return age(object.get("metadata", "creationTimestamp").string_or(""), now);
            }};
}

Column size_of(std::string header, std::string_view key) {
    return {std::move(header), [key = std::string(key)](const Value& object, SystemTime) {
                return std::to_string(object[key].map_or_empty().size());
            }};
}

std::string pod_ready(const Value& pod, SystemTime) {
    int ready = 0;
    for (const Value& status : pod.get("status", "containerStatuses").list_or_empty()) {
        ready += status["ready"].bool_or(false) ? 1 : 0;
    }
    return std::to_string(ready) + "/" + std::to_string(pod.get("spec", "containers").list_or_empty().size());
}

std::string pod_status(const Value& pod, SystemTime) {
    if (pod.get("metadata", "deletionTimestamp").is_string()) return "Terminating";
    for (const Value& status : pod.get("status", "containerStatuses").list_or_empty()) {
        for (const char* state : {"waiting", "terminated"}) {
            const std::string reason = status.get("state", state, "reason").string_or("");
            if (!reason.empty()) return reason;
        }
    }
    return pod.get("status", "phase").string_or("Pending");
}

std::string pod_restarts(const Value& pod, SystemTime) {
    std::int64_t restarts = 0;
    for (const Value& status : pod.get("status", "containerStatuses").list_or_empty()) {
        restarts += status["restartCount"].int_or(0);
    }
    return std::to_string(restarts);
}

std::vector<Column> own_columns(const cluster::ResourceType& type) {
    namespace types = cluster::types;
    if (type == types::kActionSets) {
        return {member("PROGRESS", "status.progress.percentCompleted"),
                member("SIZE DOWNLOADED B", "status.progress.sizeDownloadedB"),
                member("SIZE UPLOADED B", "status.progress.sizeUploadedB"),
                member("ESTIMATED DOWNLOAD SIZE B", "status.progress.estimatedDownloadSizeB"),
                member("ESTIMATED UPLOAD SIZE B", "status.progress.estimatedUploadSizeB"),
                member("RUNNING PHASE", "status.progress.runningPhase"),
                member("LAST TRANSITION TIME", "status.progress.lastTransitionTime"),
                member("STATE", "status.state")};
    }
    if (type == types::kBlueprintBindings) {
        return {member("DISABLED", "spec.disabled"), member("STATUS", "status.validation"), age_column()};
    }
    if (type == types::kPods) {
        return {{"READY", pod_ready}, {"STATUS", pod_status}, {"RESTARTS", pod_restarts}, age_column()};
    }
    if (type == types::kSecrets) return {member("TYPE", "type"), size_of("DATA", "data"), age_column()};
    if (type == types::kConfigMaps) return {size_of("DATA", "data"), age_column()};
    if (type == types::kNamespaces) return {member("STATUS", "status.phase"), age_column()};
    if (type == types::kPersistentVolumeClaims) {
        return {member("STATUS", "status.phase"), member("VOLUME", "spec.volumeName"),
                member("CAPACITY", "status.capacity.storage"), age_column()};
    }
    if (type == types::kVolumeSnapshots) {
        return {member("READYTOUSE", "status.readyToUse"),
                member("SOURCEPVC", "spec.source.persistentVolumeClaimName"),
                member("SNAPSHOTCONTENT", "status.boundVolumeSnapshotContentName"), age_column()};
    }
    if (type == types::kEvents) {
        return {member("TYPE", "type"), member("REASON", "reason"), member("OBJECT", "involvedObject.name"),
                member("MESSAGE", "message"), age_column()};
    }
    return {age_column()};
}

}  // namespace

std::vector<Column> columns_of(const cluster::ResourceType& type, bool with_namespace) {
    std::vector<Column> columns;
    if (with_namespace) columns.push_back(member("NAMESPACE", "metadata.namespace"));
    columns.push_back(member("NAME", "metadata.name"));
    for (Column& column : own_columns(type)) columns.push_back(std::move(column));
    return columns;
}

}  // namespace fencepost::cli
