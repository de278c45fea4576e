#include <catch2/catch.hpp>

#include "archive/base.h"
#include "archive/tar.h"
#include "archive/wal.h"
#include "archive/wal_check.h"
#include "archive/zstd_stream.h"
#include "tests/unit/archive/archive_place.h"
#include "value/json.h"

using namespace fencepost;
using namespace fencepost::archive;
using namespace fencepost::testing;

namespace {

location::Source source_of(std::string_view bytes) {
    return [rest = bytes](char* buffer, std::size_t size) mutable {
        const std::size_t piece = rest.copy(buffer, size);
        rest.remove_prefix(piece);
        return piece;
    };
}

// A backup that begins in the segment of that number and ends in the next one.
BaseRecord put_base(const ArchivePlace& place, const std::string& name, std::uint64_t number,
                    const std::string& tar, int minute = 0) {
    BaseRecord base{.name = name, .system = kSystem, .segment_bytes = kSegment};
    base.ranges = {{1, number * kSegment + 40, (number + 1) * kSegment + 80}};
    base.started = parse_rfc3339("2026-11-22T07:30:00Z") + std::chrono::minutes(minute);
    base.finished = base.started + std::chrono::seconds(30);
    base.bytes = tar.size();
    base.sha256 = sha256_hex(tar);
    place.location->put("pg1/base/" + name + "/base.tar.zst", compressing(source_of(tar)), {}, CancelToken());
    place.location->put_bytes("pg1/base/" + name + "/backup.json", to_json(base.to_value()), {},
                              CancelToken());
    return base;
}

std::string small_tar() {
    return tar_header("global/", 0, '5') + tar_file("PG_VERSION", "15\n") +
           tar_file("base/1/1259", std::string(1000, 'r')) +
           tar_file("postgresql.auto.conf", "work_mem = '8MB'\n") + tar_file("standby.signal", "") +
           tar_file("global/pg_control", std::string(600, 'c')) + kTarEnd;
}

void fetch(const ArchivePlace& place, const BaseRecord& base,
           const std::optional<Recovery>& recovery = std::nullopt) {
    fetch_base(*place.store, base, place.path("new"), recovery, {}, CancelToken());
}

std::vector<std::string> names(const ArchivePlace& place) {
    std::vector<std::string> all;
    for (const BaseRecord& base : list_bases(*place.store, CancelToken())) all.push_back(base.name);
    return all;
}

// The entries, a line each, of a stream that comes in pieces of that size.
std::string read_tar(const std::string& bytes, std::size_t piece) {
    struct Visitor final : TarVisitor {
        void begin(const TarEntry& entry) override { text += entry.name + "="; }
        void data(std::string_view part) override { text += part; }
        void end() override { text += ";"; }
        std::string text;
    } visitor;
    TarReader reader(visitor);
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        reader.feed(std::string_view(bytes).substr(at, piece));
    reader.finish();
    return visitor.text;
}

}  // namespace

