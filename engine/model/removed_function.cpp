#include "model/removed_function.h"

namespace fencepost::model {
namespace {

struct Removed {
    std::string_view name;
    std::string_view instead;
};
constexpr Removed kRemoved[] = {
    {"CreateVolumeSnapshot", "use CreateCSISnapshot, which takes a snapshot of one claim"},
    {"WaitForSnapshotCompletion", "leave it out: CreateCSISnapshot itself waits until the snapshot is ready"},
    {"CreateVolumeFromSnapshot", "use RestoreCSISnapshot, which makes a new claim of a snapshot"},
    {"DeleteVolumeSnapshot", "use DeleteCSISnapshot"},
};

}  // namespace

std::string instead_of(std::string_view function) {
    for (const Removed& one : kRemoved) {
        if (one.name == function) return "Kanister 0.115 removed it; " + std::string(one.instead);
    }
    return {};
}

}  // namespace fencepost::model
