// Changes to the objects of a restore point on their way back (spec.transforms of a RestoreAction): for each
// transform, to every object that its subject fits, JSON Patch operations (RFC 6902). As Kasten has it, a
// `*` in a path stands for every member or item, and `regex` makes `test` and `replace` look at, or change,
// the part of a text that matches (RE2's syntax; $1 in the value is a group). Operations of a transform run
// in order; where a `test` fails the rest of that transform leaves the object alone; any other failure is an
// error. Immutable; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "model/problem.h"
#include "protect/resource_filter.h"

namespace fencepost::protect {

class Transforms {
  public:
    Transforms() = default;
    // What is wrong goes to `problems`. References to TransformSets are wrong: see transform_sets.h.
    [[nodiscard]] static Transforms read(const Value& transforms, const std::string& pointer,
                                         model::Problems& problems);
    // Throws kInvalid that names the transform, the operation and the object.
    [[nodiscard]] Value apply(const cluster::ResourceType& type, Value manifest) const;

  private:
    struct Operation {
        std::string op, path, from, regex;
        Value value;
    };
    struct Transform {
        std::string name;
        ResourceFilter fits{};
        std::vector<Operation> operations{};
    };
    [[nodiscard]] static bool apply(const Operation& operation, const std::string& path, Value& manifest);

    std::vector<Transform> transforms_;
};

}  // namespace fencepost::protect
