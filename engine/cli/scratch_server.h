// A server of its own for one run: `fencepost serve` as a child, with an embedded cluster in a temporary
// folder. When it goes, everything goes: the cluster's Pods, the daemon, the folder. Should this process be
// killed, the daemon ends by itself. Not thread-safe; REQUIRES: made while the process has one thread.
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
    pid_t child_ = 0;
};

}  // namespace fencepost::cli
