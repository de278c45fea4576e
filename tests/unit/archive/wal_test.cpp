#include <catch2/catch.hpp>

#include "archive/segment.h"
#include "archive/wal.h"
#include "tests/unit/archive/archive_place.h"

using namespace fencepost;
using namespace fencepost::archive;
using namespace fencepost::testing;

namespace {

std::string name_of(std::uint64_t number, std::uint32_t timeline = 1) {
    return segment_name(timeline, number, kSegment);
}

Pushed push(const ArchivePlace& place, std::uint64_t number, char fill = 'x', std::uint32_t timeline = 1) {
    const std::string name = name_of(number, timeline);
    return push_wal(*place.store, place.write(place.wal(name), segment(number, fill)), CancelToken());
}

bool fetch(const ArchivePlace& place, const std::string& name, const FetchOptions& options = {}) {
    return fetch_wal(*place.store, name, place.wal("RECOVERYXLOG"), options, CancelToken());
}

std::size_t waiting(const ArchivePlace& place) {
    std::error_code ignored;
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(place.wal(".fencepost-spool"), ignored))
        ++count;
    return count;
}

}  // namespace

TEST_CASE("the names of WAL files are PostgreSQL's and no others") {
    CHECK(WalName::parse("00000001000000A2000000FF")->kind == WalKind::kSegment);
    CHECK(WalName::parse("00000001000000A2000000FF.partial")->kind == WalKind::kPartial);
    CHECK(WalName::parse("00000001000000A2000000FF.00000028.backup")->kind == WalKind::kBackup);
    CHECK(WalName::parse("00000002.history")->kind == WalKind::kHistory);
    for (const char* text :
         {"", "00000001", "00000001000000a2000000ff", "00000001000000A2000000F", "00000001000000A2000000FFF",
          "00000001000000A2000000FF.partial.partial", "00000001000000A2000000FF.backup", "00000000.history",
          "00000000000000A2000000FF", "00000002.history.zst", "../00000002.history", "RECOVERYXLOG"}) {
        INFO(text);
        CHECK_FALSE(WalName::parse(text));
    }
    constexpr std::uint64_t k16 = std::uint64_t{16} << 20U;
    CHECK(WalName::parse("00000001000000A2000000FF")->number(k16) == 0xA2FF);
    CHECK(segment_name(1, 0xA300, k16) == "00000001000000A300000000");
    CHECK(segment_name(2, 5, std::uint64_t{1} << 30U) == "000000020000000100000001");
}

TEST_CASE("positions in the WAL are read and written as PostgreSQL has them") {
    CHECK(format_lsn(parse_lsn("A2/FF000028")) == "A2/FF000028");
    CHECK(format_lsn(0) == "0/0");
    for (const char* text : {"", "A2", "A2/", "/28", "A2/G", "A2/FF000028 ", "123456789/0", "1/2/3"}) {
        INFO(text);
        CHECK(error_of([&] { static_cast<void>(parse_lsn(text)); }).kind() == ErrorKind::kInvalid);
    }
}

TEST_CASE("what is pushed is fetched, and pushing it again is fine") {
    const ArchivePlace place;
    CHECK(push(place, 3) == Pushed::kStored);
    CHECK(push(place, 3) == Pushed::kWasThere);
    REQUIRE(fetch(place, name_of(3)));
    CHECK(read_file(place.wal("RECOVERYXLOG")) == segment(3));
    CHECK(place.keys() ==
          std::vector<std::string>{"pg1/system.json", "pg1/wal/00000001/" + name_of(3) + ".zst"});
}

TEST_CASE("another content under a name that is there is refused, and what is there stays") {
    const ArchivePlace place;
    push(place, 3, 'a');
    const Error error = error_of([&] { push(place, 3, 'b'); });
    CHECK(error.kind() == ErrorKind::kAlreadyExists);
    CHECK(std::string(error.what()).find(name_of(3)) != std::string::npos);
    REQUIRE(fetch(place, name_of(3)));
    CHECK(read_file(place.wal("RECOVERYXLOG")) == segment(3, 'a'));

    push_wal(*place.store, place.write(place.wal("00000002.history"), "1\t0/3000000\tno reason\n"),
             CancelToken());
    CHECK(error_of([&] {
              push_wal(*place.store, place.write(place.wal("00000002.history"), "1\t0/4000000\tno reason\n"),
                       CancelToken());
          }).kind() == ErrorKind::kAlreadyExists);
}

