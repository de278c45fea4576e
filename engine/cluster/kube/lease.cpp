#include "cluster/kube/lease.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/encodings.h"
#include "base/error.h"
#include "base/task_group.h"

namespace fencepost::cluster::kube {

const ResourceType kLeases{"coordination.k8s.io", "v1", "leases"};

namespace {

using std::chrono::milliseconds;

// Up to a fifth more, so that replicas do not ask in step.
milliseconds jittered(milliseconds period) {
    thread_local std::minstd_rand random{std::random_device{}()};
    return period +
           milliseconds(std::uniform_int_distribution<milliseconds::rep>(0, period.count() / 5)(random));
}

std::string holder_of(const Value& spec) { return spec["holderIdentity"].string_or(""); }

// With microseconds, as the API server insists.
std::string micro_time(SystemTime time) {
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
    const std::string seconds = format_rfc3339(time);  // "...:05Z"
    const std::string fraction = std::to_string(1'000'000 + micros % 1'000'000).substr(1);
    return seconds.substr(0, seconds.size() - 1) + "." + fraction + "Z";
}

}  // namespace

// Not by the token: a replica that is to stop still leads while it winds down.
void Leadership::check() const {
    if (clock_.steady_now() >= *valid_until_.lock()) throw Cancelled(CancelReason::kShutdown);
}

LeaderElection::LeaderElection(Cluster& cluster, Clock& clock, Log& log, LeaseOptions options)
    : cluster_(cluster),
      clock_(clock),
      log_(log),
      options_(std::move(options)),
      key_{kLeases, options_.ns, options_.name} {
    if (options_.identity.empty()) throw Error(ErrorKind::kInvalid, "a Lease's holder needs an identity");
    if (options_.renew_deadline >= options_.duration || options_.retry_period >= options_.renew_deadline ||
        options_.retry_period <= milliseconds(0)) {
        throw Error(
            ErrorKind::kInvalid,
            "a Lease's retry period must be shorter than its renew deadline, and that one shorter than "
            "its duration");
    }
}

void LeaderElection::run(const CancelToken& stop, const std::function<void(const Leadership&)>& lead) {
    Term term;
    acquire(term, stop);
    const std::int64_t fencing_token = term.lease["spec"]["leaseTransitions"].int_or(0);
    log_.info("leading", {{"lease", to_string(key_)}, {"holder", options_.identity}});
    CancelSource lost(stop);
    CancelSource done;
    {
        TaskGroup keepers;
        keepers.spawn([&] { keep_renewing(term, lost, done); });
        keepers.spawn([&] { watch_deadline(term, lost, done); });
        try {
            lead(Leadership(lost.token(), fencing_token, clock_, term.valid_until));
        } catch (...) {
            done.cancel(CancelReason::kUser);
            keepers.join();
            release(term);
            throw;
        }
        done.cancel(CancelReason::kUser);
    }
    release(term);
}

// --- taking it

void LeaderElection::acquire(Term& term, const CancelToken& stop) {
    for (;;) {
        stop.throw_if_cancelled();
        try {
            if (try_acquire(term)) return;
        } catch (const Error& e) {
            // A conflict: somebody else was quicker.
            if (e.kind() != ErrorKind::kConflict && e.kind() != ErrorKind::kAlreadyExists)
                log_.warning("cannot take the Lease", {{"lease", to_string(key_)}, {"error", e.what()}});
        }
        clock_.sleep(jittered(options_.retry_period), stop);
    }
}

bool LeaderElection::try_acquire(Term& term) {
    Value lease;
    bool exists = true;
    try {
        lease = cluster_.get(key_);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        exists = false;
        lease["apiVersion"] = "coordination.k8s.io/v1";
        lease["kind"] = "Lease";
        lease["metadata"]["name"] = options_.name;
        lease["metadata"]["namespace"] = options_.ns;
    }
    if (exists && !may_take(lease["spec"])) return false;
    store(term, claimed(std::move(lease), true), exists);
    return true;
}

bool LeaderElection::may_take(const Value& spec) {
    const SteadyTime now = clock_.steady_now();
    if (!observed_ || observed_->spec != spec) observed_ = Observed{spec, now};
    const std::string holder = holder_of(spec);
    // Of our own identity it is a claim of ours whose answer was lost.
    if (holder.empty() || holder == options_.identity) return true;
    return now >= observed_->at + std::chrono::seconds(spec["leaseDurationSeconds"].int_or(0));
}

Value LeaderElection::claimed(Value lease, bool is_new_term) {
    const std::string now = micro_time(clock_.now());
    Value& spec = lease["spec"];
    if (is_new_term) {
        const Value& transitions = std::as_const(spec)["leaseTransitions"];
        spec["leaseTransitions"] = transitions.is_nil() ? std::int64_t{0} : transitions.int_or(0) + 1;
        spec["acquireTime"] = now;
    }
    spec["holderIdentity"] = options_.identity;
    spec["leaseDurationSeconds"] = std::int64_t{options_.duration.count()};
    spec["renewTime"] = now;
    return lease;
}

void LeaderElection::store(Term& term, const Value& lease, bool exists) {
    const SteadyTime begin = clock_.steady_now();
    term.lease = exists ? cluster_.replace(kLeases, lease) : cluster_.create(kLeases, lease);
    *term.valid_until.lock() = begin + options_.renew_deadline;
}

// --- keeping it

void LeaderElection::keep_renewing(Term& term, CancelSource& lost, CancelSource& done) {
    try {
        for (;;) {
            clock_.sleep(options_.retry_period, done.token());
            if (!renew(term)) break;
        }
    } catch (const Cancelled&) {
        return;
    }
    log_.warning("the Lease is another's", {{"lease", to_string(key_)}});
    *term.valid_until.lock() = SteadyTime::min();
    lost.cancel(CancelReason::kShutdown);
    done.cancel(CancelReason::kShutdown);
}

// False where the Lease is no longer ours.
bool LeaderElection::renew(Term& term) {
    try {
        store(term, claimed(term.lease, false), true);
        return true;
    } catch (const Error& e) {
        if (e.kind() == ErrorKind::kNotFound) return false;
        log_.warning("cannot renew the Lease", {{"lease", to_string(key_)}, {"error", e.what()}});
        if (e.kind() != ErrorKind::kConflict) return true;
    }
    try {
        // Another's, or a renewal of ours whose answer was lost, or somebody has put a label on it.
        Value lease = cluster_.get(key_);
        if (holder_of(lease["spec"]) != options_.identity) return false;
        store(term, claimed(std::move(lease), false), true);
    } catch (const Error& e) {
        return e.kind() != ErrorKind::kNotFound;
    }
    return true;
}

// On a thread of its own: a renewal may hang for as long as the API server does.
void LeaderElection::watch_deadline(Term& term, CancelSource& lost, CancelSource& done) {
    try {
        for (;;) {
            const SteadyTime until = *term.valid_until.lock();
            const SteadyTime now = clock_.steady_now();
            if (until <= now) break;
            clock_.sleep(until - now, done.token());
        }
    } catch (const Cancelled&) {
        return;
    }
    log_.warning("the Lease was not renewed in time", {{"lease", to_string(key_)}});
    lost.cancel(CancelReason::kShutdown);
    done.cancel(CancelReason::kShutdown);
}

// Whoever waits need not wait for its end.
void LeaderElection::release(Term& term) {
    Value lease = term.lease;
    lease["spec"]["holderIdentity"] = "";
    lease["spec"]["leaseDurationSeconds"] = std::int64_t{1};
    lease["spec"]["renewTime"] = micro_time(clock_.now());
    try {
        cluster_.replace(kLeases, lease);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kConflict && e.kind() != ErrorKind::kNotFound)
            log_.warning("cannot release the Lease", {{"lease", to_string(key_)}, {"error", e.what()}});
    }
}

void Leading::check() const {
    auto term = term_.lock();
    try {
        if (*term == nullptr) throw Cancelled(CancelReason::kShutdown);
        (*term)->check();
    } catch (const Cancelled&) {
        throw Error(ErrorKind::kFailedPrecondition, "this replica does not lead: another one does its work");
    }
}

}  // namespace fencepost::cluster::kube
