// Snapshots in a restic repository. Stock restic is the judge, in both directions, over a folder and over a
// real S3 server.
#include <catch2/catch.hpp>

#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "location/repository.h"
#include "location/restic/files.h"
#include "location/restic/keys.h"
#include "location/restic/lock.h"
#include "tests/unit/location/s3_server.h"
#include "value/json.h"

using namespace fencepost;
using namespace fencepost::location;
using fencepost::testing::S3Server;
using fencepost::testing::TemporaryFolder;

namespace {

const CancelToken kNever;
const Secret kPassword("a-password-of-the-tests");

bool have_restic() { return std::system("command -v restic > /dev/null 2>&1") == 0; }

S3Server& server() {
    static S3Server server;
    return server;
}

// A location, and how stock restic names it.
struct Place {
    TemporaryFolder folder;
    SystemClock clock;
    std::unique_ptr<net::HttpClient> http = net::make_http_client();
    std::unique_ptr<Location> location;
    std::string restic_name;

    explicit Place(const std::string& kind = "file") {
        ResolvedProfile profile;
        if (kind == "file") {
            profile.type = "filestore";
            profile.file_path = folder.path().string();
            restic_name = folder.path().string();
        } else {
            static int count = 0;
            const std::string prefix = "repository/" + std::to_string(++count);
            profile = server().profile(prefix);
            restic_name = "s3:http://127.0.0.1:" + std::to_string(server().port()) + "/" + S3Server::kBucket +
                          "/" + prefix;
        }
        location = open_location(profile, *http, clock);
    }

    [[nodiscard]] std::unique_ptr<Repository> open(bool create = true) {
        return Repository::open(*location, clock, kPassword, create, kNever);
    }

    struct Restic {
        int code = -1;
        std::string out;
    };
    Restic restic(const std::string& arguments, const std::string& redirect = "") const {
        TemporaryFolder work;
        const std::string out = (work.path() / "out").string();
        const std::string command =
            "AWS_ACCESS_KEY_ID=fencepost AWS_SECRET_ACCESS_KEY=fencepost-secret-key RESTIC_PASSWORD='" +
            kPassword.reveal() + "' timeout 60 restic --no-cache -r " + restic_name + " " + arguments +
            " > " + out + (redirect.empty() ? " 2>&1" : " " + redirect);
        const int status = std::system(command.c_str());
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(out, std::size_t{1} << 30U)};
    }
    void check() const {
        const Restic ran = restic("check --read-data");
        CAPTURE(ran.out);
        CHECK(ran.code == 0);
        CHECK(ran.out.find("no errors were found") != std::string::npos);
    }
    [[nodiscard]] std::size_t count(std::string_view prefix) const {
        std::size_t found = 0;
        location->list(prefix, [&](const ObjectStat&) { ++found; }, kNever);
        return found;
    }
};

// A dump's text: compressible, not repeating.
std::string dump_text(std::size_t size, unsigned seed = 1) {
    std::mt19937_64 random(seed);
    std::string text;
    text.reserve(size + 200);
    for (std::uint64_t row = 0; text.size() < size; ++row) {
        text += std::to_string(row) + "\tcustomer-" + std::to_string(random() % 100'000) + "\t" +
                std::to_string(random()) + "\tsome text that every row has\n";
    }
    text.resize(size);
    return text;
}

Source source_of(std::string_view bytes) {
    return [bytes](char* buffer, std::size_t size) mutable {
        const std::size_t piece = bytes.copy(buffer, std::min<std::size_t>(size, 65'536));
        bytes.remove_prefix(piece);
        return piece;
    };
}

std::string pull(Repository& repository, const std::string& id, const std::string& path = "") {
    std::string bytes;
    const std::uint64_t size =
        repository.pull(id, path, [&](std::string_view piece) { bytes += piece; }, kNever);
    CHECK(size == bytes.size());
    return bytes;
}

Error error_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        return error;
    }
    FAIL("nothing was thrown");
    return {ErrorKind::kInternal, ""};
}

bool skip(const std::string& kind) {
    if (kind == "s3" && S3Server::executable().empty()) {
        std::cout << "SKIPPED: repositories in S3 (versitygw is not installed)\n";
        return true;
    }
    if (!have_restic()) {
        std::cout << "SKIPPED: what stock restic says (it is not installed)\n";
        return true;
    }
    return false;
}

}  // namespace

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

