// Against versitygw, whose object lock is S3's: nobody deletes or shortens what it holds in compliance mode.
#include <catch2/catch.hpp>

#include <iostream>
#include <thread>

#include "base/error.h"
#include "location/check.h"
#include "location/repository.h"
#include "location/s3_client.h"
#include "location/s3_object_lock.h"
#include "location/s3_xml.h"
#include "net/http_client.h"
#include "tests/unit/location/error_of.h"
#include "tests/unit/location/s3_server.h"

using namespace fencepost;
using namespace fencepost::location;
using namespace std::chrono_literals;
using fencepost::testing::error_of;
using fencepost::testing::S3Server;

namespace {

const CancelToken kNever;

// A bucket of its own, with an object lock.
struct Locked {
    static constexpr const char* kBucket = "locked";

    S3Server server;
    std::unique_ptr<net::HttpClient> http = net::make_http_client();
    SystemClock clock;
    ResolvedProfile profile;
    S3Client client;

    explicit Locked(std::chrono::seconds period)
        : profile(profile_of(server, period)), client(profile, *http, clock) {
        (void)client.send({.method = "PUT", .headers = {{"x-amz-bucket-object-lock-enabled", "true"}}},
                          kNever);
    }
    static ResolvedProfile profile_of(const S3Server& server, std::chrono::seconds period) {
        ResolvedProfile profile = server.profile("db");
        profile.bucket = kBucket;
        profile.protection_period = period;
        return profile;
    }
    [[nodiscard]] std::unique_ptr<Location> open(Clock& by) const {
        return open_location(profile, *http, by);
    }
    [[nodiscard]] std::unique_ptr<Location> open() { return open(clock); }
    [[nodiscard]] std::vector<S3Version> versions() const {
        return parse_version_page(client.send({.query = {{"prefix", "db/"}, {"versions", ""}}}, kNever).body)
            .versions;
    }
    [[nodiscard]] std::optional<SystemTime> until(const std::string& key,
                                                  const std::string& version = {}) const {
        return locked_until(client, "db/" + key, kNever, version);
    }
};

// The time of day, and so much later.
class LaterClock final : public Clock {
  public:
    std::chrono::seconds later{0};
    [[nodiscard]] SystemTime now() const override { return real_.now() + later; }
    [[nodiscard]] SteadyTime steady_now() const override { return real_.steady_now() + later; }
    void sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) override {
        real_.sleep(duration, cancel);
    }

  private:
    SystemClock real_;
};

Source source_of(std::size_t bytes) {
    return [bytes](char* buffer, std::size_t size) mutable {
        const std::size_t piece = std::min(bytes, size);
        std::fill_n(buffer, piece, 'x');
        bytes -= piece;
        return piece;
    };
}

bool is_installed() {
    if (!S3Server::executable().empty()) return true;
    std::cout << "SKIPPED: versitygw is not installed (scripts/install-deps --test)\n";
    return false;
}

}  // namespace

TEST_CASE("what is written to a protected location cannot be deleted or shortened, small or large") {
    if (!is_installed()) return;
    Locked store(1h);
    const auto location = store.open();
    location->put_bytes("small", "text", {}, kNever);
    location->put("large", source_of(std::size_t{9} << 20U), {}, kNever);
    location->put_bytes("short", "text", {.is_short_lived = true}, kNever);
    for (const char* key : {"small", "large"}) {
        const auto until = store.until(key);
        REQUIRE(until);
        CHECK(*until > store.clock.now() + 74min);
        CHECK(*until <= store.clock.now() + 75min);
    }
    CHECK_FALSE(store.until("short"));
    for (const S3Version& version : store.versions()) {
        const S3Request remove{.method = "DELETE", .key = version.key, .query = {{"versionId", version.id}}};
        if (version.key == "db/short") {
            (void)store.client.send(remove, kNever);
        } else {
            CHECK(error_of([&] { (void)store.client.send(remove, kNever); }).kind() == ErrorKind::kForbidden);
        }
    }
    CHECK(location->get_bytes("small", kNever) == "text");
}

TEST_CASE("what is removed from a protected location is hidden, and its bytes are freed when the lock ends") {
    if (!is_installed()) return;
    Locked store(3s);
    const auto location = store.open();
    location->put_bytes("a", "first", {}, kNever);
    const Removal removal = location->remove("a", kNever);
    CHECK_FALSE(removal.is_held);
    REQUIRE(removal.retained_until);
    CHECK(removal.note("a").find("retains a until 20") != std::string::npos);
    CHECK_FALSE(location->stat("a", kNever));
    const Protection held = location->protect(kNever);
    CHECK(held.objects == 0);
    CHECK(held.retained == 1);
    CHECK(held.retained_bytes == 5);
    CHECK(held.retained_until == removal.retained_until);
    CHECK(held.freed == 0);
    CHECK(store.versions().size() == 2);  // it, and the marker that hides it
    location->put_bytes("b", "there", {}, kNever);
    std::this_thread::sleep_until(*removal.retained_until + 100ms);
    const Protection freed = location->protect(kNever);
    CHECK(freed.freed == 1);
    CHECK(freed.retained == 0);
    CHECK(freed.objects == 1);
    CHECK(store.versions().size() == 1);
    CHECK(location->get_bytes("b", kNever) == "there");
}

