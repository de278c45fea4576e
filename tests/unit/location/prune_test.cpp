// Pruning: what no snapshot needs goes, what one needs stays, whoever dies or comes in between.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/encodings.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "location/restic/files.h"
#include "location/restic/keys.h"
#include "tests/unit/location/repository_place.h"

using namespace fencepost;
using namespace fencepost::testing;

namespace {

constexpr std::chrono::seconds kNow{0};

std::set<std::string> keys_of(const Place& place) {
    std::set<std::string> keys;
    place.location->list("", [&](const ObjectStat& object) { keys.insert(object.key); }, kNever);
    return keys;
}

std::uint64_t bytes_of(const Place& place) {
    std::uint64_t bytes = 0;
    place.location->list("data/", [&](const ObjectStat& object) { bytes += object.size; }, kNever);
    return bytes;
}

std::string push(Repository& repository, std::string_view content) {
    return repository.push(source_of(content), {.path = "dump"}, kNever).snapshot_id;
}

restic::Files files_of(const Place& place, Clock& clock) {
    return {*place.location, restic::open_or_create(*place.location, clock, kPassword, false, kNever).key};
}

// Two snapshots of a folder that have one file in common, each file a single chunk; the first is forgotten.
struct Halves {
    TemporaryFolder source;
    std::string gone = dump_text(400'000, 1);  // of the first alone
    std::string common = dump_text(400'000, 2);
    std::string added = dump_text(100'000, 3);
    std::string kept;  // the second one's id

    explicit Halves(Place& place) {
        auto repository = place.open();
        std::ofstream(source.path() / "gone") << gone;
        std::ofstream(source.path() / "common") << common;
        const std::string forgotten = back_up(*repository);
        std::filesystem::remove(source.path() / "gone");
        std::ofstream(source.path() / "added") << added;
        kept = back_up(*repository);
        repository->forget(forgotten, kNever);
    }
    [[nodiscard]] std::string back_up(Repository& repository) const {
        return repository.backup_folder({.path = source.path().string(), .host = "h"}, kNever).snapshot_id;
    }
    [[nodiscard]] bool is_whole(Place& place) const {
        TemporaryFolder target;
        try {
            (void)place.open(false)->restore_folder(
                kept, {.inner = source.path().string(), .target = target.path().string()}, kNever);
        } catch (const Error&) {
            return false;
        }
        return read_file(target.path() / "common") == common && read_file(target.path() / "added") == added &&
               !std::filesystem::exists(target.path() / "gone");
    }
};

}  // namespace

TEST_CASE("prune frees what forgotten snapshots alone needed, and nothing else") {
    const std::string kind = GENERATE("file", "s3");
    if (skip(kind)) return;
    Place place(kind);
    const Halves halves(place);
    auto repository = place.open(false);
    const std::uint64_t before = bytes_of(place);
    const PruneStats pruned = repository->prune(kNow, kNever);
    const std::uint64_t after = bytes_of(place);
    CHECK(after < before * 2 / 3);
    CHECK(pruned.freed_bytes <= before - after);
    CHECK(pruned.freed_bytes + 10'000 > before - after);  // it counts its new index against itself
    CHECK(pruned.rewritten_packs > 0);
    CHECK(halves.is_whole(place));
    CHECK(place.count("locks/") == 0);
    place.check();

    const auto settled = keys_of(place);
    CHECK(repository->prune(kNow, kNever).freed_bytes == 0);
    CHECK(keys_of(place) == settled);
    repository->forget(halves.kept, kNever);
    CHECK(repository->prune(kNow, kNever).freed_bytes == after);
    CHECK(place.count("data/") == 0);
    CHECK(place.count("index/") == 0);
    place.check();
    CHECK((pull(*repository, push(*repository, halves.gone)) == halves.gone));
}

TEST_CASE("prune removes what breaks and doubles have left, and what stock restic has forgotten") {
    if (skip("file")) return;
    Place place;
    const std::string dump = dump_text(2'000'000);
    const std::string kept = push(*place.open(), dump);
    const restic::Files files = files_of(place, place.clock);
    // The same content again, from two that did not know of each other.
    {
        const auto indexes = files.list("index/", kNever);
        REQUIRE(indexes.size() == 1);
        const std::string key = "index/" + restic::to_hex(indexes[0]);
        const std::string index = place.location->get_bytes(key, kNever);
        place.location->remove(key, kNever);
        (void)push(*place.open(false), dump);
        place.location->put_bytes(key, index, {}, kNever);
    }
    const std::uint64_t doubled = bytes_of(place);
    const std::string unlisted(5'000, 'x');  // a pack that no index has
    place.location->put_bytes(restic::pack_key(sha256(unlisted)), unlisted, {}, kNever);
    const std::string folder = place.folder.path().string() + ".source";
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/f") << dump_text(1'000'000, 9);
    REQUIRE(place.restic("backup --quiet --tag stock " + folder).code == 0);
    REQUIRE(place.restic("forget --quiet --tag stock --keep-tag none").code == 0);
    std::filesystem::remove_all(folder);
    (void)place.open(false)->prune(kNow, kNever);
    CHECK(bytes_of(place) < doubled * 6 / 10);
    CHECK((pull(*place.open(false), kept) == dump));
    place.check();
    const auto ran = place.restic("prune --max-unused 5%");
    CAPTURE(ran.out);
    CHECK(ran.out.find("to delete:             0 blobs") != std::string::npos);
}

TEST_CASE("prune removes nothing where something that a snapshot needs is gone") {
    Place place;
    const Halves halves(place);
    const std::string what = GENERATE("pack", "index", "snapshot");
    CAPTURE(what);
    const auto keys = keys_of(place);
    for (const std::string& key : keys) {
        if (what == "snapshot" && key.starts_with("snapshots/"))
            place.location->put_bytes(key, "not what it was", {}, kNever);
        // Without any index packs tell themselves what they hold, but prune must not rely on that.
        if (what == "index" && key.starts_with("index/")) place.location->remove(key, kNever);
        if (what != "pack" || !key.starts_with("data/") || !halves.is_whole(place)) continue;
        const std::string bytes = place.location->get_bytes(key, kNever);
        place.location->remove(key, kNever);
        if (halves.is_whole(place)) place.location->put_bytes(key, bytes, {}, kNever);
    }
    const auto before = keys_of(place);
    const Error error = error_of([&] { (void)place.open(false)->prune(kNow, kNever); });
    CAPTURE(error.what());
    CHECK((error.kind() == ErrorKind::kDataLoss || (what == "pack" && error.kind() == ErrorKind::kNotFound)));
    CHECK(std::string(error.what()).find("nothing was removed: ") == 0);
    CHECK(keys_of(place) == before);
}

namespace {

// Prunes in a process of its own, which is killed before or after its n-th write or removal; true if it was.
bool prune_in_a_process(const Place& place, int at, bool after) {
    return is_killed_in_a_process([&] {
        SystemClock clock;
        const auto store = open_file_location(place.folder.path().string());
        HookedLocation location(
            *store,
            [&](int write, bool is_after) {
                if (write == at && is_after == after) ::kill(::getpid(), SIGKILL);
            },
            true);
        (void)Repository::open(location, clock, kPassword, false, kNever)->prune(kNow, kNever);
    });
}

}  // namespace

TEST_CASE("a prune that is killed at any moment loses nothing, and the next one finishes its work") {
    Place place;
    const Halves halves(place);
    const std::filesystem::path original = place.folder.path().string() + ".original";
    std::filesystem::copy(place.folder.path(), original, std::filesystem::copy_options::recursive);
    int kills = 0;
    for (bool completed = false; !completed; ++kills) {
        for (const bool after : {false, true}) {
            completed = !prune_in_a_process(place, kills, after);
            CAPTURE(kills, after);
            CHECK(halves.is_whole(place));
            (void)place.open(false)->prune(kNow, kNever);
            CHECK(halves.is_whole(place));
            if (kills == 3 && after && have_restic()) place.check();
            std::filesystem::remove_all(place.folder.path());
            std::filesystem::copy(original, place.folder.path(), std::filesystem::copy_options::recursive);
        }
    }
    CHECK(kills > 6);  // lock, packs, index, index, two removals at least
    std::filesystem::remove_all(original);
}

TEST_CASE("prune waits for a backup that is under way, and a backup gives way to a prune") {
    Place place;
    const Halves halves(place);
    std::string told;
    const Source asks = [&](char*, std::size_t) -> std::size_t {
        try {
            (void)place.open(false)->prune(kNow, kNever);
        } catch (const Error& error) {
            told = error.message();
        }
        return 0;
    };
    (void)place.open(false)->push(asks, {.path = "s"}, kNever);
    CHECK(told.find("is in use by") != std::string::npos);
    CHECK(place.count("locks/") == 0);

    int refused = 0;
    HookedLocation location(*place.location, [&](int, bool is_after) {
        if (!is_after || refused != 0) return;
        const Error error = error_of([&] {
            (void)place.open(false)->push(source_of("x"), {.path = "s", .wait_for_lock = kNow}, kNever);
        });
        CHECK(error.message().find("is locked exclusively by") != std::string::npos);
        ++refused;
    });
    (void)Repository::open(location, place.clock, kPassword, false, kNever)->prune(kNow, kNever);
    CHECK(refused == 1);
    CHECK(halves.is_whole(place));
}

TEST_CASE("a backup whose lock came too late for a prune to see it gives way before it builds on anything") {
    Place place;
    const Halves halves(place);
    struct Stage {
        bool is_pruning = false, may_finish = false;
    };
    Guarded<Stage> stage;
    const auto let_it_finish = [&] {
        auto now = stage.lock();
        now->may_finish = true;
        now.notify_all();
    };
    TaskGroup pruner;
    HookedLocation prunes(*place.location, [&](int write, bool is_after) {
        if (write != 1 || is_after) return;  // the first one after its lock: it has looked for others
        auto now = stage.lock();
        now->is_pruning = true;
        now.notify_all();
        now.wait([&] { return now->may_finish; });
    });
    HookedLocation backs_up(*place.location, [&](int write, bool is_after) {
        if (write != 0 || is_after) return;  // its lock; it has looked for others and seen none
        pruner.spawn([&] {
            (void)Repository::open(prunes, place.clock, kPassword, false, kNever)->prune(kNow, kNever);
        });
        auto now = stage.lock();
        now.wait([&] { return now->is_pruning; });
    });
    // All of it lies in packs that are about to go.
    const Source source = [&, rest = std::string_view(halves.gone)](char* buffer, std::size_t size) mutable {
        let_it_finish();
        pruner.join();
        const std::size_t piece = rest.copy(buffer, size);
        rest.remove_prefix(piece);
        return piece;
    };
    auto repository = Repository::open(backs_up, place.clock, kPassword, false, kNever);
    const Error error = error_of([&] { (void)repository->push(source, {.path = "s"}, kNever); });
    CHECK(error.kind() == ErrorKind::kFailedPrecondition);
    let_it_finish();
    pruner.join();
    CHECK(halves.is_whole(place));
    CHECK(place.count("snapshots/") == 1);
}

TEST_CASE("a lock that was not refreshed in time stays lost, as a machine's that slept") {
    Place place;
    ManualClock clock;
    auto repository = Repository::open(*place.location, clock, kPassword, true, kNever);
    std::atomic<bool> is_over{false};
    TaskGroup ticker;
    ticker.spawn([&] {
        while (!is_over) {
            clock.advance(std::chrono::milliseconds{20});
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
    });
    const restic::Files files = files_of(place, clock);
    bool has_slept = false;
    const Source sleeps = [&](char*, std::size_t) -> std::size_t {
        if (std::exchange(has_slept, true)) return 0;
        const auto before = files.list("locks/", kNever);
        clock.advance(std::chrono::minutes{31});
        // The refresher wakes, and must not make it look as if nothing had been.
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
        CHECK(files.list("locks/", kNever) == before);
        return 0;
    };
    const Error error = error_of([&] { (void)repository->push(sleeps, {.path = "s"}, kNever); });
    is_over = true;
    CHECK(error.kind() == ErrorKind::kUnavailable);
    CHECK(place.count("snapshots/") == 0);
}
