// Snapshots in a restic repository. Stock restic is the judge, in both directions, over a folder and over a
// real S3 server.
#include <fstream>
#include <utility>

#include "base/guarded.h"
#include "base/task_group.h"
#include "location/restic/documents.h"
#include "location/restic/files.h"
#include "location/restic/keys.h"
#include "value/json.h"
#include "base/error.h"
#include "tests/unit/location/repository_place.h"

using namespace fencepost;
using namespace fencepost::testing;

TEST_CASE("stock restic checks and reads what we push, and the second push adds under one percent") {
    const std::string kind = GENERATE(std::string("file"), std::string("s3"));
    CAPTURE(kind);
    if (skip(kind)) return;
    Place place(kind);
    const std::string dump = dump_text(12 << 20U);
    auto repository = place.open();
    const PushStats first =
        repository->push(source_of(dump), {.path = "/pg/app1.sql", .host = "h", .tags = {"t"}}, kNever);
    CHECK(first.logical_bytes == dump.size());
    CHECK(first.chunks > 3);
    CHECK(first.new_chunks == first.chunks);
    CHECK(first.stored_bytes < dump.size());

    std::string changed = dump;
    changed.insert(changed.size() / 2, "one row more\n");
    const PushStats second = repository->push(source_of(dump), {.path = "/pg/app1.sql"}, kNever);
    CHECK(second.new_chunks == 0);
    CHECK(second.stored_bytes * 100 < dump.size());
    CHECK(second.stored_bytes * 100 < first.stored_bytes);
    const PushStats third = repository->push(source_of(changed), {.path = "/pg/app1.sql"}, kNever);
    CHECK(third.new_chunks <= 2);

    place.check();
    CHECK((place.restic("dump " + first.snapshot_id + " /pg/app1.sql", "2>/dev/null").out == dump));
    CHECK((place.restic("dump " + third.snapshot_id + " /pg/app1.sql", "2>/dev/null").out == changed));
    const Value listed = parse_json(place.restic("snapshots --json", "2>/dev/null").out);
    REQUIRE(listed.as_list().size() == 3);
    CHECK(listed.as_list()[0]["hostname"].as_string() == "h");
    CHECK(listed.as_list()[0]["paths"].as_list()[0].as_string() == "/pg/app1.sql");
    CHECK((pull(*place.open(false), first.snapshot_id) == dump));
    CHECK((pull(*place.open(false), third.snapshot_id.substr(0, 12), "/pg/app1.sql") == changed));
    CHECK(place.count("locks/") == 0);

    place.open()->forget(first.snapshot_id, kNever);
    place.open()->forget(second.snapshot_id, kNever);
    CHECK(place.restic("prune").code == 0);
    place.check();
    CHECK((pull(*place.open(), third.snapshot_id) == changed));
}

