#include "location/restic/reader.h"

#include <algorithm>
#include <exception>
#include <functional>

#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "location/restic/blob_opener.h"
#include "location/restic/pack.h"

namespace fencepost::location::restic {
namespace {

constexpr std::size_t kRangeBytes = std::size_t{8} << 20U;

// Chunks that follow each other in the file and lie in one range of one pack.
struct Range {
    Digest pack{};
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::vector<std::pair<Digest, Index::Place>> chunks;
};

// Fetches the next range while the caller works on the present one.
class Prefetch {
  public:
    using Fetch = std::function<std::string(const Range&)>;
    explicit Prefetch(Fetch fetch) : fetch_(std::move(fetch)) {}
    Prefetch(const Prefetch&) = delete;
    Prefetch& operator=(const Prefetch&) = delete;
    ~Prefetch() { thread_.join(); }

    // REQUIRES: the one before was taken.
    void begin(Range range) {
        {
            auto state = shared_.lock();
            *state = {.range = std::move(range), .bytes = {}, .failure = {}, .done = false};
        }
        thread_.spawn([this] {
            std::string bytes;
            std::exception_ptr failure;
            try {
                bytes = fetch_(shared_.lock()->range);
            } catch (...) {
                failure = std::current_exception();
            }
            auto state = shared_.lock();
            state->bytes = std::move(bytes);
            state->failure = failure;
            state->done = true;
            state.notify_all();
        });
    }

    [[nodiscard]] std::pair<Range, std::string> take() {
        auto state = shared_.lock();
        state.wait([&] { return state->done; });
        if (state->failure) std::rethrow_exception(state->failure);
        return {std::move(state->range), std::move(state->bytes)};
    }

