#include "protect/restore_item.h"

#include <functional>
#include <map>
#include <utility>

namespace fencepost::protect {

int rank_of(const std::string& kind) {
    static const std::map<std::string, int, std::less<>> ranks{{"LimitRange", 0},
                                                               {"ResourceQuota", 2},
                                                               {"ServiceAccount", 0},
                                                               {"Role", 0},
                                                               {"RoleBinding", 0},
                                                               {"Secret", 0},
                                                               {"ConfigMap", 0},
                                                               {"NetworkPolicy", 2},
                                                               {"PersistentVolumeClaim", 1},
                                                               {"Service", 2},
                                                               {"Deployment", 4},
                                                               {"StatefulSet", 4},
                                                               {"DaemonSet", 4},
                                                               {"ReplicaSet", 4},
                                                               {"Job", 4},
                                                               {"CronJob", 4},
                                                               {"Pod", 4},
                                                               {"Ingress", 5},
                                                               {"HorizontalPodAutoscaler", 5},
                                                               {"PodDisruptionBudget", 5}};
    constexpr int kCustom = 3;
    const auto found = ranks.find(kind);
    return found == ranks.end() ? kCustom : found->second;
}

void move_subjects(Value& manifest, const std::string& from, const std::string& to) {
    if (manifest["kind"] != Value("RoleBinding") || !std::as_const(manifest)["subjects"].is_list()) return;
    for (Value& subject : manifest["subjects"].writable_list()) {
        const Value& is = subject;
        if (is["kind"] == Value("ServiceAccount") && is["namespace"] == Value(from))
            subject["namespace"] = to;
    }
}

}  // namespace fencepost::protect
