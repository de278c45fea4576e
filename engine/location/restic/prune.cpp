#include "location/restic/prune.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "location/restic/blob_opener.h"
#include "location/restic/documents.h"
#include "location/restic/index.h"
#include "location/restic/pack_writer.h"
#include "location/restic/reader.h"

namespace fencepost::location::restic {
namespace {

// As restic: so much of a repository may stay waste, as rewriting packs for less costs more than it saves.
constexpr std::uint64_t kToleratedPercent = 5;

struct Pack {
    std::uint64_t size = 0;  // 0: the file is not there
    bool is_indexed = false;
    std::vector<Blob> blobs;
    std::vector<Blob> needed;  // of those; one that several packs have counts in one of them
    bool goes = false;

    [[nodiscard]] std::uint64_t waste() const {
        std::uint64_t bytes = 0;
        for (const Blob& blob : needed) bytes += blob.length;
        return size - std::min(size, bytes);
    }
};

class Pruner {
  public:
    Pruner(const Files& files, RepositoryLock& lock, const CancelToken& cancel)
        : files_(files), lock_(lock), cancel_(cancel) {}

    Pruned run() {
        try {
            find_packs();
            find_needed();
            place_needed();
            rewrite(choose());
        } catch (Error& error) {
            error.add_trace("nothing was removed");
            throw;
        }
        lock_.confirm(cancel_);
        write_indexes();
        lock_.confirm(cancel_);
        remove_packs();
        return pruned_;
    }

  private:
    using Blobs = std::unordered_set<Digest, DigestHash>;

    void find_packs() {
        files_.load_all(kIndexes, cancel_, [this](const Digest& id, const std::string& json) {
            parse_index(json, [&](const PackBlobs& found) {
                Pack& pack = packs_[found.pack];
                indexes_[id].push_back(found.pack);
                pack.is_indexed = true;
                const bool is_new = pack.blobs.empty();  // several indexes may list it
                for (const Blob& blob : found.blobs) {
                    if (is_new || std::find(pack.blobs.begin(), pack.blobs.end(), blob) == pack.blobs.end())
                        pack.blobs.push_back(blob);
                }
            });
        });
        files_.location().list(
            kData,
            [this](const ObjectStat& object) {
                const std::string_view name = std::string_view(object.key).substr(object.key.rfind('/') + 1);
                if (is_id(name)) packs_[parse_id(name)].size = object.size;
            },
            cancel_);
    }

    void find_needed() {
        std::vector<Digest> trees;
        files_.load_all(kSnapshots, cancel_, [&](const Digest&, const std::string& json) {
            trees.push_back(parse_snapshot(json).tree);
        });
        SnapshotReader reader(files_, cancel_);
        while (!trees.empty()) {
            cancel_.throw_if_cancelled();
            const Digest tree = trees.back();
            trees.pop_back();
            if (!needed(BlobType::kTree).insert(tree).second) continue;
            for (const Node& node : reader.load_tree(tree)) {
                needed(BlobType::kData).insert(node.content.begin(), node.content.end());
                if (node.subtree) trees.push_back(*node.subtree);
            }
        }
    }

    // Says which pack each needed blob is in. Throws where one is in none.
    void place_needed() {
        std::array<Blobs, 2> missing = needed_;
        for (auto& [id, pack] : packs_) {
            for (const Blob& blob : pack.blobs) {
                const bool is_there = std::uint64_t{blob.offset} + blob.length <= pack.size;
                if (is_there && missing.at(static_cast<std::size_t>(blob.type)).erase(blob.id) != 0)
                    pack.needed.push_back(blob);
            }
        }
        for (const Blobs& blobs : missing) {
            if (blobs.empty()) continue;
            throw Error(ErrorKind::kDataLoss,
                        "the repository in " + files_.location().description() + " lacks " +
                            std::to_string(blobs.size()) + " blobs that its snapshots need, such as " +
                            to_hex(*blobs.begin()),
                        "`restic check` tells more, `restic rebuild-index` finds what indexes have lost");
        }
    }

