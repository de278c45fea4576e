#include "model/binding.h"

#include <utility>

#include "model/binding_item.h"

namespace fencepost::model {
namespace {

void read_reference(const Value& spec, Binding& binding, Problems& problems) {
    const std::string pointer = "/spec/blueprintRef";
    const Value& reference = spec["blueprintRef"];
    if (!reference.is_map()) {
        problems.error(pointer, "BND-E05", "blueprintRef must be a map with name and namespace");
        return;
    }
    problems.only(reference, pointer, {"name", "namespace"});
    for (const auto& [member, target] :
         {std::pair{"name", &binding.blueprint}, std::pair{"namespace", &binding.blueprint_namespace}}) {
        const std::string place = child(pointer, member);
        if (!problems.check(reference[member], place, Kind::kString)) continue;
        *target = reference[member].string_or("");
        if (target->empty())
            problems.error(place, "BND-E05", "blueprintRef." + std::string(member) + " is missing");
    }
}

void read_resources(const Value& spec, Binding& binding, Problems& problems) {
    const std::string pointer = "/spec/resources";
    const Value& resources = spec["resources"];
    std::size_t items = 0;
    if (!problems.check(resources, pointer, Kind::kMap)) return;
    problems.only(resources, pointer, {"matchAll", "matchAny"});
    for (const auto& [list, target] :
         {std::pair{"matchAll", &binding.match_all}, std::pair{"matchAny", &binding.match_any}}) {
        if (!problems.check(resources[list], child(pointer, list), Kind::kList)) return;
        const List& entries = resources[list].list_or_empty();
        for (std::size_t i = 0; i < entries.size(); ++i)
            read_requirement(entries[i], list, i, *target, problems);
        items += entries.size();
    }
    if (items == 0) {
        problems.error(pointer, "BND-E01", "the binding has no requirement: matchAll and matchAny are empty",
                       "say which resources it is for; a binding without any would take everything");
    }
}

}  // namespace

std::string_view to_string(Requirement::Subject subject) noexcept {
    switch (subject) {
        case Requirement::Subject::kType:
            return "type";
        case Requirement::Subject::kNamespace:
            return "namespace";
        case Requirement::Subject::kAnnotations:
            return "annotations";
        case Requirement::Subject::kLabels:
            return "labels";
    }
    return "";
}

std::string_view to_string(Requirement::Operator op) noexcept {
    switch (op) {
        case Requirement::Operator::kIn:
            return "In";
        case Requirement::Operator::kNotIn:
            return "NotIn";
        case Requirement::Operator::kExists:
            return "Exists";
        case Requirement::Operator::kDoesNotExist:
            return "DoesNotExist";
        case Requirement::Operator::kGlob:
            return "Glob";
    }
    return "";
}

Binding Binding::read(const Value& object, Problems& problems) {
    Binding binding;
    const Value& metadata = object["metadata"];
    binding.name = metadata["name"].string_or("");
    binding.ns = metadata["namespace"].string_or("");
    binding.uid = metadata["uid"].string_or("");
    binding.resource_version = metadata["resourceVersion"].string_or("");
    binding.created = metadata["creationTimestamp"].string_or("");
    binding.generation = metadata["generation"].int_or(0);
    const Value& spec = object["spec"];
    problems.only(object, "", {"apiVersion", "kind", "metadata", "spec", "status"});
    if (!problems.check(spec, "/spec", Kind::kMap)) return binding;
    problems.only(spec, "/spec", {"disabled", "blueprintRef", "resources"});
    if (problems.check(spec["disabled"], "/spec/disabled", Kind::kBool))
        binding.is_disabled = spec["disabled"].bool_or(false);
    read_reference(spec, binding, problems);
    read_resources(spec, binding, problems);
    return binding;
}

Binding Binding::from(const Value& object) {
    Problems problems;
    Binding binding = read(object, problems);
    problems.throw_errors("BlueprintBinding " + binding.name);
    return binding;
}

const std::vector<std::string>& lifecycle_actions() {
    static const std::vector<std::string> kActions{"backupPrehook",  "backup",         "backupPosthook",
                                                   "restorePrehook", "restore",        "restorePosthook",
                                                   "verify",         "verifyPosthook", "delete"};
    return kActions;
}

}  // namespace fencepost::model
