// Small truths about processes that both modes of the supervisor need. One thread; plain results, no
// exceptions.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "supervisor/launch_spec.h"

namespace fencepost::supervisor {

[[nodiscard]] std::string read_whole(int fd);
[[nodiscard]] std::string read_whole(const std::string& path);
// Writes all of it over what is there; false where that fails.
bool write_whole(int fd, std::string_view bytes);
// A temporary file and a rename, not synced.
bool replace_file(const std::string& path, std::string_view bytes);

[[nodiscard]] std::uint64_t start_ticks(pid_t pid);  // 0 where there is no such process
[[nodiscard]] std::int64_t unix_nanoseconds();
[[nodiscard]] std::uint64_t oom_kills();  // of the whole host so far

// Kills every process below this one (it is their subreaper) and reaps them.
void kill_descendants();

void reset_signals();  // in a child: as a program expects to find them

// How a started command tells of itself on a socket that its exec closes: "P<pid>\n" when it is about to run,
// then "E<text>" if it cannot. Behind bubblewrap it waits in between until adopt() was called.
struct Launch {
    pid_t child = -1;  // the command, or bubblewrap's waiting process in front of it
    int status_fd = -1;
};
// Forks and starts the command of `spec`, which lies in `spec_path`; in/out/err are borrowed. child -1: errno
// says why.
[[nodiscard]] Launch start_command(const LaunchSpec& spec, const std::string& spec_path, int in, int out,
                                   int err);

// Ends bubblewrap's waiting process, so that the command becomes the supervisor's own child: one process less
// for each container, and the exit status is the command's own. Then lets the command go.
void adopt(const Launch& launch);

// In a child, or behind bubblewrap as `fencepost-supervisor enter <spec fd> <status fd>`: becomes the
// command.
[[noreturn]] void enter(const LaunchSpec& spec, int status_fd, bool waits_for_adoption);

}  // namespace fencepost::supervisor
