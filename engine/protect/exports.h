// The restore points that were exported to one location, as they lie there, below the profile's prefix:
//
//   fencepost-exports/points/<namespace>/<content>.json   the index of one: whose, of when, how large, who
//   signed it fencepost-exports/repository/                         a restic repository: contents, manifests,
//   volumes' files
//
// An index can be read without the repository's key and tells no more than that; the manifests of Secrets are
// never outside the repository. The index is written last and whole: what has none is no restore point. Used
// by one thread. Errors: kFailedPrecondition for a profile without a repository key, kDataLoss for what is
// not as it was written, kInvalid for an index that nobody here has written; what locations and repositories
// throw.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "location/repository.h"
#include "run/function.h"

namespace fencepost::protect {

class Exports {
  public:
    // `profile` is a reference; its namespace is the controller's where it names none.
    Exports(run::World& world, const Value& profile, CancelToken cancel);

    [[nodiscard]] const Value& profile() const noexcept { return profile_; }  // with its namespace
    [[nodiscard]] std::string place() const { return location_->description(); }
    // Where the repository is, as functions' arguments have it.
    [[nodiscard]] std::string repository_prefix() const;

    // A text in the repository, marked as its owner's: {snapshot, bytes, sha256}, which get() wants.
    [[nodiscard]] Value put(const std::string& owner, const std::string& text);
    [[nodiscard]] std::string get(const Value& stored);
    // Of a volume's files. Throws kNotFound or kDataLoss where something of them is not there.
    [[nodiscard]] location::SnapshotSize size_of(const std::string& snapshot);
    [[nodiscard]] std::set<std::string> snapshots();  // the ids of all; none where there is no repository

    void write_index(const Value& index);
    void remove_index(const std::string& ns, const std::string& name);
    // Of one namespace, or of all: "". What is no index stands there as {name, error}.
    [[nodiscard]] List indexes(const std::string& ns);
    // Of that name alone; nullopt where there is none.
    [[nodiscard]] std::optional<Value> index(const std::string& ns, const std::string& name);

    // Snapshots of that owner, or of one of the hosts, but for those that are kept.
    void forget(const std::string& owner, const std::set<std::string>& hosts,
                const std::set<std::string>& kept);
    void forget(const std::set<std::string>& snapshots);
    void prune();  // prune_unless_busy() of the exports' repository

  private:
    [[nodiscard]] Value read_index(const std::string& key);
    [[nodiscard]] location::Repository& repository(bool creates);
    // Of a repository that is known to have been there; kUnavailable where it is not: nothing of it is gone
    // for that.
    [[nodiscard]] location::Repository& existing();

    run::World& world_;
    const CancelToken cancel_;
    Value profile_;
    location::ResolvedProfile resolved_;
    std::unique_ptr<location::Location> location_, repository_location_;
    std::unique_ptr<location::Repository> repository_;
};

// Frees what no snapshot needs. Where somebody works with the repository just now, that is left to the next
// time.
void prune_unless_busy(location::Repository& repository, const CancelToken& cancel);

// Where a profile leads, without what opens it: equal for two profiles of one place. {type, bucket, endpoint,
// prefix, path}, those that it has.
[[nodiscard]] Value address_of(const location::ResolvedProfile& profile);
// The profile itself. `reference` as above.
[[nodiscard]] location::ResolvedProfile resolve(run::World& world, const Value& reference);

}  // namespace fencepost::protect
