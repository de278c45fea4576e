#include "base/files.h"
#include "cli/diagnostics.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "value/yaml.h"

namespace fencepost::cli {

int config_check(const ConfigCheckOptions& options) {
    const std::string file = options.file.empty() ? std::string(kDefaultConfigFile) : options.file;
    const std::string text = read_file(file, kMaxYamlBytes);
    const auto diagnostics = check_config(text, file);
    for (const auto& diagnostic : diagnostics) print(to_text_with_excerpt(diagnostic, text, 1));
    if (!diagnostics.empty()) return kUsage;
    print(file + " is fine\n");
    return kDone;
}

int config_show(const ServeFlags& flags, const ConfigShowOptions& options) {
    const Output output(options.output);
    const Configuration configuration = configure(flags.settings, process_environment(), flags.config);
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> names;
    Value document{Map{}};
    for (const Chosen& chosen : configuration.settings) {
        const std::string key(chosen.setting->key);
        rows.push_back({key, chosen.value.empty() ? "-" : chosen.value, chosen.origin,
                        std::string(chosen.setting->flag), std::string(chosen.setting->environment)});
        names.push_back(key);
        document[key]["value"] = chosen.value;
        document[key]["from"] = chosen.origin;
    }
    print(output.is_table() ? table({"SETTING", "VALUE", "FROM", "FLAG", "ENVIRONMENT"}, rows)
                            : output.text(document, names));
    return kDone;
}

}  // namespace fencepost::cli
