// Leader election on a real store, by clocks that the tests move: each replica has its own, which may go
// wrong.
#include "cluster/kube/lease.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/task_group.h"
#include "cluster/local/local_cluster.h"
#include "value/json.h"
#include "value/yaml.h"

using namespace fencepost;
using namespace fencepost::cluster;
using namespace std::chrono_literals;
using kube::kLeases;
using kube::LeaderElection;
using kube::Leadership;

namespace {

constexpr auto kStep = 100ms;

// A replica's way to the API server, which may be cut.
class Path final : public Cluster {
  public:
    enum class Mode { kOpen, kCut, kAnswersAreLost };
    explicit Path(Cluster& behind) : behind_(behind) {}

    Value get(const ObjectKey& key) override {
        pass();
        return behind_.get(key);
    }
    Value create(const ResourceType& type, const Value& object, const WriteOptions& options) override {
        pass();
        return answer(behind_.create(type, object, options));
    }
    Value replace(const ResourceType& type, const Value& object, const WriteOptions& options) override {
        pass();
        return answer(behind_.replace(type, object, options));
    }
    ObjectList list(const ResourceType&, const ListOptions&) override { throw unused(); }
    std::unique_ptr<Watch> watch(const ResourceType&, const WatchOptions&) override { throw unused(); }
    Value patch(const ObjectKey&, PatchType, const Value&, const PatchOptions&) override { throw unused(); }
    Value remove(const ObjectKey&, const DeleteOptions&) override { throw unused(); }
    std::optional<ResourceDescription> find_type(std::string_view, std::string_view,
                                                 std::string_view) override {
        throw unused();
    }
    std::vector<ResourceDescription> types() override { throw unused(); }
    ExecResult exec(std::string_view, std::string_view, const ExecOptions&, const CancelToken&) override {
        throw unused();
    }
    void post_guard(const Guard&) override { throw unused(); }
    void relieve_guard(std::string_view, const std::function<void()>&, const CancelToken&) override {
        throw unused();
    }
    void logs(std::string_view, std::string_view, const LogOptions&,
              const std::function<void(std::string_view)>&, const CancelToken&) override {
        throw unused();
    }

    std::atomic<Mode> mode{Mode::kOpen};
    std::atomic<int> claims{0};  // terms that it knows to have won

  private:
    static Error unused() { return {ErrorKind::kUnsupported, "no part of leader election"}; }
    void pass() const {
        if (mode == Mode::kCut) throw Error(ErrorKind::kUnavailable, "the API server is away");
    }
    Value answer(Value stored) {
        if (mode == Mode::kAnswersAreLost) throw Error(ErrorKind::kUnavailable, "the connection was lost");
        const std::string term =
            uid_of(stored) + "/" + std::to_string(stored["spec"]["leaseTransitions"].int_or(-1));
        if (term != std::exchange(term_, term)) ++claims;
        return stored;
    }
    Cluster& behind_;
    std::string term_;
};

class Replica {
  public:
    Replica(Cluster& store, Log& log, const std::string& name, double clock_rate = 1, SystemTime start = {})
        : path(store),
          rate(clock_rate),
          clock(start),
          election_(path, clock, log, {.ns = "default", .identity = name}) {
        thread_.spawn([this] {
            try {
                for (;;) election_.run(stop_.token(), [this](const Leadership& term) { lead(term); });
            } catch (const Cancelled&) {
                is_over_ = true;
            }
        });
    }
    ~Replica() {
        winds_down_ = false;
        stop_.cancel(CancelReason::kShutdown);
        thread_.join();
    }

    // What it would do right now with a write.
    [[nodiscard]] bool may_write() {
        auto term = term_.lock();
        if (*term == nullptr) return false;
        try {
            (*term)->check();
            return true;
        } catch (const Cancelled&) {
            return false;
        }
    }
    [[nodiscard]] std::int64_t fencing_token() {
        auto term = term_.lock();
        return *term == nullptr ? -1 : (*term)->fencing_token();
    }
    // Between the claim and the term nothing of it waits for the clock.
    void comes_to_lead() {
        for (int i = 0; i < 10'000 && !leads(); ++i) std::this_thread::sleep_for(1ms);
    }
    [[nodiscard]] bool leads() { return *term_.lock() != nullptr; }
    // Every thread of it waits for time to pass, and what it has won it leads.
    [[nodiscard]] bool is_settled() {
        return is_over_ || (path.claims == terms && clock.sleepers() == (leads() ? 2 : 1));
    }
    void stop(bool winds_down = false) {
        winds_down_ = winds_down;
        stop_.cancel(CancelReason::kShutdown);
    }
    void wound_down() { winds_down_ = false; }

    Path path;
    const double rate;
    ManualClock clock;
    std::atomic<bool> is_frozen{false};  // stopped by a signal, or dead: its time stands still for it
    std::atomic<int> terms{0};

  private:
    void lead(const Leadership& term) {
        *term_.lock() = &term;
        ++terms;
        while (!term.token().is_cancelled() || winds_down_) std::this_thread::sleep_for(200us);
        *term_.lock() = nullptr;
    }

    std::atomic<bool> winds_down_{false};
    std::atomic<bool> is_over_{false};
    Guarded<const Leadership*> term_;
    CancelSource stop_;
    LeaderElection election_;
    TaskGroup thread_;
};

class World {
  public:
    World() {
        std::string name = "/tmp/fencepost-lease-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw errno_error("mkdtemp", errno);
        folder_ = name;
        store = local::open_local_cluster({.data_dir = folder_, .run_pods = false}, system_, log_);
        store->create(types::kCustomResourceDefinitions, parse_yaml_value(R"(
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: leases.coordination.k8s.io}
            spec:
              group: coordination.k8s.io
              scope: Namespaced
              names: {plural: leases, kind: Lease}
              versions: [{name: v1, served: true, storage: true}])"));
    }
    ~World() {
        replicas_.clear();
        store.reset();
        std::filesystem::remove_all(folder_);
    }

