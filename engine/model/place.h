// Where a place within a scalar's text stands in the YAML that the scalar was read from: block scalars are
// indented, quoted ones hold escapes, folded ones lose their line ends. Each step is checked against the
// source, so that a scalar that came by an alias or a merge gives its own mark and never a wrong place. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/problem.h"
#include "value/yaml.h"

namespace fencepost::model {

// Without their ends.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);
// The byte at that offset of a text; of one behind its end, the end.
[[nodiscard]] Problem::Spot spot_at(std::string_view text, std::size_t offset);
// `lines` are the whole file's, or none where nobody has it; then the place is as near as the mark alone
// tells.
[[nodiscard]] Position place_of(const std::vector<std::string_view>& lines, const SourceMap::Mark& mark,
                                std::string_view value, const Problem::Spot& spot);

// Problems of one document as diagnostics in the order of their places. `source` is the whole file, or "".
[[nodiscard]] std::vector<Diagnostic> to_diagnostics(std::vector<Problem> problems,
                                                     const YamlDocument& document, std::string_view source,
                                                     std::string_view file);
// What a JSON pointer points at, or nil.
[[nodiscard]] const Value& value_at(const Value& root, std::string_view pointer);

}  // namespace fencepost::model
