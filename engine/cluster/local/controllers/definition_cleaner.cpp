// A CustomResourceDefinition that is being deleted: the objects of its types go first, then the definition.
#include "cluster/idempotent.h"
#include "cluster/local/controllers/controllers.h"
#include "cluster/local/object_rules.h"

namespace fencepost::cluster::local {
namespace {

class DefinitionCleaner final : public Reconciler {
  public:
    DefinitionCleaner(Cluster& cluster, Store& store, const TypeTable& types)
        : cluster_(cluster), store_(store), types_(types) {}

    [[nodiscard]] bool wants(const Change& change) const override {
        if (change.key.type == types::kCustomResourceDefinitions) return change.after.has_value();
        return !change.after && !change.key.type.group.empty();
    }

    void reconcile(const Change& change) override {
        const bool is_definition = change.key.type == types::kCustomResourceDefinitions;
        const ObjectKey key{types::kCustomResourceDefinitions, "",
                            is_definition ? change.key.name : qualified_name(change.key.type)};
        const auto definition = store_.get(key);
        if (!definition || definition->get("metadata", "deletionTimestamp").is_nil()) return;
        // What was removed at once brings its own change here; what takes time does when it has gone.
        if (!TypeTable::is_built_in(*definition) && !is_emptied(*definition)) return;
        update(cluster_, key,
               [](Value& object) {
                   return std::erase(object["metadata"]["finalizers"].writable_list(),
                                     Value(kDefinitionFinalizer)) > 0;
               },
               {});
    }

  private:
    bool is_emptied(const Value& definition) {
        bool is_empty = true;
        for (const ResourceDescription& type : types_.all()) {
            if (qualified_name(type.type) != name_of(definition)) continue;
            for (const auto& [key, object] :
                 store_.list(type.type, "", [](const Value&) { return true; }).items) {
                is_empty = false;
                if (!object.get("metadata", "deletionTimestamp").is_nil()) continue;
                remove_if_there(cluster_, key);
            }
        }
        return is_empty;
    }

    Cluster& cluster_;
    Store& store_;
    const TypeTable& types_;
};

}  // namespace

std::unique_ptr<Reconciler> definition_cleaner(Cluster& cluster, Store& store, const TypeTable& types) {
    return std::make_unique<DefinitionCleaner>(cluster, store, types);
}

}  // namespace fencepost::cluster::local
