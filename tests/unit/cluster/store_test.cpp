// The store below the embedded cluster: what a disk that fails, and a restart, do to it.
#include "cluster/local/store/store.h"

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "base/error.h"
#include "base/task_group.h"
#include "value/yaml.h"

namespace fencepost::cluster::local {
namespace {

class StoreWorld {
  public:
    StoreWorld() {
        std::string name = "/tmp/fencepost-store-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw errno_error("mkdtemp", errno);
        folder = name;
        store = Store::open(folder);
    }
    ~StoreWorld() {
        store.reset();
        std::filesystem::remove_all(folder);
    }
    void restart() {
        store.reset();
        store = Store::open(folder);
    }
    static ObjectKey key(const std::string& name) { return {types::kConfigMaps, "default", name}; }
    Value put(const std::string& name) {
        return store->write([&](Transaction& change) {
            return change.put(key(name), parse_yaml_value("metadata: {name: " + name + "}"));
        });
    }
    void erase(const std::string& name) {
        (void)store->write([&](Transaction& change) { return change.erase(key(name)); });
    }
    bool is_seen_by_a_transaction(const std::string& name) {
        return store->write([&](Transaction& change) { return Value(change.get(key(name)).has_value()); })
            .as_bool();
    }
    std::filesystem::path folder;
    std::unique_ptr<Store> store;
};

// No file of this process can be written for its lifetime.
class BrokenDisk {
  public:
    BrokenDisk() {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit none{0, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &none);
    }
    BrokenDisk(const BrokenDisk&) = delete;
    BrokenDisk& operator=(const BrokenDisk&) = delete;
    ~BrokenDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

  private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("a write that cannot reach the disk throws and leaves no trace, and the store goes on") {
    StoreWorld world;
    world.put("before");
    const std::uint64_t revision = world.store->revision();
    {
        const BrokenDisk broken;
        CHECK_THROWS_AS(world.put("lost"), Error);
        CHECK_THROWS_AS(world.erase("before"), Error);
        CHECK(!world.store->get(StoreWorld::key("lost")));
        CHECK(world.store->get(StoreWorld::key("before")));
        CHECK(world.store->revision() == revision);
    }
    CHECK(!world.is_seen_by_a_transaction("lost"));
    CHECK(world.is_seen_by_a_transaction("before"));
    CHECK(world.put("after")["metadata"]["resourceVersion"] == Value(std::to_string(revision + 1)));
    world.restart();
    CHECK(!world.store->get(StoreWorld::key("lost")));
    CHECK(world.store->get(StoreWorld::key("before")));
    CHECK(world.store->get(StoreWorld::key("after")));
}

TEST_CASE("changes of one object by many writers build on each other, also while others are being written") {
    StoreWorld world;
    constexpr int kWriters = 8;
    constexpr int kEach = 100;
    {
        TaskGroup writers;
        for (int writer = 0; writer < kWriters; ++writer) {
            writers.spawn([&] {
                for (int i = 0; i < kEach; ++i) {
                    (void)world.store->write([](Transaction& change) {
                        Value object = change.get(StoreWorld::key("counter")).value_or(Value());
                        object["count"] = object["count"].int_or(0) + 1;
                        return change.put(StoreWorld::key("counter"), std::move(object));
                    });
                }
            });
        }
    }
    CHECK((*world.store->get(StoreWorld::key("counter")))["count"] == Value(kWriters * kEach));
}

TEST_CASE("what was deleted stays so after a restart, and its revision is not given out again") {
    StoreWorld world;
    world.put("kept");
    world.put("deleted");
    world.erase("deleted");
    const std::uint64_t revision = world.store->revision();
    world.restart();
    CHECK(!world.store->get(StoreWorld::key("deleted")));
    CHECK(world.store->get(StoreWorld::key("kept")));
    CHECK(world.store->revision() == revision);
    CHECK(world.put("new")["metadata"]["resourceVersion"] == Value(std::to_string(revision + 1)));
}

}  // namespace fencepost::cluster::local
