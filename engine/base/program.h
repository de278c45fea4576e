// Runs another program to its end: what it says on stdout, and how it ended. Its signals are the default
// ones, whatever this process has blocked. Thread-safe; blocks.
//
//     const auto done = run_program({.words = {"shellcheck", "-"}, .input = script});
//     if (!done) ...   // there is no such program here
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fencepost {

struct Program {
    std::vector<std::string> words;                  // the first one is looked for in PATH
    std::map<std::string, std::string> environment;  // beside this process's own
    std::string input;  // on stdin. REQUIRES: where it is large, the program reads it before it writes
    bool shows_errors = false;  // its stderr is this process's; else nobody's
    std::chrono::seconds limit{60};
};

struct ProgramResult {
    int exit_code = 0;  // 128 and the signal's number where one has ended it
    std::string output;
};

// nullopt where there is no such program. Throws Error{kTimeout} at the limit, when the program has been
// killed, kTooLarge for more than 16 MiB of output.
[[nodiscard]] std::optional<ProgramResult> run_program(const Program& program);

}  // namespace fencepost
