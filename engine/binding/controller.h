// BindingController: keeps status of every BlueprintBinding true to what it says and to the blueprints that
// are there: status.validation (Success or Failed), status.error, status.warnings, status.observedGeneration.
// A Blueprint that comes or goes has the bindings judged again. Runs on threads of its own from construction
// to destruction; a cluster that cannot be reached is tried again with backoff. The references are borrowed
// and must outlive it.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"

namespace fencepost::binding {

class BindingController {
  public:
    BindingController(cluster::Cluster& cluster, Log& log, Clock& clock, std::string controller_namespace);
    BindingController(const BindingController&) = delete;
    BindingController& operator=(const BindingController&) = delete;
    ~BindingController();  // stops and joins

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The status that a binding deserves now: {validation, error, warnings, observedGeneration}; nil members
// where there is nothing to say.
[[nodiscard]] Value status_of(cluster::Cluster& cluster, const Value& binding,
                              const std::string& controller_namespace);

}  // namespace fencepost::binding
