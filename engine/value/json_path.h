// Kubernetes' JSONPath. An expression finds values: .name, .a\.b, ['name'], ['a','b'], [n], [-n], [a:b:step],
// [*], ..name, and filters [?(@.path=="text")] with == != < <= > >=, or alone for "is there". A template is
// text with expressions in braces, as `kubectl -o jsonpath` takes it:
//
//     JsonPathTemplate("{range .items[*]}{.metadata.name}{'\n'}{end}").render(list)
//
// Parsed once, immutable, shared by threads. What is absent gives no result, also an item beyond a list's
// end (kubectl: an error). Errors: Error{kInvalid} for a text that cannot be read.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace fencepost {

inline constexpr std::size_t kMaxJsonPathBytes = std::size_t{64} << 10U;
inline constexpr int kMaxJsonPathDepth = 20;  // of filters in filters, and of ranges in ranges

class JsonPath {
  public:
    // As between the braces: "$.status.phase", ".items[*].metadata.name"; the $ may be left out.
    explicit JsonPath(std::string_view text);
    [[nodiscard]] std::vector<Value> find(const Value& root) const;

    struct Step;

  private:
    std::shared_ptr<const std::vector<Step>> steps_;
};

class JsonPathTemplate {
  public:
    explicit JsonPathTemplate(std::string_view text);
    // Several results of an expression stand side by side with a space; maps and lists are JSON.
    [[nodiscard]] std::string render(const Value& root) const;

    struct Node;

  private:
    std::shared_ptr<const std::vector<Node>> nodes_;
};

}  // namespace fencepost
