#include "location/repository.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/encodings.h"
#include "base/error.h"
#include "location/checksum.h"
#include "location/restic/chunk_pipeline.h"
#include "location/restic/compress.h"
#include "location/restic/documents.h"
#include "location/restic/files.h"
#include "location/restic/index.h"
#include "location/restic/keys.h"
#include "location/restic/lock.h"
#include "location/restic/pack_writer.h"
#include "location/restic/reader.h"

namespace fencepost::location {
namespace {

std::vector<std::string> parts_of(const std::string& path) {
    const std::string clean = join_key("", path);
    if (clean.empty()) throw Error(ErrorKind::kInvalid, "the path inside the snapshot is empty");
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= clean.size();) {
        const std::size_t slash = std::min(clean.find('/', at), clean.size());
        parts.push_back(clean.substr(at, slash - at));
        at = slash + 1;
    }
    return parts;
}

class ResticRepository final : public Repository {
  public:
    ResticRepository(Location& location, Clock& clock, restic::Opened opened)
        : clock_(clock), config_(std::move(opened.config)), files_(location, opened.key) {}

    PushStats push(const Source& source, const PushOptions& options, const CancelToken& cancel) override {
        const std::vector<std::string> parts = parts_of(options.path);
        restic::RepositoryLock lock(files_, clock_, options.wait_for_lock, cancel);
        const restic::Index index = load_index(cancel);
        restic::PackWriter writer(files_, cancel);
        std::function<void(std::uint64_t)> on_progress;
        if (options.on_progress) {
            on_progress = [&](std::uint64_t bytes) { options.on_progress(bytes, writer.stored_bytes()); };
        }
        restic::StreamContent content = restic::store_stream(source, config_.polynomial, index, files_.key(),
                                                             writer, on_progress, cancel);
        PushStats stats{.logical_bytes = content.bytes,
                        .chunks = content.chunks.size(),
                        .new_chunks = content.new_chunks};
        const SystemTime now = clock_.now();
        restic::Node file{.name = parts.back(),
                          .type = "file",
                          .size = content.bytes,
                          .content = std::move(content.chunks),
                          .time = now};
        const Digest tree = store_trees(std::move(file), parts, index, writer);
        writer.finish();
        lock.confirm(cancel);
        const restic::Snapshot snapshot{.time = now,
                                        .tree = tree,
                                        .paths = {"/" + join_key("", options.path)},
                                        .host = options.host,
                                        .user = "fencepost",
                                        .tags = options.tags};
        cancel.throw_if_cancelled();
        const auto saved = files_.save(restic::kSnapshots, restic::encode_snapshot(snapshot), cancel);
        stats.snapshot_id = restic::to_hex(saved.id);
        stats.stored_bytes = writer.stored_bytes() + saved.bytes;
        if (options.on_progress) options.on_progress(stats.logical_bytes, stats.stored_bytes);
        return stats;
    }

    std::uint64_t pull(std::string_view id, std::string_view path, const Sink& sink,
                       const CancelToken& cancel) override {
        const Digest snapshot_id = resolve(id, cancel);
        const restic::RepositoryLock lock(files_, clock_, std::chrono::seconds{0}, cancel);
        const restic::Snapshot snapshot =
            restic::parse_snapshot(files_.load(restic::kSnapshots, snapshot_id, cancel));
        restic::SnapshotReader reader(files_, cancel);
        return reader.stream(reader.find_file(snapshot, path), sink);
    }

    [[nodiscard]] std::vector<SnapshotRecord> snapshots(const CancelToken& cancel) override {
        std::vector<SnapshotRecord> records;
        files_.load_all(restic::kSnapshots, cancel, [&](const Digest& id, const std::string& json) {
            restic::Snapshot snapshot = restic::parse_snapshot(json);
            records.push_back({.id = restic::to_hex(id),
                               .time = snapshot.time,
                               .host = std::move(snapshot.host),
                               .paths = std::move(snapshot.paths),
                               .tags = std::move(snapshot.tags)});
        });
        std::sort(records.begin(), records.end(), [](const SnapshotRecord& a, const SnapshotRecord& b) {
            return std::tie(a.time, a.id) < std::tie(b.time, b.id);
        });
        return records;
    }

    void forget(std::string_view id, const CancelToken& cancel) override {
        const Digest snapshot_id = resolve(id, cancel);
        const restic::RepositoryLock lock(files_, clock_, std::chrono::seconds{0}, cancel);
        files_.remove(restic::kSnapshots, snapshot_id, cancel);
    }

  private:
    [[nodiscard]] restic::Index load_index(const CancelToken& cancel) const {
        restic::Index index;
        files_.load_all(restic::kIndexes, cancel, [&](const Digest&, const std::string& json) {
            restic::parse_index(json, [&](const restic::PackBlobs& pack) { index.add(pack); });
        });
        index.sort();
        return index;
    }

    // The folders of the path, innermost first; returns the root.
    [[nodiscard]] Digest store_trees(restic::Node node, const std::vector<std::string>& parts,
                                     const restic::Index& index, restic::PackWriter& writer) const {
        restic::Cipher cipher(files_.key());
        restic::Compressor compressor;
        for (std::size_t depth = parts.size();; --depth) {
            const SystemTime time = node.time;
            const std::string json = restic::encode_tree({node});
            const Digest id = sha256(json);
            if (!index.find(restic::BlobType::kTree, id)) {
                const std::string sealed = cipher.seal(compressor.compress(json));
                writer.add(restic::BlobType::kTree, id, sealed, static_cast<std::uint32_t>(json.size()));
            }
            if (depth == 1) return id;
            node = {.name = parts[depth - 2], .type = "dir", .subtree = id, .time = time};
        }
    }

    // The only snapshot whose id begins so.
    [[nodiscard]] Digest resolve(std::string_view id, const CancelToken& cancel) const {
        if (id.empty() || id.size() > 64 ||
            id.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
            throw Error(ErrorKind::kInvalid, "'" + std::string(id) + "' is no snapshot id");
        }
        const std::string where = " in the repository in " + files_.location().description();
        std::optional<Digest> found;
        for (const Digest& candidate :
             files_.list(std::string(restic::kSnapshots) + std::string(id), cancel)) {
            if (found) {
                throw Error(ErrorKind::kInvalid,
                            "several snapshots begin with '" + std::string(id) + "'" + where);
            }
            found = candidate;
        }
        if (!found) {
            throw Error(ErrorKind::kNotFound, "there is no snapshot '" + std::string(id) + "'" + where,
                        "it may have been deleted already");
        }
        return *found;
    }

    Clock& clock_;
    restic::Config config_;
    restic::Files files_;
};

}  // namespace

std::unique_ptr<Repository> Repository::open(Location& location, Clock& clock, const Secret& password,
                                             bool create, const CancelToken& cancel) {
    return std::make_unique<ResticRepository>(
        location, clock, restic::open_or_create(location, clock, password, create, cancel));
}

}  // namespace fencepost::location