namespace {

// Fails the n-th write; what was written before is there.
class FailingLocation final : public Location {
  public:
    FailingLocation(Location& under, int allowed) : under_(under), allowed_(allowed) {}
    [[nodiscard]] std::string description() const override { return under_.description(); }
    ObjectStat put(std::string_view key, const Source& source, const PutOptions& options,
                   const CancelToken& cancel) override {
        use(key);
        return under_.put(key, source, options, cancel);
    }
    ObjectStat put_bytes(std::string_view key, std::string_view bytes, const PutOptions& options,
                         const CancelToken& cancel) override {
        use(key);
        return under_.put_bytes(key, bytes, options, cancel);
    }
    void get(std::string_view key, const Sink& sink, const CancelToken& cancel, std::uint64_t offset,
             std::uint64_t length) override {
        under_.get(key, sink, cancel, offset, length);
    }
    [[nodiscard]] std::string get_bytes(std::string_view key, const CancelToken& cancel, std::uint64_t offset,
                                        std::uint64_t length) override {
        return under_.get_bytes(key, cancel, offset, length);
    }
    [[nodiscard]] std::optional<ObjectStat> stat(std::string_view key, const CancelToken& cancel) override {
        return under_.stat(key, cancel);
    }
    void list(std::string_view prefix, const std::function<void(const ObjectStat&)>& visit,
              const CancelToken& cancel) override {
        under_.list(prefix, visit, cancel);
    }
    void remove(std::string_view key, const CancelToken& cancel) override { under_.remove(key, cancel); }

  private:
    void use(std::string_view) {
        if (allowed_.fetch_sub(1) <= 0) throw Error(ErrorKind::kExhausted, "the disk is full");
    }
    Location& under_;
    std::atomic<int> allowed_;
};

}  // namespace

TEST_CASE("a store that fails at any write leaves a repository that still works") {
    Place place;
    const std::string dump = dump_text(30 << 20U, 5);
    bool completed = false;
    int failed = 0;
    for (int allowed = 0; !completed && allowed < 40; ++allowed) {
        FailingLocation failing(*place.location, allowed);
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

// Kills its process at the n-th write, before or after the bytes are there.
class KillingLocation final : public Location {
  public:
    KillingLocation(Location& under, int writes, bool after) : under_(under), left_(writes), after_(after) {}
    [[nodiscard]] std::string description() const override { return under_.description(); }
    ObjectStat put(std::string_view key, const Source& source, const PutOptions& options,
                   const CancelToken& cancel) override {
        return under_.put(key, source, options, cancel);
    }
    ObjectStat put_bytes(std::string_view key, std::string_view bytes, const PutOptions& options,
                         const CancelToken& cancel) override {
        const bool now = left_.fetch_sub(1) == 0;
        if (now && !after_) ::kill(::getpid(), SIGKILL);
        ObjectStat stat = under_.put_bytes(key, bytes, options, cancel);
        if (now) ::kill(::getpid(), SIGKILL);
        return stat;
    }
    void get(std::string_view key, const Sink& sink, const CancelToken& cancel, std::uint64_t offset,
             std::uint64_t length) override {
        under_.get(key, sink, cancel, offset, length);
    }
    [[nodiscard]] std::string get_bytes(std::string_view key, const CancelToken& cancel, std::uint64_t offset,
                                        std::uint64_t length) override {
        return under_.get_bytes(key, cancel, offset, length);
    }
    [[nodiscard]] std::optional<ObjectStat> stat(std::string_view key, const CancelToken& cancel) override {
        return under_.stat(key, cancel);
    }
    void list(std::string_view prefix, const std::function<void(const ObjectStat&)>& visit,
              const CancelToken& cancel) override {
        under_.list(prefix, visit, cancel);
    }
    void remove(std::string_view key, const CancelToken& cancel) override { under_.remove(key, cancel); }

  private:
    Location& under_;
    std::atomic<int> left_;
    bool after_;
};

// Pushes in a process of its own; true if that was killed.
bool push_in_a_process(const std::string& folder, const std::string& dump, int writes, bool after,
                       std::size_t until) {
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            SystemClock clock;
            const auto store = open_file_location(folder);
            KillingLocation location(*store, writes, after);
            std::size_t given = 0;
            const Source source = [&](char* buffer, std::size_t size) {
                if (given >= until) ::kill(::getpid(), SIGKILL);
                const std::size_t piece = std::string_view(dump).substr(given).copy(buffer, size);
                given += piece;
                return piece;
            };
            Repository::open(location, clock, kPassword, true, kNever)->push(source, {.path = "s"}, kNever);
        } catch (...) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) CHECK(WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
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
    const Error refused = error_of([&] { repository->push(source_of("x"), {.path = "s"}, kNever); });
    CHECK(refused.kind() == ErrorKind::kFailedPrecondition);
    CHECK(refused.message().find("alice on elsewhere (process 4711)") != std::string::npos);
    CHECK(place.count("locks/") == 1);
    {
        TaskGroup group;
        group.spawn([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds{500});
            files.remove("locks/", held, kNever);
        });
        CHECK(
            repository->push(source_of("x"), {.path = "s", .wait_for_lock = std::chrono::seconds{20}}, kNever)
                .logical_bytes == 1);
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
