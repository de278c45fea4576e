// Bytes that come from elsewhere while they are used: a borrowed descriptor, or the output of a running
// command. Every wait ends when the token is cancelled. A command that does not end with 0 makes the read at
// the end of its output throw kFailedPrecondition, so that whoever stores the output stores nothing. Used by
// one thread.
//
//     CommandOutput dump({.words = {"pg_dump", "app1"}}, STDERR_FILENO, cancel);
//     while (const std::size_t size = dump.read(buffer, sizeof buffer)) ...
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/files.h"

namespace fencepost {

// Reads a borrowed descriptor, until its end or until cancelled (Cancelled).
class Input {
  public:
    Input(int fd, const CancelToken& cancel);
    [[nodiscard]] std::size_t read(char* buffer, std::size_t size);

  private:
    int fd_;
    CancelToken cancel_;
    std::shared_ptr<UniqueFd> wake_;
    CancelCallback on_cancel_;
};

struct Command {
    std::vector<std::string> words;
    std::optional<std::map<std::string, std::string>> environment;  // where absent: the inherited one
};

// A running command whose standard output is read here; its stderr is ours, its stdin empty. It has a process
// group of its own, which the destructor ends if it is still there (TERM, then KILL) and waits for.
class CommandOutput {
  public:
    CommandOutput(Command command, int err, const CancelToken& cancel);
    CommandOutput(const CommandOutput&) = delete;
    CommandOutput& operator=(const CommandOutput&) = delete;
    ~CommandOutput();
    [[nodiscard]] std::size_t read(char* buffer, std::size_t size);

  private:
    void check_end();

    std::string name_;
    CancelToken cancel_;
    UniqueFd output_;
    std::optional<Input> input_;
    pid_t pid_ = -1;  // -1 once it was waited for
};

}  // namespace fencepost
