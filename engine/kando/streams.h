// Where the bytes of a push come from (standard input, a file, the output of a command) and where those of a
// pull go (standard output, a file). Every wait ends when the token is cancelled. A command that does not end
// with 0 makes its Source throw kFailedPrecondition at the end of its output, so that the push is aborted.
// Used by one thread.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/files.h"
#include "location/location.h"

namespace fencepost::kando {

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

// Calls `pull` with a sink that fills the target: "-" is the descriptor `out`; a regular or new file gets its
// new content whole or keeps the old; anything else (a pipe, a device) is written as it comes.
void write_target(const std::string& target, int out, const std::function<void(const location::Sink&)>& pull);

}  // namespace fencepost::kando
