#include "cluster/local/pods/container_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include "base/error.h"

namespace fencepost::cluster::local {
namespace {

std::string read_if_there(const std::filesystem::path& path) {
    try {
        return read_file(path);
    } catch (const Error& e) {
        if (e.kind() == ErrorKind::kNotFound) return {};
        throw;
    }
}

std::uint64_t start_ticks(pid_t pid) {
    const std::string stat = read_if_there("/proc/" + std::to_string(pid) + "/stat");
    std::size_t at = stat.rfind(')');
    for (int field = 0; field < 20 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
    return at == std::string::npos ? 0 : std::strtoull(stat.c_str() + at, nullptr, 10);
}

struct ProcessFile {
    pid_t pid = 0;
    std::uint64_t ticks = 0;
    std::string third;  // a boot id or a time
};

ProcessFile read_process_file(const std::filesystem::path& path) {
    ProcessFile result;
    std::istringstream(read_if_there(path)) >> result.pid >> result.ticks >> result.third;
    return result;
}

}  // namespace

std::filesystem::path ContainerFolder::file(int run, std::string_view suffix) const {
    return path_ / (std::to_string(run) + std::string(suffix));
}

std::optional<int> ContainerFolder::latest_run() const {
    std::optional<int> latest;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(path_, none)) {
        if (entry.path().extension() != ".spec") continue;
        const std::string stem = entry.path().stem().string();
        int run = 0;
        const auto [end, failed] = std::from_chars(stem.data(), stem.data() + stem.size(), run);
        if (failed == std::errc() && end == stem.data() + stem.size())
            latest = std::max(latest.value_or(0), run);
    }
    return latest;
}

void ContainerFolder::begin(int run, const supervisor::LaunchSpec& spec) {
    std::filesystem::create_directories(path_);
    // Not synced: after a power cut the run is begun again, and its Pod's status says what was seen of it.
    const std::filesystem::path temporary = file(run, ".spec.new");
    const UniqueFd out = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write_all(out.get(), supervisor::encode(spec));
    if (::rename(temporary.c_str(), file(run, ".spec").c_str()) != 0)
        throw errno_error("rename " + temporary.string(), errno);
    // What older runs left, but for the one that `logs --previous` shows.
    std::error_code ignored;
    for (const std::string_view suffix : {".spec", ".log", ".log.1", ".started", ".pid", ".exit"}) {
        std::filesystem::remove(file(run - 2, suffix), ignored);
    }
}

ContainerFolder::State ContainerFolder::state(int run) const {
    if (::access(file(run, ".exit").c_str(), F_OK) == 0) return State::kEnded;
    const UniqueFd spec(::open(file(run, ".spec").c_str(), O_RDONLY | O_CLOEXEC));
    if (spec.is_open() && ::flock(spec.get(), LOCK_SH | LOCK_NB) != 0) return State::kRunning;
    // Unlocked by name: a child that another thread forks just now holds the descriptor for a moment.
    if (spec.is_open()) ::flock(spec.get(), LOCK_UN);
    if (::access(file(run, ".exit").c_str(), F_OK) == 0) return State::kEnded;
    return ::access(file(run, ".pid").c_str(), F_OK) == 0 ? State::kLost : State::kPlanned;
}

std::optional<supervisor::ExitRecord> ContainerFolder::exit_record(int run) const {
    if (run < 0) return std::nullopt;
    return supervisor::decode_exit_record(read_if_there(file(run, ".exit")));
}

std::optional<supervisor::LaunchSpec> ContainerFolder::spec(int run) const {
    return supervisor::decode_launch_spec(read_if_there(file(run, ".spec")));
}

std::optional<SystemTime> ContainerFolder::started_at(int run) const {
    const ProcessFile command = read_process_file(file(run, ".started"));
    if (command.pid == 0) return std::nullopt;
    const std::chrono::nanoseconds since_epoch(std::strtoll(command.third.c_str(), nullptr, 10));
    return SystemTime(std::chrono::duration_cast<SystemTime::duration>(since_epoch));
}

supervisor::GuardSpec ContainerFolder::guard_spec(int run) const {
    const ProcessFile process = read_process_file(file(run, ".pid"));
    return {.supervisor = {process.pid, process.ticks}, .started = file(run, ".started").string()};
}

pid_t process_id(const std::filesystem::path& pid_file) { return read_process_file(pid_file).pid; }

UniqueFd open_process(const std::filesystem::path& pid_file) {
    const ProcessFile process = read_process_file(pid_file);
    if (process.pid <= 0) return UniqueFd();
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
    // Looked at after it was opened: the pid is held now, so what matches stays the same process.
    if (pidfd.is_open() && start_ticks(process.pid) != process.ticks) pidfd.reset();
    return pidfd;
}

UniqueFd ContainerFolder::open_supervisor(int run) const { return open_process(file(run, ".pid")); }

bool ContainerFolder::stop(int run, std::chrono::seconds grace) const {
    const UniqueFd pidfd = open_supervisor(run);
    if (!pidfd.is_open()) return false;
    siginfo_t signal{};
    signal.si_signo = SIGTERM;
    signal.si_code = SI_QUEUE;
    signal.si_pid = ::getpid();
    signal.si_uid = ::getuid();
    signal.si_value.sival_int = static_cast<int>(grace.count());
    return ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGTERM, &signal, 0) == 0;
}

supervisor::ExitRecord ContainerFolder::end_lost(int run, SystemTime now) const {
    const ProcessFile command = read_process_file(file(run, ".started"));
    if (command.pid > 0 && start_ticks(command.pid) == command.ticks) {
        const pid_t group = ::getpgid(command.pid);
        if (group > 1) ::kill(-group, SIGKILL);
    }
    supervisor::ExitRecord record;
    record.code = 137;
    record.reason = "ContainerStatusUnknown";
    record.message =
        "the container's supervisor ended without an exit record: the host was restarted or it was killed";
    const auto nanoseconds = [](SystemTime time) {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    };
    record.started = nanoseconds(started_at(run).value_or(now));
    record.finished = nanoseconds(now);
    write_file_durably(file(run, ".exit"), supervisor::encode(record), 0600);
    return record;
}

}  // namespace fencepost::cluster::local
