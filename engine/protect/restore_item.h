// An object of a restore point on its way back: what a RestoreAction makes again, or, where it restores data
// alone, only knows of.
#pragma once

#include <string>

#include "cluster/cluster.h"

namespace fencepost::protect {

inline constexpr const char* kRestoredBy = "fencepost.io/restored-by";  // on what is made: the action's uid

struct RestoreItem {
    cluster::ResourceType type;
    std::string kind;
    Value manifest;
    int rank = 0;         // those of a lower one are made before
    std::string name;     // that it had; a transform may have given it another
    bool is_made = true;  // false: it stays as it is, or is not there; blueprints may still work on it

    [[nodiscard]] std::string label() const { return type.resource + "/" + cluster::name_of(manifest); }
    [[nodiscard]] cluster::ObjectKey key_in(const std::string& ns) const {
        return {type, ns, cluster::name_of(manifest)};
    }
    [[nodiscard]] bool is_claim() const { return type == cluster::types::kPersistentVolumeClaims; }
};

// By the action of that uid.
[[nodiscard]] inline bool is_made_by(const Value& object, const std::string& uid) {
    return object.get("metadata", "annotations", kRestoredBy) == Value(uid);
}

// What others need comes first. Data and settings are there before an operator could make its own. What could
// stop the Pods that fill volumes, a closed network or a quota, comes after these.
[[nodiscard]] int rank_of(const std::string& kind);
inline constexpr int kLastOfData = 1;

// A RoleBinding of the namespace `from` that is made in `to`: the service accounts of `from` that it names
// are those of `to`, as they are made there too. Without it they would have rights in both namespaces, and
// the new ones none. All else stays as it is.
void move_subjects(Value& manifest, const std::string& from, const std::string& to);

}  // namespace fencepost::protect
