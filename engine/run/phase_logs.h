// What phases print, a file each under the log folder: <ActionSet uid>/<action>-<phase>.log. Bounded: what is
// above kMaxPhaseLog is dropped, with a line that says so. The last lines are kept at hand for a failed
// phase's record. Thread safety: a PhaseLog may be written from any thread; PhaseLogs is thread-safe.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/files.h"
#include "base/guarded.h"

namespace fencepost::run {

inline constexpr std::size_t kMaxPhaseLog = std::size_t{16} << 20U;
inline constexpr std::size_t kTailLines = 20;
inline constexpr std::size_t kTailLineBytes = 500;

class PhaseLog {
  public:
    // Starts anew: what an earlier attempt wrote is removed. The file is made with the first bytes.
    explicit PhaseLog(std::filesystem::path path);
    void write(std::string_view bytes);
    [[nodiscard]] std::string tail();

  private:
    struct State {
        UniqueFd file;
        bool is_closed = false;  // full, or it cannot be written
        std::size_t written = 0;
        std::string line;
        std::deque<std::string> tail;
    };
    const std::filesystem::path path_;
    Guarded<State> state_;
};

class PhaseLogs {
  public:
    explicit PhaseLogs(std::filesystem::path folder) : folder_(std::move(folder)) {}
    [[nodiscard]] std::filesystem::path path(const std::string& uid, std::size_t action,
                                             const std::string& phase) const;
    // Everything that is there now, from `offset` on; returns the new offset.
    [[nodiscard]] static std::size_t read(const std::filesystem::path& path, std::size_t offset,
                                          const std::function<void(std::string_view)>& sink);
    void remove(const std::string& uid) const;

  private:
    std::filesystem::path folder_;
};

}  // namespace fencepost::run
