#include "base/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/error.h"
#include "base/files.h"

namespace fencepost {
namespace {

constexpr std::size_t kMaxOutput = std::size_t{16} << 20U;

class SpawnSettings {
  public:
    SpawnSettings() {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawnattr_init(&attributes);
        sigset_t none;
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        sigset_t defaults;
        ::sigemptyset(&defaults);
        ::sigaddset(&defaults, SIGPIPE);
        ::posix_spawnattr_setsigdefault(&attributes, &defaults);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
    ~SpawnSettings() {
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&files);
    }

    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text(*variable);
        if (!more.contains(std::string(text.substr(0, text.find('='))))) variables.emplace_back(text);
    }
    for (const auto& [name, value] : more) variables.push_back(name + "=" + value);
    return variables;
}

// Killed and waited for, unless it has been waited for.
class Child {
  public:
    explicit Child(pid_t pid) noexcept : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        (void)wait();
    }
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

  private:
    pid_t pid_;
};

// All until the end of the stream.
std::string read_until(int fd, std::chrono::steady_clock::time_point limit, const std::string& name) {
    std::string output;
    std::array<char, 16'384> buffer{};
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(limit - std::chrono::steady_clock::now());
        pollfd waited{fd, POLLIN, 0};
        const int ready = left.count() > 0 ? ::poll(&waited, 1, static_cast<int>(left.count())) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) throw errno_error("wait for '" + name + "'", errno);
        if (ready == 0) throw Error(ErrorKind::kTimeout, "'" + name + "' took too long");
        const std::size_t size = read_some(fd, buffer.data(), buffer.size());
        if (size == 0) return output;
        output.append(buffer.data(), size);
        if (output.size() > kMaxOutput)
            throw Error(ErrorKind::kTooLarge, "'" + name + "' writes without end");
    }
}

}  // namespace

std::optional<ProgramResult> run_program(const Program& program) {
    Pipe to = make_pipe();
    Pipe from = make_pipe();
    SpawnSettings settings;
    ::posix_spawn_file_actions_adddup2(&settings.files, to.read.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&settings.files, from.write.get(), STDOUT_FILENO);
    if (!program.shows_errors)
        ::posix_spawn_file_actions_addopen(&settings.files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<std::string> words = program.words;
    std::vector<std::string> environment = environment_with(program.environment);
    pid_t pid = 0;
    const int failed = ::posix_spawnp(&pid, words.at(0).c_str(), &settings.files, &settings.attributes,
                                      pointers(words).data(), pointers(environment).data());
    if (failed == ENOENT) return std::nullopt;
    if (failed != 0) throw errno_error("start " + words[0], failed);
    Child child(pid);
    to.read.reset();
    from.write.reset();
    try {
        write_all(to.write.get(), program.input);
    } catch (const Error&) {
        // It has ended, or wants no more: its exit code tells.
    }
    to.write.reset();
    ProgramResult result;
    result.output = read_until(from.read.get(), std::chrono::steady_clock::now() + program.limit, words[0]);
    result.exit_code = child.wait();
    return result;
}

}  // namespace fencepost
