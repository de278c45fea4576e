#include "location/restic/files.h"

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/in_parallel.h"
#include "location/restic/compress.h"

namespace fencepost::location::restic {
namespace {

constexpr char kCompressedDocument = 2;
constexpr std::size_t kLoaders = 4;

std::string file_key(std::string_view folder, const Digest& id) { return std::string(folder) + to_hex(id); }

}  // namespace

std::string pack_key(const Digest& pack) {
    const std::string name = to_hex(pack);
    return std::string(kData) + name.substr(0, 2) + "/" + name;
}

std::string seal_document(const MasterKey& key, std::string_view json) {
    return Cipher(key).seal(std::string(1, kCompressedDocument) + Compressor().compress(json));
}

std::string open_document(const MasterKey& key, std::string_view sealed) {
    std::string plain = Cipher(key).open(sealed);
    if (plain.empty()) throw Error(ErrorKind::kDataLoss, "a document is empty");
    if (plain.front() == '{' || plain.front() == '[') return plain;  // as format version 1 has them
    if (plain.front() != kCompressedDocument) {
        throw Error(ErrorKind::kDataLoss, "a document has an encoding that is not known");
    }
    return Decompressor().decompress_at_most(std::string_view(plain).substr(1), kMaxDocumentBytes);
}

std::string Files::load(std::string_view folder, const Digest& id, const CancelToken& cancel) const {
    const std::string key = file_key(folder, id);
    const std::string sealed = location_.get_bytes(key, cancel);
    try {
        if (sha256(sealed) != id)
            throw Error(ErrorKind::kDataLoss, "its bytes do not have the checksum of its name");
        return open_document(key_, sealed);
    } catch (Error& error) {
        error.add_trace("file " + key + " of the repository in " + location_.description());
        throw;
    }
}

Files::Saved Files::save(std::string_view folder, std::string_view json, const CancelToken& cancel) const {
    const std::string sealed = seal_document(key_, json);
    const Digest id = sha256(sealed);
    location_.put_bytes(file_key(folder, id), sealed,
                        {.size = sealed.size(), .is_short_lived = folder == kLocks, .sha256 = id}, cancel);
    return {.id = id, .bytes = sealed.size()};
}

Removal Files::remove(std::string_view folder, const Digest& id, const CancelToken& cancel) const {
    return location_.remove(file_key(folder, id), cancel);
}

std::vector<Digest> Files::list(std::string_view folder, const CancelToken& cancel) const {
    std::vector<Digest> ids;
    location_.list(
        folder,
        [&](const ObjectStat& object) {
            const std::string_view name = std::string_view(object.key).substr(object.key.rfind('/') + 1);
            if (is_id(name)) ids.push_back(parse_id(name));
        },
        cancel);
    return ids;
}

void Files::load_all(std::string_view folder, const CancelToken& cancel,
                     const std::function<void(const Digest& id, const std::string& json)>& visit) const {
    const std::vector<Digest> ids = list(folder, cancel);
    Guarded<int> visiting;
    in_parallel(ids.size(), kLoaders, [&](std::size_t i) {
        std::string json;
        try {
            json = load(folder, ids[i], cancel);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::kNotFound) return;
            throw;
        }
        const auto turn = visiting.lock();
        visit(ids[i], json);
    });
}

}  // namespace fencepost::location::restic
