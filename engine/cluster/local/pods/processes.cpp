#include "cluster/local/pods/processes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <algorithm>
#include <boost/process.hpp>
#include <optional>
#include <type_traits>

#include "base/error.h"
#include "base/files.h"
#include "base/task_group.h"

namespace fencepost::cluster::local {
namespace {

namespace bp = boost::process;

constexpr int kAnotherIsAtIt = 3;  // see supervisor/run.h
constexpr std::chrono::seconds kEndPatience{5};

bp::child start(const std::filesystem::path& program, const std::vector<std::string>& arguments, int in,
                int out, int err) {
    // Boost's own limit_handles is one object for all threads, and each start writes to it.
    const std::remove_const_t<decltype(bp::limit_handles)> only_these;
    try {
        return bp::child(program.string(), bp::args(arguments), bp::posix::fd.bind(0, in),
                         bp::posix::fd.bind(1, out), bp::posix::fd.bind(2, err), only_these);
    } catch (const bp::process_error& e) {
        throw Error(ErrorKind::kInternal, "cannot start " + program.string() + ": " + e.what(),
                    "fencepost-supervisor belongs beside the fencepost program");
    }
}

// Feeds the command's stdin from the caller's source until either ends.
void feed(int fd, int stop_fd, const ExecOptions& options, const CancelToken& ended) {
    std::array<char, 65536> buffer;
    while (const std::size_t got = options.stdin_source(buffer.data(), buffer.size(), ended)) {
        std::string_view rest(buffer.data(), got);
        while (!rest.empty()) {
            std::array<pollfd, 2> waits{pollfd{fd, POLLOUT, 0}, pollfd{stop_fd, POLLIN, 0}};
            if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
            if (waits[1].revents != 0) return;
            if (waits[0].revents == 0) continue;
            const ssize_t put = ::write(fd, rest.data(), rest.size());
            if (put < 0 && errno != EAGAIN && errno != EINTR) return;  // the command has closed its stdin
            if (put > 0) rest.remove_prefix(static_cast<std::size_t>(put));
        }
    }
}

class Attached {
  public:
    Attached(const std::filesystem::path& program, const supervisor::LaunchSpec& spec,
             const ExecOptions& options, UniqueFd container, const CancelToken& cancel)
        : options_(options),
          cancel_(cancel),
          container_(std::move(container)),
          out_(make_pipe()),
          err_(make_pipe()),
          stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          spec_file_(::memfd_create("exec.spec", MFD_CLOEXEC)) {
        // A memory file: the environment's secrets do not touch the disk for an exec.
        if (!spec_file_.is_open() || !stop_.is_open()) throw errno_error("memfd_create", errno);
        write_all(spec_file_.get(), supervisor::encode(spec));
        std::optional<Pipe> in;
        UniqueFd null;
        if (options.stdin_source) {
            in = make_pipe();
        } else {
            null = open_file("/dev/null", O_RDONLY);
        }
        // Our own /proc entry stays readable for the child until it has started its command.
        const std::string path =
            "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(spec_file_.get());
        child_ = start(program, {"exec", path}, in ? in->read.get() : null.get(), out_.write.get(),
                       err_.write.get());
        pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, child_.id(), 0)));
        out_.write.reset();
        err_.write.reset();
        if (in) {
            in_ = std::move(in->write);
            ::fcntl(in_.get(), F_SETFL, O_NONBLOCK);
        }
    }

    ExecResult run();

  private:
    void pump();
    bool take(UniqueFd& fd, const std::function<void(std::string_view)>& sink);
    void end_command();

    const ExecOptions& options_;
    const CancelToken& cancel_;
    UniqueFd container_;
    Pipe out_, err_;
    UniqueFd stop_, spec_file_, in_, pidfd_;
    bp::child child_;
};

bool Attached::take(UniqueFd& fd, const std::function<void(std::string_view)>& sink) {
    std::array<char, 65536> buffer;
    const std::size_t got = read_some(fd.get(), buffer.data(), buffer.size());
    if (got == 0) {
        fd.reset();
    } else if (sink) {
        sink(std::string_view(buffer.data(), got));
    }
    return got > 0;
}

