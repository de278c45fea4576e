#include "location/repository.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <tuple>

#include "base/encodings.h"
#include "base/error.h"
#include "location/checksum.h"
#include "location/restic/chunk_pipeline.h"
#include "location/restic/documents.h"
#include "location/restic/files.h"
#include "location/restic/folder_backup.h"
#include "location/restic/folder_restore.h"
#include "location/restic/index.h"
#include "location/restic/keys.h"
#include "location/restic/lock.h"
#include "location/restic/pack_writer.h"
#include "location/restic/prune.h"
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
        restic::RepositoryLock lock(files_, clock_, restic::LockMode::kShared, options.wait_for_lock, cancel);
        lock.confirm(cancel);  // before the index is read: see lock.h
        const restic::Index index = load_index(cancel);
        restic::PackWriter writer(files_, cancel);
        restic::BlobStore store(index, files_.key(), writer);
        std::function<void(std::uint64_t)> on_progress;
        if (options.on_progress) {
            on_progress = [&](std::uint64_t bytes) { options.on_progress(bytes, writer.stored_bytes()); };
        }
        restic::StreamContent content =
            restic::store_stream(source, restic::Chunker(config_.polynomial), store, on_progress, cancel);
        PushStats stats{.logical_bytes = content.bytes,
                        .chunks = content.chunks.size(),
                        .new_chunks = content.new_chunks};
        const SystemTime now = clock_.now();
        restic::Node file{.name = parts.back(),
                          .type = "file",
                          .size = content.bytes,
                          .content = std::move(content.chunks),
                          .time = now,
                          .changed = now,
                          .permissions = 0644,
                          .links = 1};
        const Digest tree = store_trees(std::move(file), parts, store);
        const auto saved = commit({.time = now,
                                   .tree = tree,
                                   .paths = {"/" + join_key("", options.path)},
                                   .host = options.host,
                                   .user = "fencepost",
                                   .tags = options.tags},
                                  writer, lock, cancel);
        stats.snapshot_id = restic::to_hex(saved.id);
        stats.stored_bytes = writer.stored_bytes() + saved.bytes;
        if (options.on_progress) options.on_progress(stats.logical_bytes, stats.stored_bytes);
        return stats;
    }

    std::uint64_t pull(std::string_view id, std::string_view path, const Sink& sink,
                       const CancelToken& cancel) override {
        const Digest snapshot_id = resolve(id, cancel);
        const restic::RepositoryLock lock(files_, clock_, restic::LockMode::kShared, kWaitForPrune, cancel);
        const restic::Snapshot snapshot =
            restic::parse_snapshot(files_.load(restic::kSnapshots, snapshot_id, cancel));
        restic::SnapshotReader reader(files_, cancel);
        return reader.stream(reader.find_file(snapshot, path), sink);
    }

    FolderBackupStats backup_folder(const FolderBackupOptions& options, const CancelToken& cancel) override {
        const std::filesystem::path path(options.path);
        if (!path.is_absolute() || path.lexically_normal().string() != options.path ||
            (!path.has_filename() && path != "/")) {
            throw Error(ErrorKind::kInvalid,
                        "'" + options.path + "' is no absolute path without '.', '..' and slashes to spare");
        }
        restic::RepositoryLock lock(files_, clock_, restic::LockMode::kShared, options.wait_for_lock, cancel);
        lock.confirm(cancel);  // before the index is read: see lock.h
        const SystemTime now = clock_.now();
        restic::SnapshotReader reader(files_, cancel);
        restic::PackWriter writer(files_, cancel);
        restic::BlobStore store(reader.index(), files_.key(), writer);
        const restic::Chunker chunker(config_.polynomial);
        restic::FolderBackup backup(
            store, chunker,
            [&](const Digest& id) {
                // What no index lists must not be built upon.
                return store.has(restic::BlobType::kTree, id) ? reader.load_tree(id)
                                                              : std::vector<restic::Node>();
            },
            options.on_progress, cancel);
        const Digest tree = backup.store(path, previous_tree(options, cancel));
        const auto saved = commit({.time = now,
                                   .tree = tree,
                                   .paths = {options.path},
                                   .host = options.host,
                                   .user = "fencepost",
                                   .tags = options.tags},
                                  writer, lock, cancel);
        return {.snapshot_id = restic::to_hex(saved.id),
                .files = backup.content().files,
                .folders = backup.content().folders,
                .unchanged_files = backup.content().unchanged_files,
                .logical_bytes = backup.content().bytes,
                .stored_bytes = writer.stored_bytes() + saved.bytes};
    }

    SnapshotSize restore_folder(std::string_view id, const FolderRestoreOptions& options,
                                const CancelToken& cancel) override {
        const Digest snapshot_id = resolve(id, cancel);
        const restic::RepositoryLock lock(files_, clock_, restic::LockMode::kShared, kWaitForPrune, cancel);
        restic::SnapshotReader reader(files_, cancel);
        restic::FolderRestore restore(reader, options.on_warning, options.on_progress, cancel);
        restore.restore(restic::parse_snapshot(files_.load(restic::kSnapshots, snapshot_id, cancel)),
                        options.inner, options.target);
        return {.files = restore.files(), .bytes = restore.bytes()};
    }

    [[nodiscard]] SnapshotSize size_of(std::string_view id, const CancelToken& cancel) override {
        const Digest snapshot_id = resolve(id, cancel);
        const restic::RepositoryLock lock(files_, clock_, restic::LockMode::kShared, kWaitForPrune, cancel);
        restic::SnapshotReader reader(files_, cancel);
        SnapshotSize size;
        std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
        reader.visit(restic::parse_snapshot(files_.load(restic::kSnapshots, snapshot_id, cancel)),
                     [&](const std::string&, const restic::Node& node) {
                         if (node.type != "file") return;
                         ++size.files;
                         const bool is_first =
                             node.links < 2 || seen.insert({node.device_id, node.inode}).second;
                         if (is_first) size.bytes += node.size;
                     });
        return size;
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

    Removal forget(std::string_view id, const CancelToken& cancel) override {
        const Digest snapshot_id = resolve(id, cancel);
        const restic::RepositoryLock lock(files_, clock_, restic::LockMode::kShared, kWaitForPrune, cancel);
        return files_.remove(restic::kSnapshots, snapshot_id, cancel);
    }

    PruneStats prune(std::chrono::seconds wait_for_lock, const CancelToken& cancel) override {
        restic::RepositoryLock lock(files_, clock_, restic::LockMode::kExclusive, wait_for_lock, cancel);
        const restic::Pruned pruned = restic::prune(files_, lock, cancel);
        return {.freed_bytes = pruned.freed_bytes,
                .removed_packs = pruned.removed_packs,
                .rewritten_packs = pruned.rewritten_packs};
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

    // The snapshot's file comes last: whoever finds it finds everything.
    restic::Files::Saved commit(const restic::Snapshot& snapshot, restic::PackWriter& writer,
                                restic::RepositoryLock& lock, const CancelToken& cancel) const {
        writer.finish();
        lock.confirm(cancel);
        cancel.throw_if_cancelled();
        return files_.save(restic::kSnapshots, restic::encode_snapshot(snapshot), cancel);
    }

    // The folders of the path, innermost first; returns the root.
    [[nodiscard]] static Digest store_trees(restic::Node node, const std::vector<std::string>& parts,
                                            restic::BlobStore& store) {
        restic::BlobStore::Tools tools(store.key());
        for (std::size_t depth = parts.size();; --depth) {
            const SystemTime time = node.time;
            const Digest id =
                store.put(restic::BlobType::kTree, restic::encode_tree({std::move(node)}), tools).id;
            if (depth == 1) return id;
            node = {.name = parts[depth - 2],
                    .type = "dir",
                    .subtree = id,
                    .time = time,
                    .changed = time,
                    .permissions = 0755};
        }
    }

    // The tree of the last snapshot of this path from this host.
    [[nodiscard]] std::optional<Digest> previous_tree(const FolderBackupOptions& options,
                                                      const CancelToken& cancel) const {
        std::optional<restic::Snapshot> last;
        files_.load_all(restic::kSnapshots, cancel, [&](const Digest&, const std::string& json) {
            restic::Snapshot snapshot = restic::parse_snapshot(json);
            const bool is_same =
                snapshot.host == options.host && snapshot.paths == std::vector<std::string>{options.path};
            if (is_same && (!last || last->time < snapshot.time)) last = std::move(snapshot);
        });
        return last ? std::optional(last->tree) : std::nullopt;
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
