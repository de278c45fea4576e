#include "location/restic/blob_store.h"

#include <memory>

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::location::restic {
namespace {

constexpr std::size_t kKeepBytes = std::size_t{1} << 20U;  // of a buffer that is used again

}  // namespace

BlobStore::Tools::Tools(const MasterKey& key) : cipher_(key), sealed_(Chunker::kMaxBytes + kSealBytes) {}

BlobStore::Stored BlobStore::put(BlobType type, std::string_view plain, Tools& tools) {
    if (plain.size() > kMaxBlobBytes) {
        throw Error(ErrorKind::kTooLarge,
                    "a folder has more entries than a tree of " + std::to_string(kMaxBlobBytes) + " bytes");
    }
    const Digest id = sha256(plain);
    if (index_.find(type, id).has_value() || !taken_.lock()->insert(id).second) return {id, false};
    std::unique_ptr<Buffer> larger;  // a chunk always fits, a large folder's tree may not
    Buffer* sealed = &tools.sealed_;
    if (plain.size() + kSealBytes > sealed->capacity()) {
        larger = std::make_unique<Buffer>(plain.size() + kSealBytes);
        sealed = larger.get();
    }
    // What does not become smaller is stored as it is.
    char* text = sealed->data() + kIvBytes;
    std::size_t size = tools.compressor_.compress(plain, text, plain.size() - 1);
    const std::uint32_t raw_length = size == 0 ? 0 : static_cast<std::uint32_t>(plain.size());
    if (size == 0) size = plain.copy(text, plain.size());
    tools.cipher_.seal({text, size}, sealed->data());
    writer_.add(type, id, {sealed->data(), size + kSealBytes}, raw_length);
    sealed->trim(kKeepBytes);
    return {id, true};
}

}  // namespace fencepost::location::restic