// Until the command has ended and both outputs are empty.
void Attached::pump() {
    auto wake = cancel_.on_cancel([this] { ::eventfd_write(stop_.get(), 1); });
    bool is_running = true;
    Deadline drain_until = kNoDeadline;
    while (is_running || out_.read.is_open() || err_.read.is_open()) {
        const Deadline until = std::min(options_.deadline, drain_until);
        int timeout = -1;
        if (until != kNoDeadline) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
            if (left.count() <= 0 && !is_running) return;
            if (left.count() <= 0)
                throw Error(ErrorKind::kTimeout, "the command did not end before its deadline");
            timeout = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
        }
        std::array<pollfd, 5> waits{pollfd{out_.read.get(), POLLIN, 0}, pollfd{err_.read.get(), POLLIN, 0},
                                    pollfd{is_running ? pidfd_.get() : -1, POLLIN, 0},
                                    pollfd{stop_.get(), POLLIN, 0}, pollfd{container_.get(), POLLIN, 0}};
        if (::poll(waits.data(), waits.size(), timeout) < 0 && errno != EINTR)
            throw errno_error("poll", errno);
        cancel_.throw_if_cancelled();
        if (waits[0].revents != 0) take(out_.read, options_.on_stdout);
        if (waits[1].revents != 0) take(err_.read, options_.on_stderr);
        if (waits[2].revents != 0) {
            is_running = false;
            drain_until = std::chrono::steady_clock::now() + kEndPatience;
        }
        if (waits[4].revents != 0) {  // with the container everything ends that runs in it
            container_.reset();
            if (is_running) end_command();
        }
    }
}

void Attached::end_command() {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGTERM, nullptr, 0);
    pollfd wait{pidfd_.get(), POLLIN, 0};
    const int patience = static_cast<int>(std::chrono::milliseconds(kEndPatience).count());
    if (::poll(&wait, 1, patience) != 1) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

ExecResult Attached::run() {
    const UniqueFd feeder_stop(::eventfd(0, EFD_CLOEXEC));
    CancelSource ended;
    TaskGroup feeder;
    if (in_.is_open()) {
        feeder.spawn([this, &feeder_stop, &ended] {
            try {
                feed(in_.get(), feeder_stop.get(), options_, ended.token());
            } catch (const Cancelled&) {
                // The source stopped waiting: the command has ended.
            }
            in_.reset();
        });
    }
    const auto finish = [&] {
        ended.cancel(CancelReason::kUser);
        ::eventfd_write(feeder_stop.get(), 1);
        std::error_code none;
        child_.wait(none);
    };
    try {
        pump();
    } catch (...) {
        end_command();
        finish();
        throw;
    }
    finish();
    return {child_.exit_code()};
}

}  // namespace

namespace {

// Until what is to go its own way stands on its own.
int start_detached(const std::filesystem::path& program, const std::vector<std::string>& arguments) {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    bp::child child = start(program, arguments, null.get(), null.get(), null.get());
    std::error_code failed;
    child.wait(failed);
    return failed ? -1 : child.exit_code();
}

}  // namespace

bool start_supervisor(const std::filesystem::path& program, const std::filesystem::path& folder, int run) {
    const int code = start_detached(program, {"run", folder.string(), std::to_string(run)});
    if (code == kAnotherIsAtIt) return false;
    if (code != 0) {
        throw Error(ErrorKind::kInternal,
                    "the supervisor of " + folder.string() + " could not start (exit code " +
                        std::to_string(code) + ")",
                    "is the disk full, or the folder not writable?");
    }
    return true;
}

void start_guard(const std::filesystem::path& program, const std::filesystem::path& folder) {
    const int code = start_detached(program, {"guard", folder.string()});
    if (code == 0 || code == kAnotherIsAtIt) return;
    throw Error(
        ErrorKind::kUnavailable,
        "the guard of " + folder.string() + " could not start (exit code " + std::to_string(code) + ")",
        "has the container ended, is the disk full, or the folder not writable?");
}

ExecResult run_attached(const std::filesystem::path& program, const supervisor::LaunchSpec& spec,
                        const ExecOptions& options, UniqueFd container, const CancelToken& cancel) {
    cancel.throw_if_cancelled();
    Attached attached(program, spec, options, std::move(container), cancel);
    return attached.run();
}

}  // namespace fencepost::cluster::local
