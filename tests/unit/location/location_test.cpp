// The conformance suite: every backend passes it. S3 is a real server; where none is installed that says
// SKIPPED.
#include <catch2/catch.hpp>

#include <cstring>

#include <iostream>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/task_group.h"
#include "location/check.h"
#include "location/location.h"
#include "tests/unit/eventually.h"
#include "tests/unit/location/error_of.h"
#include "tests/unit/location/s3_server.h"

using namespace fencepost;
using namespace fencepost::location;
using fencepost::testing::error_of;
using fencepost::testing::S3Server;
using fencepost::testing::TemporaryFolder;

namespace {

const CancelToken kNever;

struct Backend {
    std::string name;
    TemporaryFolder folder;
    SystemClock clock;
    std::unique_ptr<net::HttpClient> http = net::make_http_client();
    std::unique_ptr<Location> location;
};

S3Server& server() {
    static S3Server server;
    return server;
}

std::string fresh_prefix() {
    static int count = 0;
    return "run/" + std::to_string(++count);
}

std::unique_ptr<Backend> open_backend(const std::string& name) {
    auto backend = std::make_unique<Backend>();
    backend->name = name;
    if (name == "file") {
        ResolvedProfile profile;
        profile.type = "filestore";
        profile.file_path = backend->folder.path().string();
        profile.prefix = "some/prefix";
        backend->location = open_location(profile, *backend->http, backend->clock);
    } else if (S3Server::executable().empty()) {
        std::cout << "SKIPPED: the S3 half of the conformance suite (versitygw is neither in PATH nor in "
                     "~/go/bin)\n";
        return nullptr;
    } else {
        backend->location = open_location(server().profile(fresh_prefix()), *backend->http, backend->clock);
    }
    return backend;
}

std::string noise(std::size_t size, unsigned seed = 1) {
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; i += 8) {
        const std::uint64_t word = random();
        std::memcpy(bytes.data() + i, &word, std::min<std::size_t>(8, size - i));
    }
    return bytes;
}

Source source_of(std::string_view bytes, std::size_t piece = 70'001) {
    return [bytes, piece](char* buffer, std::size_t size) mutable {
        const std::size_t count = bytes.copy(buffer, std::min(size, piece));
        bytes.remove_prefix(count);
        return count;
    };
}

std::vector<std::string> keys(Location& location, std::string_view prefix) {
    std::vector<std::string> found;
    location.list(prefix, [&](const ObjectStat& object) { found.push_back(object.key); }, kNever);
    return found;
}

// What the server keeps of uploads that were neither completed nor aborted.
int files_of_uploads() {
    int count = 0;
    std::error_code vanished;  // the server removes while this looks
    std::filesystem::recursive_directory_iterator entry(server().bucket_folder() / ".sgwtmp" / "multipart",
                                                        vanished);
    for (; !vanished && entry != std::filesystem::recursive_directory_iterator(); entry.increment(vanished)) {
        std::error_code gone;
        if (entry->is_regular_file(gone)) ++count;
    }
    return count;
}

ErrorKind kind_of(const std::function<void()>& work) {
    const Error error = error_of(work);
    UNSCOPED_INFO(error.what());
    return error.kind();
}

}  // namespace

#define FOR_EACH_BACKEND()                                                             \
    const std::string backend_name = GENERATE(std::string("file"), std::string("s3")); \
    const auto backend = open_backend(backend_name);                                   \
    if (backend == nullptr) return;                                                    \
    CAPTURE(backend_name);                                                             \
    Location& location = *backend->location

TEST_CASE("what was put comes back byte for byte, whatever its size") {
    FOR_EACH_BACKEND();
    const std::size_t part = std::size_t{8} << 20U;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}, part - 1, part,
                                   part + 1, 2 * part, 5 * part / 2}) {
        CAPTURE(size);
        const std::string bytes = noise(size);
        const ObjectStat put = location.put("a/b.bin", source_of(bytes), {}, kNever);
        CHECK(put.key == "a/b.bin");
        CHECK(put.size == size);
        std::string back;
        location.get("a/b.bin", [&](std::string_view piece) { back += piece; }, kNever);
        CHECK((back == bytes));
        const auto stat = location.stat("a/b.bin", kNever);
        REQUIRE(stat);
        CHECK(stat->size == size);
        CHECK_FALSE(stat->etag.empty());
        CHECK(std::chrono::abs(stat->modified - backend->clock.now()) < std::chrono::minutes{5});
    }
}

TEST_CASE("part of an object can be read") {
    FOR_EACH_BACKEND();
    location.put_bytes("digits", "0123456789", {}, kNever);
    CHECK(location.get_bytes("digits", kNever) == "0123456789");
    CHECK(location.get_bytes("digits", kNever, 3) == "3456789");
    CHECK(location.get_bytes("digits", kNever, 3, 4) == "3456");
    CHECK(location.get_bytes("digits", kNever, 9, 1) == "9");
    std::string streamed;
    location.get("digits", [&](std::string_view piece) { streamed += piece; }, kNever, 2, 5);
    CHECK(streamed == "23456");
    CHECK_THROWS_AS(location.get("digits", [](std::string_view) {}, kNever, 8, 5), Error);
}

