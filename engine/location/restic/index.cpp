#include "location/restic/index.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "location/restic/crypto.h"
#include "location/restic/json_scanner.h"

namespace fencepost::location::restic {
namespace {

Blob parse_blob(JsonScanner& scanner) {
    Blob blob;
    bool has_id = false;
    bool has_type = false;
    scanner.object([&](std::string_view key) {
        if (key == "id") {
            blob.id = parse_id(scanner.string());
            has_id = true;
        } else if (key == "type") {
            const std::string_view type = scanner.string();
            if (type != "data" && type != "tree") {
                throw Error(ErrorKind::kDataLoss, "an index has a blob of type '" + std::string(type) + "'");
            }
            blob.type = type == "tree" ? BlobType::kTree : BlobType::kData;
            has_type = true;
        } else if (key == "offset") {
            blob.offset = scanner.number();
        } else if (key == "length") {
            blob.length = scanner.number();
        } else if (key == "uncompressed_length") {
            blob.raw_length = scanner.number();
        } else {
            scanner.skip();
        }
    });
    if (!has_id || !has_type || blob.length < kSealBytes || blob.length > kMaxBlobBytes ||
        blob.raw_length > kMaxBlobBytes) {
        throw Error(ErrorKind::kDataLoss, "an index has a blob without an id, a type or a possible length");
    }
    return blob;
}

}  // namespace

void parse_index(std::string_view json, const std::function<void(const PackBlobs&)>& visit) {
    JsonScanner scanner(json);
    scanner.object([&](std::string_view top) {
        if (top != "packs") return scanner.skip();
        scanner.array([&] {
            PackBlobs pack;
            bool has_id = false;
            scanner.object([&](std::string_view key) {
                if (key == "id") {
                    pack.pack = parse_id(scanner.string());
                    has_id = true;
                } else if (key == "blobs") {
                    scanner.array([&] { pack.blobs.push_back(parse_blob(scanner)); });
                } else {
                    scanner.skip();
                }
            });
            if (!has_id) throw Error(ErrorKind::kDataLoss, "an index has a pack without an id");
            visit(pack);
        });
    });
    scanner.end();
}

std::string encode_index(const std::vector<PackBlobs>& packs) {
    std::string json = "{\"packs\":[";
    for (const PackBlobs& pack : packs) {
        if (json.back() == '}') json += ',';
        json += "{\"id\":\"" + to_hex(pack.pack) + "\",\"blobs\":[";
        for (const Blob& blob : pack.blobs) {
            if (json.back() == '}') json += ',';
            json += "{\"id\":\"" + to_hex(blob.id) + "\",\"type\":\"";
            json += blob.type == BlobType::kTree ? "tree" : "data";
            json +=
                "\",\"offset\":" + std::to_string(blob.offset) + ",\"length\":" + std::to_string(blob.length);
            if (blob.raw_length != 0) json += ",\"uncompressed_length\":" + std::to_string(blob.raw_length);
            json += '}';
        }
        json += "]}";
    }
    return json + "]}";
}

void Index::add(const PackBlobs& pack) {
    const auto number = static_cast<std::uint32_t>(packs_.size());
    packs_.push_back(pack.pack);
    for (const Blob& blob : pack.blobs) {
        entries_.push_back({.id = blob.id,
                            .pack = number,
                            .offset = blob.offset,
                            .length = blob.length,
                            .raw_length = blob.raw_length,
                            .type = blob.type});
    }
}

void Index::sort() {
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return std::tie(a.id, a.type) < std::tie(b.id, b.type); });
    sorted_packs_ = packs_;
    std::sort(sorted_packs_.begin(), sorted_packs_.end());
}

std::optional<Index::Place> Index::find(BlobType type, const Digest& id) const noexcept {
    const auto found = std::lower_bound(
        entries_.begin(), entries_.end(), std::tie(id, type),
        [](const Entry& entry, const auto& wanted) { return std::tie(entry.id, entry.type) < wanted; });
    if (found == entries_.end() || found->id != id || found->type != type) return std::nullopt;
    return Place{.pack = packs_[found->pack],
                 .offset = found->offset,
                 .length = found->length,
                 .raw_length = found->raw_length};
}

bool Index::has_pack(const Digest& pack) const noexcept {
    return std::binary_search(sorted_packs_.begin(), sorted_packs_.end(), pack);
}

}  // namespace fencepost::location::restic
