// The files of a volume, moved between its claim and the repository of a location's exports. They are moved
// by CopyVolumeData and RestoreData, as actions of a Blueprint of our own that is made beside the controller
// where it is missing: so each move is an ActionSet, which has logs and retries, and which a later daemon
// goes on with. Blocking; any thread. Errors: what the cluster throws.
#pragma once

#include <string>

#include "protect/child_action.h"
#include "protect/exports.h"

namespace fencepost::protect {

// What both moves need to know. `name` and `parent` are the ActionSet's.
struct VolumeMove {
    std::string name, parent;
    std::string ns, claim;
};

[[nodiscard]] ChildAction copy_to(run::World& world, const Exports& exports, const VolumeMove& move);
// What a restore needs of what copy_to() left behind: {backupID, backupRoot, files, bytes, storedBytes}.
[[nodiscard]] Value moved(const ChildEnd& end);
// `copy` is what moved() gave.
[[nodiscard]] ChildAction fill_from(run::World& world, const Exports& exports, const VolumeMove& move,
                                    const Value& copy);
// Is a volume of a content's spec.volumes files in a repository, rather than a snapshot of the storage?
[[nodiscard]] bool is_exported(const Value& copy);
// The host that the copies of a claim have in the repository: copies that were made twice are found by it.
[[nodiscard]] std::string host_of(const std::string& ns, const std::string& claim);

// At least as large as what it is to hold.
void make_room(Value& claim, const std::string& size);

}  // namespace fencepost::protect
