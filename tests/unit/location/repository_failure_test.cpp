// What is left of a push that is aborted, killed, or whose store fails; and what is made of files that rot.
#include <signal.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "tests/unit/location/repository_place.h"

using namespace fencepost;
using namespace fencepost::testing;

TEST_CASE("a push that is aborted anywhere leaves no snapshot and a good repository") {
    const std::string kind = GENERATE(std::string("file"), std::string("s3"));
    CAPTURE(kind);
    if (skip(kind)) return;
    Place place(kind);
    const std::string dump = dump_text(26 << 20U, 4);
    auto repository = place.open();
    for (const std::size_t until :
         {std::size_t{0}, std::size_t{1}, std::size_t{65'536}, std::size_t{1} << 20U, std::size_t{9} << 20U,
          std::size_t{25} << 20U, dump.size() - 1, dump.size()}) {
        CAPTURE(until);
        std::size_t given = 0;
        const Source dies = [&](char* buffer, std::size_t size) -> std::size_t {
            if (given >= until) throw Error(ErrorKind::kFailedPrecondition, "pg_dump died");
            const std::size_t piece =
                std::string_view(dump).substr(given, std::min(size, until - given)).copy(buffer, size);
            given += piece;
            return piece;
        };
        CHECK(error_of([&] { repository->push(dies, {.path = "s"}, kNever); }).kind() ==
              ErrorKind::kFailedPrecondition);
        CHECK(place.count("snapshots/") == 0);
        CHECK(place.count("locks/") == 0);
    }
    place.check();
    CancelSource cancel;
    std::size_t given = 0;
    const Source cancels = [&](char* buffer, std::size_t size) -> std::size_t {
        if (given > (std::size_t{20} << 20U)) cancel.cancel(CancelReason::kUser);
        const std::size_t piece = std::string_view(dump).substr(given).copy(buffer, size);
        given += piece;
        return piece;
    };
    CHECK_THROWS_AS(repository->push(cancels, {.path = "s"}, cancel.token()), Cancelled);
    CHECK(place.count("snapshots/") == 0);
    const PushStats good = repository->push(source_of(dump), {.path = "s"}, kNever);
    CHECK((pull(*repository, good.snapshot_id) == dump));
    place.check();
}
TEST_CASE("a store that fails at any write leaves a repository that still works") {
    Place place;
    const std::string dump = dump_text(30 << 20U, 5);
    bool completed = false;
    int failed = 0;
    for (int allowed = 0; !completed && allowed < 40; ++allowed) {
        HookedLocation failing(*place.location, [allowed](int write, bool) {
            if (write >= allowed) throw Error(ErrorKind::kExhausted, "the disk is full");
        });
        try {
            auto repository = Repository::open(failing, place.clock, kPassword, true, kNever);
            repository->push(source_of(dump), {.path = "s"}, kNever);
            completed = true;
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::kExhausted);
            ++failed;
            CHECK(place.count("snapshots/") == 0);
        }
    }
    CHECK(completed);
    CHECK(failed >= 4);  // what an attempt wrote, the next one goes on from
    const auto snapshots = place.open(false)->snapshots(kNever);
    REQUIRE(snapshots.size() == 1);
    CHECK((pull(*place.open(false), snapshots[0].id) == dump));
    if (!skip("file")) place.check();
}

namespace {

// Pushes in a process of its own; true if that was killed.
bool push_in_a_process(const std::string& folder, const std::string& dump, int writes, bool after,
                       std::size_t until) {
    return is_killed_in_a_process([&] {
        SystemClock clock;
        const auto store = open_file_location(folder);
        HookedLocation location(*store, [&](int write, bool is_after) {
            if (write == writes && is_after == after) ::kill(::getpid(), SIGKILL);
        });
        std::size_t given = 0;
        const Source source = [&](char* buffer, std::size_t size) {
            if (given >= until) ::kill(::getpid(), SIGKILL);
            const std::size_t piece = std::string_view(dump).substr(given).copy(buffer, size);
            given += piece;
            return piece;
        };
        Repository::open(location, clock, kPassword, true, kNever)->push(source, {.path = "s"}, kNever);
    });
}

}  // namespace

