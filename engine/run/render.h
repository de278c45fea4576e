// Rendering of arguments, references and artifacts: every string of a value is a template of its own; keys of
// maps are rendered too; other scalars stay as they are. Parsed templates are cached and shared by all runs.
// Errors: Error{kInvalid} that names the place in the value ("command[2]") and has Go's text; a missing key
// reads as Kanister words it. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "template/template.h"
#include "value/value.h"

namespace fencepost::run {

// "true", blanks around it or not: what conditions (`if`, Wait) must come to.
[[nodiscard]] bool says_true(std::string_view text) noexcept;

class Renderer {
  public:
    [[nodiscard]] std::string text(std::string_view text, const Value& params) const;
    [[nodiscard]] Value value(const Value& value, const Value& params, const std::string& place = "") const;

  private:
    mutable tmpl::TemplateCache cache_;
};

}  // namespace fencepost::run
