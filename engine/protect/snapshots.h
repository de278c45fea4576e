// The volumes of an application as VolumeSnapshots. Two moments count: the point in time (creationTime: from
// then on the volume may change again, so a fence may go) and ready to use, which may be much later where the
// storage uploads. Blocking; any thread. Errors: what the cluster throws; kTimeout and kFailedPrecondition
// with what the driver says.
#pragma once

#include <string>
#include <vector>

#include "protect/tokens.h"
#include "run/function.h"

namespace fencepost::protect {

struct SnapshotLimits {
    std::chrono::seconds point_in_time{600};
    std::chrono::seconds ready{1800};
};

struct VolumeCopy {
    std::string claim;
    std::string snapshot;  // the VolumeSnapshot's name
};

class Snapshots {
  public:
    // Of the application in `ns`, for the action with that uid.
    Snapshots(run::World& world, std::string ns, std::string parent);

    // Asks for one of each claim, unless it is there already.
    void take(const std::vector<VolumeCopy>& copies);
    // Both return when all of them have reached it.
    void wait_for_point_in_time(const std::vector<VolumeCopy>& copies, Deadline deadline,
                                const CancelToken& cancel);
    void wait_until_ready(const std::vector<VolumeCopy>& copies, Deadline deadline,
                          const CancelToken& cancel);
    // What is needed to make a volume of it again, also where its namespace is gone by then: from now on the
    // copy outlives the VolumeSnapshot. {claim, snapshot, content, handle, driver, class, restoreSize,
    // creationTime}
    [[nodiscard]] Value keep(const VolumeCopy& copy);
    void remove(const std::vector<VolumeCopy>& copies);
    // All that this action has made. Copies that were kept go too.
    void remove_all();

  private:
    void wait(const std::vector<VolumeCopy>& copies, Deadline deadline, const CancelToken& cancel,
              const char* what, bool (*is_reached)(const Value& snapshot));
    [[nodiscard]] std::string class_for(const Value& claim);
    [[nodiscard]] std::string driver_of(const Value& claim);

    run::World& world_;
    const std::string ns_, parent_;
};

// Deletes what keep() told of, for good: the copy in the storage, and the objects that stand for it.
void remove_copy(run::World& world, const std::string& ns, const Value& kept);
// The claim's VolumeSnapshot in `ns` for a copy, so that a claim may name it as its source.
void offer_copy(run::World& world, const std::string& ns, const std::string& name, const std::string& parent,
                const Value& kept);
// What offer_copy() made; the copy itself stays.
void withdraw_offer(run::World& world, const std::string& ns, const std::string& name);

}  // namespace fencepost::protect
