#include <catch2/catch.hpp>

#include <cstring>

#include <sys/mount.h>

#include <fstream>
#include <iostream>

#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "location/location.h"
#include "tests/unit/location/s3_server.h"

using namespace fencepost;
using namespace fencepost::location;
using fencepost::testing::TemporaryFolder;

namespace {
const CancelToken kNever;
}  // namespace

TEST_CASE("a file store whose folder is not there says so and does not make it") {
    TemporaryFolder folder;
    const auto location = open_file_location((folder.path() / "not-mounted").string());
    for (const auto& work :
         std::vector<std::function<void()>>{[&] { location->put_bytes("k", "x", {}, kNever); },
                                            [&] { static_cast<void>(location->get_bytes("k", kNever)); },
                                            [&] { static_cast<void>(location->stat("k", kNever)); },
                                            [&] { location->list("", [](const ObjectStat&) {}, kNever); }}) {
        try {
            work();
            FAIL("nothing was thrown");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::kNotFound);
            CHECK(error.message().find("not-mounted does not exist") != std::string::npos);
        }
    }
    CHECK_FALSE(std::filesystem::exists(folder.path() / "not-mounted"));
}

TEST_CASE("symbolic links in a file store lead nowhere") {
    TemporaryFolder folder;
    TemporaryFolder outside;
    std::ofstream(outside.path() / "secret") << "outside";
    std::filesystem::create_directory_symlink(outside.path(), folder.path() / "dir");
    std::filesystem::create_symlink(outside.path() / "secret", folder.path() / "file");
    const auto location = open_file_location(folder.path().string());
    CHECK_THROWS_AS(location->get_bytes("dir/secret", kNever), Error);
    CHECK_THROWS_AS(location->get_bytes("file", kNever), Error);
    CHECK_THROWS_AS(location->put_bytes("dir/new", "x", {}, kNever), Error);
    CHECK_FALSE(std::filesystem::exists(outside.path() / "new"));
    std::vector<std::string> keys;
    location->list("", [&](const ObjectStat& object) { keys.push_back(object.key); }, kNever);
    CHECK(keys.empty());
    location->put_bytes("file", "replaces the link, not its target", {}, kNever);
    std::ifstream target(outside.path() / "secret");
    CHECK(std::string(std::istreambuf_iterator<char>(target), {}) == "outside");
}

TEST_CASE("a full disk is kExhausted, and nothing is left of the object") {
    TemporaryFolder folder;
    if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=4m") != 0) {
        std::cout << "SKIPPED: the full disk (mounting a tmpfs needs root)\n";
        return;
    }
    struct Unmount {
        std::filesystem::path path;
        ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
    } unmount{folder.path()};
    const auto location = open_file_location(folder.path().string());
    location->put_bytes("old", "kept", {}, kNever);
    const Source endless = [](char* buffer, std::size_t size) {
        std::memset(buffer, 'x', size);
        return size;
    };
    for (const std::string key : {"new", "old"}) {
        try {
            location->put(key, endless, {}, kNever);
            FAIL("nothing was thrown");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::kExhausted);
            CHECK(std::string(error.what()).find("'" + key + "'") != std::string::npos);
        }
    }
    CHECK(location->get_bytes("old", kNever) == "kept");
    CHECK_FALSE(location->stat("new", kNever));
    CHECK(std::filesystem::is_empty(folder.path() / ".fencepost-tmp"));
    location->put_bytes("after", std::string(1 << 20U, 'x'), {}, kNever);
}

TEST_CASE("what a dead writer left behind is swept after a day") {
    TemporaryFolder folder;
    const auto location = open_file_location(folder.path().string());
    location->put_bytes("k", "x", {}, kNever);
    const auto old = folder.path() / ".fencepost-tmp" / "old";
    const auto young = folder.path() / ".fencepost-tmp" / "young";
    std::ofstream(old) << "x";
    std::ofstream(young) << "x";
    std::filesystem::last_write_time(old,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours{25});
    location->put_bytes("k", "y", {}, kNever);
    CHECK_FALSE(std::filesystem::exists(old));
    CHECK(std::filesystem::exists(young));
    CHECK_THROWS_AS(location->put_bytes(".fencepost-tmp/k", "x", {}, kNever), Error);
}

TEST_CASE("a folder that others empty and remove takes new objects all the same") {
    TemporaryFolder folder;
    const auto location = open_file_location(folder.path().string());
    Guarded<std::vector<std::string>> errors;
    {
        TaskGroup group;
        for (int writer = 0; writer < 4; ++writer) {
            group.spawn([&, writer] {
                const std::string key = "a/b/" + std::to_string(writer);
                try {
                    for (int round = 0; round < 200; ++round) {
                        location->put_bytes(key, "x", {}, kNever);
                        location->remove(key, kNever);
                    }
                } catch (const Error& error) {
                    errors.lock()->push_back(error.what());
                }
            });
        }
    }
    CAPTURE(*errors.lock());
    CHECK(errors.lock()->empty());
    location->list("", [](const ObjectStat& object) { FAIL("left: " << object.key); }, kNever);
}

TEST_CASE("an object and a folder cannot have one name in a file store") {
    TemporaryFolder folder;
    const auto location = open_file_location(folder.path().string());
    location->put_bytes("a/b", "x", {}, kNever);
    try {
        location->put_bytes("a", "x", {}, kNever);
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::kFailedPrecondition);
    }
    try {
        location->put_bytes("a/b/c", "x", {}, kNever);
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::kFailedPrecondition);
    }
    CHECK_FALSE(location->stat("a", kNever));
    CHECK_FALSE(location->stat("a/b/c", kNever));
}
