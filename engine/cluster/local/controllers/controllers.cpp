#include "cluster/local/controllers/controllers.h"

#include <vector>

#include "base/error.h"
#include "base/task_group.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::chrono::seconds kRetryPause{1};

// One thread for all of them: their work is short, and every change of the store wakes whoever follows it.
// What failed is tried again with the object as it is by then.
class ControllerThread final : public Controllers {
  public:
    ControllerThread(Cluster& cluster, Store& store, const TypeTable& types, Log& log)
        : store_(store), log_(log) {
        reconcilers_.push_back(garbage_collector(cluster, store, types));
        reconcilers_.push_back(namespace_cleaner(cluster, store, types));
        reconcilers_.push_back(definition_cleaner(cluster, store, types));
        reconcilers_.push_back(stateful_sets(cluster));
        reconcilers_.push_back(deployments(cluster));
        reconcilers_.push_back(replica_sets(cluster));
        reconcilers_.push_back(event_cleaner(cluster));
        thread_.spawn([this] { run(); });
    }
    ~ControllerThread() override {
        stop_.cancel(CancelReason::kShutdown);
        thread_.join();
    }

  private:
    void run() {
        while (!stop_.token().is_cancelled()) {
            try {
                follow();
            } catch (const Cancelled&) {
                return;
            } catch (const Error& e) {
                // The position was lost: everything is looked at anew.
                log_.warning("the embedded cluster's controllers start over", {{"error", e.what()}});
            }
        }
    }

    struct Again {
        Reconciler* reconciler;
        Change change;
    };

    void follow() {
        again_.clear();
        const Store::Listing present = store_.list_all();
        const auto feed = store_.follow(std::nullopt, present.revision);
        for (const auto& [key, object] : present.items) handle({present.revision, key, std::nullopt, object});
        for (;;) {
            const Deadline deadline =
                again_.empty() ? kNoDeadline : std::chrono::steady_clock::now() + kRetryPause;
            if (const auto change = feed->next(stop_.token(), deadline)) {
                handle(*change);
                continue;
            }
            std::vector<Again> due;
            due.swap(again_);
            for (Again& item : due) {
                if (item.change.after) item.change.after = store_.get(item.change.key);
                if (item.change.after || item.change.before) handle(*item.reconciler, item.change);
            }
        }
    }

    void handle(const Change& change) {
        for (const auto& reconciler : reconcilers_) handle(*reconciler, change);
    }

    void handle(Reconciler& reconciler, const Change& change) {
        stop_.token().throw_if_cancelled();
        if (!reconciler.wants(change)) return;
        try {
            reconciler.reconcile(change);
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kConflict && e.kind() != ErrorKind::kNotFound) {
                log_.warning("a controller could not do its work, trying again",
                             {{"object", to_string(change.key)}, {"error", e.what()}});
            }
            again_.push_back({&reconciler, change});
        }
    }

    Store& store_;
    Log& log_;
    CancelSource stop_;
    std::vector<std::unique_ptr<Reconciler>> reconcilers_;
    std::vector<Again> again_;
    TaskGroup thread_;
};

}  // namespace

std::unique_ptr<Controllers> start_controllers(Cluster& cluster, Store& store, const TypeTable& types,
                                               Log& log) {
    return std::make_unique<ControllerThread>(cluster, store, types, log);
}

}  // namespace fencepost::cluster::local
