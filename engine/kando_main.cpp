// kando's composition root: the real world, and what TERM and INT do. The first one cancels (uploads are
// aborted, a running command is ended); a second one ends the process at once.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "base/task_group.h"
#include "kando/kando.h"

namespace {

int signal_pipe = -1;
volatile sig_atomic_t signals_seen = 0;

extern "C" void on_signal(int) {
    if (signals_seen != 0) _exit(1);
    signals_seen = 1;
    const char byte = 's';
    [[maybe_unused]] const auto written = write(signal_pipe, &byte, 1);
}

// Turns the signal into a cancellation, until stop() says that nobody waits for one.
class SignalWatch {
  public:
    explicit SignalWatch(fencepost::CancelSource& cancel) : pipe_(fencepost::make_pipe()) {
        signal_pipe = pipe_.write.get();
        struct sigaction action{};
        action.sa_handler = on_signal;
        sigaction(SIGINT, &action, nullptr);
        sigaction(SIGTERM, &action, nullptr);
        signal(SIGPIPE, SIG_IGN);
        thread_.spawn([this, &cancel] {
            char byte = 0;
            if (fencepost::read_some(pipe_.read.get(), &byte, 1) == 1 && byte == 's') {
                cancel.cancel(fencepost::CancelReason::kUser);
            }
        });
    }
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;
    ~SignalWatch() {
        const char byte = 'e';
        [[maybe_unused]] const auto written = write(pipe_.write.get(), &byte, 1);
        thread_.join();
    }

  private:
    fencepost::Pipe pipe_;
    fencepost::TaskGroup thread_;
};

}  // namespace

int main(int argc, char** argv) {
    fencepost::CancelSource cancel;
    const SignalWatch watch(cancel);
    fencepost::SystemClock clock;
    const auto http = fencepost::net::make_http_client();
    const fencepost::kando::World world{
        .environment = [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            return value == nullptr ? std::nullopt : std::optional<std::string>(value);
        },
        .http = *http,
        .clock = clock,
        .cancel = cancel.token(),
        .version = FENCEPOST_VERSION,
    };
    return fencepost::kando::run({argv + 1, argv + argc}, world);
}
