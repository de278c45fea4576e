#include "cli/output.h"

#include "cli/cli.h"
#include "model/diagnostic.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::cli {

Output::Output(std::string_view text) {
    constexpr std::string_view kPath = "jsonpath";
    if (text == "table") return;
    if (text == "json") {
        kind_ = Kind::kJson;
    } else if (text == "yaml") {
        kind_ = Kind::kYaml;
    } else if (text == "name") {
        kind_ = Kind::kName;
    } else if (text.starts_with(kPath)) {
        kind_ = Kind::kJsonPath;
        text.remove_prefix(kPath.size());
        if (!text.starts_with('=') || text.size() == 1)
            throw UsageError("-o jsonpath has no template", "as in -o jsonpath='{.metadata.name}'");
        try {
            path_.emplace(text.substr(1));
        } catch (const Error& error) {
            throw UsageError(error.message(), error.hint());
        }
    } else {
        const std::string near = model::nearest(text, {"table", "json", "yaml", "name", "jsonpath"});
        throw UsageError(
            "'" + std::string(text) + "' is no output format (there are: " + std::string(kFormats) + ")",
            near.empty() ? "" : "did you mean '" + near + "'?");
    }
}

std::string Output::text(const Value& document, const std::vector<std::string>& names) const {
    switch (kind_) {
        case Kind::kYaml:
            return to_yaml(document);
        case Kind::kJsonPath:  // as kubectl's: what the template says, and no newline of our own
            return path_->render(document);
        case Kind::kName: {
            std::string text;
            for (const std::string& name : names) text += name + "\n";
            return text;
        }
        default:
            return to_json(document, {.escape_html = false, .indent = "  "}) + "\n";
    }
}

}  // namespace fencepost::cli
