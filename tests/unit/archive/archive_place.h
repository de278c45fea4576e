// What the tests of archives stand on: an archive in a folder, WAL segments that begin as PostgreSQL's do,
// and tars that are written as pg_basebackup writes them.
#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "archive/store.h"
#include "base/encodings.h"
#include "base/files.h"
#include "location/location.h"
#include "tests/unit/location/error_of.h"

namespace fencepost::testing {

inline constexpr std::uint64_t kSegment = std::uint64_t{1} << 20U;
inline constexpr std::uint64_t kSystem = 7'440'000'000'000'000'001U;

template <typename T>
void put_at(std::string& bytes, std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

// A segment of 1 MiB; `fill` tells one content from another.
inline std::string segment(std::uint64_t number, char fill = 'x', std::uint64_t system = kSystem) {
    std::string bytes(kSegment, fill);
    put_at(bytes, 0, std::uint16_t{0xD110});  // PostgreSQL 15
    put_at(bytes, 2, std::uint16_t{0x0002});
    put_at(bytes, 4, std::uint32_t{1});
    put_at(bytes, 8, number * kSegment);
    put_at(bytes, 24, system);
    put_at(bytes, 32, static_cast<std::uint32_t>(kSegment));
    return bytes;
}

inline std::string octal(std::uint64_t value, int digits) {
    std::string text(static_cast<std::size_t>(digits), '0');
    for (int i = digits - 1; i >= 0; --i, value >>= 3U)
        text[static_cast<std::size_t>(i)] = static_cast<char>('0' + (value & 7U));
    return text;
}

inline std::string tar_header(const std::string& name, std::uint64_t size, char type = '0') {
    std::string block(512, '\0');
    block.replace(0, name.size(), name);
    block.replace(100, 7, octal(0600, 7));
    block.replace(124, 11, octal(size, 11));
    block[156] = type;
    block.replace(257, 6, std::string("ustar\0", 6));
    block.replace(148, 8, "        ");
    std::uint64_t sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    block.replace(148, 7, octal(sum, 6) + '\0');
    return block;
}

inline std::string tar_file(const std::string& name, const std::string& content) {
    return tar_header(name, content.size()) + content + std::string((512 - content.size() % 512) % 512, '\0');
}

inline const std::string kTarEnd = std::string(1024, '\0');

class ArchivePlace {
  public:
    ArchivePlace()
        : folder_(std::filesystem::temp_directory_path() / ("fencepost-archive-" + random_name_suffix(8))) {
        std::filesystem::create_directories(folder_ / "store");
        std::filesystem::create_directories(folder_ / "data/pg_wal");
        location = location::open_file_location((folder_ / "store").string());
        store = std::make_unique<archive::Store>(*location, "pg1");
    }
    ~ArchivePlace() { std::filesystem::remove_all(folder_); }
    ArchivePlace(const ArchivePlace&) = delete;
    ArchivePlace& operator=(const ArchivePlace&) = delete;

    [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_ / name; }
    [[nodiscard]] std::filesystem::path wal(const std::string& name) const {
        return folder_ / "data/pg_wal" / name;
    }
    std::filesystem::path write(const std::filesystem::path& file, const std::string& bytes) const {
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << bytes;
        return file;
    }
    [[nodiscard]] std::vector<std::string> keys() const {
        std::vector<std::string> all;
        location->list(
            "", [&](const location::ObjectStat& object) { all.push_back(object.key); }, CancelToken());
        return all;
    }

    std::unique_ptr<location::Location> location;
    std::unique_ptr<archive::Store> store;

  private:
    std::filesystem::path folder_;
};

}  // namespace fencepost::testing