TEST_CASE("a tar stream is read in pieces of any size") {
    const std::string tar = tar_header("./a/", 0, '5') + tar_file("./a/b", "hello") + tar_file("empty", "") +
                            tar_file("block", std::string(512, 'z')) + kTarEnd;
    const std::string expected = "a=;a/b=hello;empty=;block=" + std::string(512, 'z') + ";";
    for (const std::size_t piece : {1U, 7U, 511U, 512U, 513U, 100'000U})
        CHECK(read_tar(tar, piece) == expected);
}

TEST_CASE("a tar stream that is damaged or cut off is refused") {
    const std::string tar = tar_file("a", "hello") + kTarEnd;
    for (const std::size_t size : {0U, 100U, 512U, 514U, 700U, 1024U})
        CHECK(error_of([&] { read_tar(tar.substr(0, size), 512); }).kind() == ErrorKind::kDataLoss);
    for (const std::size_t at : {0U, 124U, 150U, 258U}) {
        std::string bad = tar;
        bad[at] = '!';
        CHECK(error_of([&] { read_tar(bad, 512); }).kind() == ErrorKind::kDataLoss);
    }
    CHECK(error_of([&] { read_tar(tar + tar_file("b", ""), 512); }).kind() == ErrorKind::kDataLoss);
    CHECK(error_of([&] { read_tar(tar_header("a", 0, '1') + kTarEnd, 512); }).kind() ==
          ErrorKind::kUnsupported);
    std::string large = tar_header("a", 0);
    large.replace(124, 12, std::string("\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12));
    CHECK(error_of([&] { read_tar(large, 512); }).kind() == ErrorKind::kDataLoss);
}

TEST_CASE("a stream through zstd comes back, and one that is cut off or too large does not") {
    std::string plain;
    for (int i = 0; i < 200'000; ++i) plain += std::to_string(i);
    std::string packed;
    const location::Source source = compressing(source_of(plain), plain.size());
    char buffer[1000];
    while (const std::size_t got = source(buffer, sizeof buffer)) packed.append(buffer, got);
    CHECK(packed.size() < plain.size() / 2);
    const auto unpacked = [](std::string_view bytes, std::uint64_t most) {
        std::string out;
        Decompression stream([&](std::string_view part) { out += part; }, most);
        for (std::size_t at = 0; at < bytes.size(); at += 777) stream.feed(bytes.substr(at, 777));
        stream.finish();
        return out;
    };
    CHECK(unpacked(packed, plain.size()) == plain);
    CHECK(error_of([&] { unpacked(packed, plain.size() - 1); }).kind() == ErrorKind::kDataLoss);
    CHECK(error_of([&] {
              unpacked(std::string_view(packed).substr(0, packed.size() - 1), plain.size());
          }).kind() == ErrorKind::kDataLoss);
    CHECK(error_of([&] { unpacked("", 10); }).kind() == ErrorKind::kDataLoss);
    CHECK(error_of([&] { unpacked("no zstd at all", 100); }).kind() == ErrorKind::kDataLoss);
}

TEST_CASE("a record comes back as it was stored") {
    const ArchivePlace place;
    const BaseRecord base = put_base(place, "b1", 5, small_tar());
    const BaseRecord found = find_base(*place.store, "b1", std::nullopt, CancelToken());
    CHECK(found.to_value() == base.to_value());
    CHECK(found.segments() ==
          std::vector<std::string>{"000000010000000000000005", "000000010000000000000006"});
    CHECK(base.to_value()["systemIdentifier"] == Value(std::to_string(kSystem)));
    place.location->put_bytes("pg1/base/b2/backup.json", R"({"name": "b2"})", {}, CancelToken());
    const Error error = error_of([&] { static_cast<void>(list_bases(*place.store, CancelToken())); });
    CHECK(error.kind() == ErrorKind::kDataLoss);
    CHECK(std::string(error.what()).find("base/b2/backup.json") != std::string::npos);
}

TEST_CASE("the latest backup before a time is the one to restore to that time") {
    const ArchivePlace place;
    CHECK(error_of([&] {
              static_cast<void>(find_base(*place.store, "latest", std::nullopt, CancelToken()));
          }).kind() == ErrorKind::kNotFound);
    for (int i = 1; i <= 3; ++i)
        put_base(place, "b" + std::to_string(i), static_cast<std::uint64_t>(i), small_tar(), 10 * i);
    const auto latest = [&](const char* before) {
        return find_base(*place.store, "latest", parse_rfc3339(before), CancelToken()).name;
    };
    CHECK(find_base(*place.store, "latest", std::nullopt, CancelToken()).name == "b3");
    CHECK(latest("2026-11-22T07:55:00Z") == "b2");
    CHECK(latest("2026-11-22T07:50:29Z") == "b1");  // b2 was not finished yet
    CHECK(error_of([&] { latest("2026-11-22T07:30:00Z"); }).kind() == ErrorKind::kNotFound);
    CHECK(error_of([&] {
              static_cast<void>(find_base(*place.store, "../wal", std::nullopt, CancelToken()));
          }).kind() == ErrorKind::kInvalid);
}

TEST_CASE("a backup is unpacked with its settings of the recovery, pg_control last") {
    const ArchivePlace place;
    const BaseRecord base = put_base(place, "b1", 5, small_tar());
    fetch(place, base,
          Recovery{.restore_command = "fencepost wal fetch \"%f\" \"%p\"",
                   .target = parse_rfc3339("2026-11-22T08:00:00Z")});
    CHECK(read_file(place.path("new/global/pg_control")) == std::string(600, 'c'));
    CHECK(read_file(place.path("new/base/1/1259")) == std::string(1000, 'r'));
    const std::string settings = read_file(place.path("new/postgresql.auto.conf"));
    CHECK(settings.starts_with("work_mem = '8MB'\n"));
    CHECK(settings.find("recovery_target_time = '2026-11-22 08:00:00+00'\n") != std::string::npos);
    CHECK(settings.find("restore_command = 'fencepost wal fetch \"%f\" \"%p\"'\n") != std::string::npos);
    CHECK(std::filesystem::exists(place.path("new/recovery.signal")));
    CHECK_FALSE(std::filesystem::exists(place.path("new/standby.signal")));
}

TEST_CASE("no recovery goes back from a base backup") {
    const ArchivePlace place;
    const BaseRecord base = put_base(place, "b1", 5, small_tar());
    CHECK(error_of([&] {
              fetch(place, base, Recovery{.target = base.finished - std::chrono::seconds(1)});
          }).kind() == ErrorKind::kFailedPrecondition);
    CHECK_FALSE(std::filesystem::exists(place.path("new")));
}

TEST_CASE("a folder with anything in it is never written to") {
    const ArchivePlace place;
    const BaseRecord base = put_base(place, "b1", 5, small_tar());
    place.write(place.path("new/precious"), "x");
    CHECK(error_of([&] { fetch(place, base); }).kind() == ErrorKind::kFailedPrecondition);
    CHECK(read_file(place.path("new/precious")) == "x");
    CHECK_FALSE(std::filesystem::exists(place.path("new/PG_VERSION")));
}

TEST_CASE("a backup that is damaged leaves an empty folder") {
    const ArchivePlace place;
    BaseRecord base = put_base(place, "b1", 5, small_tar());
    base.sha256 = sha256_hex("another");
    CHECK(error_of([&] { fetch(place, base); }).kind() == ErrorKind::kDataLoss);
    CHECK(std::filesystem::is_empty(place.path("new")));
}

TEST_CASE("no entry of a backup leads out of the data folder") {
    const ArchivePlace place;
    for (const char* name : {"../evil", "/evil", "a/../../evil", "a//b", "./../evil"}) {
        INFO(name);
        const std::string tar = tar_file(name, "x") + tar_file("global/pg_control", "c") + kTarEnd;
        CHECK(error_of([&] { fetch(place, put_base(place, "b1", 5, tar)); }).kind() == ErrorKind::kDataLoss);
        CHECK_FALSE(std::filesystem::exists(place.path("evil")));
    }
    const std::string link = tar_header("pg_tblspc/16400", 0, '2') + kTarEnd;
    CHECK(error_of([&] { fetch(place, put_base(place, "b2", 5, link)); }).kind() == ErrorKind::kUnsupported);
}

TEST_CASE("the settings of a recovery are quoted for PostgreSQL and for the shell") {
    CHECK(restore_command_of({"/usr/bin/fencepost", "wal", "fetch", "--prefix", "it's 100%"}) ==
          R"(/usr/bin/fencepost wal fetch --prefix 'it'\''s 100%%' "%f" "%p")");
    const std::string settings =
        recovery_settings({.restore_command = R"(x '\' "%p")", .target = std::nullopt});
    CHECK(settings.find(R"(restore_command = 'x ''\\'' "%p"')") != std::string::npos);
    CHECK(settings.find("recovery_target_time = ''\n") != std::string::npos);  // of an earlier restore
    CHECK(settings.find("recovery_target_timeline = 'latest'\n") != std::string::npos);
    for (const char* timeline : {"", "0", "1'", "newest", "99999999999"})
        CHECK(error_of([&] { static_cast<void>(recovery_settings({.timeline = timeline})); }).kind() ==
              ErrorKind::kInvalid);
}

TEST_CASE("retention keeps the newest, what is protected, and the WAL that they need") {
    const ArchivePlace place;
    ManualClock clock(parse_rfc3339("2026-11-22T09:00:00Z"));
    for (std::uint64_t number = 1; number <= 45; ++number) {
        const std::string name = segment_name(1, number, kSegment);
        push_wal(*place.store, place.write(place.wal(name), segment(number)), CancelToken());
    }
    push_wal(*place.store, place.write(place.wal("00000002.history"), "1\t0/1\n"), CancelToken());
    for (int i = 1; i <= 4; ++i)
        put_base(place, "b" + std::to_string(i), static_cast<std::uint64_t>(10 * i), small_tar(), i);
    DeleteReport report = keep_bases(*place.store, clock, 3, {"b1"}, CancelToken());
    CHECK(report.deleted.empty());
    CHECK(report.wal_deleted == 9);

    protect_base(*place.store, "b2", true, CancelToken());
    report = keep_bases(*place.store, clock, 2, {}, CancelToken());
    CHECK(report.deleted == std::vector<std::string>{"b1"});
    CHECK(report.kept == std::vector<std::string>{"b2", "b3", "b4"});
    CHECK(report.wal_deleted == 10);
    CHECK(error_of([&] { delete_base(*place.store, clock, "b2", CancelToken()); }).kind() ==
          ErrorKind::kFailedPrecondition);

    protect_base(*place.store, "b2", false, CancelToken());
    report = keep_bases(*place.store, clock, 2, {}, CancelToken());
    CHECK(report.deleted == std::vector<std::string>{"b2"});
    const TimelineWal wal = list_wal(*place.store, CancelToken()).timelines.at(0);
    CHECK(wal.first == 30);
    CHECK(wal.last == 45);
    CHECK(place.location->stat("pg1/wal/00000002/00000002.history.zst", CancelToken()));

    delete_base(*place.store, clock, "b3", CancelToken());
    delete_base(*place.store, clock, "b4", CancelToken());
    CHECK(delete_base(*place.store, clock, "b4", CancelToken()).deleted.empty());  // again: nothing to do
    CHECK(list_wal(*place.store, CancelToken()).timelines.at(0).segments == 6);    // of no base: it stays
    CHECK(error_of([&] { keep_bases(*place.store, clock, 0, {}, CancelToken()); }).kind() ==
          ErrorKind::kInvalid);
    CHECK(error_of([&] { keep_bases(*place.store, clock, 1, {"b9"}, CancelToken()); }).kind() ==
          ErrorKind::kNotFound);
}

TEST_CASE("a push that died counts for nothing and is swept, one that may still run is left alone") {
    const ArchivePlace place;
    put_base(place, "b1", 5, small_tar());
    place.location->remove("pg1/base/b1/backup.json", CancelToken());
    CHECK(names(place).empty());
    sweep_bases(*place.store, *std::make_unique<SystemClock>(), CancelToken());
    CHECK(place.keys() == std::vector<std::string>{"pg1/base/b1/base.tar.zst"});
    ManualClock later(SystemClock().now() + std::chrono::hours(2));
    sweep_bases(*place.store, later, CancelToken());
    CHECK(place.keys().empty());
}

TEST_CASE("a check tells what stands between the archive and a restore") {
    const ArchivePlace place;
    const auto problems = [&] {
        return problems_of(list_wal(*place.store, CancelToken()), list_bases(*place.store, CancelToken()));
    };
    CHECK(problems().at(0).find("no base backup") != std::string::npos);
    for (const std::uint64_t number : {2U, 5U, 6U, 7U, 9U}) {  // the first gap is no base's
        const std::string name = segment_name(1, number, kSegment);
        push_wal(*place.store, place.write(place.wal(name), segment(number)), CancelToken());
    }
    put_base(place, "b1", 5, small_tar());
    REQUIRE(problems().size() == 1);
    CHECK(problems()[0].find("beyond the gap from " + segment_name(1, 8, kSegment)) != std::string::npos);
    put_base(place, "b2", 9, small_tar(), 5);
    REQUIRE(problems().size() == 2);
    CHECK(problems()[0].find("b2 cannot be restored: the segment " + segment_name(1, 10, kSegment)) !=
          std::string::npos);

    const WalListing wal = list_wal(*place.store, CancelToken());
    const auto told = [&](const char* json) { return problems_of(wal, parse_json(json)); };
    CHECK(told(R"({"lastArchivedWal": "000000010000000000000009", "isFailing": false, "archiveMode": "on"})")
              .empty());
    CHECK(told(R"({"lastArchivedWal": "000000010000000000000008", "archiveMode": "on"})").size() == 1);
    CHECK(told(R"({"lastFailedWal": "000000010000000000000010", "isFailing": true, "archiveMode": "on"})")
              .size() == 1);
    CHECK(told(R"({"archiveMode": "off"})").size() == 1);
}
