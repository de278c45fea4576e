// The keeper alone, on an embedded cluster without Pods: what it undoes has always gone already.
#include "run/obligations.h"

#include <atomic>

#include "base/encodings.h"
#include "run/listed_entry.h"
#include "run_world.h"

namespace fencepost::run {
namespace {

// A wall clock that can be set while the monotonic one goes on.
class SetClock final : public Clock {
  public:
    [[nodiscard]] SystemTime now() const override {
        const SystemTime standing = stands_at;
        return standing == SystemTime() ? std::chrono::system_clock::now() + wrong.load() : standing;
    }
    [[nodiscard]] SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
    void sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) override {
        if (!cancel.wait_for(duration)) cancel.throw_if_cancelled();
    }
    std::atomic<std::chrono::hours> wrong{std::chrono::hours(0)};
    std::atomic<SystemTime> stands_at{SystemTime()};  // where that is set, it does not go on
};

class KeeperWorld : public RunWorld {
  public:
    KeeperWorld() {
        engine.reset();  // its keeper would be at it too
        set_world = std::make_unique<World>(World{*cluster, set_clock, *http, log, "default"});
        keeper = std::make_unique<ObligationKeeper>(*set_world);
        create(types::kActionSets, "metadata: {name: owner, namespace: default}\nspec: {actions: []}");
    }
    std::string incur(std::chrono::seconds limit, const std::string& uid = "pod-uid",
                      const std::string& action_set = "owner") {
        ObligationRequest request;
        request.kind = "fence";
        request.description = "pod default/pg is fenced";
        request.ns = "default";
        request.pod = "pg";
        request.pod_uid = uid;
        request.undo_commands = {{"true"}};
        request.time_limit = limit;
        return keeper->incur(request, {.action_set = action_set,
                                       .ns = "default",
                                       .uid = cluster::uid_of(get(action_set)),
                                       .action = "backup",
                                       .subject = {}});
    }
    std::string state(const std::string& id) {
        return cluster->get({types::kObligations, "default", id}).get("status", "state").string_or("");
    }
    bool is_undone(const std::string& id) {
        return eventually([&] { return state(id) != "Open"; });
    }
    bool is_undone_within(const std::string& id, std::chrono::milliseconds limit) {
        std::this_thread::sleep_for(limit);
        return state(id) != "Open";
    }

    SetClock set_clock;
    std::unique_ptr<World> set_world;
    std::unique_ptr<ObligationKeeper> keeper;
};

}  // namespace

TEST_CASE("a deadline holds though the wall clock is set back, also for the next daemon on this host") {
    KeeperWorld world;
    const std::string id = world.incur(std::chrono::seconds(2));
    world.set_clock.wrong = std::chrono::hours(-24);
    SECTION("the same daemon") {}
    SECTION("the next one") { world.keeper = std::make_unique<ObligationKeeper>(*world.set_world); }
    world.keeper->start();
    CHECK(world.is_undone(id));
}

TEST_CASE("a deadline has passed where the wall clock was set past it") {
    KeeperWorld world;
    const std::string id = world.incur(std::chrono::hours(1));
    world.keeper->start();
    CHECK(!world.is_undone_within(id, std::chrono::milliseconds(700)));
    world.set_clock.wrong = std::chrono::hours(2);
    CHECK(world.is_undone(id));
}

TEST_CASE("a deadline that is extended holds by both clocks, and the old one no more") {
    KeeperWorld world;
    const std::string id = world.incur(std::chrono::seconds(1));
    world.keeper->extend(id, world.set_clock.now() + std::chrono::seconds(6), {});
    world.keeper->start();
    CHECK(!world.is_undone_within(id, std::chrono::milliseconds(1'500)));
    CHECK(world.is_undone(id));
}

TEST_CASE("the keeper begins before the deadline, not after it") {
    KeeperWorld world;
    const std::string id = world.incur(std::chrono::hours(1));
    const Value deadline = world.cluster->get({types::kObligations, "default", id}).get("spec", "deadline");
    world.set_clock.stands_at = parse_rfc3339(deadline.as_string()) - std::chrono::milliseconds(400);
    world.keeper->start();
    CHECK(world.is_undone(id));
}

TEST_CASE("a Pod that one ActionSet has fenced is not fenced by a second one until the first has lifted it") {
    KeeperWorld world;
    world.create(types::kActionSets, "metadata: {name: other, namespace: default}\nspec: {actions: []}");
    const std::string id = world.incur(std::chrono::hours(1));
    CHECK_THROWS_WITH(world.incur(std::chrono::hours(1), "pod-uid", "other"),
                      Catch::Contains("pod default/pg is fenced already, by the action owner"));
    CHECK(!world.incur(std::chrono::hours(1), "another-uid", "other").empty());
    CHECK(!world.incur(std::chrono::hours(1)).empty());  // its own second attempt
    world.keeper->withdraw(id, "it was not so");
}

TEST_CASE("an entry that is listed only after it was looked for is taken off all the same") {
    KeeperWorld world;
    const cluster::ObjectKey key{types::kConfigMaps, "default", "subject"};
    const ListedEntry entry{.object = key,
                            .uid = cluster::uid_of(world.cluster->get(key)),
                            .annotation = "fenced",
                            .entry = "pg-2"};
    ObligationRequest request;
    request.kind = "fence";
    request.description = "pg-2 is fenced";
    request.details["listedEntry"] = entry.to_value();
    const std::string id = world.keeper->incur(request, {.action_set = "owner",
                                                         .ns = "default",
                                                         .uid = cluster::uid_of(world.get("owner")),
                                                         .action = "backup",
                                                         .subject = {}});
    world.keeper->release_now(id, "operator", {});
    CHECK(world.state(id) == "Withdrawn");
    list_entry(*world.cluster, entry, id, {});
    world.keeper->act_ended(id);
    CHECK(world.state(id) == "Open");
    world.keeper->release_now(id, "operator", {});
    CHECK(world.state(id) == "Released");
    CHECK(world.cluster->get(key).get("metadata", "annotations").map_or_empty().empty());
}

TEST_CASE("what an ActionSet that is gone had fenced is lifted") {
    KeeperWorld world;
    const std::string id = world.incur(std::chrono::hours(1));
    world.keeper->start();
    CHECK(!world.is_undone_within(id, std::chrono::milliseconds(700)));
    world.cluster->remove({types::kActionSets, "default", "owner"});
    CHECK(world.is_undone(id));
}

TEST_CASE("what was released while its act still went on is owed again") {
    KeeperWorld world;
    const std::string id = world.incur(std::chrono::hours(1));
    world.keeper->act_ended(id);
    CHECK(world.state(id) == "Open");
    Value object = world.cluster->get({types::kObligations, "default", id});
    object["status"]["state"] = "Released";
    object["status"]["reason"] = "deadline";
    world.cluster->replace(types::kObligations, object);
    world.keeper->act_ended(id);
    CHECK(world.state(id) == "Open");
    world.keeper->withdraw(id, "it never was");
    world.keeper->act_ended(id);
    CHECK(world.state(id) == "Withdrawn");
}

}  // namespace fencepost::run