TEST_CASE("an object that is absent is kNotFound, nullopt, or fine to remove") {
    FOR_EACH_BACKEND();
    CHECK(kind_of([&] { static_cast<void>(location.get_bytes("no/such", kNever)); }) == ErrorKind::kNotFound);
    CHECK(kind_of([&] { location.get("no/such", [](std::string_view) {}, kNever); }) == ErrorKind::kNotFound);
    CHECK_FALSE(location.stat("no/such", kNever));
    location.remove("no/such", kNever);
    location.put_bytes("here", "x", {}, kNever);
    location.remove("here", kNever);
    location.remove("here", kNever);
    CHECK_FALSE(location.stat("here", kNever));
}

TEST_CASE("a put replaces the whole object, unless it must be absent") {
    FOR_EACH_BACKEND();
    location.put_bytes("k", "the first, longer one", {}, kNever);
    location.put_bytes("k", "second", {}, kNever);
    CHECK(location.get_bytes("k", kNever) == "second");
    CHECK(kind_of([&] { location.put_bytes("k", "third", {.only_if_absent = true}, kNever); }) ==
          ErrorKind::kAlreadyExists);
    const std::string large = noise(9 << 20U);
    CHECK(kind_of([&] { location.put("k", source_of(large), {.only_if_absent = true}, kNever); }) ==
          ErrorKind::kAlreadyExists);
    CHECK(location.get_bytes("k", kNever) == "second");
    location.put_bytes("new", "one", {.only_if_absent = true}, kNever);
    CHECK(location.get_bytes("new", kNever) == "one");
}

TEST_CASE("of many that put the same absent key at once, one wins") {
    FOR_EACH_BACKEND();
    std::atomic<int> won{0};
    std::atomic<int> lost{0};
    {
        TaskGroup group;
        for (int i = 0; i < 8; ++i) {
            group.spawn([&, i] {
                try {
                    location.put_bytes("contested", "writer " + std::to_string(i), {.only_if_absent = true},
                                       kNever);
                    ++won;
                } catch (const Error& error) {
                    if (error.kind() == ErrorKind::kAlreadyExists) ++lost;
                }
            });
        }
    }
    CHECK(won == 1);
    CHECK(lost == 7);
}

TEST_CASE("a source that fails leaves no object, and the old one as it was") {
    FOR_EACH_BACKEND();
    location.put_bytes("kept", "old", {}, kNever);
    for (const std::size_t until :
         {std::size_t{0}, std::size_t{1000}, std::size_t{9} << 20U, std::size_t{30} << 20U}) {
        for (const std::string key : {"kept", "torn"}) {
            std::size_t given = 0;
            const Source source = [&](char* buffer, std::size_t size) -> std::size_t {
                if (given >= until) throw Error(ErrorKind::kFailedPrecondition, "pg_dump died");
                const std::size_t piece = std::min(size, until - given);
                std::memset(buffer, 'x', piece);
                given += piece;
                return piece;
            };
            CHECK(kind_of([&] { location.put(key, source, {}, kNever); }) == ErrorKind::kFailedPrecondition);
        }
    }
    CHECK(location.get_bytes("kept", kNever) == "old");
    CHECK(keys(location, "") == std::vector<std::string>{"kept"});
    if (backend_name == "s3") {  // nothing is left of the broken uploads either
        // once the server has noticed that the connection of a part was broken off
        CHECK(eventually([&] { return files_of_uploads() == 0; }));
    } else {
        CHECK(std::filesystem::is_empty(backend->folder.path() / ".fencepost-tmp"));
    }
}

TEST_CASE("a size that was announced wrongly is an error and no object") {
    FOR_EACH_BACKEND();
    CHECK(kind_of([&] { location.put("k", source_of("12345"), {.size = 4}, kNever); }) ==
          ErrorKind::kInvalid);
    const std::string large = noise(9 << 20U);
    CHECK(kind_of([&] { location.put("k", source_of(large), {.size = large.size() + 1}, kNever); }) ==
          ErrorKind::kInvalid);
    CHECK(keys(location, "").empty());
    CHECK(location.put("k", source_of("12345"), {.size = 5}, kNever).size == 5);
}

TEST_CASE("a cancelled put leaves no object") {
    FOR_EACH_BACKEND();
    CancelSource cancel;
    std::size_t given = 0;
    const Source source = [&](char* buffer, std::size_t size) {
        std::memset(buffer, 'x', size);
        given += size;
        if (given > (std::size_t{20} << 20U)) cancel.cancel(CancelReason::kUser);
        return size;
    };
    CHECK_THROWS_AS(location.put("k", source, {}, cancel.token()), Cancelled);
    CHECK(keys(location, "").empty());
}

