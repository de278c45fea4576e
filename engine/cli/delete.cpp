#include "base/encodings.h"
#include "base/error.h"
#include "cli/manifests.h"
#include "cli/object_name.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{100};

struct Doomed {
    cluster::ResourceDescription type;
    std::string ns;
    std::string name;
};

std::vector<Doomed> doomed(Server& server, const DeleteOptions& options) {
    std::vector<Doomed> result;
    if (!options.kind.empty()) {
        const auto [kind, names] = kind_and_names(options.kind, options.names);
        if (names.empty()) throw UsageError("which " + kind + "?", "give one or more names");
        const auto type = server.type(kind);
        for (const auto& name : names) result.push_back({type, type.is_namespaced ? options.ns : "", name});
    }
    if (!options.files.empty()) {
        for (const Manifest& manifest : read_manifests(options.files)) {
            const auto type = server.type_of(manifest.object);
            std::string ns = cluster::namespace_of(manifest.object);
            if (ns.empty()) ns = options.ns;
            result.push_back({type, type.is_namespaced ? ns : "", cluster::name_of(manifest.object)});
        }
    }
    if (result.empty()) throw UsageError("nothing to delete", "give KIND NAME or -f FILE");
    return result;
}

void wait_until_gone(Server& server, const Doomed& object, const std::string& uid, Deadline deadline) {
    const std::string path = object_path(object.type, object.ns, object.name);
    while (true) {
        const auto live = server.find(path);
        if (!live || cluster::uid_of(*live) != uid) return;
        if (std::chrono::steady_clock::now() >= deadline) {
            std::string finalizers;
            for (const Value& finalizer : live->get("metadata", "finalizers").list_or_empty()) {
                finalizers += (finalizers.empty() ? "" : ", ") + finalizer.string_or("");
            }
            throw Error(
                ErrorKind::kTimeout, object.type.singular + "/" + object.name + " is still there",
                finalizers.empty() ? "it goes when its processes have ended" : "it waits for: " + finalizers);
        }
        (void)CancelToken().wait_for(kPoll);
    }
}

}  // namespace

int remove(Server& server, const DeleteOptions& options) {
    const Deadline deadline = std::chrono::steady_clock::now() + parse_duration(options.timeout);
    for (const Doomed& object : doomed(server, options)) {
        std::string path = object_path(object.type, object.ns, object.name);
        const std::string title = object.type.singular + "/" + object.name;
        const auto live = server.find(path);
        if (!live) {
            if (options.ignore_not_found) continue;
            throw Error(ErrorKind::kNotFound,
                        "there is no " + title + (object.ns.empty() ? "" : " in namespace " + object.ns));
        }
        if (options.grace_period) path += "?gracePeriodSeconds=" + std::to_string(*options.grace_period);
        server.send("DELETE", path, {});
        if (options.wait) wait_until_gone(server, object, cluster::uid_of(*live), deadline);
        print(title + " deleted\n");
    }
    return kDone;
}

}  // namespace fencepost::cli
