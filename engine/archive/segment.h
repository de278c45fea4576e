// What the beginning of a WAL segment tells of it: whose it is and where it belongs (the long header of its
// first page, in the byte order of the machine that wrote it, as PostgreSQL has it since 9.3). And the system
// identifier in a data folder's pg_control. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "archive/wal_name.h"

namespace fencepost::archive {

inline constexpr std::size_t kSegmentHeaderBytes = 40;

struct SegmentHeader {
    std::uint64_t system = 0;  // the cluster's system identifier
    std::uint64_t segment_bytes = 0;
    Lsn start = 0;

    // kDataLoss where the bytes are no such header.
    [[nodiscard]] static SegmentHeader parse(std::string_view bytes);
};

// Of a segment or a partial one: its header, after size and place were compared with its name. kDataLoss.
[[nodiscard]] SegmentHeader check_segment(const WalName& name, std::string_view beginning,
                                          std::uint64_t file_bytes);

// The data folder that a WAL file's path lies in ("pg_wal/X" is in ".").
[[nodiscard]] std::filesystem::path data_folder_of(const std::filesystem::path& wal_file);
// Of pg_control's bytes: they begin with it.
[[nodiscard]] std::optional<std::uint64_t> system_of_control_file(std::string_view bytes);
// nullopt where the folder has no pg_control.
[[nodiscard]] std::optional<std::uint64_t> system_of_data_folder(const std::filesystem::path& folder);

}  // namespace fencepost::archive