TEST_CASE("a push that is killed at any moment leaves no snapshot, and what stock restic accepts") {
    TemporaryFolder folder;
    const std::string dump = dump_text(30 << 20U, 8);
    const std::string other = dump_text(30 << 20U, 9);
    SystemClock clock;
    const auto location = open_file_location(folder.path().string());
    const auto count = [&](std::string_view prefix) {
        std::size_t found = 0;
        location->list(prefix, [&](const ObjectStat&) { ++found; }, kNever);
        return found;
    };
    for (const std::size_t until : {std::size_t{0}, std::size_t{1} << 20U, std::size_t{20} << 20U}) {
        CHECK(push_in_a_process(folder.path().string(), dump, 1'000, false, until));
        CHECK(count("snapshots/") == 0);
    }
    std::size_t killed = 0;
    std::size_t snapshots = 0;
    for (const bool after : {false, true}) {
        // Each half pushes a dump of its own, so that there is something to write.
        for (int writes = 0; writes < 40; ++writes) {
            CAPTURE(after, writes);
            const std::size_t before = count("snapshots/");
            if (!push_in_a_process(folder.path().string(), after ? other : dump, writes, after,
                                   dump.size() + 1)) {
                CHECK(count("snapshots/") == before + 1);
                ++snapshots;
                break;
            }
            ++killed;
            // Killed behind its last write, a push was complete.
            const std::size_t now = count("snapshots/");
            CHECK((now == before || (after && now == before + 1)));
            snapshots += now - before;
        }
    }
    CHECK(killed >= 8);
    auto repository = Repository::open(*location, clock, kPassword, false, kNever);
    const auto records = repository->snapshots(kNever);
    CHECK(records.size() == snapshots);
    for (const SnapshotRecord& record : records) {
        const std::string back = pull(*repository, record.id);
        CHECK((back == dump || back == other));
    }
    CHECK(count("locks/") == 0);  // what the dead left, the living swept
    if (skip("file")) return;
    const std::string check = "RESTIC_PASSWORD='" + kPassword.reveal() + "' restic --no-cache -q -r " +
                              folder.path().string() + " check --read-data > /dev/null 2>&1";
    CHECK(std::system(check.c_str()) == 0);
}

TEST_CASE("any file that rots is found when it is read") {
    Place place;
    const std::string dump = dump_text(3 << 20U, 6);
    const std::string id = place.open()->push(source_of(dump), {.path = "s"}, kNever).snapshot_id;
    std::vector<std::string> keys;
    place.location->list("", [&](const ObjectStat& object) { keys.push_back(object.key); }, kNever);
    REQUIRE(keys.size() >= 6);
    for (const std::string& key : keys) {
        CAPTURE(key);
        const std::string good = place.location->get_bytes(key, kNever);
        // Not the key file: JSON that can lose a byte of a member that nobody needs.
        for (const std::size_t at : {good.size() / 2, good.size() - 40}) {
            if (key.starts_with("keys/")) continue;
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ 1);
            place.location->put_bytes(key, bad, {}, kNever);
            // Of a pack, what lies in its header is not read where the index is good.
            try {
                const std::string got = pull(*place.open(false), id);
                CHECK((got == dump));
                CHECK(key.starts_with("data/"));
            } catch (const Error& error) {
                CHECK(error.kind() == ErrorKind::kDataLoss);
            }
        }
        place.location->put_bytes(key, good.substr(0, good.size() / 2), {}, kNever);
        CHECK_THROWS_AS(pull(*place.open(false), id), Error);
        place.location->put_bytes(key, good, {}, kNever);
    }
    CHECK((pull(*place.open(false), id) == dump));
}

TEST_CASE("with all index files lost, the packs themselves tell what they hold") {
    Place place;
    const std::string dump = dump_text(20 << 20U, 7);
    const std::string id = place.open()->push(source_of(dump), {.path = "s"}, kNever).snapshot_id;
    place.location->list(
        "index/", [&](const ObjectStat& file) { place.location->remove(file.key, kNever); }, kNever);
    CHECK((pull(*place.open(false), id) == dump));
    bool first = true;
    place.location->list(
        "data/",
        [&](const ObjectStat& pack) {
            if (std::exchange(first, false)) place.location->remove(pack.key, kNever);
        },
        kNever);
    CHECK(error_of([&] { pull(*place.open(false), id); }).kind() == ErrorKind::kDataLoss);
}
