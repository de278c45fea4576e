#include "archive/wal_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "base/error.h"

namespace fencepost::archive {
namespace {

constexpr std::size_t kDigits = 8;
constexpr std::size_t kSegmentDigits = 3 * kDigits;
constexpr std::uint64_t kLogBytes = std::uint64_t{1} << 32U;

// PostgreSQL writes upper-case digits only.
bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

std::uint32_t number_of(std::string_view digits) {
    std::uint32_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    return number;
}

}  // namespace

std::optional<WalName> WalName::parse(std::string_view text) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view digits = text.substr(0, dot);
    const std::string_view ending = text.substr(dot);
    if (!is_hex(digits)) return std::nullopt;
    WalName name{.text = std::string(text)};
    if (digits.size() == kDigits && ending == ".history") {
        name.kind = WalKind::kHistory;
    } else if (digits.size() != kSegmentDigits) {
        return std::nullopt;
    } else if (ending == ".partial") {
        name.kind = WalKind::kPartial;
    } else if (ending.size() == 1 + kDigits + 7 && is_hex(ending.substr(1, kDigits)) &&
               ending.ends_with(".backup")) {
        name.kind = WalKind::kBackup;
    } else if (!ending.empty()) {
        return std::nullopt;
    }
    name.timeline = number_of(digits.substr(0, kDigits));
    if (name.timeline == 0) return std::nullopt;
    if (name.kind != WalKind::kHistory) {
        name.log = number_of(digits.substr(kDigits, kDigits));
        name.part = number_of(digits.substr(2 * kDigits));
    }
    return name;
}

std::uint64_t WalName::number(std::uint64_t segment_bytes) const noexcept {
    return log * (kLogBytes / segment_bytes) + part;
}

std::string segment_name(std::uint32_t timeline, std::uint64_t number, std::uint64_t segment_bytes) {
    const std::uint64_t in_log = kLogBytes / segment_bytes;
    return fmt::format("{:08X}{:08X}{:08X}", timeline, number / in_log, number % in_log);
}

std::string timeline_name(std::uint32_t timeline) { return fmt::format("{:08X}", timeline); }

bool is_segment_size(std::uint64_t bytes) noexcept {
    return std::has_single_bit(bytes) && bytes >= std::uint64_t{1} << 20U && bytes <= std::uint64_t{1} << 30U;
}

std::string format_lsn(Lsn lsn) { return fmt::format("{:X}/{:X}", lsn >> 32U, lsn & 0xFFFFFFFFU); }

Lsn parse_lsn(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto half = [&](std::string_view digits) {
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        if (error != std::errc{} || end != digits.data() + digits.size() || digits.size() > kDigits) {
            throw Error(ErrorKind::kInvalid, "'" + std::string(text) + "' is no position in the WAL",
                        "as in A2/FF000028");
        }
        return Lsn{value};
    };
    return half(text.substr(0, slash)) << 32U |
           half(slash == std::string_view::npos ? "" : text.substr(slash + 1));
}

}  // namespace fencepost::archive
