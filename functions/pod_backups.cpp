#include "functions/pod_backups.h"

#include <algorithm>

#include "base/error.h"
#include "functions/volumes.h"
#include "run/args.h"
#include "value/json.h"

namespace fencepost::functions {

namespace {

Error no_backup_info(const std::string& why) {
    return {ErrorKind::kInvalid, "argument 'backupInfo': " + why,
            "it is the output BackupAllInfo of BackupDataAll"};
}

Value backup_info(const Value& args) {
    try {
        Value info = parse_json(run::string_arg(args, "backupInfo"));
        if (info.is_map()) return info;
    } catch (const Error& error) {
        throw no_backup_info("Could not decode JSON data: " + error.message());
    }
    throw no_backup_info("Could not decode JSON data: it is no JSON object of Pods and their backups");
}

}  // namespace

std::string to_backup_info(const PodBackups& backups) {
    Map info;
    for (const auto& [pod, backup] : backups)
        info.set(pod, Map{{"PodName", pod}, {"BackupID", backup.id}, {"BackupTag", backup.tag}});
    return to_json(std::move(info));
}

PodBackups backup_info_arg(const Value& args) {
    PodBackups backups;
    const Value info = backup_info(args);
    for (const Member& pod : info.as_map()) {
        PodBackup backup{.id = pod.value["BackupID"].string_or(""),
                         .tag = pod.value["BackupTag"].string_or("")};
        if (backup.id.empty()) throw no_backup_info("it has no BackupID of pod '" + pod.key + "'");
        backups[pod.key] = std::move(backup);
    }
    if (backups.empty()) throw no_backup_info("it names no backup");
    return backups;
}

std::vector<std::string> pods_arg(const run::RunContext& run, const Value& args) {
    std::vector<std::string> pods;
    for (std::string& pod : run::words_arg(args, "pods")) {
        if (std::find(pods.begin(), pods.end(), pod) == pods.end()) pods.push_back(std::move(pod));
    }
    if (pods.empty()) pods = pods_of_subject(run);
    if (pods.empty()) {
        throw Error(ErrorKind::kNotFound, "Failed to get pods: the subject had none when the action began",
                    "name them in the argument 'pods'");
    }
    return pods;
}

std::string repository_of_pod(const Value& args, const std::string& pod) {
    return run::string_arg(args, "backupArtifactPrefix") + "/" + pod;
}

}  // namespace fencepost::functions
