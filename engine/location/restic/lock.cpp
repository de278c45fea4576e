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
constexpr std::chrono::minutes kLostAfter{25};  // well before others take it for stale
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
    const LockMode mode;
    Guarded<Shared> shared;
    SteadyTime written;
    CancelSource stop;
    TaskGroup refresher;  // last: its thread uses what stands above

    Impl(const Files& of, Clock& by, LockMode as) : files(of), clock(by), mode(as) {}

    [[nodiscard]] Files::Saved write(SystemTime now, const CancelToken& cancel) const {
        const Lock lock{.time = now,
                        .exclusive = mode == LockMode::kExclusive,
                        .host = host_name(),
                        .user = user_name(),
                        .pid = ::getpid()};
        return files.save(kLocks, encode_lock(lock), cancel);
    }

    // Throws for a lock of somebody else that forbids this one and is not stale.
    void look(bool sweep, const Digest& own, const CancelToken& cancel) const {
        const SystemTime now = clock.now();
        files.load_all(kLocks, cancel, [&](const Digest& id, const std::string& json) {
            if (id == own) return;
            const Lock lock = parse_lock(json);
            if (sweep && is_dead_here(lock)) {
                files.remove(kLocks, id, cancel);
                return;
            }
            if ((!lock.exclusive && mode == LockMode::kShared) || is_stale(lock, now)) return;
            throw Error(ErrorKind::kFailedPrecondition,
                        "the repository in " + files.location().description() +
                            (lock.exclusive ? " is locked exclusively by " : " is in use by ") + lock.user +
                            " on " + lock.host + " (process " + std::to_string(lock.pid) + ") since " +
                            format_rfc3339(lock.time),
                        "wait until that is done; if it died, `restic unlock` removes its lock");
        });
    }

    // Writes the lock and makes it this one's.
    void take(const CancelToken& cancel) {
        const SystemTime now = clock.now();
        const Digest id = write(now, cancel).id;
        written = clock.steady_now();
        auto state = shared.lock();
        state->id = id;
        state->refreshed = now;
    }
    void give_back() noexcept {
        try {
            files.remove(kLocks, shared.lock()->id, CancelToken());
        } catch (...) {  // it becomes stale in half an hour
        }
    }
    void settle(const CancelToken& cancel) const {
        const auto since = clock.steady_now() - written;
        if (since < kSettle) clock.sleep(kSettle - since, cancel);
    }

    // Looks, takes the lock, and where it is exclusive looks again. Throws where somebody's forbids it.
    void acquire(const CancelToken& cancel) {
        look(true, Digest{}, cancel);
        take(cancel);
        if (mode == LockMode::kShared) return;
        try {
            settle(cancel);
            look(false, shared.lock()->id, cancel);
        } catch (...) {
            give_back();
            throw;
        }
    }

    [[nodiscard]] bool is_lost(SystemTime now) { return now - shared.lock()->refreshed > kLostAfter; }

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
            if (is_lost(now)) return false;  // others may have passed it over
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

RepositoryLock::RepositoryLock(const Files& files, Clock& clock, LockMode mode, std::chrono::seconds patience,
                               const CancelToken& cancel)
    : impl_(std::make_unique<Impl>(files, clock, mode)) {
    const SteadyTime until = clock.steady_now() + patience;
    while (true) {
        try {
            impl_->acquire(cancel);
            break;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kFailedPrecondition || clock.steady_now() >= until) throw;
        }
        clock.sleep(kLookAgainEvery, cancel);
    }
    impl_->refresher.spawn([impl = impl_.get()] { impl->refresh_until_stopped(); });
}

RepositoryLock::~RepositoryLock() {
    impl_->stop.cancel(CancelReason::kShutdown);
    impl_->refresher.join();
    impl_->give_back();
}

void RepositoryLock::confirm(const CancelToken& cancel) {
    if (impl_->mode == LockMode::kShared) {
        impl_->settle(cancel);
        impl_->look(false, Digest{}, cancel);
    }
    if (impl_->is_lost(impl_->clock.now()))
        throw Error(ErrorKind::kUnavailable, "the repository's lock could not be refreshed for too long");
}

}  // namespace fencepost::location::restic
