#include "cli/shellcheck.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"
#include "base/files.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

// Constant conditions and commands that never run: words that stand for templates look like them. Variables
// that nobody sets come from the Pod's environment.
constexpr const char* kLeftOut = "SC2050,SC2078,SC2154,SC2157,SC2170,SC2194,SC2043,SC2317";

struct SpawnActions {
    SpawnActions() { ::posix_spawn_file_actions_init(&actions); }
    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions); }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;
    posix_spawn_file_actions_t actions{};
};

// What the program writes for that input; "" where there is no such program.
std::string output_of(const std::vector<std::string>& words, const std::string& input) {
    Pipe to = make_pipe();
    Pipe from = make_pipe();
    SpawnActions files;
    ::posix_spawn_file_actions_adddup2(&files.actions, to.read.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&files.actions, from.write.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&files.actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<std::string> copies = words;
    std::vector<char*> argv;
    for (std::string& word : copies) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, argv[0], &files.actions, nullptr, argv.data(), environ);
    if (failed == ENOENT) return {};
    if (failed != 0) throw errno_error("start " + words[0], failed);
    to.read.reset();
    from.write.reset();
    write_all(to.write.get(), input);  // it reads all before it writes
    to.write.reset();
    std::string output;
    std::array<char, 16'384> buffer{};
    while (const std::size_t size = read_some(from.read.get(), buffer.data(), buffer.size()))
        output.append(buffer.data(), size);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return output;
}

}  // namespace

std::vector<lint::ScriptFinding> shellcheck(const std::string& shell, const std::string& text) {
    if (shell != "sh" && shell != "bash" && shell != "dash" && shell != "ksh") return {};
    const std::string output = output_of({"shellcheck", "--norc", "--format=json1", "--severity=info",
                                          "--shell=" + shell, std::string("--exclude=") + kLeftOut, "-"},
                                         text);
    if (output.empty()) return {};
    std::vector<lint::ScriptFinding> findings;
    const Value comments = parse_json(output)["comments"];
    for (const Value& comment : comments.list_or_empty()) {
        findings.push_back({.line = static_cast<int>(comment["line"].int_or(1)),
                            .column = static_cast<int>(comment["column"].int_or(1)),
                            .message = "SC" + std::to_string(comment["code"].int_or(0)) + ": " +
                                       comment["message"].string_or("")});
    }
    return findings;
}

}  // namespace fencepost::cli
