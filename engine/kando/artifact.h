// An artifact of a profile's location, whichever kind it is: a plain object under <prefix>/<path>, or, where
// the profile has a repository key, a snapshot in the restic repository under <prefix>. Used by one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "location/location.h"
#include "net/http_client.h"

namespace fencepost::kando {

[[nodiscard]] std::string host_name();  // whose snapshots they are; "" where the system does not tell

// Of Kanister's kopia snapshots, so that blueprints written for those take ours.
struct SnapshotReference {
    std::string id;
    std::uint64_t logical_size = 0;
    std::uint64_t physical_size = 0;

    [[nodiscard]] std::string to_json() const;
    // From what to_json() gave, or a bare id. Throws kInvalid.
    [[nodiscard]] static SnapshotReference parse(const std::string& text);
};

class ArtifactStore {
  public:
    ArtifactStore(const location::ResolvedProfile& profile, net::HttpClient& http, Clock& clock);

    // The reference of the snapshot; nothing where the artifact is a plain object.
    std::optional<SnapshotReference> push(const std::string& path, const location::Source& source,
                                          const CancelToken& cancel);
    void pull(const std::string& path, const std::string& snapshot, const location::Sink& sink,
              const CancelToken& cancel);
    // An object goes with what lies below it as a folder ("a" and "a/b", never "ab").
    // What is to be told: what an object lock retains.
    std::vector<std::string> remove(const std::string& path, const std::string& snapshot,
                                    const CancelToken& cancel);

    [[nodiscard]] location::Location& location() noexcept { return *location_; }

  private:
    [[nodiscard]] bool keeps_snapshots() const noexcept { return !key_.is_empty(); }
    std::unique_ptr<location::Location> location_;
    Secret key_;
    Clock& clock_;
};

}  // namespace fencepost::kando
