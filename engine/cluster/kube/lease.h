// Which of several replicas works: the holder of a coordination.k8s.io/v1 Lease, taken and renewed as
// client-go does it, so that both understand each other's Leases.
//
// Clocks may differ: nobody compares the times in the Lease with his own. Who waits takes a Lease that did
// not change for its duration by his own steady clock, counted from when he saw it. Who leads counts from
// before his last successful write, and for less long (renew_deadline): he has stopped before another may
// begin, also where he was cut off from the API server. A process that was stopped and goes on finds its
// token cancelled only in a moment: what must not come late asks Leadership::check() first.
//
//     LeaderElection election(cluster, clock, log, {.ns = "fencepost", .identity = pod + "_" +
//     random_uuid()}); for (;;) election.run(stop, [&](const Leadership& term) {
//     controller.run(term.token()); });
//
// The cluster's writes should not be tried again for longer than retry_period: a term's end waits for the
// last one. Thread safety: run() by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/log.h"
#include "cluster/cluster.h"

namespace fencepost::cluster::kube {

extern const ResourceType kLeases;

struct LeaseOptions {
    std::string ns;
    std::string name = "fencepost";
    std::string identity;               // of this replica, and of no other one before or after it
    std::chrono::seconds duration{15};  // without a renewal, until another replica may take over
    std::chrono::milliseconds renew_deadline{10'000};  // without a renewal, until this one stops
    std::chrono::milliseconds retry_period{2'000};
};

// One term of leading; lives as long as what it was given to runs.
class Leadership {
  public:
    // Fires where the Lease is lost, and when the process is to stop.
    [[nodiscard]] const CancelToken& token() const noexcept { return token_; }
    // Greater in every later term, of whatever replica (the Lease's leaseTransitions).
    [[nodiscard]] std::int64_t fencing_token() const noexcept { return fencing_token_; }
    // Throws Cancelled where the term is over by now, whether or not the token has fired yet.
    void check() const;

  private:
    friend class LeaderElection;
    Leadership(CancelToken token, std::int64_t fencing_token, Clock& clock, Guarded<SteadyTime>& valid_until)
        : token_(std::move(token)), fencing_token_(fencing_token), clock_(clock), valid_until_(valid_until) {}
    CancelToken token_;
    std::int64_t fencing_token_;
    Clock& clock_;
    Guarded<SteadyTime>& valid_until_;
};

class LeaderElection {
  public:
    // Borrows all but the options. Throws Error{kInvalid} for times that do not fit together.
    LeaderElection(Cluster& cluster, Clock& clock, Log& log, LeaseOptions options);

    // Waits until this replica leads, runs `lead` on the calling thread and, once it has returned, hands the
    // Lease over. Unless it is lost, the Lease is renewed until then, also after `stop` has fired. Throws
    // Cancelled if `stop` fires while it waits, and what `lead` throws.
    void run(const CancelToken& stop, const std::function<void(const Leadership&)>& lead);

  private:
    // The Lease as it was last seen to change.
    struct Observed {
        Value spec;
        SteadyTime at;
    };
    struct Term {
        Value lease;  // as stored by us
        Guarded<SteadyTime> valid_until;
    };

    [[nodiscard]] bool try_acquire(Term& term);
    [[nodiscard]] bool may_take(const Value& spec);
    [[nodiscard]] Value claimed(Value lease, bool is_new_term);
    void store(Term& term, const Value& lease, bool exists);
    void acquire(Term& term, const CancelToken& stop);
    void keep_renewing(Term& term, CancelSource& lost, CancelSource& done);
    [[nodiscard]] bool renew(Term& term);
    void watch_deadline(Term& term, CancelSource& lost, CancelSource& done);
    void release(Term& term);

    Cluster& cluster_;
    Clock& clock_;
    Log& log_;
    const LeaseOptions options_;
    const ObjectKey key_;
    std::optional<Observed> observed_;
};

// Whether this replica leads at this moment, for what writes; all of it may be called from any thread.
class Leading {
  public:
    // REQUIRES: end() before the term goes.
    void begin(const Leadership& term) { *term_.lock() = &term; }
    void end() { *term_.lock() = nullptr; }
    void check() const;  // throws Error{kFailedPrecondition} where it does not

  private:
    mutable Guarded<const Leadership*> term_{nullptr};
};

}  // namespace fencepost::cluster::kube
