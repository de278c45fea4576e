// What one run of a container is, as the daemon hands it to fencepost-supervisor: a file of NUL-terminated
// "key=value" records, so that neither side needs a parser. It holds secrets (the environment): mode 0600, in
// a 0700 folder. The exit record that comes back has the same form. Standard library only: the supervisor
// includes nothing else.
//
// Files of a container's folder, <n> being the run's number (its restart count):
// - <n>.spec: written by the daemon before it starts the supervisor, which keeps it flock()ed as long as it
//   lives: whoever gets the lock knows that no supervisor of this run is alive, whatever the pids say
// - <n>.pid: "<pid> <start time in ticks> <boot id>" of the supervisor
// - supervisor.pid: the pid alone, for people
// - <n>.log, <n>.log.1 ...: output in CRI format, the newest in <n>.log
// - <n>.started: "<pid> <start time in ticks> <unix nanoseconds>" of the command itself
// - <n>.exit: the exit record; durable, written last
//
// Errors: decoders return nullopt for bytes that are no spec. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fencepost::supervisor {

struct LaunchSpec {
    std::vector<std::string> command;      // argv; looked up in the environment's PATH
    std::vector<std::string> environment;  // "NAME=value", all of it
    std::string working_dir;               // "" is "/"
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
    std::vector<std::uint32_t> groups;                   // supplementary; set only together with uid or gid
    std::vector<std::string> sandbox;                    // argv of bubblewrap up to "--"; empty: run directly
    std::uint64_t log_bytes = std::uint64_t{10} << 20U;  // of one log file
    std::uint32_t log_files = 2;
    std::uint32_t grace_seconds = 30;  // from SIGTERM to SIGKILL where the signal does not say
    friend bool operator==(const LaunchSpec&, const LaunchSpec&) = default;
};

struct ExitRecord {
    int code = 0;        // 128 + signal where a signal ended it, as shells and container runtimes say
    int signal = 0;      // 0: it exited by itself
    std::string reason;  // Completed, Error, OOMKilled, StartError
    std::string message;
    std::int64_t started = 0;  // unix nanoseconds
    std::int64_t finished = 0;
    friend bool operator==(const ExitRecord&, const ExitRecord&) = default;
};

// A guard's folder holds `guard`, this in the same form, flock()ed by the guard as long as it stands,
// `guard.pid` as above, 0.spec, 1.spec ...: the commands that undo, in their order, and kGuardAtWork,
// flock()ed by whoever undoes.
inline constexpr const char* kGuardAtWork = "at-work";
struct GuardSpec {
    struct Process {
        std::int64_t pid = 0;
        std::uint64_t ticks = 0;  // its start time: another process with that pid has another one
        friend bool operator==(const Process&, const Process&) = default;
    };
    Process supervisor;              // of the container; with its end there is nothing left to undo
    std::string started;             // the file <n>.started of the container, whose mounts the undo runs in
    std::int64_t wall_deadline = 0;  // unix nanoseconds
    std::int64_t monotonic_deadline = 0;  // nanoseconds of CLOCK_MONOTONIC; the earlier of the two counts
    friend bool operator==(const GuardSpec&, const GuardSpec&) = default;
};

[[nodiscard]] std::string encode(const LaunchSpec& spec);
[[nodiscard]] std::optional<LaunchSpec> decode_launch_spec(std::string_view bytes);
[[nodiscard]] std::string encode(const GuardSpec& spec);
[[nodiscard]] std::optional<GuardSpec> decode_guard_spec(std::string_view bytes);
[[nodiscard]] std::string encode(const ExitRecord& record);
[[nodiscard]] std::optional<ExitRecord> decode_exit_record(std::string_view bytes);

}  // namespace fencepost::supervisor