  private:
    struct Shared {
        Range range;
        std::string bytes;
        std::exception_ptr failure;
        bool done = false;
    };
    Fetch fetch_;
    Guarded<Shared> shared_;
    TaskGroup thread_;
};

}  // namespace

SnapshotReader::SnapshotReader(const Files& files, const CancelToken& cancel)
    : files_(files), cancel_(cancel) {
    files_.load_all(kIndexes, cancel_, [this](const Digest&, const std::string& json) {
        parse_index(json, [this](const PackBlobs& pack) { index_.add(pack); });
    });
    index_.sort();
}

Index::Place SnapshotReader::place_of(BlobType type, const Digest& id) {
    auto place = index_.find(type, id);
    if (!place && !looked_at_packs_) {
        index_the_unindexed();
        place = index_.find(type, id);
    }
    if (!place) {
        throw Error(
            ErrorKind::kDataLoss,
            "blob " + to_hex(id) + " is missing from the repository in " + files_.location().description(),
            "`restic check` tells what else is");
    }
    return *place;
}

// Packs that no index lists tell themselves what they hold: the way back from lost index files.
void SnapshotReader::index_the_unindexed() {
    looked_at_packs_ = true;
    Location& location = files_.location();
    std::vector<std::pair<Digest, std::uint64_t>> packs;
    location.list(
        kData,
        [&](const ObjectStat& object) {
            const std::string_view name = std::string_view(object.key).substr(object.key.rfind('/') + 1);
            if (is_id(name) && !index_.has_pack(parse_id(name)))
                packs.emplace_back(parse_id(name), object.size);
        },
        cancel_);
    Cipher cipher(files_.key());
    for (const auto& [pack, size] : packs) {
        if (size < kSealBytes + kHeaderLengthBytes) continue;
        const std::string key = pack_key(pack);
        const std::size_t length = parse_length(
            location.get_bytes(key, cancel_, size - kHeaderLengthBytes, kHeaderLengthBytes), size);
        const std::string sealed =
            location.get_bytes(key, cancel_, size - kHeaderLengthBytes - length, length);
        index_.add({.pack = pack, .blobs = parse_header(cipher.open(sealed))});
    }
    index_.sort();
}

std::string SnapshotReader::load_blob(BlobType type, const Digest& id) {
    const Index::Place place = place_of(type, id);
    return BlobOpener(files_.key())
        .open(id, place.raw_length,
              files_.location().get_bytes(pack_key(place.pack), cancel_, place.offset, place.length));
}

std::vector<Node> SnapshotReader::load_tree(const Digest& tree) {
    return parse_tree(load_blob(BlobType::kTree, tree));
}

void SnapshotReader::visit_tree(const Digest& tree, const std::string& folder, int depth,
                                const Visit& visit) {
    if (depth > kMaxTreeDepth)
        throw Error(ErrorKind::kTooLarge, "the snapshot's folders are nested too deep");
    for (const Node& node : load_tree(tree)) {
        if (++nodes_ > kMaxTreeNodes) throw Error(ErrorKind::kTooLarge, "the snapshot has too many files");
        const std::string path = folder + "/" + node.name;
        visit(path, node);
        if (node.subtree) visit_tree(*node.subtree, path, depth + 1, visit);
    }
}

void SnapshotReader::visit(const Snapshot& snapshot, const Visit& visit) {
    nodes_ = 0;
    visit_tree(snapshot.tree, "", 0, visit);
}

SnapshotFile SnapshotReader::find_file(const Snapshot& snapshot, std::string_view path) {
    std::vector<SnapshotFile> files;
    visit(snapshot, [&](const std::string& at, const Node& node) {
        if (node.type == "file") files.push_back({.path = at, .size = node.size, .content = node.content});
    });
    if (files.empty()) throw Error(ErrorKind::kNotFound, "the snapshot has no file");
    if (files.size() == 1) return std::move(files.front());
    if (path.empty()) {
        throw Error(ErrorKind::kInvalid, "the snapshot has " + std::to_string(files.size()) + " files",
                    "say which one by its path, such as " + files.front().path);
    }
    for (SnapshotFile& file : files) {
        if (file.path == path) return std::move(file);
    }
    throw Error(ErrorKind::kNotFound, "the snapshot has no file '" + std::string(path) + "'",
                "it has " + files.front().path + " and " + std::to_string(files.size() - 1) + " more");
}

std::uint64_t SnapshotReader::stream(const SnapshotFile& file, const Sink& sink) {
    std::size_t next = 0;
    const auto next_range = [&]() -> Range {
        Range range;
        for (; next < file.content.size(); ++next) {
            const Digest& id = file.content[next];
            const Index::Place place = place_of(BlobType::kData, id);
            const std::uint64_t end = std::uint64_t{place.offset} + place.length;
            if (range.chunks.empty()) {
                range.pack = place.pack;
                range.begin = place.offset;
                range.end = end;
            }
            const std::uint64_t begin = std::min<std::uint64_t>(range.begin, place.offset);
            if (place.pack != range.pack ||
                (!range.chunks.empty() && std::max(range.end, end) - begin > kRangeBytes)) {
                break;
            }
            range.begin = begin;
            range.end = std::max(range.end, end);
            range.chunks.emplace_back(id, place);
        }
        return range;
    };
    Prefetch prefetch([this](const Range& range) {
        return files_.location().get_bytes(pack_key(range.pack), cancel_, range.begin,
                                           range.end - range.begin);
    });
    BlobOpener opener(files_.key());
    std::uint64_t written = 0;
    Range ahead = next_range();
    bool under_way = !ahead.chunks.empty();
    if (under_way) prefetch.begin(std::move(ahead));
    while (under_way) {
        const auto [range, bytes] = prefetch.take();
        ahead = next_range();
        under_way = !ahead.chunks.empty();
        if (under_way) prefetch.begin(std::move(ahead));
        for (const auto& [id, place] : range.chunks) {
            cancel_.throw_if_cancelled();
            const std::string_view sealed =
                std::string_view(bytes).substr(place.offset - range.begin, place.length);
            const std::string plain = opener.open(id, place.raw_length, sealed);
            written += plain.size();
            sink(plain);
        }
    }
    if (written != file.size) {
        throw Error(ErrorKind::kDataLoss, "'" + file.path + "' has " + std::to_string(written) +
                                              " bytes, not " + std::to_string(file.size));
    }
    return written;
}

}  // namespace fencepost::location::restic
