#include "cluster/local/store/store.h"

#include <deque>
#include <set>

#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "cluster/local/store/database.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::size_t kMaxQueued = 50'000;  // changes that a slow reader may be behind

using NamespacedName = std::pair<std::string, std::string>;
using Objects = std::map<ResourceType, std::map<NamespacedName, Value>>;

struct Queue {
    std::deque<std::shared_ptr<const Change>> changes;
    bool is_lost = false;
};

struct Subscriber {
    std::optional<ResourceType> type;
    std::uint64_t from = 0;
    Guarded<Queue> queue;
};

struct State {
    Objects objects;  // durable
    struct Pending {
        std::optional<Value> object;
        std::uint64_t revision = 0;
    };
    std::map<ObjectKey, Pending> overlay;  // written by transactions that are not durable yet
    std::vector<Change> pending;           // of the next group
    std::uint64_t assigned = 0;            // the last revision given out
    std::uint64_t durable = 0;
    std::uint64_t failures = 0;            // counts groups that could not be written
    std::shared_ptr<const Error> failure;  // of the last such group
    bool is_writing = false;
    std::deque<std::shared_ptr<const Change>> kept;
    std::uint64_t forgotten = 0;  // changes up to this revision are no longer kept
    std::set<Subscriber*> subscribers;
};

const Value* find(const Objects& objects, const ObjectKey& key) {
    const auto type = objects.find(key.type);
    if (type == objects.end()) return nullptr;
    const auto found = type->second.find({key.ns, key.name});
    return found == type->second.end() ? nullptr : &found->second;
}

std::optional<Value> latest(const State& state, const ObjectKey& key) {
    if (const auto found = state.overlay.find(key); found != state.overlay.end()) return found->second.object;
    const Value* object = find(state.objects, key);
    return object == nullptr ? std::nullopt : std::optional(*object);
}

class OpenTransaction final : public Transaction {
  public:
    explicit OpenTransaction(State& state) : state_(state) {}

    [[nodiscard]] std::optional<Value> get(const ObjectKey& key) const override {
        for (auto it = changes_.rbegin(); it != changes_.rend(); ++it) {
            if (it->key == key) return it->after;
        }
        return latest(state_, key);
    }
    Value put(const ObjectKey& key, Value object) override {
        Change change = begin(key);
        object["metadata"]["resourceVersion"] = std::to_string(change.revision);
        change.after = object;
        changes_.push_back(std::move(change));
        return object;
    }
    Value erase(const ObjectKey& key) override {
        Change change = begin(key);
        Value object = change.before.value_or(Value());
        object["metadata"]["resourceVersion"] = std::to_string(change.revision);
        changes_.push_back(std::move(change));
        return object;
    }
    void accept() {
        for (Change& change : changes_) {
            state_.assigned = change.revision;
            state_.overlay[change.key] = {change.after, change.revision};
            state_.pending.push_back(std::move(change));
        }
    }

  private:
    Change begin(const ObjectKey& key) const {
        Change change;
        change.revision = state_.assigned + changes_.size() + 1;
        change.key = key;
        change.before = get(key);
        return change;
    }
    State& state_;
    std::vector<Change> changes_;
};

class FileStore final : public Store {
  public:
    explicit FileStore(const std::filesystem::path& folder) : database_(folder) {
        auto state = state_->lock();
        state->durable = database_.load([&](Row row) {
            state->objects[row.key.type][{row.key.ns, row.key.name}] = std::move(*row.object);
        });
        state->assigned = state->forgotten = state->durable;
        flusher_.spawn([this] { flush_now_and_then(); });
    }
    ~FileStore() override {
        stop_.cancel(CancelReason::kShutdown);
        flusher_.join();
    }

    [[nodiscard]] std::optional<Value> get(const ObjectKey& key) const override {
        auto state = state_->lock();
        const Value* object = find(state->objects, key);
        return object == nullptr ? std::nullopt : std::optional(*object);
    }

    [[nodiscard]] Listing list(const ResourceType& type, std::string_view ns,
                               const std::function<bool(const Value&)>& accepts) const override {
        auto state = state_->lock();
        Listing listing;
        listing.revision = state->durable;
        const auto found = state->objects.find(type);
        if (found == state->objects.end()) return listing;
        const auto& objects = found->second;
        auto at = ns.empty() ? objects.begin() : objects.lower_bound({std::string(ns), ""});
        for (; at != objects.end() && (ns.empty() || at->first.first == ns); ++at) {
            if (accepts(at->second))
                listing.items.emplace_back(ObjectKey{type, at->first.first, at->first.second}, at->second);
        }
        return listing;
    }

    [[nodiscard]] Listing list_all() const override {
        auto state = state_->lock();
        Listing listing;
        listing.revision = state->durable;
        for (const auto& [type, objects] : state->objects) {
            for (const auto& [name, object] : objects)
                listing.items.emplace_back(ObjectKey{type, name.first, name.second}, object);
        }
        return listing;
    }

    Value write(const std::function<Value(Transaction& change)>& work, Durable durable) override {
        auto state = state_->lock();
        OpenTransaction transaction(*state);
        Value result;
        try {
            result = work(transaction);
        } catch (const Error&) {
            // What it refused rests on what it read, too: "already exists" is followed by a look at it.
            make_durable(state);
            throw;
        }
        transaction.accept();
        // Also a transaction that changed nothing waits: what it read must be durable before it is told.
        if (durable == Durable::kNow) make_durable(state);
        return result;
    }

    std::unique_ptr<Feed> follow(std::optional<ResourceType> type, std::uint64_t revision) override;
    [[nodiscard]] std::uint64_t revision() const override { return state_->lock()->durable; }

  private:
    class FileFeed;