TEST_CASE("listing is by prefix, in key order, and whole") {
    FOR_EACH_BACKEND();
    const std::vector<std::string> all = {"a",     "b-1", "b-10",        "b/1",
                                          "b/2/x", "b0",  "c d+e%f&<>'", "\xC3\xA4/1"};
    for (const std::string& key : all) location.put_bytes(key, key, {}, kNever);
    CHECK(keys(location, "") == all);
    CHECK(keys(location, "b") == std::vector<std::string>{"b-1", "b-10", "b/1", "b/2/x", "b0"});
    CHECK(keys(location, "b-1") == std::vector<std::string>{"b-1", "b-10"});
    CHECK(keys(location, "b/") == std::vector<std::string>{"b/1", "b/2/x"});
    CHECK(keys(location, "b/2") == std::vector<std::string>{"b/2/x"});
    CHECK(keys(location, "c d+e%f&<>'") == std::vector<std::string>{"c d+e%f&<>'"});
    CHECK(keys(location, "zzz/y").empty());
    CHECK(location.get_bytes("c d+e%f&<>'", kNever) == "c d+e%f&<>'");
    std::uint64_t size = 0;
    location.list("b/2/x", [&](const ObjectStat& object) { size = object.size; }, kNever);
    CHECK(size == 5);
    location.remove("b/1", kNever);
    location.remove("b/2/x", kNever);
    location.put_bytes("b", "what was a folder's name", {}, kNever);
    CHECK(keys(location, "b") == std::vector<std::string>{"b", "b-1", "b-10", "b0"});
}

TEST_CASE("a listing goes on over many pages") {
    FOR_EACH_BACKEND();
    {
        TaskGroup group;
        for (int worker = 0; worker < 4; ++worker) {
            group.spawn([&, worker] {
                for (int i = worker; i < 1'050; i += 4)
                    location.put_bytes("n/" + std::to_string(i), "", {}, kNever);
            });
        }
    }
    const auto found = keys(location, "n/");
    CHECK(found.size() == 1'050);
    CHECK(std::is_sorted(found.begin(), found.end()));
}

TEST_CASE("keys that are none are refused before anything happens") {
    FOR_EACH_BACKEND();
    for (const std::string key :
         {"", "/a", "a//b", "a/", "..", "a/../b", "./a", "a\\b", "a\nb", "\xFF", "\xC0\xAF"}) {
        CAPTURE(key);
        CHECK(kind_of([&] { location.put_bytes(key, "x", {}, kNever); }) == ErrorKind::kInvalid);
        CHECK(kind_of([&] { static_cast<void>(location.get_bytes(key, kNever)); }) == ErrorKind::kInvalid);
        CHECK(kind_of([&] { location.remove(key, kNever); }) == ErrorKind::kInvalid);
    }
    CHECK(kind_of([&] { location.put_bytes(std::string("a\0b", 3), "x", {}, kNever); }) ==
          ErrorKind::kInvalid);
    CHECK(kind_of([&] { location.put_bytes(std::string(1025, 'k'), "x", {}, kNever); }) ==
          ErrorKind::kInvalid);
    std::string longest;
    while (longest.size() < 900) longest += std::string(99, 'k') + "/";
    longest += "leaf";
    location.put_bytes(longest, "x", {}, kNever);
    CHECK(location.get_bytes(longest, kNever) == "x");
}

TEST_CASE("a sink that throws ends the read with its exception") {
    FOR_EACH_BACKEND();
    location.put_bytes("k", noise(3 << 20U), {}, kNever);
    struct Enough {};
    CHECK_THROWS_AS(location.get("k", [](std::string_view) { throw Enough{}; }, kNever), Enough);
}

TEST_CASE("a location that works passes every check, and keeps nothing of them") {
    FOR_EACH_BACKEND();
    std::string text;
    for (const Check& check : check_location(location, kNever))
        text += check.name + (check.is_ok ? " ok " : ": " + check.detail);
    CHECK(text == "write ok read ok list ok lock ok delete ok ");
    CHECK(keys(location, "").empty());
}

TEST_CASE("a location that cannot be written says why, and that the rest was not tried") {
    const auto http = net::make_http_client();
    SystemClock clock;
    ResolvedProfile profile;
    profile.type = "filestore";
    profile.file_path = "/proc/no/store";
    const auto location = open_location(profile, *http, clock);
    const auto checks = check_location(*location, kNever);
    REQUIRE(checks.size() == 5);
    CHECK_FALSE(checks[0].is_ok);
    CHECK(checks[0].detail.find("/proc/no") != std::string::npos);
    for (std::size_t i = 1; i < checks.size(); ++i)
        CHECK(checks[i].detail == "not tried: nothing could be written");
}
