#include "cli/scratch_server.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "supervisor/launch_spec.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kStartTime = 30s;
constexpr auto kEndTime = 15s;
constexpr auto kPause = 20ms;

// The line of the daemon's log that tells where it listens.
std::string listen_in(const std::string& log) {
    for (std::size_t at = 0; at < log.size();) {
        const std::size_t end = std::min(log.find('\n', at), log.size());
        try {
            const Value line = parse_json(log.substr(at, end - at));
            if (line["msg"].string_or("") == "ready") return line["listen"].string_or("");
        } catch (const Error&) {
            // A line that is not whole yet.
        }
        at = end + 1;
    }
    return {};
}

std::string last_lines(const std::string& log) {
    constexpr std::size_t kMost = 1'000;
    return log.size() <= kMost ? log : "..." + log.substr(log.size() - kMost);
}

}  // namespace

ScratchServer::ScratchServer()
    : folder_(fs::absolute(fs::temp_directory_path()) / ("fencepost-scratch-" + random_name_suffix(10))) {
    fs::create_directories(folder_);
    try {
        start();
        wait_until_ready();
    } catch (...) {
        end();
        throw;
    }
}

ScratchServer::~ScratchServer() { end(); }

void ScratchServer::start() {
    const fs::path program = fs::read_symlink("/proc/self/exe");
    const std::string keeper = program.parent_path() / "fencepost-supervisor";
    const std::string spec_file = folder_ / "spec";
    supervisor::LaunchSpec spec;
    spec.command = {program, "serve", "--data-dir", folder_ / "data", "--listen", "127.0.0.1:0"};
    for (char** variable = environ; *variable != nullptr; ++variable)
        spec.environment.emplace_back(*variable);
    write_all(open_file(spec_file, O_WRONLY | O_CREAT | O_EXCL, 0600).get(), supervisor::encode(spec));
    const UniqueFd log = open_file(folder_ / "log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    const UniqueFd nothing = open_file("/dev/null", O_RDWR);
    child_ = ::fork();
    if (child_ < 0) throw errno_error("start a server", errno);
    if (child_ > 0) return;
    // A group of its own: Ctrl-C is for the action, not for the daemon that must undo it.
    ::setpgid(0, 0);
    ::dup2(nothing.get(), STDIN_FILENO);
    ::dup2(log.get(), STDOUT_FILENO);
    ::dup2(log.get(), STDERR_FILENO);
    ::execl(keeper.c_str(), "fencepost-supervisor", "exec", spec_file.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
}

void ScratchServer::wait_until_ready() {
    const auto until = std::chrono::steady_clock::now() + kStartTime;
    while (true) {
        const std::string log = read_file(folder_ / "log");
        listen_ = listen_in(log);
        if (!listen_.empty()) {
            fs::remove(folder_ / "spec");  // it has been read, and holds the environment
            return;
        }
        int status = 0;
        if (::waitpid(child_, &status, WNOHANG) == child_) {
            child_ = 0;
            throw Error(ErrorKind::kInternal, "the server for this run did not start: " + last_lines(log));
        }
        if (std::chrono::steady_clock::now() > until)
            throw Error(ErrorKind::kTimeout, "the server for this run does not answer: " + last_lines(log));
        std::this_thread::sleep_for(kPause);
    }
}

void ScratchServer::end_pods(Server& server) {
    for (const char* kind : {"deployments", "statefulsets", "replicasets", "pods"}) {
        const auto type = server.type(kind);
        const Value list = server.get(object_path(type, "", ""));
        for (const Value& object : list["items"].list_or_empty()) {
            const std::string path =
                object_path(type, cluster::namespace_of(object), cluster::name_of(object));
            try {
                // With a second of grace the object stays until its processes have ended.
                server.send("DELETE", path + "?gracePeriodSeconds=1", {});
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::kNotFound) throw;  // it went with its owner
            }
        }
    }
    const auto pods = server.type("pods");
    const auto until = std::chrono::steady_clock::now() + kEndTime;
    while (!server.get(object_path(pods, "", ""))["items"].list_or_empty().empty() &&
           std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(kPause);
}

void ScratchServer::end() noexcept {
    if (child_ > 0) {
        ::kill(child_, SIGTERM);
        const auto until = std::chrono::steady_clock::now() + kEndTime;
        int status = 0;
        while (::waitpid(child_, &status, WNOHANG) == 0) {
            if (std::chrono::steady_clock::now() > until) ::kill(child_, SIGKILL);
            std::this_thread::sleep_for(kPause);
        }
    }
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

}  // namespace fencepost::cli
