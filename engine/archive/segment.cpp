#include "archive/segment.h"

#include <cstring>
#include <string>

#include "base/error.h"
#include "base/files.h"

namespace fencepost::archive {
namespace {

// Where the members of XLogLongPageHeaderData lie.
constexpr std::size_t kInfoAt = 2, kPageAddressAt = 8, kSystemAt = 24, kSegmentBytesAt = 32;
constexpr std::uint16_t kMagicFamily =
    0xD000;  // of XLOG_PAGE_MAGIC, which every major version raises a little
constexpr std::uint16_t kLongHeader = 0x0002;
constexpr std::size_t kMaxControlFile = 64 * 1024;

template <typename T>
T number_at(std::string_view bytes, std::size_t at) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

}  // namespace

SegmentHeader SegmentHeader::parse(std::string_view bytes) {
    if (bytes.size() < kSegmentHeaderBytes)
        throw Error(ErrorKind::kDataLoss, "it is too short to be a WAL segment");
    const auto magic = number_at<std::uint16_t>(bytes, 0);
    const auto info = number_at<std::uint16_t>(bytes, kInfoAt);
    const SegmentHeader header{.system = number_at<std::uint64_t>(bytes, kSystemAt),
                               .segment_bytes = number_at<std::uint32_t>(bytes, kSegmentBytesAt),
                               .start = number_at<std::uint64_t>(bytes, kPageAddressAt)};
    if ((magic & 0xF000U) != kMagicFamily || (info & kLongHeader) == 0 ||
        !is_segment_size(header.segment_bytes))
        throw Error(ErrorKind::kDataLoss, "it does not begin as a WAL segment does");
    return header;
}

SegmentHeader check_segment(const WalName& name, std::string_view beginning, std::uint64_t file_bytes) {
    const SegmentHeader header = SegmentHeader::parse(beginning);
    if (file_bytes != header.segment_bytes) {
        throw Error(ErrorKind::kDataLoss, "it has " + std::to_string(file_bytes) + " bytes, not the " +
                                              std::to_string(header.segment_bytes) + " of a segment");
    }
    if (header.start != name.number(header.segment_bytes) * header.segment_bytes) {
        throw Error(
            ErrorKind::kDataLoss,
            "its name does not fit: it begins at " + format_lsn(header.start) + ", which is segment " +
                segment_name(name.timeline, header.start / header.segment_bytes, header.segment_bytes));
    }
    return header;
}

std::filesystem::path data_folder_of(const std::filesystem::path& wal_file) {
    const std::filesystem::path folder = wal_file.parent_path().parent_path();
    return folder.empty() ? "." : folder;
}

std::optional<std::uint64_t> system_of_control_file(std::string_view bytes) {
    if (bytes.size() < sizeof(std::uint64_t)) return std::nullopt;
    return number_at<std::uint64_t>(bytes, 0);
}

std::optional<std::uint64_t> system_of_data_folder(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "global" / "pg_control";
    if (!std::filesystem::exists(file)) return std::nullopt;
    return system_of_control_file(read_file(file, kMaxControlFile));
}

}  // namespace fencepost::archive
