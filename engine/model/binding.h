// A BlueprintBinding as a type: which blueprint for which resources. The grammar: every item of matchAll and
// matchAny is one requirement on the resource's type, namespace, one label or one annotation. Three shapes
// that are found in the wild but are not the documented ones are read too, each with a warning BND-W10 that
// shows the right form. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/problem.h"
#include "value/value.h"

namespace fencepost::model {

// Group, version, resource (lower-case plural) and name; an empty one fits every type.
struct TypePattern {
    std::string group, version, resource, name;
};

struct Requirement {
    enum class Subject { kType, kNamespace, kAnnotations, kLabels };
    // kGlob is ours, for namespaces alone: * and ? in the values.
    enum class Operator { kIn, kNotIn, kExists, kDoesNotExist, kGlob };
    Subject subject = Subject::kType;
    Operator op = Operator::kIn;
    std::string key;                  // of the label or annotation
    std::vector<std::string> values;  // of namespaces, labels, annotations
    std::vector<TypePattern> types;
    std::size_t index = 0;  // of the list's item that says this; one lenient item may say several
};
[[nodiscard]] std::string_view to_string(Requirement::Subject subject) noexcept;
[[nodiscard]] std::string_view to_string(Requirement::Operator op) noexcept;

struct Binding {
    std::string name, ns, uid, resource_version;
    std::string created;  // metadata.creationTimestamp: RFC 3339
    std::int64_t generation = 0;
    bool is_disabled = false;
    std::string blueprint, blueprint_namespace;
    std::vector<Requirement> match_all, match_any;

    // Whatever can be read; what is wrong goes to `problems`. With an error among them, do not match with it.
    [[nodiscard]] static Binding read(const Value& object, Problems& problems);
    // Throws Error{kInvalid} that lists all errors, one a line.
    [[nodiscard]] static Binding from(const Value& object);
};

// The action names that the lifecycle of a bound resource calls; any other is called by name alone.
[[nodiscard]] const std::vector<std::string>& lifecycle_actions();

}  // namespace fencepost::model