TEST_CASE("we read what stock restic wrote, and push on top of it") {
    const std::string kind = GENERATE(std::string("file"), std::string("s3"));
    CAPTURE(kind);
    if (skip(kind)) return;
    Place place(kind);
    const std::string dump = dump_text(8 << 20U, 2);
    TemporaryFolder work;
    std::ofstream(work.path() / "dump.sql") << dump;
    std::ofstream(work.path() / "empty") << "";
    REQUIRE(place.restic("init --repository-version 2").code == 0);
    REQUIRE(
        place.restic("backup --stdin --stdin-filename a.sql < " + (work.path() / "dump.sql").string()).code ==
        0);
    REQUIRE(place.restic("backup " + work.path().string()).code == 0);
    auto repository = place.open(false);
    const auto snapshots = repository->snapshots(kNever);
    REQUIRE(snapshots.size() == 2);
    CHECK((pull(*repository, snapshots[0].id) == dump));
    CHECK((pull(*repository, snapshots[1].id, work.path().string() + "/dump.sql") == dump));
    CHECK(pull(*repository, snapshots[1].id, work.path().string() + "/empty").empty());
    CHECK(error_of([&] { pull(*repository, snapshots[1].id); }).kind() == ErrorKind::kInvalid);
    CHECK(error_of([&] { pull(*repository, snapshots[1].id, "/none"); }).kind() == ErrorKind::kNotFound);
    // Our chunks end where restic's do: nothing is new.
    const PushStats again = repository->push(source_of(dump), {.path = "b.sql"}, kNever);
    CHECK(again.new_chunks == 0);
    CHECK(again.stored_bytes < 20'000);
    place.check();
}

TEST_CASE("streams of every awkward kind come back") {
    Place place;
    auto repository = place.open();
    std::mt19937_64 random(3);
    std::string noise(9 << 20U, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    const std::vector<std::string> streams = {"",
                                              "x",
                                              std::string(20 << 20U, '\0'),
                                              noise,
                                              dump_text((512 << 10U) - 1),
                                              dump_text(512 << 10U),
                                              dump_text((512 << 10U) + 1)};
    std::vector<std::string> ids;
    for (const std::string& stream : streams) {
        const PushStats stats = repository->push(source_of(stream), {.path = "s"}, kNever);
        CHECK(stats.logical_bytes == stream.size());
        ids.push_back(stats.snapshot_id);
    }
    for (std::size_t i = 0; i < streams.size(); ++i) {
        CAPTURE(i);
        CHECK((pull(*repository, ids[i]) == streams[i]));
    }
    if (!skip("file")) place.check();
}
TEST_CASE("several that make one repository at once end with one that all of them can use") {
    const std::string kind = GENERATE(std::string("file"), std::string("s3"));
    CAPTURE(kind);
    if (skip(kind)) return;
    for (int round = 0; round < (kind == "s3" ? 1 : 2); ++round) {
        Place place(kind);
        std::atomic<int> good{0};
        std::vector<std::string> failures;
        Guarded<std::vector<std::string>> errors;
        {
            TaskGroup group;
            for (int i = 0; i < 5; ++i) {
                group.spawn([&, i] {
                    try {
                        const std::string text = "pushed by " + std::to_string(i);
                        auto repository = place.open();
                        const auto stats = repository->push(source_of(text), {.path = "s"}, kNever);
                        std::string back;
                        repository->pull(
                            stats.snapshot_id, "", [&](std::string_view piece) { back += piece; }, kNever);
                        if (back == text) ++good;
                    } catch (const Error& error) {
                        errors.lock()->push_back(error.what());
                    }
                });
            }
        }
        CAPTURE(*errors.lock());
        CHECK(good == 5);
        CHECK(place.count("snapshots/") == 5);
        CHECK(place.count("keys/") == 1);
        place.check();
    }
}

TEST_CASE("a maker whose only key went away opens what another one made meanwhile") {
    Place place;
    const std::string ghost = "keys/" + std::string(64, '0');
    place.location->put_bytes(ghost, "{}", {}, kNever);
    HookedLocation location(*place.location, [](int, bool) {});
    int lists = 0;
    location.after_list = [&] {
        if (++lists != 2) return;  // the first one looks for snapshots
        place.location->remove(ghost, kNever);
        static_cast<void>(place.open());
    };
    auto repository = Repository::open(location, place.clock, kPassword, true, kNever);
    CHECK(lists == 3);
    CHECK(place.count("keys/") == 1);
    CHECK(repository->push(source_of("x"), {.path = "s"}, kNever).logical_bytes == 1);
}

TEST_CASE("a maker's key stays until there is a config: another one may be about to use it") {
    Place other;
    static_cast<void>(other.open());
    std::string smaller;
    other.location->list(
        "keys/", [&](const ObjectStat& key) { smaller = other.location->get_bytes(key.key, kNever); },
        kNever);
    Place place;
    int writes = 0;
    HookedLocation location(
        *place.location,
        [&](int write, bool is_after) {
            ++writes;
            if (write == 0 && is_after) {
                place.location->put_bytes("keys/" + std::string(64, '0'), smaller, {}, kNever);
            }
            CHECK(place.count("keys/") == (writes == 1 ? 0U : writes == 6 ? 1U : 2U));
            CHECK(place.count("config") == (writes < 4 ? 0U : 1U));
        },
        true);
    static_cast<void>(Repository::open(location, place.clock, kPassword, true, kNever));
    CHECK(writes == 6);  // our key, the config with the other one's, our key's removal: before and after each
}

TEST_CASE("a repository that is half made is taken over") {
    Place place;
    static_cast<void>(place.open());
    const std::string config = place.location->get_bytes("config", kNever);
    place.location->remove("config", kNever);  // as if its maker had died before the config
    CHECK(error_of([&] { static_cast<void>(place.open(false)); }).kind() == ErrorKind::kNotFound);
    auto repository = place.open();
    CHECK(place.count("keys/") == 1);
    CHECK(repository->push(source_of("x"), {.path = "s"}, kNever).logical_bytes == 1);
    CHECK(place.location->get_bytes("config", kNever) != config);
}

TEST_CASE("the wrong password, no repository, and no keys are told apart") {
    Place place;
    CHECK(error_of([&] { static_cast<void>(place.open(false)); }).kind() == ErrorKind::kNotFound);
    static_cast<void>(place.open());
    const Secret wrong("not-the-password");
    for (const bool create : {false, true}) {
        const Error error = error_of([&] {
            static_cast<void>(Repository::open(*place.location, place.clock, wrong, create, kNever));
        });
        CHECK(error.kind() == ErrorKind::kForbidden);
        CHECK(std::string(error.what()).find("not-the-password") == std::string::npos);
    }
    CHECK(error_of([&] {
              static_cast<void>(Repository::open(*place.location, place.clock, Secret(), true, kNever));
          }).kind() == ErrorKind::kInvalid);
    place.location->list(
        "keys/", [&](const ObjectStat& key) { place.location->remove(key.key, kNever); }, kNever);
    CHECK(error_of([&] { static_cast<void>(place.open()); }).kind() == ErrorKind::kDataLoss);
}

TEST_CASE("a repository of format version 1 is refused with the way to upgrade it") {
    if (skip("file")) return;
    Place place;
    REQUIRE(place.restic("init --repository-version 1").code == 0);
    const Error error = error_of([&] { static_cast<void>(place.open(false)); });
    CHECK(error.kind() == ErrorKind::kUnsupported);
    CHECK(error.hint().find("upgrade_repo_v2") != std::string::npos);
}

TEST_CASE("snapshots are named by a unique beginning of their id") {
    Place place;
    auto repository = place.open();
    const std::string id = repository->push(source_of("x"), {.path = "s"}, kNever).snapshot_id;
    CHECK(pull(*repository, id.substr(0, 8)) == "x");
    CHECK(error_of([&] { pull(*repository, std::string(64, '0')); }).kind() == ErrorKind::kNotFound);
    for (const std::string bad : {"", "latest", "../x", "ABCDEF"}) {
        CHECK(error_of([&] { pull(*repository, bad); }).kind() == ErrorKind::kInvalid);
    }
    for (int i = 0; i < 17; ++i)
        repository->push(source_of("x"), {.path = "s"}, kNever);  // two share a first digit
    int ambiguous = 0;
    for (const char digit : std::string("0123456789abcdef")) {
        try {
            pull(*repository, std::string(1, digit));
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::kInvalid) ++ambiguous;
        }
    }
    CHECK(ambiguous > 0);
    repository->forget(id, kNever);
    CHECK(error_of([&] { repository->forget(id, kNever); }).kind() == ErrorKind::kNotFound);
}
