// Locks: restic's, and what they keep apart.
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include "base/task_group.h"
#include "location/restic/documents.h"
#include "location/restic/files.h"
#include "location/restic/keys.h"
#include "base/error.h"
#include "tests/unit/location/repository_place.h"

using namespace fencepost;
using namespace fencepost::testing;

TEST_CASE("an exclusive lock that is held refuses a push and names its holder, a stale one does not") {
    Place place;
    auto repository = place.open();
    const auto opened = restic::open_or_create(*place.location, place.clock, kPassword, false, kNever);
    const restic::Files files(*place.location, opened.key);
    const auto lock = [&](restic::Lock what) {
        return files.save("locks/", restic::encode_lock(what), kNever).id;
    };
    const auto now = place.clock.now();

    const auto held =
        lock({.time = now, .exclusive = true, .host = "elsewhere", .user = "alice", .pid = 4711});
    const Error refused = error_of([&] {
        repository->push(source_of("x"), {.path = "s", .wait_for_lock = std::chrono::seconds{0}}, kNever);
    });
    CHECK(refused.kind() == ErrorKind::kFailedPrecondition);
    CHECK(refused.message().find("alice on elsewhere (process 4711)") != std::string::npos);
    CHECK(place.count("locks/") == 1);
    {
        TaskGroup group;
        group.spawn([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds{500});
            files.remove("locks/", held, kNever);
        });
        CHECK(repository->push(source_of("x"), {.path = "s"}, kNever).logical_bytes == 1);
    }
    const auto old =
        lock({.time = now - std::chrono::minutes{31}, .exclusive = true, .host = "elsewhere", .pid = 1});
    CHECK(repository->push(source_of("x"), {.path = "s"}, kNever).logical_bytes == 1);
    files.remove("locks/", old, kNever);

    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    lock({.time = now, .exclusive = false, .host = host, .pid = child});  // left by a process that is no more
    lock({.time = now, .exclusive = false, .host = "elsewhere", .pid = 1});
    CHECK(repository->push(source_of("x"), {.path = "s"}, kNever).logical_bytes == 1);
    CHECK(place.count("locks/") == 1);
}

TEST_CASE("what reads a repository, and what forgets a snapshot, waits until a prune is over") {
    Place place;
    auto repository = place.open();
    const std::string id = repository->push(source_of("x"), {.path = "s"}, kNever).snapshot_id;
    const auto opened = restic::open_or_create(*place.location, place.clock, kPassword, false, kNever);
    const restic::Files files(*place.location, opened.key);
    const auto beside_a_prune = [&](const std::function<void()>& work) {
        const auto held =
            files.save("locks/",
                       restic::encode_lock(
                           {.time = place.clock.now(), .exclusive = true, .host = "elsewhere", .pid = 1}),
                       kNever);
        TaskGroup group;
        std::atomic<bool> is_over = false;
        group.spawn([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds{300});
            is_over = true;
            files.remove("locks/", held.id, kNever);
        });
        work();
        CHECK(is_over);
    };
    std::string read;
    beside_a_prune(
        [&] { repository->pull(id, "s", [&](std::string_view bytes) { read += bytes; }, kNever); });
    CHECK(read == "x");
    beside_a_prune([&] { CHECK(repository->size_of(id, kNever).bytes == 1); });
    beside_a_prune([&] { (void)repository->forget(id, kNever); });
    CHECK(place.count("snapshots/") == 0);
}

TEST_CASE("an exclusive lock that comes up while ours is made aborts the push before its snapshot") {
    Place place;
    auto repository = place.open();
    const auto opened = restic::open_or_create(*place.location, place.clock, kPassword, false, kNever);
    const restic::Files files(*place.location, opened.key);
    bool locked = false;
    const Source locks = [&](char* buffer, std::size_t) -> std::size_t {
        if (std::exchange(locked, true)) return 0;
        files.save("locks/",
                   restic::encode_lock({.time = place.clock.now(), .exclusive = true, .host = "h", .pid = 1}),
                   kNever);
        buffer[0] = 'x';
        return 1;
    };
    CHECK(error_of([&] { repository->push(locks, {.path = "s"}, kNever); }).kind() ==
          ErrorKind::kFailedPrecondition);
    CHECK(place.count("snapshots/") == 0);
    CHECK(place.count("locks/") == 1);
}

TEST_CASE("stock restic sees our lock while we push, and refuses what is exclusive") {
    if (skip("file")) return;
    Place place;
    auto repository = place.open();
    bool asked = false;
    int code = 0;
    std::string said;
    const Source asks = [&](char*, std::size_t) -> std::size_t {
        if (!std::exchange(asked, true)) {
            const auto ran = place.restic("prune");
            code = ran.code;
            said = ran.out;
        }
        return 0;
    };
    CHECK(repository->push(asks, {.path = "s"}, kNever).chunks == 0);
    CHECK(code != 0);
    CAPTURE(said);
    CHECK(said.find("already locked") != std::string::npos);
    place.check();
}
