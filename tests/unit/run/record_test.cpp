// The record's first write, which is the claim to an ActionSet: one controller alone makes it.
#include "run/record.h"

#include "run_world.h"

namespace fencepost::run {
namespace {

class Claims : public RunWorld {
  public:
    Claims() {
        engine.reset();  // it would be quicker
        start_action();
    }
    // A run that has seen the ActionSet as it is now.
    std::unique_ptr<Record> seen(const std::string& launched_at = "2026-01-01T00:00:00Z") {
        auto record = std::make_unique<Record>(*world, get());
        record->stage([&](Status& status) {
            status.set_state(state::kRunning);
            status.record["launchedAt"] = launched_at;
        });
        return record;
    }
    Value write(const std::string& patch) {
        return cluster->patch({types::kActionSets, "default", "run"}, cluster::PatchType::kMerge,
                              parse_json(patch));
    }
    static void claim(Record& record) {
        record.commit([](Status&) {}, {});
    }
};

}  // namespace

TEST_CASE("an ActionSet that another controller has begun in the meantime is left as it is") {
    Claims world;
    const auto record = world.seen();
    const Value theirs = world.write(R"({"status":{"state":"pending","actions":[]}})");
    CHECK(is_anothers(theirs));
    CHECK_THROWS_AS(Claims::claim(*record), NotOurs);
    CHECK(world.get() == theirs);
}

TEST_CASE("an ActionSet that somebody has only touched in the meantime is begun all the same") {
    Claims world;
    const auto record = world.seen();
    world.write(R"({"metadata":{"labels":{"a":"b"}},"spec":{"cancel":false}})");
    Claims::claim(*record);
    const Value stored = world.get();
    CHECK(stored.get("status", "state") == Value("running"));
    CHECK(stored.get("metadata", "labels", "a") == Value("b"));
    CHECK(!is_anothers(stored));
}

TEST_CASE("of two claims of the same daemon the late one is refused, and one whose answer was lost is not") {
    Claims world;
    const auto late = world.seen("2026-01-01T00:00:09Z");
    const auto again = world.seen();
    Claims::claim(*world.seen());
    const Value stored = world.get();
    CHECK_THROWS_AS(Claims::claim(*late), NotOurs);
    CHECK(world.get() == stored);
    Claims::claim(*again);
    CHECK(is_begun(world.get()));
}

TEST_CASE("an ActionSet that has gone before it was begun is not begun, and one that goes later is lost") {
    Claims world;
    const auto begun = world.seen();
    const auto unbegun = world.seen("2026-01-01T00:00:09Z");
    Claims::claim(*begun);
    world.write(R"({"metadata":{"finalizers":null}})");
    world.cluster->remove({types::kActionSets, "default", "run"});
    CHECK_THROWS_AS(Claims::claim(*unbegun), NotOurs);
    Claims::claim(*begun);
    CHECK(begun->is_lost());
}

}  // namespace fencepost::run