    // Marks the packs that go, and returns those of them that have needed blobs.
    std::vector<Digest> choose() {
        std::uint64_t kept = 0;
        std::uint64_t waste = 0;
        std::vector<Digest> partly;
        for (auto& [id, pack] : packs_) {
            pack.goes = pack.needed.empty();
            if (pack.goes) continue;
            kept += pack.size;
            if (pack.needed.size() == pack.blobs.size()) continue;
            waste += pack.waste();
            partly.push_back(id);
        }
        const auto wastes_more = [this](const Digest& a, const Digest& b) {
            const Pack& one = packs_.at(a);
            const Pack& other = packs_.at(b);
            return one.waste() * other.size > other.waste() * one.size;
        };
        std::sort(partly.begin(), partly.end(), wastes_more);
        std::vector<Digest> chosen;
        for (const Digest& id : partly) {
            if (waste <= kept * kToleratedPercent / 100) break;
            Pack& pack = packs_.at(id);
            waste -= pack.waste();
            pack.goes = true;
            chosen.push_back(id);
        }
        return chosen;
    }

    void rewrite(const std::vector<Digest>& chosen) {
        if (chosen.empty()) return;
        PackWriter writer(files_, cancel_);
        BlobOpener opener(files_.key());
        for (const Digest& id : chosen) {
            const std::string bytes = files_.location().get_bytes(pack_key(id), cancel_);
            for (const Blob& blob : packs_.at(id).needed) {
                const std::string_view sealed = std::string_view(bytes).substr(blob.offset, blob.length);
                (void)opener.open(blob.id, blob.raw_length, sealed);  // throws unless it is what it says
                writer.add(blob.type, blob.id, sealed, blob.raw_length);
            }
        }
        writer.finish();
        rewritten_bytes_ = writer.stored_bytes();
        pruned_.rewritten_packs = chosen.size();
    }

    void write_indexes() {
        std::vector<Digest> old;
        std::set<Digest> kept;
        for (const auto& [index, packs] : indexes_) {
            if (std::none_of(packs.begin(), packs.end(),
                             [this](const Digest& id) { return packs_.at(id).goes; }))
                continue;
            old.push_back(index);
            for (const Digest& id : packs) {
                if (!packs_.at(id).goes) kept.insert(id);
            }
        }
        std::vector<PackBlobs> portion;
        std::size_t blobs = 0;
        const auto save = [&] {
            if (!portion.empty()) files_.save(kIndexes, encode_index(portion), cancel_);
            portion.clear();
            blobs = 0;
        };
        for (const Digest& id : kept) {
            portion.push_back({.pack = id, .blobs = packs_.at(id).blobs});
            blobs += portion.back().blobs.size();
            if (blobs >= kMaxIndexBlobs) save();
        }
        save();
        for (const Digest& index : old) files_.remove(kIndexes, index, cancel_);
    }

    void remove_packs() {
        std::uint64_t removed = 0;
        for (const auto& [id, pack] : packs_) {
            if (!pack.goes || pack.size == 0) continue;
            files_.location().remove(pack_key(id), cancel_);
            removed += pack.size;
            ++pruned_.removed_packs;
        }
        pruned_.freed_bytes = removed - std::min(removed, rewritten_bytes_);
    }

    Blobs& needed(BlobType type) { return needed_.at(static_cast<std::size_t>(type)); }

    const Files& files_;
    RepositoryLock& lock_;
    const CancelToken& cancel_;
    std::map<Digest, Pack> packs_;
    std::map<Digest, std::vector<Digest>> indexes_;  // the packs that each lists
    std::array<Blobs, 2> needed_;                    // by BlobType
    std::uint64_t rewritten_bytes_ = 0;
    Pruned pruned_;
};

}  // namespace

Pruned prune(const Files& files, RepositoryLock& lock, const CancelToken& cancel) {
    return Pruner(files, lock, cancel).run();
}

}  // namespace fencepost::location::restic
