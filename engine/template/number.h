// Go's number and string literals. Pure; thread-safe. Errors: Error{kInvalid} with Go's text.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "template/lex.h"
#include "template/node.h"

namespace fencepost::tmpl {

[[nodiscard]] std::unique_ptr<NumberNode> parse_number(const Token& token);
[[nodiscard]] std::string unquote(std::string_view literal);

}  // namespace fencepost::tmpl
