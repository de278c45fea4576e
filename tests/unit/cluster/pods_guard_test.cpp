// Guards of fences: real containers, real guard processes.
#include <signal.h>

#include "base/files.h"
#include "cluster/local/local_cluster.h"
#include "pods_world.h"

namespace fencepost::cluster::local {
namespace {

namespace fs = std::filesystem;

class GuardWorld : public PodWorld {
  public:
    GuardWorld() { notes = options.data_dir.parent_path() / "notes"; }
    Value start_pod(const std::string& name, const std::string& more = "") {
        pod(name, "command: [sleep, '100']" + more);
        return wait_phase(name, "Running");
    }
    Guard guard(const Value& pod, std::chrono::milliseconds until, const std::string& script) {
        Guard guard{.id = "g-" + std::to_string(++count_),
                    .ns = "ns",
                    .pod = name_of(pod),
                    .pod_uid = uid_of(pod),
                    .container = "",
                    .commands = {{"bash", "-c", script}}};
        guard.deadline = clock.now() + until;
        guard.steady_deadline = clock.steady_now() + until;
        return guard;
    }
    std::string undo(const std::string& word = "undone") const {
        return "echo " + word + " >> " + notes.string();
    }
    std::string read_notes() const { return fs::exists(notes) ? read_file(notes) : ""; }
    bool has_notes() const {
        return eventually([&] { return !read_notes().empty(); });
    }
    bool stands(const Guard& guard) const { return fs::exists(options.data_dir / "guards" / guard.id); }
    fs::path notes;

  private:
    int count_ = 0;
};

constexpr std::chrono::milliseconds kSoon{300};
constexpr std::chrono::seconds kLater{3};  // enough to do something before it also on a busy machine

}  // namespace

TEST_CASE(
    "a guard undoes at its deadline though the daemon and all its data are gone, inside the container's "
    "mounts") {
    GuardWorld world;
    world.apply(types::kConfigMaps, "metadata: {name: word, namespace: ns}\ndata: {word: from-the-mount}");
    world.pod("pg",
              "command: [sleep, '100']\n    env: [{name: ME, value: pg}]\n    volumeMounts: [{name: word, "
              "mountPath: /mnt}]",
              "volumes: [{name: word, configMap: {name: word}}]");
    const Value pod = world.wait_phase("pg", "Running");
    const Guard guard = world.guard(pod, kLater, "echo $ME $(cat /mnt/word) >> " + world.notes.string());
    world.backend->post_guard(pod, guard);
    const auto posted = std::chrono::steady_clock::now();
    world.stop();
    fs::remove_all(world.options.data_dir / "guards");
    CHECK(world.read_notes().empty());
    REQUIRE(world.has_notes());
    CHECK(world.read_notes() == "pg from-the-mount\n");
    CHECK(std::chrono::steady_clock::now() - posted < 5 * kLater);
}

TEST_CASE("the earlier of a guard's two deadlines counts") {
    GuardWorld world;
    const Value pod = world.start_pod("pg");
    Guard guard = world.guard(pod, std::chrono::hours(1), world.undo());
    SECTION("the wall clock's") { guard.deadline = world.clock.now() + kSoon; }
    SECTION("the monotonic clock's") { guard.steady_deadline = world.clock.steady_now() + kSoon; }
    world.backend->post_guard(pod, guard);
    CHECK(world.has_notes());
}

TEST_CASE("the guards that stand are told from the files alone, the nearest deadline first") {
    GuardWorld world;
    CHECK(standing_guards(world.options.data_dir).empty());
    CHECK_THROWS_WITH(standing_guards(world.options.data_dir / "none"), Catch::Contains("none/guards"));
    const Value pod = world.start_pod("pg");
    const Guard late = world.guard(pod, std::chrono::hours(2), world.undo());
    const Guard soon = world.guard(pod, std::chrono::hours(1), "exit 0");
    const Guard over = world.guard(pod, kSoon, world.undo());
    for (const Guard& guard : {late, soon, over}) world.backend->post_guard(pod, guard);
    REQUIRE(world.has_notes());
    world.stop();
    std::vector<StandingGuard> standing;
    eventually([&] { return (standing = standing_guards(world.options.data_dir)).size() == 2; });
    REQUIRE(standing.size() == 2);
    CHECK(standing[0].id == soon.id);
    CHECK(standing[0].deadline == soon.deadline);
    CHECK(standing[0].undo == soon.commands);
    CHECK(::kill(standing[0].pid, 0) == 0);
    CHECK(standing[1].id == late.id);
}

TEST_CASE("an undo that fails is tried again") {
    GuardWorld world;
    const Value pod = world.start_pod("pg");
    const std::string once = (world.options.data_dir.parent_path() / "once").string();
    world.backend->post_guard(
        pod,
        world.guard(pod, kSoon, "test -e " + once + " || { touch " + once + "; exit 1; }; " + world.undo()));
    CHECK(world.has_notes());
}

TEST_CASE("a guard that was relieved acts no more, also one that an earlier daemon posted") {
    GuardWorld world;
    const Value pod = world.start_pod("pg");
    const Guard guard = world.guard(pod, kLater, world.undo());
    world.backend->post_guard(pod, guard);
    SECTION("by the daemon that posted it") {}
    SECTION("by the next one") {
        world.stop();
        world.start();
    }
    bool was_run = false;
    world.backend->relieve_guard(guard.id, [&] { was_run = true; }, {});
    CHECK(was_run);
    CHECK(!world.stands(guard));
    std::this_thread::sleep_until(guard.deadline + kSoon);
    CHECK(world.read_notes().empty());
}

TEST_CASE("a guard stands on where the undo in its place fails, and holds still while that runs") {
    GuardWorld world;
    const Value pod = world.start_pod("pg");
    const Guard guard = world.guard(pod, kLater, world.undo());
    world.backend->post_guard(pod, guard);
    CHECK_THROWS_AS(world.backend->relieve_guard(guard.id,
                                                 [&] {
                                                     std::this_thread::sleep_until(guard.deadline + kSoon);
                                                     CHECK(world.read_notes().empty());
                                                     throw Error(ErrorKind::kInternal, "it did not work");
                                                 },
                                                 {}),
                    Error);
    CHECK(world.has_notes());
}

TEST_CASE("a guard that stands stays: posting it again changes nothing") {
    GuardWorld world;
    const Value pod = world.start_pod("pg");
    Guard guard = world.guard(pod, kSoon, world.undo("first"));
    world.backend->post_guard(pod, guard);
    guard.commands = {{"bash", "-c", world.undo("second")}};
    world.backend->post_guard(pod, guard);
    REQUIRE(world.has_notes());
    CHECK(world.read_notes() == "first\n");
}

TEST_CASE("a guard goes with its container, and none is posted for one that does not run") {
    GuardWorld world;
    const Value pod = world.start_pod("pg");
    const Guard guard = world.guard(pod, kLater, world.undo());
    world.backend->post_guard(pod, guard);
    world.objects.remove({types::kPods, "ns", "pg"}, {.grace_period = std::chrono::seconds(0)});
    std::this_thread::sleep_until(guard.deadline + kSoon);
    CHECK(world.read_notes().empty());
    const Value done = world.pod("done", "command: ['true']");
    world.wait_phase("done", "Succeeded");
    CHECK_THROWS_AS(
        world.backend->post_guard(world.get(types::kPods, "done"), world.guard(done, kSoon, world.undo())),
        Error);
    Guard other = world.guard(pod, kSoon, world.undo());
    other.pod_uid = "another";
    CHECK_THROWS_AS(world.backend->post_guard(pod, other), Error);
}

}  // namespace fencepost::cluster::local