TEST_CASE("a damaged object under the name is no reason to overwrite it") {
    const ArchivePlace place;
    push(place, 3);
    const auto object = place.path("store/pg1/wal/00000001/" + name_of(3) + ".zst");
    std::string bytes = read_file(object);
    bytes.resize(bytes.size() - 5);
    place.write(object, bytes);
    CHECK(error_of([&] { push(place, 3); }).kind() == ErrorKind::kDataLoss);
    CHECK(error_of([&] { static_cast<void>(fetch(place, name_of(3))); }).kind() == ErrorKind::kDataLoss);
    CHECK_FALSE(std::filesystem::exists(place.wal("RECOVERYXLOG")));
}

TEST_CASE("every flipped byte of a stored segment is noticed") {
    const ArchivePlace place;
    push(place, 3);
    const auto object = place.path("store/pg1/wal/00000001/" + name_of(3) + ".zst");
    const std::string good = read_file(object);
    for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 97) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        place.write(object, bad);
        INFO(at);
        bool is_right = false;  // a bit that zstd ignores changes nothing
        try {
            is_right = fetch(place, name_of(3)) && read_file(place.wal("RECOVERYXLOG")) == segment(3);
        } catch (const Error& error) {
            is_right = error.kind() == ErrorKind::kDataLoss;
        }
        CHECK(is_right);
        std::filesystem::remove(place.wal("RECOVERYXLOG"));
    }
}

TEST_CASE("what is no WAL segment, or another one than its name says, is not archived") {
    const ArchivePlace place;
    const auto refused = [&](const std::string& name, const std::string& bytes) {
        return error_of([&] { push_wal(*place.store, place.write(place.wal(name), bytes), CancelToken()); })
            .kind();
    };
    CHECK(refused(name_of(3), segment(4)) == ErrorKind::kDataLoss);
    CHECK(refused(name_of(3), segment(3).substr(0, kSegment / 2)) == ErrorKind::kDataLoss);
    CHECK(refused(name_of(3), std::string(kSegment, '\0')) == ErrorKind::kDataLoss);
    CHECK(refused(name_of(3), "") == ErrorKind::kDataLoss);
    CHECK(refused("postgresql.conf", "x") == ErrorKind::kInvalid);
    CHECK(refused(name_of(3) + ".partial", segment(4)) == ErrorKind::kDataLoss);
    CHECK(place.keys().empty());
}

TEST_CASE("the archive is of one cluster") {
    const ArchivePlace place;
    push(place, 3);
    const auto other = [&](const std::string& name, const std::string& bytes) {
        return error_of([&] { push_wal(*place.store, place.write(place.wal(name), bytes), CancelToken()); });
    };
    const Error error = other(name_of(9), segment(9, 'x', kSystem + 1));
    CHECK(error.kind() == ErrorKind::kFailedPrecondition);
    CHECK(std::string(error.what()).find(std::to_string(kSystem)) != std::string::npos);
    // A history does not say whose it is; the data folder that it lies in does.
    std::string control(8192, '\0');
    put_at(control, 0, kSystem + 1);
    place.write(place.path("data/global/pg_control"), control);
    CHECK(other("00000002.history", "1\t0/3000000\n").kind() == ErrorKind::kFailedPrecondition);
    CHECK(error_of([&] { static_cast<void>(fetch(place, name_of(3))); }).kind() ==
          ErrorKind::kFailedPrecondition);
}

TEST_CASE("only a file that the archive does not have is absent") {
    const ArchivePlace place;
    CHECK(error_of([&] { static_cast<void>(fetch(place, name_of(3))); }).kind() == ErrorKind::kNotFound);
    push(place, 3);
    CHECK_FALSE(fetch(place, name_of(4)));
    CHECK_FALSE(fetch(place, "00000002.history"));
    CHECK(error_of([&] { static_cast<void>(fetch(place, "x")); }).kind() == ErrorKind::kInvalid);
    std::filesystem::rename(place.path("store"), place.path("away"));
    CHECK(error_of([&] { static_cast<void>(fetch(place, name_of(4))); }).kind() == ErrorKind::kNotFound);
}

