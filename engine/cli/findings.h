// Diagnostics for other programs: JSON, and SARIF 2.1.0 as code hosts show it beside the lines. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/diagnostic.h"
#include "value/value.h"

namespace fencepost::cli {

// {diagnostics: [{file, line, column, severity, rule, message, hint?, fix?}], errors, warnings}
[[nodiscard]] Value to_json_findings(const std::vector<model::Diagnostic>& diagnostics);
[[nodiscard]] Value to_sarif(const std::vector<model::Diagnostic>& diagnostics, const std::string& version);

}  // namespace fencepost::cli
