// Tokens to trees: the main template and every {{define}}d one. Pure; thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "template/node.h"
#include "template/template.h"

namespace fencepost::tmpl {

inline constexpr int kMaxExpressionDepth =
    200;                                    // nested parentheses; Go allows 10,000, a 256 KiB stack does not
inline constexpr int kMaxBlockDepth = 200;  // nested if, range, with, define

struct Trees {
    std::map<std::string, std::unique_ptr<ListNode>, std::less<>> by_name;
    bool changes_maps = false;  // a function that does is called somewhere
};

// Throws Error{kInvalid} with Go's text: "template: config:3: unexpected EOF".
[[nodiscard]] Trees parse_trees(std::string_view name, std::string_view text, FunctionSet functions);

}  // namespace fencepost::tmpl
