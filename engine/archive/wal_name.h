// The files that PostgreSQL archives, by their names: segments ("00000001000000A2000000FF"), the last and
// incomplete segment of a timeline ("....partial"), backup labels ("<segment>.<offset>.backup") and timeline
// histories ("00000002.history"). And positions in the WAL, as PostgreSQL writes them ("A2/FF000028"). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fencepost::archive {

enum class WalKind { kSegment, kPartial, kBackup, kHistory };

struct WalName {
    std::string text;
    WalKind kind = WalKind::kSegment;
    std::uint32_t timeline = 0;
    std::uint32_t log = 0, part = 0;  // of all but histories: the second and the third eight digits

    // nullopt for what PostgreSQL would not archive.
    [[nodiscard]] static std::optional<WalName> parse(std::string_view text);
    // How many segments of that size lie before this one.
    [[nodiscard]] std::uint64_t number(std::uint64_t segment_bytes) const noexcept;
};

[[nodiscard]] std::string segment_name(std::uint32_t timeline, std::uint64_t number,
                                       std::uint64_t segment_bytes);
[[nodiscard]] std::string timeline_name(std::uint32_t timeline);  // eight digits

// A power of two from 1 MiB to 1 GiB.
[[nodiscard]] bool is_segment_size(std::uint64_t bytes) noexcept;

using Lsn = std::uint64_t;
[[nodiscard]] std::string format_lsn(Lsn lsn);
[[nodiscard]] Lsn parse_lsn(std::string_view text);  // kInvalid

}  // namespace fencepost::archive
