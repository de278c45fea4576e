// YAML to Value as sigs.k8s.io/yaml reads it (YAML 1.1 plain scalars: yes/on/true are bools, also as keys,
// which turn into their JSON text; 010 is 8; 1_000 is 1000; dates stay strings; << merges), with the place of
// every node, so that a diagnostic can point at it. Duplicate keys are errors. Limits: depth, aliases, nodes,
// bytes. Writing quotes whatever would read back as something else. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "value/value.h"

namespace fencepost {

inline constexpr std::size_t kMaxYamlBytes = std::size_t{8} << 20U;
inline constexpr std::size_t kMaxYamlDepth = 100;
inline constexpr std::size_t kMaxYamlNodes = 1'000'000;  // after aliases are expanded
inline constexpr std::size_t kMaxYamlBrackets = 100;     // open [ and { at one place, also inside scalars

// Where each node of a document stands. Paths are JSON pointers ("/actions/backup/phases/0/func"); absent
// paths give the nearest parent's place.
class SourceMap {
  public:
    enum class Part { kKey, kValue };
    // How the scalar was written: template errors inside block scalars need the indentation and the first
    // line.
    enum class Style : std::uint8_t { kPlain, kSingleQuoted, kDoubleQuoted, kLiteral, kFolded };
    struct Mark {
        int line = 0;    // 1-based
        int column = 0;  // 1-based
        Style style = Style::kPlain;
    };
    SourceMap();
    SourceMap(SourceMap&&) noexcept;
    SourceMap& operator=(SourceMap&&) noexcept;
    ~SourceMap();
    [[nodiscard]] Mark at(std::string_view pointer, Part part = Part::kValue) const;
    void add(std::string pointer, Part part, Mark mark);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct YamlDocument {
    Value value;
    SourceMap source;
    int first_line = 1;
};

// Every document of a stream; empty ones are left out. Throws Error{kInvalid} at file:line:col.
[[nodiscard]] std::vector<YamlDocument> parse_yaml(std::string_view text, std::string_view file = "");
// Exactly one document; JSON is YAML too.
[[nodiscard]] Value parse_yaml_value(std::string_view text, std::string_view file = "");
[[nodiscard]] std::string to_yaml(const Value& value);

}  // namespace fencepost
