// A template's syntax error as a Problem. Go's parser tells a line and no more; the column is found by
// parsing ever longer beginnings of the text until the error appears. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/problem.h"
#include "template/parse.h"

namespace fencepost::model {

// Adds what is wrong with the text, and gives its trees where nothing is.
[[nodiscard]] std::optional<tmpl::Trees> parse_template(const std::string& text, const std::string& pointer,
                                                        Problems& problems);

// The name under which parse_template() parses: the main tree's.
inline constexpr std::string_view kTemplateName = "line";

}  // namespace fencepost::model