TEST_CASE("what stays is locked anew before less than the period is left, and never for less") {
    if (!is_installed()) return;
    Locked store(8min);
    LaterClock clock;
    const auto location = store.open(clock);
    location->put_bytes("kept", "text", {}, kNever);
    location->put_bytes("removed", "text", {}, kNever);
    location->remove("removed", kNever);
    const auto first = store.until("kept");
    clock.later = 1min;  // more than eight minutes are left of ten
    CHECK(location->protect(kNever).extended == 0);
    CHECK(store.until("kept") == first);
    clock.later = 3min;
    const Protection found = location->protect(kNever);
    CHECK(found.objects == 1);
    CHECK(found.extended == 1);
    CHECK(found.retained == 1);
    CHECK(store.until("kept") >= *first + 3min);
    for (const S3Version& version : store.versions()) {  // what was removed only waits for its end
        if (version.key == "db/removed" && !version.is_delete_marker)
            CHECK(store.until("removed", version.id) <= *first + 2s);
    }
}

TEST_CASE("objects from before there was a protection period are locked by the first look") {
    if (!is_installed()) return;
    Locked store(1h);
    ResolvedProfile before = store.profile;
    before.protection_period = 0s;
    open_location(before, *store.http, store.clock)->put_bytes("old", "text", {}, kNever);
    CHECK_FALSE(store.until("old"));
    CHECK(store.open()->protect(kNever).extended == 1);
    CHECK(store.until("old"));
}

TEST_CASE("a repository in a protected location works, and its lock files are not held") {
    if (!is_installed()) return;
    Locked store(1h);
    const auto location = store.open();
    const auto repository = Repository::open(*location, store.clock, Secret("key"), true, kNever);
    const std::string id = repository->push(source_of(1000), {}, kNever).snapshot_id;
    std::size_t locked = 0;
    for (const S3Version& version : store.versions()) {
        if (version.is_delete_marker) continue;
        const bool is_lock = version.key.find("/locks/") != std::string::npos;
        CHECK(locked_until(store.client, version.key, kNever, version.id).has_value() == !is_lock);
        locked += is_lock ? 0 : 1;
    }
    CHECK(locked >= 5);                           // config, key, index, snapshot, two packs
    CHECK(location->protect(kNever).freed >= 1);  // of the push: its lock
    CHECK(repository->forget(id, kNever).retained_until);
    (void)repository->prune(0s, kNever);
    CHECK(repository->snapshots(kNever).empty());
    const Protection left = location->protect(kNever);
    CHECK(left.retained >= 3);
    CHECK(left.extended == 0);
}

TEST_CASE("many objects, over several pages of the list") {
    if (!is_installed()) return;
    Locked store(1h);
    ResolvedProfile before = store.profile;
    before.protection_period = 0s;
    const auto location = open_location(before, *store.http, store.clock);
    for (int i = 0; i < 1'050; ++i) location->put_bytes("n/" + std::to_string(i), "x", {}, kNever);
    const Protection found = store.open()->protect(kNever);
    CHECK(found.objects == 1'050);
    CHECK(found.extended == 1'050);
}

TEST_CASE("a bucket without object lock is told before anything is written") {
    if (!is_installed()) return;
    S3Server server;
    const auto http = net::make_http_client();
    SystemClock clock;
    ResolvedProfile profile = server.profile("db");
    CHECK_FALSE(open_location(profile, *http, clock)->check_protection(kNever));
    CHECK(error_of([&] { (void)open_location(profile, *http, clock)->protect(kNever); }).kind() ==
          ErrorKind::kFailedPrecondition);
    profile.protection_period = 1h;
    const auto location = open_location(profile, *http, clock);
    CHECK(error_of([&] { (void)location->protect(kNever); }).kind() == ErrorKind::kFailedPrecondition);
    CHECK(error_of([&] { location->put_bytes("a", "b", {}, kNever); }).kind() == ErrorKind::kInvalid);
    const std::vector<Check> checks = check_location(*location, kNever);
    REQUIRE(checks.size() == 6);
    CHECK(checks.at(0).is_ok);
    CHECK(checks.back().name == "protect");
    CHECK(checks.back().detail.find("has no object lock") != std::string::npos);
}
