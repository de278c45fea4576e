#include "location/restic/lock.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "location/restic/documents.h"

namespace fencepost::location::restic {
namespace {

constexpr std::chrono::minutes kStaleAfter{30};
constexpr std::chrono::minutes kRefreshEvery{5};
constexpr std::chrono::minutes kRefreshAgainAfter{1};
constexpr std::chrono::minutes kLostAfter{20};  // well before others take it for stale
constexpr std::chrono::milliseconds kSettle{200};
constexpr std::chrono::seconds kLookAgainEvery{2};

std::string host_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::string user_name() {
    passwd entry{};
    passwd* found = nullptr;
    char buffer[4096];
    if (::getpwuid_r(::geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
        return entry.pw_name;
    return std::to_string(::geteuid());
}

bool is_dead_here(const Lock& lock) noexcept {
    return lock.host == host_name() && lock.pid > 0 && ::kill(static_cast<pid_t>(lock.pid), 0) != 0 &&
           errno == ESRCH;
}

bool is_stale(const Lock& lock, SystemTime now) noexcept {
    return now - lock.time > kStaleAfter || is_dead_here(lock);
}

}  // namespace

struct RepositoryLock::Impl {
    struct Shared {
        Digest id{};
        SystemTime refreshed;
    };

    const Files& files;
    Clock& clock;
    Guarded<Shared> shared;
    SteadyTime written;
    CancelSource stop;
    TaskGroup refresher;  // last: its thread uses what stands above

    Impl(const Files& of, Clock& by) : files(of), clock(by) {}

    [[nodiscard]] Files::Saved write(SystemTime now, const CancelToken& cancel) const {
        const Lock lock{
            .time = now, .exclusive = false, .host = host_name(), .user = user_name(), .pid = ::getpid()};
        return files.save(kLocks, encode_lock(lock), cancel);
    }

    // Throws for an exclusive lock that is not stale.
    void look(bool sweep, const CancelToken& cancel) const {
        const SystemTime now = clock.now();
        files.load_all(kLocks, cancel, [&](const Digest& id, const std::string& json) {
            const Lock lock = parse_lock(json);
            if (!lock.exclusive) {
                if (sweep && is_dead_here(lock)) files.remove(kLocks, id, cancel);
                return;
            }
            if (is_stale(lock, now)) return;
            throw Error(ErrorKind::kFailedPrecondition,
                        "the repository in " + files.location().description() + " is locked exclusively by " +
                            lock.user + " on " + lock.host + " (process " + std::to_string(lock.pid) +
                            ") since " + format_rfc3339(lock.time),
                        "wait until that is done; if it died, `restic unlock` removes its lock");
        });
    }

    void refresh_until_stopped() {
        const CancelToken token = stop.token();
        try {
            auto pause = std::chrono::duration_cast<std::chrono::nanoseconds>(kRefreshEvery);
            while (true) {
                clock.sleep(pause, token);
                pause = refresh(token) ? kRefreshEvery : kRefreshAgainAfter;
            }
        } catch (const Cancelled&) {
        }
    }

    // A failure is tried again; confirm() finds out if it never works.
    [[nodiscard]] bool refresh(const CancelToken& cancel) {
        try {
            const SystemTime now = clock.now();
            const Digest fresh = write(now, cancel).id;
            Digest old{};
            {
                auto state = shared.lock();
                old = state->id;
                state->id = fresh;
                state->refreshed = now;
            }
            files.remove(kLocks, old, cancel);
            return true;
        } catch (const Error&) {
            return false;
        }
    }
};

RepositoryLock::RepositoryLock(const Files& files, Clock& clock, std::chrono::seconds patience,
                               const CancelToken& cancel)
    : impl_(std::make_unique<Impl>(files, clock)) {
    const SteadyTime until = clock.steady_now() + patience;
    while (true) {
        try {
            impl_->look(true, cancel);
            break;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kFailedPrecondition || clock.steady_now() >= until) throw;
        }
        clock.sleep(kLookAgainEvery, cancel);
    }
    const SystemTime now = clock.now();
    const Files::Saved saved = impl_->write(now, cancel);
    {
        auto state = impl_->shared.lock();
        state->id = saved.id;
        state->refreshed = now;
    }
    impl_->written = clock.steady_now();
    impl_->refresher.spawn([impl = impl_.get()] { impl->refresh_until_stopped(); });
}

RepositoryLock::~RepositoryLock() {
    impl_->stop.cancel(CancelReason::kShutdown);
    impl_->refresher.join();
    try {
        impl_->files.remove(kLocks, impl_->shared.lock()->id, CancelToken());
    } catch (...) {  // it becomes stale in half an hour
    }
}

void RepositoryLock::confirm(const CancelToken& cancel) {
    const auto since = impl_->clock.steady_now() - impl_->written;
    if (since < kSettle) impl_->clock.sleep(kSettle - since, cancel);
    impl_->look(false, cancel);
    if (impl_->clock.now() - impl_->shared.lock()->refreshed > kLostAfter) {
        throw Error(ErrorKind::kUnavailable, "the repository's lock could not be refreshed for too long");
    }
}

}  // namespace fencepost::location::restic
