// Tells the service manager (systemd, Type=notify) how the daemon is: a datagram to the socket that
// NOTIFY_SOCKET names, as sd_notify(3) documents. Without that variable nothing is told.
//
//     const ServiceManager manager;               // before the first thread: it changes the environment
//     manager.tell("READY=1\nSTATUS=listening on 127.0.0.1:7420");
//
// Errors: Error where the socket does not take it. Thread safety: tell() may be called from any thread.
#pragma once

#include <string>
#include <string_view>

namespace fencepost {

class ServiceManager {
  public:
    // Takes NOTIFY_SOCKET out of the environment, so that no Pod's process speaks for the daemon.
    ServiceManager();
    void tell(std::string_view state) const;

  private:
    std::string socket_;
};

}  // namespace fencepost
