#include "archive/tar.h"

#include <algorithm>

#include "base/error.h"

namespace fencepost::archive {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 50U;

// Where a header's members lie.
struct Place {
    std::size_t at, size;
};
constexpr Place kName{0, 100}, kMode{100, 8}, kSize{124, 12}, kChecksum{148, 8}, kPrefix{345, 155};
constexpr std::size_t kTypeAt = 156, kMagicAt = 257;

std::string_view field(std::string_view block, Place place) {
    const std::string_view bytes = block.substr(place.at, place.size);
    return bytes.substr(0, bytes.find('\0'));
}

[[noreturn]] void broken(const std::string& why) {
    throw Error(ErrorKind::kDataLoss, "the tar stream is damaged: " + why);
}

// Octal digits; or, of what is too large for those, big-endian bytes behind a set top bit.
std::uint64_t number(std::string_view block, Place place) {
    const std::string_view bytes = block.substr(place.at, place.size);
    std::uint64_t value = 0;
    if ((static_cast<unsigned char>(bytes[0]) & 0x80U) != 0) {
        for (std::size_t i = 1; i < bytes.size(); ++i) {
            if (value >> 56U != 0) broken("a number is too large");
            value = value << 8U | static_cast<unsigned char>(bytes[i]);
        }
        return value;
    }
    bool has_digits = false;
    for (const char c : bytes) {
        if (c >= '0' && c <= '7') {
            value = value << 3U | static_cast<std::uint64_t>(c - '0');
            has_digits = true;
        } else if (c != ' ' && c != '\0') {
            broken("a number is none");
        } else if (has_digits) {
            break;
        }
    }
    return value;
}

void check_sum(std::string_view block) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
        const bool is_sum = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
        sum += is_sum ? ' ' : static_cast<unsigned char>(block[i]);
    }
    if (sum != number(block, kChecksum)) broken("a header's checksum does not fit");
}

TarEntry::Kind kind_of(char type, const std::string& name) {
    if (type == '0' || type == '\0') return TarEntry::Kind::kFile;
    if (type == '5') return TarEntry::Kind::kFolder;
    if (type == '2') return TarEntry::Kind::kLink;
    throw Error(ErrorKind::kUnsupported, "the tar entry '" + name + "' is of type '" + std::string(1, type) +
                                             "', which no base backup has");
}

}  // namespace

void TarReader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        if (data_left_ > 0) {
            const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(data_left_, bytes.size()));
            visitor_.data(bytes.substr(0, piece));
            bytes.remove_prefix(piece);
            data_left_ -= piece;
        } else if (padding_left_ > 0) {
            const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(padding_left_, bytes.size()));
            bytes.remove_prefix(piece);
            padding_left_ -= piece;
        } else {
            const std::size_t piece = std::min(kBlock - block_.size(), bytes.size());
            block_ += bytes.substr(0, piece);
            bytes.remove_prefix(piece);
            if (block_.size() == kBlock) {
                header();
                block_.clear();
            }
        }
        if (is_in_file_ && data_left_ == 0) {
            is_in_file_ = false;
            visitor_.end();
        }
    }
}

void TarReader::header() {
    if (block_.find_first_not_of('\0') == std::string::npos) {
        is_at_end_ = true;  // blocks of zeros are the end
        return;
    }
    if (is_at_end_) broken("something follows its end");
    if (std::string_view(block_).substr(kMagicAt, 5) != "ustar") broken("a header is none");
    check_sum(block_);
    TarEntry entry;
    entry.name = field(block_, kPrefix);
    entry.name += (entry.name.empty() ? "" : "/") + std::string(field(block_, kName));
    entry.kind = kind_of(block_[kTypeAt], entry.name);
    while (entry.name.starts_with("./")) entry.name.erase(0, 2);
    while (entry.name.ends_with('/')) entry.name.pop_back();
    entry.mode = static_cast<unsigned>(number(block_, kMode)) & 07777U;
    entry.bytes = entry.kind == TarEntry::Kind::kFile ? number(block_, kSize) : 0;
    if (entry.bytes > kMaxFile)
        broken("'" + entry.name + "' is said to have " + std::to_string(entry.bytes) + " bytes");
    data_left_ = entry.bytes;
    padding_left_ = (kBlock - entry.bytes % kBlock) % kBlock;
    visitor_.begin(entry);
    is_in_file_ = true;
}

void TarReader::finish() const {
    if (!is_at_end_ || !block_.empty() || data_left_ > 0 || padding_left_ > 0) broken("it is cut off");
}

}  // namespace fencepost::archive
