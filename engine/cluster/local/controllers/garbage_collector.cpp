// Owner references: a dependent whose owners are all gone is deleted; foreground deletion waits for the
// dependents, orphaning lets them go.
#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "cluster/idempotent.h"
#include "cluster/local/controllers/controllers.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::string_view kForeground = "foregroundDeletion";
constexpr std::string_view kOrphan = "orphan";

bool has_finalizer(const Value& object, std::string_view name) {
    const List& finalizers = object.get("metadata", "finalizers").list_or_empty();
    return std::any_of(finalizers.begin(), finalizers.end(),
                       [&](const Value& item) { return item == Value(name); });
}

const List& owners_of(const Value& object) {
    return object.get("metadata", "ownerReferences").list_or_empty();
}

class GarbageCollector final : public Reconciler {
  public:
    GarbageCollector(Cluster& cluster, Store& store, const TypeTable& types)
        : cluster_(cluster), store_(store), types_(types) {}

    [[nodiscard]] bool wants(const Change& change) const override {
        const Value& object = change.after ? *change.after : *change.before;
        const bool is_leaving = !object.get("metadata", "deletionTimestamp").is_nil();
        return !change.after || is_leaving || !owners_of(object).empty() ||
               (change.before && !owners_of(*change.before).empty());
    }

    void reconcile(const Change& change) override {
        if (change.before) {
            for (const Value& owner : owners_of(*change.before))
                dependents_[owner["uid"].string_or("")].erase(change.key);
        }
        if (!change.after) {
            release_dependents(uid_of(*change.before));
            for (const Value& owner : owners_of(*change.before))
                continue_foreground(owner, namespace_of(*change.before));
            return;
        }
        for (const Value& owner : owners_of(*change.after))
            dependents_[owner["uid"].string_or("")].insert(change.key);
        if (!owners_of(*change.after).empty()) collect_if_ownerless(change.key, *change.after);
        if (!change.after->get("metadata", "deletionTimestamp").is_nil())
            take_leave(change.key, *change.after);
    }

  private:
    // Owners live in the dependent's namespace or are cluster-scoped.
    [[nodiscard]] std::optional<std::pair<ObjectKey, Value>> find_owner(const Value& owner,
                                                                        const std::string& ns) const {
        const std::string api = owner["apiVersion"].string_or("");
        const auto slash = api.find('/');
        const auto type = types_.find(slash == std::string::npos ? "" : api.substr(0, slash),
                                      slash == std::string::npos ? api : api.substr(slash + 1),
                                      owner["kind"].string_or(""));
        if (!type) return std::nullopt;
        const ObjectKey key{type->type, type->is_namespaced ? ns : "", owner["name"].string_or("")};
        auto object = store_.get(key);
        if (!object || uid_of(*object) != owner["uid"].string_or("")) return std::nullopt;
        return std::pair(key, std::move(*object));
    }

    void collect_if_ownerless(const ObjectKey& key, const Value& object) {
        if (!object.get("metadata", "deletionTimestamp").is_nil()) return;
        const List& owners = owners_of(object);
        if (std::any_of(owners.begin(), owners.end(),
                        [&](const Value& owner) { return find_owner(owner, key.ns).has_value(); }))
            return;
        DeleteOptions options;
        options.precondition_uid = uid_of(object);
        remove_quietly(key, options);
    }

