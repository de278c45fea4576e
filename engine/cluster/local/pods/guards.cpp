#include "cluster/local/pods/guards.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "cluster/local/local_cluster.h"
#include "cluster/local/pods/processes.h"

namespace fencepost::cluster::local {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLookAgain{5};
constexpr std::chrono::minutes kUndoPatience{6};  // an undo that it has begun is let end

bool stands(const fs::path& folder) {
    const UniqueFd file(::open((folder / "guard").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return false;
    if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) return true;
    // Unlocked by name: a child that another thread forks just now holds the descriptor for a moment.
    ::flock(file.get(), LOCK_UN);
    return false;
}

void write(const fs::path& path, std::string_view bytes) {
    const UniqueFd out = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write_all(out.get(), bytes);
}

std::int64_t nanoseconds(auto time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

// The folder's files one by one: what stops in the middle is gone on with by the next call.
void remove_folder(const fs::path& folder) {
    std::error_code failed;
    fs::remove_all(folder, failed);
    if (failed) throw errno_error("remove " + folder.string(), failed.value());
}

}  // namespace

Guards::Guards(fs::path folder, fs::path supervisor_program)
    : folder_(std::move(folder)), program_(std::move(supervisor_program)) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder_, none)) {
        if (!stands(entry.path())) fs::remove_all(entry.path(), none);
    }
}

void Guards::post(const Guard& guard, const ContainerFolder& container, int run,
                  supervisor::LaunchSpec spec) const {
    const fs::path folder = folder_ / guard.id;
    if (stands(folder)) return;
    supervisor::GuardSpec standing = container.guard_spec(run);
    standing.wall_deadline = nanoseconds(guard.deadline);
    standing.monotonic_deadline = nanoseconds(guard.steady_deadline);
    remove_folder(folder);
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (!failed) fs::permissions(folder_, fs::perms::owner_all, failed);
    if (failed) throw errno_error("create " + folder.string(), failed.value());
    for (std::size_t i = 0; i < guard.commands.size(); ++i) {
        spec.command = guard.commands[i];
        write(folder / (std::to_string(i) + ".spec"), supervisor::encode(spec));
    }
    // Not synced: after a power cut there is no process left that could be fenced.
    write(folder / "guard", supervisor::encode(standing));
    start_guard(program_, folder);
}

void Guards::relieve(std::string_view id, const std::function<void()>& undo,
                     const CancelToken& cancel) const {
    const fs::path folder = folder_ / id;
    if (::access(folder.c_str(), F_OK) != 0) return undo();
    const Deadline until = std::chrono::steady_clock::now() + kUndoPatience;
    const auto look_again = [&] {
        if (std::chrono::steady_clock::now() >= until)
            throw Error(ErrorKind::kTimeout, "the guard in " + folder.string() + " does not end");
        if (!cancel.wait_for(kLookAgain)) cancel.throw_if_cancelled();
    };
    // An undo that the guard has begun is let end.
    const UniqueFd at_work = open_file(folder / supervisor::kGuardAtWork, O_RDWR | O_CREAT, 0600);
    while (::flock(at_work.get(), LOCK_EX | LOCK_NB) != 0) look_again();
    undo();
    // One that is just starting holds its lock before its pid is known.
    for (; stands(folder); look_again()) {
        if (const UniqueFd process = open_process(folder / "guard.pid"); process.is_open())
            ::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0);
    }
    remove_folder(folder);
}

std::vector<StandingGuard> standing_guards(const fs::path& data_dir) {
    std::vector<StandingGuard> standing;
    std::error_code failed;
    fs::directory_iterator entries(data_dir / kGuardsFolder, failed);
    if (failed == std::errc::no_such_file_or_directory && fs::exists(data_dir)) return standing;
    if (failed) throw errno_error("read " + (data_dir / kGuardsFolder).string(), failed.value());
    for (const auto& entry : entries) {
        if (!stands(entry.path())) continue;
        const auto spec = supervisor::decode_guard_spec(read_file(entry.path() / "guard"));
        if (!spec) continue;
        StandingGuard guard{.id = entry.path().filename(),
                            .pid = process_id(entry.path() / "guard.pid"),
                            .deadline = SystemTime(std::chrono::nanoseconds(spec->wall_deadline)),
                            .undo = {}};
        for (;;) {
            const fs::path path = entry.path() / (std::to_string(guard.undo.size()) + ".spec");
            if (!fs::exists(path)) break;
            const auto command = supervisor::decode_launch_spec(read_file(path));
            if (!command) break;
            guard.undo.push_back(command->command);
        }
        standing.push_back(std::move(guard));
    }
    std::sort(standing.begin(), standing.end(),
              [](const StandingGuard& a, const StandingGuard& b) { return a.deadline < b.deadline; });
    return standing;
}

}  // namespace fencepost::cluster::local
