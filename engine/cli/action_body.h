// What POST /v1/actions is sent, from the options of a command line. Pure. Errors: UsageError.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/verbs.h"
#include "value/value.h"

namespace fencepost::cli {

// `subject` may be nil where options.from says it all.
[[nodiscard]] Value action_body(const RunOptions& options, const Value& subject);
[[nodiscard]] Value profile_reference(const std::string& text);  // of NAME or NAMESPACE/NAME
// "key=value" each; `flag` is what a mistake is told of.
[[nodiscard]] std::map<std::string, std::string> key_values(const std::vector<std::string>& texts,
                                                            std::string_view flag);

}  // namespace fencepost::cli
