#include "cluster/local/pods/container_choice.h"

#include <vector>

#include "base/error.h"
#include "base/human.h"
#include "cluster/cluster.h"

namespace fencepost::cluster::local {
namespace {

std::vector<std::string> names_of(const Value& pod, std::string_view key) {
    std::vector<std::string> names;
    for (const Value& container : pod["spec"][key].list_or_empty())
        names.push_back(container["name"].string_or(""));
    return names;
}

}  // namespace

std::string choose_container(const Value& pod, std::string_view name, bool allows_init) {
    const std::vector<std::string> containers = names_of(pod, "containers");
    std::string chosen(name);
    if (chosen.empty()) {
        const Value& preferred =
            pod.get("metadata", "annotations", "kubectl.kubernetes.io/default-container");
        chosen = preferred.string_or("");
    }
    if (chosen.empty()) {
        if (containers.size() == 1) return containers.front();
        throw Error(ErrorKind::kInvalid, "a container name must be specified for pod " + name_of(pod) +
                                             ", choose one of: [" + joined(containers, " ") + "]");
    }
    std::vector<std::string> known = containers;
    if (allows_init) {
        for (std::string& init : names_of(pod, "initContainers")) known.push_back(std::move(init));
    }
    for (const std::string& candidate : known) {
        if (candidate == chosen) return chosen;
    }
    throw Error(ErrorKind::kInvalid, "pod '" + name_of(pod) + "' does not have container '" + chosen +
                                         "' (has: " + joined(known, ", ") + ")");
}

}  // namespace fencepost::cluster::local