TEST_CASE("a fetch brings the next segments, which the next fetches find beside the target") {
    const ArchivePlace place;
    for (std::uint64_t number = 10; number < 30; ++number) push(place, number);
    REQUIRE(fetch(place, name_of(10), {.segments = 8}));
    CHECK(waiting(place) == 7);
    std::filesystem::rename(place.path("store"), place.path("away"));  // from here on, only what waits
    for (std::uint64_t number = 11; number < 18; ++number) {
        REQUIRE(fetch(place, name_of(number)));
        CHECK(read_file(place.wal("RECOVERYXLOG")) == segment(number));
    }
    CHECK(waiting(place) == 0);
    std::filesystem::rename(place.path("away"), place.path("store"));
    REQUIRE(fetch(place, name_of(20), {.segments = 8}));
    REQUIRE(fetch(place, name_of(10), {.segments = 2}));
    CHECK(waiting(place) == 1);  // what waited for another place in the WAL is gone
    REQUIRE(fetch(place, name_of(29), {.segments = 8}));
    CHECK(waiting(place) == 0);
}

TEST_CASE("what waits is looked at before it is used, and what a dead fetch left does not last") {
    const ArchivePlace place;
    for (std::uint64_t number = 10; number < 14; ++number) push(place, number);
    place.write(place.wal(".fencepost-spool/" + name_of(10)), segment(10).substr(0, 4096));
    place.write(place.wal(".fencepost-spool/" + name_of(11)), segment(12));
    const auto left = place.write(place.wal(".fencepost-spool/tmp-old"), "x");
    const auto busy = place.write(place.wal(".fencepost-spool/tmp-new"), "x");
    std::filesystem::last_write_time(left,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
    for (std::uint64_t number = 10; number < 14; ++number) {
        REQUIRE(fetch(place, name_of(number)));
        CHECK(read_file(place.wal("RECOVERYXLOG")) == segment(number));
    }
    CHECK_FALSE(std::filesystem::exists(left));
    CHECK(std::filesystem::exists(busy));
    // Once the server archives again, nothing of it is left.
    push(place, 14);
    CHECK_FALSE(std::filesystem::exists(place.wal(".fencepost-spool")));
}

TEST_CASE("the exit code of a failed fetch ends a recovery, but not a standby") {
    const ArchivePlace place;
    const std::string target = place.wal("RECOVERYXLOG").string();
    const std::vector<std::string> words{"fencepost", "wal", "fetch", name_of(1), target};
    CHECK(fetch_failure_code(words) == kExitStopsRecovery);
    CHECK(kExitStopsRecovery > 125);
    place.write(place.path("data/standby.signal"), "");
    CHECK(fetch_failure_code(words) == kExitAbsent);
    CHECK_FALSE(fetch_failure_code(std::vector<std::string>{"fencepost", "wal", "push", target}));
    CHECK_FALSE(fetch_failure_code(std::vector<std::string>{"wal"}));
}

TEST_CASE("the list tells of each timeline and of what is missing") {
    const ArchivePlace place;
    CHECK_FALSE(list_wal(*place.store, CancelToken()).identity);
    for (const std::uint64_t number : {0xFFEU, 0xFFFU, 0x1000U, 0x1003U, 0x1004U}) push(place, number);
    push(place, 0x1001, 'x', 2);
    push_wal(*place.store, place.write(place.wal("00000002.history"), "1\t1/1\n"), CancelToken());
    const WalListing listing = list_wal(*place.store, CancelToken());
    REQUIRE(listing.timelines.size() == 2);
    const TimelineWal& first = listing.timelines[0];
    CHECK(first.segments == 5);
    CHECK(first.first == 0xFFE);
    CHECK(first.last == 0x1004);
    REQUIRE(first.gaps.size() == 1);
    CHECK(first.gaps[0].first == 0x1001);
    CHECK(first.gaps[0].last == 0x1002);
    CHECK(listing.timelines[1].gaps.empty());
    CHECK(first.stored_bytes > 0);
}
