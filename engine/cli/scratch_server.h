// A server of its own for one run: `fencepost serve` with an embedded cluster in a temporary folder. When it
// goes, everything goes: the cluster's Pods, the daemon, the folder. Between the daemon and this process
// stands fencepost-supervisor, which becomes the parent of all that the daemon lets go of: should this
// process or the daemon be killed, it ends all of it, Pods and guards too, and the folder alone stays. Not
// thread-safe; REQUIRES: made while the process has one thread.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "cli/server.h"

namespace fencepost::cli {

class ScratchServer {
  public:
    ScratchServer();  // returns when it answers; throws Error where it does not, with its last words
    ScratchServer(const ScratchServer&) = delete;
    ScratchServer& operator=(const ScratchServer&) = delete;
    ~ScratchServer();

    [[nodiscard]] ServerAddress address() const { return {.url = "http://" + listen_}; }
    // Ends every Pod that is left; before the destructor, which cannot ask anymore.
    static void end_pods(Server& server);

  private:
    void start();
    void wait_until_ready();
    void end() noexcept;

    std::filesystem::path folder_;
    std::string listen_;
    pid_t child_ = 0;  // the supervisor
};

}  // namespace fencepost::cli