    // Everything that was accepted so far. Throws what the disk said.
    void make_durable(Guarded<State>::Locked& state) {
        const std::uint64_t mine = state->assigned;
        const std::uint64_t failures = state->failures;
        while (state->durable < mine) {
            if (state->failures != failures) throw Error(*state->failure);
            if (state->is_writing) {
                state.wait([&] {
                    return !state->is_writing || state->durable >= mine || state->failures != failures;
                });
            } else {
                write_group(state);
            }
        }
    }

    void flush_now_and_then() {
        bool is_last = false;
        while (!is_last) {
            is_last = !stop_.token().wait_for(kFlushEvery);
            auto state = state_->lock();
            if (state->pending.empty()) continue;
            try {
                make_durable(state);
            } catch (const Error&) {
                // These changes could be lost; whoever writes what may not be is told.
            }
        }
    }

    void write_group(Guarded<State>::Locked& state) {
        std::vector<Change> group = std::move(state->pending);
        state->pending.clear();
        state->is_writing = true;
        std::shared_ptr<const Error> failure;
        state.unlocked([&] {
            std::vector<Row> rows;
            rows.reserve(group.size());
            for (const Change& change : group) rows.push_back({change.key, change.revision, change.after});
            try {
                database_.commit(rows);
            } catch (const Error& e) {
                failure = std::make_shared<const Error>(e);
            }
        });
        state->is_writing = false;
        if (failure) {
            // What queued up meanwhile was built on this group.
            state->pending.clear();
            state->overlay.clear();
            state->assigned = state->durable;
            state->failure = failure;
            ++state->failures;
        } else {
            publish(*state, std::move(group));
        }
        state.notify_all();
    }

    static void publish(State& state, std::vector<Change> group) {
        for (Change& change : group) {
            auto& objects = state.objects[change.key.type];
            if (change.after)
                objects[{change.key.ns, change.key.name}] = *change.after;
            else
                objects.erase({change.key.ns, change.key.name});
            if (const auto pending = state.overlay.find(change.key);
                pending != state.overlay.end() && pending->second.revision <= change.revision) {
                state.overlay.erase(pending);
            }
            state.durable = change.revision;
            const auto shared = std::make_shared<const Change>(std::move(change));
            state.kept.push_back(shared);
            for (Subscriber* subscriber : state.subscribers) {
                if (!subscriber->type || *subscriber->type == shared->key.type) deliver(*subscriber, shared);
            }
        }
        while (state.kept.size() > kKeptChanges) {
            state.forgotten = state.kept.front()->revision;
            state.kept.pop_front();
        }
    }

    static void deliver(Subscriber& subscriber, const std::shared_ptr<const Change>& change) {
        auto queue = subscriber.queue.lock();
        if (queue->changes.size() >= kMaxQueued) {
            queue->changes.clear();
            queue->is_lost = true;
        }
        if (!queue->is_lost) queue->changes.push_back(change);
        queue.notify_all();
    }

    Database database_;
    const std::shared_ptr<Guarded<State>> state_ =
        std::make_shared<Guarded<State>>();  // feeds may outlive the store
    CancelSource stop_;
    TaskGroup flusher_;
};

class FileStore::FileFeed final : public Store::Feed {
  public:
    FileFeed(std::shared_ptr<Guarded<State>> state, std::optional<ResourceType> type, std::uint64_t revision)
        : state_(std::move(state)) {
        subscriber_.type = std::move(type);
        auto locked = state_->lock();
        if (revision < locked->forgotten) {
            throw Error(ErrorKind::kGone, "too old resource version: " + std::to_string(revision) + " (" +
                                              std::to_string(locked->forgotten) + ")");
        }
        for (const auto& change : locked->kept) {
            if (change->revision > revision && (!subscriber_.type || *subscriber_.type == change->key.type)) {
                subscriber_.queue.lock()->changes.push_back(change);
            }
        }
        locked->subscribers.insert(&subscriber_);
    }
    FileFeed(const FileFeed&) = delete;
    FileFeed& operator=(const FileFeed&) = delete;
    ~FileFeed() override { state_->lock()->subscribers.erase(&subscriber_); }

    std::shared_ptr<const Change> next(const CancelToken& cancel, Deadline deadline) override {
        {
            // Without this quick way each event would cost a registration with the token.
            auto queue = subscriber_.queue.lock();
            if (!queue->changes.empty()) return take(queue);
        }
        const auto wake = cancel.on_cancel([this] { subscriber_.queue.lock().notify_all(); });
        auto queue = subscriber_.queue.lock();
        const auto has_news = [&] {
            return !queue->changes.empty() || queue->is_lost || cancel.is_cancelled();
        };
        if (deadline == kNoDeadline) {
            queue.wait(has_news);
        } else if (!queue.wait_until(deadline, has_news)) {
            return nullptr;
        }
        if (queue->is_lost)
            throw Error(ErrorKind::kGone, "the reader of this watch was too slow; list again");
        if (queue->changes.empty()) cancel.throw_if_cancelled();
        return take(queue);
    }

  private:
    static std::shared_ptr<const Change> take(Guarded<Queue>::Locked& queue) {
        auto change = queue->changes.front();
        queue->changes.pop_front();
        return change;
    }
    const std::shared_ptr<Guarded<State>> state_;
    Subscriber subscriber_;
};

std::unique_ptr<Store::Feed> FileStore::follow(std::optional<ResourceType> type, std::uint64_t revision) {
    return std::make_unique<FileFeed>(state_, std::move(type), revision);
}

}  // namespace

std::unique_ptr<Store> Store::open(const std::filesystem::path& folder) {
    return std::make_unique<FileStore>(folder);
}

}  // namespace fencepost::cluster::local
