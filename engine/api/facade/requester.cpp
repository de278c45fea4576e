#include "api/facade/requester.h"

#include "api/problem.h"
#include "cluster/idempotent.h"
#include "cluster/requester.h"

namespace fencepost::api::facade {

void mark_requester(const Target& target, const std::string& caller, Value& object) {
    if (cluster::has_requester(target.type)) cluster::set_requester(object, caller);
}

KeptRequester::KeptRequester(cluster::Cluster& cluster, const Target& target) {
    if (!cluster::has_requester(target.type)) return;
    if (const auto there = cluster::find_object(cluster, target.key()))
        before_ = cluster::requester_of(*there);
}

void KeptRequester::check(const Value& written) const {
    if (!before_ || *before_ == cluster::requester_of(written)) return;
    throw Problem(422, "metadata.annotations[" + std::string(cluster::kRequestedBy) +
                           "] says who asked for the action, and does not change");
}

}  // namespace fencepost::api::facade
