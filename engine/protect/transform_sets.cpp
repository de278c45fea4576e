#include "protect/transform_sets.h"

#include "base/error.h"
#include "cluster/idempotent.h"
#include "model/transform.h"

namespace fencepost::protect {
namespace {

const cluster::ResourceType kTransformSets{"fencepost.io", "v1alpha1", "transformsets"};

// Only those beside the controller: one elsewhere would show whoever restores what they may not read.
List items_of(run::World& world, const Value& reference) {
    const std::string name = reference["name"].as_string();
    const std::string ns = reference["namespace"].string_or(world.controller_namespace);
    if (ns != world.controller_namespace)
        throw Error(ErrorKind::kInvalid,
                    "the TransformSet " + ns + "/" + name +
                        " is not looked for: TransformSets are in the "
                        "namespace " +
                        world.controller_namespace,
                    "move it there");
    const auto set = cluster::find_object(world.cluster, {kTransformSets, ns, name});
    if (!set)
        throw Error(ErrorKind::kNotFound, "there is no TransformSet " + ns + "/" + name,
                    "fencepost get transformsets -n " + ns + " lists them");
    const Value& transforms = set->get("spec", "transforms");
    model::Problems problems;
    model::check_transforms(transforms, "/spec/transforms", model::SetReferences::kRefused, problems);
    problems.throw_errors("the TransformSet " + ns + "/" + name);
    return transforms.list_or_empty();
}

}  // namespace

Value resolved_transforms(run::World& world, const Value& transforms, const std::string& pointer) {
    model::Problems problems;
    model::check_transforms(transforms, pointer, model::SetReferences::kAllowed, problems);
    problems.throw_errors("the transforms");
    Value resolved{List{}};
    for (const Value& item : transforms.list_or_empty()) {
        if (!item["transformSetRef"].is_map()) {
            resolved.push_back(item);
            continue;
        }
        for (const Value& one : items_of(world, item["transformSetRef"])) resolved.push_back(one);
    }
    return resolved;
}

}  // namespace fencepost::protect
