#include "cluster/local/controllers/controllers.h"

#include <deque>
#include <vector>

#include "base/error.h"
#include "base/task_group.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::chrono::seconds kRetryPause{1};

// Each reconciler has its thread and its place in the store's changes. What failed is tried again with the object as
// it is by then.
class ControllerThreads final : public Controllers {
  public:
    ControllerThreads(Cluster& cluster, Store& store, const TypeTable& types, Log& log) : store_(store), log_(log) {
        start(garbage_collector(cluster, store, types));
        start(namespace_cleaner(cluster, store, types));
        start(stateful_sets(cluster));
        start(deployments(cluster));
        start(replica_sets(cluster));
    }
    ~ControllerThreads() override {
        stop_.cancel(CancelReason::kShutdown);
        threads_.join();
    }

  private:
    void start(std::unique_ptr<Reconciler> reconciler) {
        reconcilers_.push_back(std::move(reconciler));
        threads_.spawn([this, which = reconcilers_.back().get()] { run(*which); });
    }

    void run(Reconciler& reconciler) {
        while (!stop_.token().is_cancelled()) {
            try {
                follow(reconciler);
            } catch (const Cancelled&) {
                return;
            } catch (const Error& e) {
                // The position was lost: everything is looked at anew.
                log_.warning("a controller of the embedded cluster starts over", {{"error", e.what()}});
            }
        }
    }

    void follow(Reconciler& reconciler) {
        std::deque<Change> again;
        const Store::Listing present = store_.list_all();
        const auto feed = store_.follow(std::nullopt, present.revision);
        for (const auto& [key, object] : present.items) handle(reconciler, {present.revision, key, std::nullopt, object}, again);
        for (;;) {
            const Deadline deadline = again.empty() ? kNoDeadline : std::chrono::steady_clock::now() + kRetryPause;
            if (const auto change = feed->next(stop_.token(), deadline)) {
                handle(reconciler, *change, again);
                continue;
            }
            std::deque<Change> due;
            due.swap(again);
            for (Change& change : due) {
                if (change.after) change.after = store_.get(change.key);
                if (change.after || change.before) handle(reconciler, change, again);
            }
        }
    }

    void handle(Reconciler& reconciler, const Change& change, std::deque<Change>& again) {
        stop_.token().throw_if_cancelled();
        if (!reconciler.wants(change)) return;
        try {
            reconciler.reconcile(change);
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kConflict && e.kind() != ErrorKind::kNotFound) {
                log_.warning("a controller could not do its work, trying again", {{"object", to_string(change.key)}, {"error", e.what()}});
            }
            again.push_back(change);
        }
    }

    Store& store_;
    Log& log_;
    CancelSource stop_;
    std::vector<std::unique_ptr<Reconciler>> reconcilers_;
    TaskGroup threads_;
};

}  // namespace

std::unique_ptr<Controllers> start_controllers(Cluster& cluster, Store& store, const TypeTable& types, Log& log) {
    return std::make_unique<ControllerThreads>(cluster, store, types, log);
}

}  // namespace fencepost::cluster::local
