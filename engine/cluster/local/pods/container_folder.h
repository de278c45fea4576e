// One container's folder on disk (see supervisor/launch_spec.h for its files): what the daemon knows of a
// container it reads from here, so that a daemon that starts anew knows as much as the one that died.
//
// Thread safety: one thread at a time for a folder's begin() and end_lost(); reading is free.
// Errors: Error of the file system.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/files.h"
#include "supervisor/launch_spec.h"

namespace fencepost::cluster::local {

class ContainerFolder {
  public:
    enum class State {
        kPlanned,  // its spec is there, no supervisor has taken it up
        kRunning,
        kEnded,  // the exit record is there
        kLost,   // a supervisor took it up and is gone without a record: a reboot, or a kill -9
    };

    explicit ContainerFolder(std::filesystem::path path) : path_(std::move(path)) {}
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::optional<int> latest_run() const;
    void begin(int run, const supervisor::LaunchSpec& spec);  // durable intent
    [[nodiscard]] State state(int run) const;
    [[nodiscard]] std::optional<supervisor::ExitRecord> exit_record(int run) const;
    [[nodiscard]] std::optional<supervisor::LaunchSpec> spec(int run) const;
    [[nodiscard]] std::optional<SystemTime> started_at(int run) const;
    // Of whom the guard of a fence in this container must know; pid 0: there is no supervisor (yet).
    [[nodiscard]] supervisor::GuardSpec guard_spec(int run) const;
    [[nodiscard]] std::filesystem::path log_path(int run) const { return file(run, ".log"); }

    // Readable when the supervisor ends; not open where it is gone already.
    [[nodiscard]] UniqueFd open_supervisor(int run) const;
    // SIGTERM to the container, SIGKILL after the grace period. False where its supervisor is gone.
    bool stop(int run, std::chrono::seconds grace) const;
    // Writes the record that a lost run never got, and ends what is left of it.
    supervisor::ExitRecord end_lost(int run, SystemTime now) const;

  private:
    [[nodiscard]] std::filesystem::path file(int run, std::string_view suffix) const;
    std::filesystem::path path_;
};

[[nodiscard]] pid_t process_id(const std::filesystem::path& pid_file);  // 0 where there is none
// A pidfd of the process that a file names ("<pid> <start time in ticks> ..."); not open where it is gone.
[[nodiscard]] UniqueFd open_process(const std::filesystem::path& pid_file);

}  // namespace fencepost::cluster::local
