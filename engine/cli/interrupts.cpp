#include "cli/interrupts.h"

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/terminal.h"

namespace fencepost::cli {
namespace {

sigset_t interrupts() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

void block_interrupts() {
    const sigset_t set = interrupts();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Interrupts::Interrupts(std::function<void()> on_first) {
    thread_.spawn([on_first = std::move(on_first), stop = stop_.token()] {
        const sigset_t set = interrupts();
        const timespec poll{.tv_sec = 0, .tv_nsec = 100'000'000};
        bool has_asked = false;
        while (!stop.is_cancelled()) {
            if (sigtimedwait(&set, nullptr, &poll) < 0) continue;
            if (std::exchange(has_asked, true)) std::_Exit(kCancelled);
            try {
                on_first();
            } catch (const Error& error) {
                print_error(std::string("error: ") + error.what() + "\n");
            }
        }
    });
}

Interrupts::~Interrupts() {
    stop_.cancel(CancelReason::kShutdown);
    thread_.join();
}

}  // namespace fencepost::cli
