// Templates over JSON lines, for programs that ask what a template gives: `fencepost template`, and with it
// the conformance cases, the differential test and the bench. A request is
//     {"template": "{{.a}}", "data": {"a": 1}, "missingkey": "error", "funcs": "kanister", "parse_only":
//     false}
// and its answer {"ok": true, "output": "1"}, or {"ok": false, "stage": "parse", "error": "template: ..."}
// with the stage parse or exec, or request where the line itself is wrong. In data {"$bytes": base64} and the
// like are values of Go types that JSON has not (tests/conformance/cases/README.md). Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost::tmpl {

// Never throws for what the line holds. The answer has no newline.
[[nodiscard]] std::string answer_line(std::string_view line);

// The value that `json` stands for, with {"$int": 1} and its like as what they name.
[[nodiscard]] Value decode_tagged(const Value& json);

}  // namespace fencepost::tmpl
