#include "location/restic/pack.h"

#include "base/error.h"
#include "location/restic/crypto.h"

namespace fencepost::location::restic {
namespace {

constexpr unsigned kCompressedBit = 2;

void append_number(std::string& text, std::uint32_t number) {
    for (unsigned shift = 0; shift < 32; shift += 8) text += static_cast<char>((number >> shift) & 0xFFU);
}

std::uint32_t take_number(std::string_view& text) noexcept {
    std::uint32_t number = 0;
    for (unsigned i = 0; i < 4; ++i) {
        number |= std::uint32_t{static_cast<unsigned char>(text[i])} << (8 * i);
    }
    text.remove_prefix(4);
    return number;
}

[[noreturn]] void broken(const std::string& why) {
    throw Error(ErrorKind::kDataLoss, "a pack's header cannot be read: " + why);
}

}  // namespace

std::string encode_header(const std::vector<Blob>& blobs) {
    std::string plain;
    plain.reserve(blobs.size() * kMaxHeaderEntry);
    for (const Blob& blob : blobs) {
        const bool compressed = blob.raw_length != 0;
        plain +=
            static_cast<char>((blob.type == BlobType::kTree ? 1U : 0U) | (compressed ? kCompressedBit : 0U));
        append_number(plain, blob.length);
        if (compressed) append_number(plain, blob.raw_length);
        plain += as_text(blob.id);
    }
    return plain;
}

std::vector<Blob> parse_header(std::string_view plain) {
    std::vector<Blob> blobs;
    std::uint64_t offset = 0;
    while (!plain.empty()) {
        const auto type = static_cast<unsigned char>(plain.front());
        plain.remove_prefix(1);
        if (type > 3) broken("there is no blob type " + std::to_string(type));
        const bool compressed = (type & kCompressedBit) != 0;
        const std::size_t entry = (compressed ? 8U : 4U) + sizeof(Digest);
        if (plain.size() < entry) broken("it is cut off");
        Blob blob;
        blob.type = (type & 1U) != 0 ? BlobType::kTree : BlobType::kData;
        blob.offset = static_cast<std::uint32_t>(offset);
        blob.length = take_number(plain);
        if (compressed) blob.raw_length = take_number(plain);
        std::memcpy(blob.id.data(), plain.data(), blob.id.size());
        plain.remove_prefix(blob.id.size());
        if (blob.length < kSealBytes || blob.length > kMaxBlobBytes || blob.raw_length > kMaxBlobBytes) {
            broken("a blob of " + std::to_string(blob.length) + " bytes");
        }
        offset += blob.length;
        if (offset > ~std::uint32_t{0}) broken("its blobs have more than 4 GiB");
        blobs.push_back(blob);
    }
    return blobs;
}

std::string encode_length(std::size_t length) {
    std::string text;
    append_number(text, static_cast<std::uint32_t>(length));
    return text;
}

std::size_t parse_length(std::string_view last_four, std::uint64_t pack_size) {
    if (last_four.size() != kHeaderLengthBytes) broken("its length is missing");
    const std::size_t length = take_number(last_four);
    if (length < kSealBytes || length > kMaxHeaderBytes || length + kHeaderLengthBytes > pack_size) {
        broken("its length cannot be " + std::to_string(length));
    }
    return length;
}

}  // namespace fencepost::location::restic
