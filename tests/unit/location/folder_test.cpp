// Folder trees in a restic repository. Stock restic is the judge, in both directions.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "base/encodings.h"
#include "tests/unit/location/repository_place.h"
#include "value/json.h"

using namespace fencepost;
using namespace fencepost::testing;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, std::string_view bytes) { std::ofstream(path) << bytes; }

bool is_root() { return ::geteuid() == 0; }

// Everything that a file system has to offer, below `root`.
void plant(const fs::path& root) {
    fs::create_directories(root / "sub/deep");
    fs::create_directories(root / "empty");
    write(root / "plain", "some text\n");
    write(root / "none", "");
    write(root / "large", dump_text(5 << 20U));
    write(root / "sub/odd \"name\"\\with\nlines", "odd");
    write(root / "sub/not-utf8-\xff\xfe", "bytes");
    write(root / "sub/deep/\xc3\xbc", "umlaut");
    write(root / "sub/sparse", "begin");
    REQUIRE(::truncate((root / "sub/sparse").c_str(), 64 << 20U) == 0);
    write(root / "script", "#!/bin/sh\n");
    REQUIRE(::chmod((root / "script").c_str(), 04755) == 0);
    REQUIRE(::chmod((root / "sub").c_str(), 02750) == 0);
    REQUIRE(::chmod((root / "plain").c_str(), 0400) == 0);
    fs::create_hard_link(root / "large", root / "sub/deep/large-again");
    fs::create_symlink("plain", root / "to-plain");
    fs::create_symlink("/nowhere/at/all", root / "sub/dangling");
    REQUIRE(::mkfifo((root / "pipe").c_str(), 0600) == 0);
    if (is_root()) {
        REQUIRE(::lchown((root / "plain").c_str(), 1234, 4321) == 0);
        REQUIRE(::lchown((root / "to-plain").c_str(), 12, 34) == 0);
        REQUIRE(::mknod((root / "device").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0);
    }
    (void)::setxattr((root / "none").c_str(), "user.note", "\x01\x00z", 3, 0);
    const timespec times[2] = {{1'000'000'000, 1}, {1'234'567'890, 123'456'789}};
    for (const char* path : {"plain", "to-plain", "sub/deep", "empty"})
        REQUIRE(::utimensat(AT_FDCWD, (root / path).c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

// What a restore must give back of every entry, as text.
std::map<std::string, std::string> picture(const fs::path& root) {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        struct stat info{};
        REQUIRE(::lstat(entry.path().c_str(), &info) == 0);
        const std::string name = fs::relative(entry.path(), root).string();
        std::string text = std::to_string(info.st_mode) + " " + std::to_string(info.st_uid) + ":" +
                           std::to_string(info.st_gid) + " links " +
                           std::to_string(S_ISDIR(info.st_mode) ? 0 : info.st_nlink) + " dev " +
                           std::to_string(info.st_rdev) + " size " +
                           std::to_string(S_ISDIR(info.st_mode) ? 0 : info.st_size) + " time " +
                           std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
        if (S_ISREG(info.st_mode)) text += " " + sha256_hex(read_file(entry.path(), std::size_t{1} << 30U));
        if (S_ISLNK(info.st_mode)) text += " -> " + fs::read_symlink(entry.path()).string();
        char value[64] = {};
        const ssize_t size = ::lgetxattr(entry.path().c_str(), "user.note", value, sizeof value);
        if (size > 0) text += " note " + std::string(value, static_cast<std::size_t>(size));
        all[name] = text;
    }
    return all;
}

FolderBackupStats back_up(Repository& repository, const fs::path& path) {
    return repository.backup_folder({.path = path.string(), .host = "h", .tags = {"t1"}}, kNever);
}

}  // namespace

TEST_CASE("a folder with everything in it comes back as it was, by us and by stock restic") {
    if (skip("file")) return;
    Place place;
    TemporaryFolder work;
    const fs::path source = work.path() / "source";
    plant(source);
    const auto before = picture(source);
    const FolderBackupStats stats = back_up(*place.open(), source);
    CHECK(stats.files == 9);
    CHECK(stats.unchanged_files == 0);
    CHECK(stats.stored_bytes < stats.logical_bytes);
    place.check();

    const SnapshotSize restored = place.open(false)->restore_folder(
        stats.snapshot_id, {.inner = source.string(), .target = (work.path() / "ours").string()}, kNever);
    CHECK(picture(work.path() / "ours") == before);
    CHECK(restored.files == 9);
    struct stat sparse{};
    REQUIRE(::stat((work.path() / "ours/sub/sparse").c_str(), &sparse) == 0);
    CHECK(sparse.st_blocks < 64);
    const SnapshotSize size = place.open(false)->size_of(stats.snapshot_id, kNever);
    CHECK(size.files == 9);
    CHECK(size.bytes == restored.bytes);
    CHECK(size.bytes < stats.logical_bytes);  // the large one has two names

    const auto whole =
        place.restic("restore " + stats.snapshot_id + " --target " + (work.path() / "its").string());
    CAPTURE(whole.out);
    CHECK(whole.code == 0);
    fs::remove_all(work.path() / "theirs");
    CHECK(picture(work.path() / "its" / source.relative_path()) == before);
    CHECK(place.restic("dump " + stats.snapshot_id + " " + (source / "plain").string(), "2>/dev/null").out ==
          "some text\n");
    CHECK_THAT(place.restic("ls " + stats.snapshot_id).out,
               Contains((source / "sub/deep/large-again").string()) && Contains((source / "pipe").string()));
    const Value listed = parse_json(place.restic("snapshots --json", "2>/dev/null").out);
    CHECK(listed.as_list().at(0)["paths"].as_list().at(0) == Value(source.string()));
    CHECK(listed.as_list().at(0)["tags"].as_list().at(0) == Value("t1"));
}

TEST_CASE("a folder that stock restic stored comes back as it was") {
    if (skip("file")) return;
    Place place;
    TemporaryFolder work;
    const fs::path source = work.path() / "source";
    plant(source);
    const auto before = picture(source);
    REQUIRE(place.restic("init --repository-version 2").code == 0);
    REQUIRE(place.restic("backup " + source.string()).code == 0);
    auto repository = place.open(false);
    const std::string id = repository->snapshots(kNever).at(0).id;
    (void)repository->restore_folder(id, {.inner = "", .target = (work.path() / "ours").string()}, kNever);
    CHECK(picture(work.path() / "ours" / source.relative_path()) == before);
    // What restic has stored already is not stored again.
    const FolderBackupStats ours = back_up(*repository, source);
    CHECK(ours.stored_bytes < 30'000);
    place.check();
}

TEST_CASE("the next backup of a folder reads what has changed alone, and sees every change") {
    if (skip("file")) return;
    Place place;
    TemporaryFolder work;
    const fs::path source = work.path() / "source";
    plant(source);
    (void)back_up(*place.open(), source);
    const FolderBackupStats same = back_up(*place.open(), source);
    CHECK(same.unchanged_files == same.files);
    CHECK(same.stored_bytes < 4'000);

    write(source / "none", "now it has something");
    fs::remove(source / "pipe");
    fs::rename(source / "sub/deep", source / "sub/moved");
    const FolderBackupStats changed = back_up(*place.open(), source);
    CHECK(changed.files == same.files);
    CHECK(changed.unchanged_files == same.files - 3);  // `none`, and what lies in the folder that moved
    place.check();
    (void)place.open()->restore_folder(
        changed.snapshot_id, {.inner = source.string(), .target = (work.path() / "ours").string()}, kNever);
    CHECK(picture(work.path() / "ours") == picture(source));
}

TEST_CASE("a restore replaces files whole, keeps what else is there, and leads through no link") {
    if (skip("file")) return;
    Place place;
    TemporaryFolder work;
    const fs::path source = work.path() / "source";
    fs::create_directories(source / "sub");
    write(source / "a", "new");
    write(source / "sub/b", "new");
    const std::string id = back_up(*place.open(), source).snapshot_id;
    const auto restore = [&](const std::string& inner, const fs::path& target) {
        return place.open(false)->restore_folder(id, {.inner = inner, .target = target.string()}, kNever);
    };

    const fs::path there = work.path() / "there";
    fs::create_directories(there);
    write(work.path() / "outside", "untouched");
    fs::create_symlink(work.path() / "outside", there / "a");
    write(there / "kept", "kept");
    (void)restore(source.string(), there);
    CHECK(read_file(there / "a") == "new");
    CHECK(!fs::is_symlink(there / "a"));
    CHECK(read_file(there / "kept") == "kept");
    CHECK(read_file(work.path() / "outside") == "untouched");
    CHECK(std::distance(fs::directory_iterator(there), {}) == 3);

    const fs::path trap = work.path() / "trap";
    fs::create_directories(trap);
    fs::create_directories(work.path() / "victim");
    fs::create_symlink(work.path() / "victim", trap / "sub");
    const Error error = error_of([&] { (void)restore(source.string(), trap); });
    CHECK(error.kind() == ErrorKind::kFailedPrecondition);
    CHECK_THAT(error.what(), Contains((trap / "sub").string()));
    CHECK(fs::is_empty(work.path() / "victim"));

    (void)restore((source / "sub").string(), work.path() / "part");
    CHECK(read_file(work.path() / "part/b") == "new");
    (void)restore((source / "sub/b").string(), work.path() / "one");
    CHECK(read_file(work.path() / "one/b") == "new");
    CHECK(error_of([&] { (void)restore("/none", there); }).kind() == ErrorKind::kNotFound);
    CHECK(error_of([&] { (void)restore((source / "a/b").string(), there); }).kind() == ErrorKind::kNotFound);

    // The folders above what was backed up keep what they have.
    const fs::path root = work.path() / "root";
    fs::create_directories(root / source.relative_path());
    REQUIRE(::chmod((root / source.relative_path().parent_path()).c_str(), 0711) == 0);
    REQUIRE(::chmod((root / source.relative_path()).c_str(), 0711) == 0);
    (void)restore("", root);
    CHECK(fs::status(root / source.relative_path().parent_path()).permissions() == fs::perms(0711));
    CHECK(fs::status(root / source.relative_path()).permissions() == fs::status(source).permissions());
}

TEST_CASE("what cannot be backed up is told, and leaves no snapshot") {
    Place place;
    TemporaryFolder work;
    for (const char* path : {"relative", "/a/../b", "/a//b", "/a/", ""})
        CHECK(error_of([&] { (void)back_up(*place.open(), path); }).kind() == ErrorKind::kInvalid);
    const fs::path none = work.path() / "none";
    const Error error = error_of([&] { (void)back_up(*place.open(), none); });
    CHECK(error.kind() == ErrorKind::kNotFound);
    CHECK_THAT(error.what(), Contains(none.string()));
    CHECK(place.open()->snapshots(kNever).empty());
    write(work.path() / "file", "one file");
    const FolderBackupStats stats = back_up(*place.open(), work.path() / "file");
    CHECK(stats.files == 1);
    CHECK((pull(*place.open(), stats.snapshot_id) == "one file"));
}
