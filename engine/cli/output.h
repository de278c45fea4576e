// What `-o` asks for: table (for people), json, yaml, name, or jsonpath=TEMPLATE. Every verb that shows
// objects takes it, and prints through this. Immutable; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "value/json_path.h"
#include "value/value.h"

namespace fencepost::cli {

class Output {
  public:
    // Throws UsageError for what is no format.
    explicit Output(std::string_view text);

    [[nodiscard]] bool is_table() const noexcept { return kind_ == Kind::kTable; }
    // REQUIRES: !is_table(). `names` are the lines of -o name, as in "secret/app1-db".
    [[nodiscard]] std::string text(const Value& document, const std::vector<std::string>& names) const;
    // What stands between one document and the next, where a verb prints several.
    [[nodiscard]] std::string_view separator() const noexcept { return kind_ == Kind::kYaml ? "---\n" : ""; }

  private:
    enum class Kind { kTable, kJson, kYaml, kName, kJsonPath };
    Kind kind_ = Kind::kTable;
    std::optional<JsonPathTemplate> path_;
};

// What help and completion call the formats.
inline constexpr std::string_view kFormats = "table|json|yaml|name|jsonpath=...";

}  // namespace fencepost::cli
