#include "kando/artifact.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "location/repository.h"
#include "value/json.h"

namespace fencepost::kando {
namespace {

std::string checked_path(const std::string& path) {
    std::string key = location::join_key("", path);
    if (key.empty()) {
        throw Error(ErrorKind::kInvalid, "the path is empty", "give --path what the artifact is called");
    }
    return key;
}

}  // namespace

std::string host_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::string SnapshotReference::to_json() const {
    return fencepost::to_json(
        Map{{"id", id}, {"logicalSize", logical_size}, {"physicalSize", physical_size}});
}

SnapshotReference SnapshotReference::parse(const std::string& text) {
    SnapshotReference reference;
    if (text.starts_with('{')) {
        const Value value = parse_json(text);
        reference.id = value["id"].string_or("");
        reference.logical_size =
            static_cast<std::uint64_t>(std::max<std::int64_t>(0, value["logicalSize"].int_or(0)));
        reference.physical_size =
            static_cast<std::uint64_t>(std::max<std::int64_t>(0, value["physicalSize"].int_or(0)));
    } else {
        reference.id = text;
    }
    if (reference.id.empty() || reference.id.find_first_not_of("0123456789abcdef") != std::string::npos) {
        throw Error(
            ErrorKind::kInvalid, "--kopia-snapshot names no snapshot: '" + text + "'",
            R"(it looks like {"id":"5f0c...","logicalSize":1,"physicalSize":1}, as push --output-name gave it)");
    }
    return reference;
}

ArtifactStore::ArtifactStore(const location::ResolvedProfile& profile, net::HttpClient& http, Clock& clock)
    : location_(location::open_location(profile, http, clock)), key_(profile.repository_key), clock_(clock) {}

std::optional<SnapshotReference> ArtifactStore::push(const std::string& path, const location::Source& source,
                                                     const CancelToken& cancel) {
    const std::string key = checked_path(path);
    if (!keeps_snapshots()) {
        location_->put(key, source, {}, cancel);
        return std::nullopt;
    }
    const auto repository = location::Repository::open(*location_, clock_, key_, true, cancel);
    const location::PushStats stats =
        repository->push(source, {.path = "/" + key, .host = host_name()}, cancel);
    return SnapshotReference{
        .id = stats.snapshot_id, .logical_size = stats.logical_bytes, .physical_size = stats.stored_bytes};
}

void ArtifactStore::pull(const std::string& path, const std::string& snapshot, const location::Sink& sink,
                         const CancelToken& cancel) {
    if (!snapshot.empty()) {
        const SnapshotReference reference = SnapshotReference::parse(snapshot);
        if (!keeps_snapshots()) {
            throw Error(ErrorKind::kInvalid,
                        "--kopia-snapshot was given, but the profile has no repository key",
                        "pull with the profile that the snapshot was pushed with");
        }
        const auto repository = location::Repository::open(*location_, clock_, key_, false, cancel);
        const std::string inner = path.empty() ? "" : "/" + checked_path(path);
        repository->pull(reference.id, inner, sink, cancel);
        return;
    }
    try {
        location_->get(checked_path(path), sink, cancel);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound || !keeps_snapshots()) throw;
        throw Error(ErrorKind::kNotFound, error.what(),
                    "this profile keeps snapshots: give --kopia-snapshot what push --output-name gave");
    }
}

std::vector<std::string> ArtifactStore::remove(const std::string& path, const std::string& snapshot,
                                               const CancelToken& cancel) {
    if (!snapshot.empty()) {
        const SnapshotReference reference = SnapshotReference::parse(snapshot);
        if (!keeps_snapshots()) {
            throw Error(ErrorKind::kInvalid,
                        "--kopia-snapshot was given, but the profile has no repository key",
                        "delete with the profile that the snapshot was pushed with");
        }
        const auto repository = location::Repository::open(*location_, clock_, key_, false, cancel);
        try {
            std::string note = repository->forget(reference.id, cancel).note("snapshot " + reference.id);
            if (!note.empty()) return {std::move(note)};
        } catch (const Error& error) {
            // As with objects: that it is gone already is what was asked for.
            if (error.kind() != ErrorKind::kNotFound) throw;
        }
        return {};
    }
    return location::remove_with_below(*location_, checked_path(path), cancel);
}

}  // namespace fencepost::kando
