// Events that are older than a day go, as nobody else deletes any: enough for a look in the morning at what
// the night has brought. (An API server of Kubernetes keeps them for an hour.)
#include <algorithm>
#include <map>

#include "base/encodings.h"
#include "cluster/idempotent.h"
#include "cluster/local/controllers/controllers.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::chrono::hours kKept{24};
// With each new one: more than one, so that all go in the end; few, so that no other controller waits long.
constexpr int kRemovedAtOnce = 10;

class EventCleaner final : public Reconciler {
  public:
    explicit EventCleaner(Cluster& cluster) : cluster_(cluster) {}

    [[nodiscard]] bool wants(const Change& change) const override {
        return change.key.type == types::kEvents && change.after && !change.before;
    }

    void reconcile(const Change& change) override {
        const SystemTime created =
            parse_rfc3339(change.after->get("metadata", "creationTimestamp").as_string());
        // Those that are there at a start come by name: an old one may come after the newest.
        newest_ = std::max(newest_, created);
        kept_.emplace(created, change.key);
        for (int i = 0; i < kRemovedAtOnce && !kept_.empty() && kept_.begin()->first < newest_ - kKept; ++i) {
            const ObjectKey oldest = kept_.extract(kept_.begin()).mapped();
            remove_if_there(cluster_, oldest);
        }
    }

  private:
    Cluster& cluster_;
    SystemTime newest_;
    std::multimap<SystemTime, ObjectKey> kept_;
};

}  // namespace

std::unique_ptr<Reconciler> event_cleaner(Cluster& cluster) {
    return std::make_unique<EventCleaner>(cluster);
}

}  // namespace fencepost::cluster::local