    Replica& add(const std::string& name, double rate = 1, SystemTime start = SystemTime{1'700'000'000s}) {
        replicas_.push_back(std::make_unique<Replica>(*store, log_, name, rate, start));
        return *replicas_.back();
    }
    // True time passes; every replica sees it by its own clock. At no moment two of them may write.
    void pass(std::chrono::milliseconds time) {
        for (; time > 0ms; time -= kStep) {
            settle();
            for (const auto& replica : replicas_) {
                if (!replica->is_frozen)
                    replica->clock.advance(
                        std::chrono::duration_cast<std::chrono::nanoseconds>(kStep * replica->rate));
            }
            const auto writers = std::count_if(replicas_.begin(), replicas_.end(), [](const auto& replica) {
                return !replica->is_frozen && replica->may_write();
            });
            REQUIRE(writers <= 1);
        }
        settle();
    }
    void settle() {
        std::this_thread::sleep_for(300us);  // who is to wake does
        const auto is_settled = [&] {
            return std::all_of(replicas_.begin(), replicas_.end(),
                               [](const auto& r) { return r->is_settled(); });
        };
        // More than once in a row: a term ends in several steps.
        int settled = 0;
        for (int i = 0; i < 150'000 && settled < 5; ++i) {
            settled = is_settled() ? settled + 1 : 0;
            std::this_thread::sleep_for(200us);
        }
        REQUIRE(settled == 5);
    }
    Value spec() { return store->get({kLeases, "default", "fencepost"})["spec"]; }
    void edit(const std::function<void(Value&)>& change) {
        update(*store, {kLeases, "default", "fencepost"},
               [&](Value& lease) {
                   change(lease);
                   return true;
               },
               {});
    }

    std::unique_ptr<Cluster> store;

  private:
    std::filesystem::path folder_;
    SystemClock system_;
    UniqueFd null_ = open_file("/dev/null", 1);
    Log log_{null_.get(), Log::Format::kText, LogLevel::kError};
    std::vector<std::unique_ptr<Replica>> replicas_;
};

}  // namespace

TEST_CASE("the first replica leads and renews; its Lease is one that client-go reads") {
    World world;
    Replica& a = world.add("a");
    a.comes_to_lead();
    world.pass(100ms);
    CHECK(a.may_write());
    CHECK(a.fencing_token() == 0);
    const Value first = world.spec();
    CHECK(first["holderIdentity"] == Value("a"));
    CHECK(first["leaseDurationSeconds"] == Value(15));
    CHECK(first["leaseTransitions"] == Value(0));
    CHECK(first["acquireTime"] == Value("2023-11-14T22:13:20.000000Z"));
    world.pass(60s);
    CHECK(a.may_write());
    CHECK(a.terms == 1);
    CHECK(world.spec()["acquireTime"] == first["acquireTime"]);
    CHECK(world.spec()["renewTime"].as_string() >= "2023-11-14T22:14:17");
}

TEST_CASE("a replica that dies is followed after the Lease's duration, not before, with a greater token") {
    World world;
    Replica& a = world.add("a");
    world.pass(5s);
    Replica& b = world.add("b");
    world.pass(20s);
    CHECK_FALSE(b.leads());
    a.is_frozen = true;
    world.pass(12s);  // it may have renewed 2 s ago
    CHECK_FALSE(b.leads());
    world.pass(6s);
    CHECK(b.may_write());
    CHECK(b.fencing_token() == 1);
    CHECK(world.spec()["leaseTransitions"] == Value(1));
}

TEST_CASE("a replica that stops hands over at once, but only when its work has ended") {
    World world;
    Replica& a = world.add("a");
    world.pass(1s);
    Replica& b = world.add("b");
    world.pass(1s);
    a.stop(true);
    world.pass(60s);  // it renews as long as it takes
    CHECK(a.leads());
    CHECK(a.may_write());  // what it has fenced must be lifted
    CHECK_FALSE(b.leads());
    a.wound_down();
    world.pass(3s);
    CHECK_FALSE(a.leads());
    CHECK(b.may_write());
    CHECK(b.fencing_token() > 0);
}

TEST_CASE("clocks that are hours apart and of different speed never make two leaders") {
    World world;
    Replica& slow = world.add("slow", 1, SystemTime{1'700'000'000s});
    world.pass(1s);
    Replica& fast = world.add("fast", 1.3, SystemTime{1'800'000'000s});
    Replica& early = world.add("early", 1.1, SystemTime{1'600'000'000s});
    world.pass(30s);
    CHECK(slow.may_write());
    for (int i = 0; i < 4; ++i) {  // who leads is cut off, in turn
        Replica& leader = slow.leads() ? slow : fast.leads() ? fast : early;
        leader.path.mode = Path::Mode::kCut;
        world.pass(25s);
        CHECK_FALSE(leader.leads());
        CHECK((slow.may_write() || fast.may_write() || early.may_write()));
        leader.path.mode = Path::Mode::kOpen;
        world.pass(5s);
    }
}

TEST_CASE(
    "an outage of the API shorter than the renew deadline changes nothing, a longer one ends the term") {
    World world;
    Replica& a = world.add("a");
    world.pass(1s);
    Replica& b = world.add("b");
    world.pass(5s);
    const auto all = [&](Path::Mode mode) {
        a.path.mode = mode;
        b.path.mode = mode;
    };
    all(Path::Mode::kCut);
    world.pass(7s);
    CHECK(a.may_write());
    all(Path::Mode::kOpen);
    world.pass(5s);
    CHECK(a.may_write());
    CHECK(a.terms == 1);

    all(Path::Mode::kCut);
    world.pass(11s);
    CHECK_FALSE(a.may_write());
    world.pass(50s);
    CHECK_FALSE((a.may_write() || b.may_write()));
    all(Path::Mode::kOpen);
    world.pass(5s);
    CHECK((a.may_write() || b.may_write()));
    CHECK(std::max(a.fencing_token(), b.fencing_token()) == 1);
}

TEST_CASE("a replica that was paused for longer than its Lease may not write when it goes on") {
    World world;
    Replica& a = world.add("a");
    world.pass(1s);
    Replica& b = world.add("b");
    world.pass(1s);
    CHECK(a.may_write());
    a.is_frozen = true;
    world.pass(20s);
    CHECK(b.may_write());
    // It wakes: before any thread of it has run, it knows.
    a.clock.advance(20s);
    CHECK_FALSE(a.may_write());
    a.is_frozen = false;
    world.pass(10s);
    CHECK_FALSE(a.leads());
    CHECK(b.may_write());
    CHECK(b.terms == 1);
}

TEST_CASE("renewals whose answers are lost, and labels of others, do not end a term") {
    World world;
    Replica& a = world.add("a");
    world.pass(3s);
    world.edit([](Value& lease) { lease["metadata"]["labels"]["team"] = "storage"; });
    world.pass(3s);
    a.path.mode = Path::Mode::kAnswersAreLost;
    world.pass(5s);
    a.path.mode = Path::Mode::kOpen;
    world.pass(20s);
    CHECK(a.may_write());
    CHECK(a.terms == 1);
    CHECK(world.store->get({kLeases, "default", "fencepost"}).get("metadata", "labels", "team") ==
          Value("storage"));
}

TEST_CASE("a Lease that another holds or that is gone ends the term with the next renewal") {
    World world;
    Replica& a = world.add("a");
    world.pass(3s);
    SECTION("another's") {
        world.edit([](Value& lease) { lease["spec"]["holderIdentity"] = "somebody"; });
        world.pass(2500ms);
        CHECK_FALSE(a.leads());
        world.pass(20s);  // who does not renew
        CHECK(a.may_write());
        CHECK(a.fencing_token() == 1);
    }
    SECTION("gone") {
        world.store->remove({kLeases, "default", "fencepost"});
        world.pass(5s);
        CHECK(a.terms == 2);
        CHECK(a.may_write());
    }
}

TEST_CASE("a claim whose answer is lost is taken up again") {
    World world;
    Replica& a = world.add("a");
    a.path.mode = Path::Mode::kAnswersAreLost;
    world.pass(3s);
    a.path.mode = Path::Mode::kOpen;
    world.pass(3s);
    a.comes_to_lead();
    CHECK(a.may_write());
}

TEST_CASE("times that do not fit together, and no identity, are refused") {
    World world;
    ManualClock clock;
    Log log(2, Log::Format::kText, LogLevel::kError);
    const auto make = [&](kube::LeaseOptions options) {
        LeaderElection(*world.store, clock, log, std::move(options));
    };
    CHECK_THROWS_AS(make({.ns = "default"}), Error);
    CHECK_THROWS_AS(make({.identity = "a", .duration = 10s}), Error);
    CHECK_THROWS_AS(make({.identity = "a", .renew_deadline = 2s}), Error);
    CHECK_THROWS_AS(make({.identity = "a", .retry_period = 0s}), Error);
    CHECK_NOTHROW(make({.identity = "a"}));
}
