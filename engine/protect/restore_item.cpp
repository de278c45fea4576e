#include "protect/restore_item.h"

#include <functional>
#include <map>

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

}  // namespace fencepost::protect
