// The objects of the embedded cluster: all of them in memory for reading, each change durable before anybody
// sees it. One writer: transactions queue up while the last group is being written, and the next group takes
// them all with one fdatasync (group commit; the thread that comes first writes for the others).
//
//     store.write([&](Transaction& change) {
//         Value object = *change.get(key);
//         ...
//         return change.put(key, object);        // resourceVersion is set here
//     });
//
// A transaction reads what earlier ones will have written, also those that are not durable yet; if writing
// fails, all that came after fail with it and nothing is visible. Watches hear of changes in revision order;
// the last kKeptChanges are kept for those that resume.
// Thread safety: all members of Store may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/cluster.h"

namespace fencepost::cluster::local {

inline constexpr std::size_t kKeptChanges = 20'000;
inline constexpr std::chrono::milliseconds kFlushEvery{500};
inline constexpr std::size_t kMaxObjectBytes = std::size_t{3} << 19U;  // 1.5 MiB, as etcd

struct Change {
    std::uint64_t revision = 0;
    ObjectKey key;
    std::optional<Value> before;
    std::optional<Value> after;
};

// For as long as the write() that made it.
class Transaction {
  public:
    virtual ~Transaction() = default;
    [[nodiscard]] virtual std::optional<Value> get(const ObjectKey& key) const = 0;
    // Gives the object its resourceVersion and returns it.
    virtual Value put(const ObjectKey& key, Value object) = 0;
    // The object as last seen, with the revision of its deletion.
    virtual Value erase(const ObjectKey& key) = 0;
};

class Store {
  public:
    [[nodiscard]] static std::unique_ptr<Store> open(const std::filesystem::path& folder);
    virtual ~Store() = default;

    [[nodiscard]] virtual std::optional<Value> get(const ObjectKey& key) const = 0;
    struct Listing {
        std::vector<std::pair<ObjectKey, Value>> items;  // by namespace and name
        std::uint64_t revision = 0;
    };
    // Those that `accepts` says yes to; ns "" is all. Its lock is held while it runs: it must be quick.
    [[nodiscard]] virtual Listing list(const ResourceType& type, std::string_view ns,
                                       const std::function<bool(const Value&)>& accepts) const = 0;
    // Every object of every type.
    [[nodiscard]] virtual Listing list_all() const = 0;
    // Durable on return, or (kSoon) within about kFlushEvery: it goes with the next group. What `work` throws
    // leaves no trace.
    enum class Durable { kNow, kSoon };
    virtual Value write(const std::function<Value(Transaction& change)>& work,
                        Durable durable = Durable::kNow) = 0;

    class Feed {
      public:
        virtual ~Feed() = default;
        // The next change; nullptr at the deadline. Throws Cancelled, or Error{kGone} for a reader too slow.
        [[nodiscard]] virtual std::shared_ptr<const Change> next(const CancelToken& cancel,
                                                                 Deadline deadline) = 0;
    };
    // Changes after `revision`, of one type or (nullopt) of all. Error{kGone} if that is too long ago.
    [[nodiscard]] virtual std::unique_ptr<Feed> follow(std::optional<ResourceType> type,
                                                       std::uint64_t revision) = 0;
    [[nodiscard]] virtual std::uint64_t revision() const = 0;  // of the last durable change
};

}  // namespace fencepost::cluster::local
