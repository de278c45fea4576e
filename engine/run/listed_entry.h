// An entry of ours in a list that others keep too, as JSON in an annotation of their object: the instance
// that a CloudNativePG Cluster's cnpg.io/fencedInstances is to fence. Every change is read, made and written
// with the object's resourceVersion, so what others have listed meanwhile survives.
//
// Beside it stands a mark of ours, the annotation fencepost.io/OBLIGATION. It comes before the entry and goes
// with it, and without it nothing is listed or taken off: an undo that comes first stops the rest of the act,
// also that of a daemon that died in the middle of a request, and never takes off what somebody else listed.
//
// Thread safety: none needed; the cluster's. Errors: what the cluster throws.
#pragma once

#include <string>

#include "base/cancel.h"
#include "cluster/cluster.h"

namespace fencepost::run {

struct ListedEntry {
    cluster::ObjectKey object;
    std::string uid;  // of the object
    std::string annotation;
    std::string entry;

    [[nodiscard]] Value to_value() const;  // as an obligation keeps it: ObligationRequest.details.listedEntry
    [[nodiscard]] static ListedEntry from_value(const Value& value);
};

// What the annotation lists. Errors: kFailedPrecondition where it is no JSON array of strings.
[[nodiscard]] std::vector<std::string> listed_in(const Value& object, std::string_view annotation);

// `obligation` must be stored already. Errors: kFailedPrecondition where the entry is listed already, or the
// obligation was released meanwhile.
void list_entry(cluster::Cluster& cluster, const ListedEntry& entry, const std::string& obligation,
                const CancelToken& cancel);
[[nodiscard]] bool is_still_listed(const Value& object, const ListedEntry& entry,
                                   const std::string& obligation);
// Takes off an entry that was not listed by list_entry() but by a command that it was left to, and so has no
// mark. One that is not there any more is fine.
void take_off(cluster::Cluster& cluster, const ListedEntry& entry, const CancelToken& cancel);
// "" once the entry is taken off; else what proves that there was nothing to take off, ending in "is gone".
[[nodiscard]] std::string unlist_entry(cluster::Cluster& cluster, const ListedEntry& entry,
                                       const std::string& obligation, const CancelToken& cancel);

}  // namespace fencepost::run
