// A set of an object's fields as metadata.managedFields writes it (FieldsV1): a tree whose steps are "f:name"
// for a member, `k:{"name":"web"}` for an item of a list with a key, `v:"x"` for an item of a set. Lists
// without a key are one field. Pure values; thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "cluster/cluster.h"
#include "value/value.h"

namespace fencepost::cluster::local {

// Which lists of a type have items of their own. For Kubernetes' kinds it is what a strategic merge patch
// goes by; lists of custom types are one field each, but for the metadata's.
class ListKinds {
  public:
    explicit ListKinds(const ResourceType& type) : is_custom_(!type.group.empty() && type.group != "apps") {}
    // The key of a list's items, "" where they have none.
    [[nodiscard]] std::string_view key(std::string_view field, const List& items) const;
    [[nodiscard]] bool is_set(std::string_view field) const;

  private:
    bool is_custom_;
};

class FieldSet {
  public:
    // Every field of an object, but for those that the server alone sets.
    [[nodiscard]] static FieldSet of_object(const Value& object, const ListKinds& lists);
    // The fields in which two objects differ; those that only `before` has are not among them.
    [[nodiscard]] static FieldSet of_changes(const Value& before, const Value& after, const ListKinds& lists);
    [[nodiscard]] static FieldSet from_fields_v1(const Value& fields);
    [[nodiscard]] Value to_fields_v1() const;

    [[nodiscard]] bool is_empty() const noexcept { return !is_member_ && children_.empty(); }
    [[nodiscard]] FieldSet intersection(const FieldSet& other) const;
    [[nodiscard]] FieldSet without(const FieldSet& other) const;
    [[nodiscard]] FieldSet with(const FieldSet& other) const;
    // The fields that `object` has not.
    [[nodiscard]] FieldSet absent_in(const Value& object, const ListKinds& lists) const;
    // ".spec.containers[name="web"].image" of each.
    void each_path(const std::function<void(const std::string& path)>& visit) const;
    // Takes the fields out of an object. A map that is left empty stays.
    void remove_from(Value& object, const ListKinds& lists) const;

  private:
    void add(const Value& value, std::string_view field, const ListKinds& lists);
    void add_changes(const Value& before, const Value& after, std::string_view field, const ListKinds& lists);
    void visit(const std::string& prefix, const std::function<void(const std::string&)>& visit) const;
    void remove(Value& value, std::string_view field, const ListKinds& lists) const;

    bool is_member_ = false;  // the field itself, not only what is in it
    std::map<std::string, FieldSet> children_;
};

// `applied` over `live`: maps and lists with keys are merged, all else is replaced.
[[nodiscard]] Value merge_applied(const Value& live, const Value& applied, std::string_view field,
                                  const ListKinds& lists);

}  // namespace fencepost::cluster::local
