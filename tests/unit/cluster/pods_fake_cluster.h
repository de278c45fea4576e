// An object store in memory with just the semantics that the pod runtime leans on: watches from a revision,
// merge patches with a uid precondition, conflicts, finalizers, and a Pod's graceful deletion. Thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <vector>

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "cluster/cluster.h"

namespace fencepost::cluster::local {

inline void apply_merge(Value& target, const Value& patch) {
    for (const Member& member : patch.map_or_empty()) {
        if (member.value.is_nil()) {
            target.erase(member.key);
        } else if (member.value.is_map()) {
            if (!target[member.key].is_map()) target[member.key] = Value(Map{});
            apply_merge(target[member.key], member.value);
        } else {
            target[member.key] = member.value;
        }
    }
}

class FakeCluster final : public Cluster {
  public:
    struct Change {
        ResourceType type;
        WatchEvent event;
    };
    struct State {
        std::map<ObjectKey, Value> objects;
        std::vector<Change> log;
    };

    Value get(const ObjectKey& key) override { return at(*state_.lock(), key); }
    ObjectList list(const ResourceType& type, const ListOptions& options) override {
        auto state = state_.lock();
        ObjectList result;
        for (const auto& [key, object] : state->objects) {
            if (key.type == type && (options.ns.empty() || options.ns == key.ns))
                result.items.push_back(object);
        }
        result.resource_version = std::to_string(state->log.size());
        return result;
    }
    std::unique_ptr<Watch> watch(const ResourceType& type, const WatchOptions& options) override {
        return std::make_unique<FakeWatch>(state_, type, std::stoul("0" + options.resource_version));
    }
    Value create(const ResourceType& type, const Value& object, const WriteOptions&) override {
        auto state = state_.lock();
        Value stored = object;
        const ObjectKey key{type, namespace_of(object), name_of(object)};
        if (state->objects.contains(key))
            throw Error(ErrorKind::kAlreadyExists, to_string(key) + " already exists");
        stored["metadata"]["uid"] = random_uuid();
        return store(state, key, stored, WatchEvent::Type::kAdded);
    }
    Value replace(const ResourceType& type, const Value& object, const WriteOptions&) override {
        auto state = state_.lock();
        const ObjectKey key{type, namespace_of(object), name_of(object)};
        if (resource_version_of(at(*state, key)) != resource_version_of(object)) {
            throw Error(ErrorKind::kConflict, to_string(key) + " has changed");
        }
        return store(state, key, object, WatchEvent::Type::kModified);
    }
    Value patch(const ObjectKey& key, PatchType, const Value& patch, const PatchOptions&) override {
        auto state = state_.lock();
        if (failing_patches > 0) {
            --failing_patches;
            throw Error(ErrorKind::kExhausted, "the disk is full");
        }
        Value object = at(*state, key);
        const std::string uid = patch.get("metadata", "uid").string_or("");
        if (!uid.empty() && uid != uid_of(object)) throw Error(ErrorKind::kConflict, "another uid");
        apply_merge(object, patch);
        return store(state, key, object, WatchEvent::Type::kModified);
    }
    Value remove(const ObjectKey& key, const DeleteOptions& options) override {
        auto state = state_.lock();
        Value object = at(*state, key);
        const bool is_pod = key.type.resource == "pods";
        const std::int64_t grace = options.grace_period
                                       ? options.grace_period->count()
                                       : object.get("spec", "terminationGracePeriodSeconds").int_or(30);
        const bool stays =
            (is_pod && grace > 0) || !object.get("metadata", "finalizers").list_or_empty().empty();
        if (stays) {
            object["metadata"]["deletionGracePeriodSeconds"] = grace;
            object["metadata"]["deletionTimestamp"] =
                format_rfc3339(std::chrono::system_clock::now() + std::chrono::seconds(is_pod ? grace : 0));
            return store(state, key, object, WatchEvent::Type::kModified);
        }
        state->objects.erase(key);
        state->log.push_back({key.type, {WatchEvent::Type::kDeleted, object}});
        state.notify_all();
        return object;
    }
    std::optional<ResourceDescription> find_type(std::string_view, std::string_view,
                                                 std::string_view) override {
        return {};
    }
    std::vector<ResourceDescription> types() override { return {}; }
    ExecResult exec(std::string_view, std::string_view, const ExecOptions&, const CancelToken&) override {
        return {};
    }
    void post_guard(const Guard&) override {}
    void relieve_guard(std::string_view, const std::function<void()>& undo, const CancelToken&) override {
        undo();
    }
    void logs(std::string_view, std::string_view, const LogOptions&,
              const std::function<void(std::string_view)>&, const CancelToken&) override {}

    std::atomic<int> failing_patches{0};  // so many of the next ones

  private:
    class FakeWatch final : public Watch {
      public:
        FakeWatch(Guarded<State>& state, ResourceType type, std::size_t at)
            : state_(state), type_(std::move(type)), at_(at) {}
        std::optional<WatchEvent> next(const CancelToken& cancel, Deadline) override {
            auto wake = cancel.on_cancel([this] { state_.lock().notify_all(); });
            auto state = state_.lock();
            for (;;) {
                for (; at_ < state->log.size(); ++at_) {
                    if (state->log[at_].type == type_) return state->log[at_++].event;
                }
                cancel.throw_if_cancelled();
                state.wait([&] { return at_ < state->log.size() || cancel.is_cancelled(); });
            }
        }

      private:
        Guarded<State>& state_;
        const ResourceType type_;
        std::size_t at_;
    };

    static const Value& at(const State& state, const ObjectKey& key) {
        const auto found = state.objects.find(key);
        if (found == state.objects.end()) throw Error(ErrorKind::kNotFound, to_string(key) + " not found");
        return found->second;
    }
    static Value store(Guarded<State>::Locked& state, const ObjectKey& key, Value object,
                       WatchEvent::Type type) {
        object["metadata"]["resourceVersion"] = std::to_string(state->log.size() + 1);
        const bool is_leaving = !object.get("metadata", "deletionTimestamp").is_nil();
        const bool ends = is_leaving && key.type.resource != "pods" &&
                          object.get("metadata", "finalizers").list_or_empty().empty();
        if (ends) {
            state->objects.erase(key);
            type = WatchEvent::Type::kDeleted;
        } else {
            state->objects[key] = object;
        }
        state->log.push_back({key.type, {type, object}});
        state.notify_all();
        return object;
    }
    Guarded<State> state_;
};

}  // namespace fencepost::cluster::local
