#include "model/transform.h"
#include "model/validate_parts.h"

namespace fencepost::model {

void validate_transform_set(const Value& object, Problems& problems) {
    check_metadata(object, problems);
    const Value& spec = object["spec"];
    if (spec.is_nil()) return problems.error("", "missing-field", "the TransformSet has no spec");
    if (!problems.check(spec, "/spec", Kind::kMap)) return;
    problems.only(spec, "/spec", {"comment", "transforms"});
    (void)problems.check(spec["comment"], "/spec/comment", Kind::kString);
    if (spec["transforms"].is_nil())
        return problems.error("/spec", "missing-field", "the TransformSet has no transforms");
    check_transforms(spec["transforms"], "/spec/transforms", SetReferences::kRefused, problems);
}

}  // namespace fencepost::model
