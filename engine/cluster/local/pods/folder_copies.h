// Copies of folders in the background, by the name of their target: ask again until it is there.
// Thread safety: all members may be called from any thread. Destruction REQUIRES the token to be cancelled
// first, and waits for the copies to stop.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/task_group.h"

namespace fencepost::cluster::local {

class FolderCopies {
  public:
    static constexpr int kMaxAtOnce = 3;
    enum class State { kRunning, kDone, kFailed };
    struct Progress {
        State state = State::kRunning;
        std::string error;                // of kFailed; tried again after a pause
        std::optional<SystemTime> begun;  // of a copy that this object made
    };

    FolderCopies(Clock& clock, CancelToken cancel, std::function<void()> on_change)
        : clock_(clock), cancel_(std::move(cancel)), on_change_(std::move(on_change)) {}
    // Begins the copy where it is not there, not running, and has not failed just now.
    Progress ensure(const std::filesystem::path& source, const std::filesystem::path& target);
    [[nodiscard]] bool is_touching(
        const std::filesystem::path& folder);  // as source or target of a running copy

  private:
    struct Failure {
        std::string error;
        SteadyTime retry_at;
    };
    struct Work {
        std::map<std::filesystem::path, std::filesystem::path> running;  // target -> source
        std::map<std::filesystem::path, Failure> failed;
        std::map<std::filesystem::path, SystemTime> begun;
    };
    void run(const std::filesystem::path& source, const std::filesystem::path& target);

    Clock& clock_;
    const CancelToken cancel_;
    const std::function<void()> on_change_;
    Guarded<Work> work_;
    TaskGroup tasks_;
};

}  // namespace fencepost::cluster::local
