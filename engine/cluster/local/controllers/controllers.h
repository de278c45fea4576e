// What gives the embedded cluster's objects their life beside Pods: owners' deletion reaches their
// dependents, a Namespace takes its content along, StatefulSets and Deployments keep their Pods, old Events
// go. Fed by the store's changes. Destruction stops them. Thread-safe.
#pragma once

#include <memory>

#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/local/store/store.h"
#include "cluster/local/type_table.h"

namespace fencepost::cluster::local {

class Controllers {
  public:
    virtual ~Controllers() = default;
};

// All are borrowed and must outlive the controllers.
[[nodiscard]] std::unique_ptr<Controllers> start_controllers(Cluster& cluster, Store& store,
                                                             const TypeTable& types, Log& log);

// One object has changed; or, at the start, is there. Throwing Error logs it and tries the object again
// later.
class Reconciler {
  public:
    virtual ~Reconciler() = default;
    [[nodiscard]] virtual bool wants(const Change& change) const = 0;
    virtual void reconcile(const Change& change) = 0;
};

[[nodiscard]] std::unique_ptr<Reconciler> garbage_collector(Cluster& cluster, Store& store,
                                                            const TypeTable& types);
[[nodiscard]] std::unique_ptr<Reconciler> definition_cleaner(Cluster& cluster, Store& store,
                                                             const TypeTable& types);
[[nodiscard]] std::unique_ptr<Reconciler> namespace_cleaner(Cluster& cluster, Store& store,
                                                            const TypeTable& types);
[[nodiscard]] std::unique_ptr<Reconciler> stateful_sets(Cluster& cluster);
[[nodiscard]] std::unique_ptr<Reconciler> deployments(Cluster& cluster);
[[nodiscard]] std::unique_ptr<Reconciler> replica_sets(Cluster& cluster);
[[nodiscard]] std::unique_ptr<Reconciler> event_cleaner(Cluster& cluster);

}  // namespace fencepost::cluster::local