    void remove_quietly(const ObjectKey& key, const DeleteOptions& options) {
        try {
            cluster_.remove(key, options);
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict)
                throw;  // gone or another one: done
        }
    }

    [[nodiscard]] std::set<ObjectKey> dependents_of(const std::string& uid) const {
        const auto found = dependents_.find(uid);
        return found == dependents_.end() ? std::set<ObjectKey>() : found->second;
    }

    void release_dependents(const std::string& uid) {
        for (const ObjectKey& key : dependents_of(uid)) {
            if (const auto object = store_.get(key)) collect_if_ownerless(key, *object);
        }
        dependents_.erase(uid);
    }

    void continue_foreground(const Value& owner, const std::string& ns) {
        if (const auto found = find_owner(owner, ns); found && has_finalizer(found->second, kForeground))
            take_leave(found->first, found->second);
    }

    void take_leave(const ObjectKey& key, const Value& object) {
        const std::string uid = uid_of(object);
        if (has_finalizer(object, kOrphan)) {
            for (const ObjectKey& dependent : dependents_of(uid)) disown(dependent, uid);
            drop_finalizer(key, kOrphan);
        }
        if (!has_finalizer(object, kForeground)) return;
        bool is_blocked = false;
        for (const ObjectKey& dependent : dependents_of(uid)) {
            const auto present = store_.get(dependent);
            if (!present) continue;
            for (const Value& owner : owners_of(*present)) {
                is_blocked =
                    is_blocked || (owner["uid"] == Value(uid) && owner["blockOwnerDeletion"].bool_or(false));
            }
            if (!present->get("metadata", "deletionTimestamp").is_nil()) continue;
            remove_quietly(dependent, {.propagation = DeleteOptions::Propagation::kForeground,
                                       .precondition_uid = uid_of(*present)});
        }
        if (!is_blocked) drop_finalizer(key, kForeground);
    }

    void disown(const ObjectKey& key, const std::string& uid) {
        change(key, [&](Value& object) {
            std::erase_if(object["metadata"]["ownerReferences"].writable_list(),
                          [&](const Value& owner) { return owner["uid"] == Value(uid); });
            return true;
        });
    }

    void drop_finalizer(const ObjectKey& key, std::string_view name) {
        change(key, [&](Value& object) {
            return std::erase(object["metadata"]["finalizers"].writable_list(), Value(name)) > 0;
        });
    }

    void change(const ObjectKey& key, const std::function<bool(Value&)>& how) {
        try {
            update(cluster_, key, how, {});
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;
        }
    }

    Cluster& cluster_;
    Store& store_;
    const TypeTable& types_;
    std::map<std::string, std::set<ObjectKey>> dependents_;  // by the owner's uid
};

// A Namespace that is being deleted: its content goes first, then the Namespace.
class NamespaceCleaner final : public Reconciler {
  public:
    NamespaceCleaner(Cluster& cluster, Store& store, const TypeTable& types)
        : cluster_(cluster), store_(store), types_(types) {}

    [[nodiscard]] bool wants(const Change& change) const override {
        if (change.key.type == types::kNamespaces) {
            return change.after && !change.after->get("metadata", "deletionTimestamp").is_nil();
        }
        return !change.after && !change.key.ns.empty();
    }

    void reconcile(const Change& change) override {
        const ObjectKey key{types::kNamespaces, "",
                            change.key.type == types::kNamespaces ? change.key.name : change.key.ns};
        const auto present = store_.get(key);
        if (!present || present->get("metadata", "deletionTimestamp").is_nil()) return;
        bool is_empty = true;
        for (const ResourceDescription& type : types_.all()) {
            if (!type.is_namespaced) continue;
            for (const auto& [content, object] :
                 store_.list(type.type, key.name, [](const Value&) { return true; }).items) {
                is_empty = false;
                if (object.get("metadata", "deletionTimestamp").is_nil()) remove_if_there(cluster_, content);
            }
        }
        // What was removed at once brings its own change here; what takes time does when it has gone.
        if (!is_empty) return;
        update(cluster_, key,
               [](Value& object) {
                   object["spec"].erase("finalizers");
                   return true;
               },
               {});
    }

  private:
    Cluster& cluster_;
    Store& store_;
    const TypeTable& types_;
};

}  // namespace

std::unique_ptr<Reconciler> garbage_collector(Cluster& cluster, Store& store, const TypeTable& types) {
    return std::make_unique<GarbageCollector>(cluster, store, types);
}

std::unique_ptr<Reconciler> namespace_cleaner(Cluster& cluster, Store& store, const TypeTable& types) {
    return std::make_unique<NamespaceCleaner>(cluster, store, types);
}

}  // namespace fencepost::cluster::local
