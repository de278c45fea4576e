// Label and field selectors as Kubernetes writes them: "app=pg,tier in (a,b),!x" and
// "metadata.name=x,status.phase!=Running". Immutable once parsed; thread-safe. Errors: Error{kInvalid}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace fencepost::cluster {

class LabelSelector {
  public:
    [[nodiscard]] static LabelSelector parse(std::string_view text);
    // A LabelSelector object: matchLabels and matchExpressions.
    [[nodiscard]] static LabelSelector from(const Value& selector);
    [[nodiscard]] bool matches(const Value& object) const;
    [[nodiscard]] bool is_empty() const noexcept { return requirements_.empty(); }

  private:
    enum class Operator { kIn, kNotIn, kExists, kDoesNotExist, kGreater, kLess };
    struct Requirement {
        std::string key;
        Operator op = Operator::kIn;
        std::vector<std::string> values;
    };
    std::vector<Requirement> requirements_;
};

// Any path of plain members works, not only those that an API server indexes.
class FieldSelector {
  public:
    [[nodiscard]] static FieldSelector parse(std::string_view text);
    [[nodiscard]] bool matches(const Value& object) const;

  private:
    struct Requirement {
        std::vector<std::string> path;
        bool is_equal = true;
        std::string value;
    };
    std::vector<Requirement> requirements_;
};

}  // namespace fencepost::cluster
