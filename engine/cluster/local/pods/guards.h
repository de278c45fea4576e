// The guards of fences on this host: a folder each below guards/, and a process that outlives the daemon (see
// run_guard in supervisor/run.h). What stands is known from the disk alone, so a daemon that starts anew
// finds it. Thread safety: all members may be called from any thread, for one id by one thread at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/cancel.h"
#include "cluster/cluster.h"
#include "cluster/local/pods/container_folder.h"

namespace fencepost::cluster::local {

inline constexpr const char* kGuardsFolder = "guards";  // below the data folder

class Guards {
  public:
    // Removes what guards that stand no more have left.
    Guards(std::filesystem::path folder, std::filesystem::path supervisor_program);
    // For the container's present run, whose spec gives the undo its environment.
    void post(const Guard& guard, const ContainerFolder& container, int run,
              supervisor::LaunchSpec spec) const;
    void relieve(std::string_view id, const std::function<void()>& undo, const CancelToken& cancel) const;

  private:
    std::filesystem::path folder_;
    std::filesystem::path program_;
};

}  // namespace fencepost::cluster::local
