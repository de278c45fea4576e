// The settings of `fencepost serve`: one table, from which come the flags, the environment variables, the
// configuration file and its checks, `config show`, the man pages and the reference. A flag is stronger than
// the environment, the environment than the file, the file than the default.
//
//     const Configuration configuration = configure(flags, environment, "/etc/fencepost/fencepost.yaml");
//     world.serve(configuration.options);
//
// Pure but for reading the file; thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.h"
#include "model/diagnostic.h"

namespace fencepost::cli {

struct Setting {
    std::string_view key;          // in the file: "maxRunning"
    std::string_view flag;         // "--max-running"
    std::string_view environment;  // "FENCEPOST_MAX_RUNNING"
    std::string_view value;        // what help calls its value: "NUMBER", "DIR", "debug|info"
    std::string_view fallback;     // "" where there is none
    std::string_view what;         // one sentence, without a full stop
    [[nodiscard]] bool is_truth() const noexcept { return value == "true|false"; }
    // Several, between commas: as a flag it may be repeated, in the file it may be a list.
    [[nodiscard]] bool is_list() const noexcept { return value.ends_with(",..."); }
    // Throws Error{kInvalid} that says what would be right.
    void (*set)(ServeOptions& options, const std::string& text);
};
[[nodiscard]] std::span<const Setting> settings() noexcept;

inline constexpr std::string_view kDefaultConfigFile = "/etc/fencepost/fencepost.yaml";
inline constexpr std::string_view kConfigVariable = "FENCEPOST_CONFIG";

// A setting's value, and who said so: "--listen", "FENCEPOST_LISTEN", "fencepost.yaml:3", "default".
struct Chosen {
    const Setting* setting;
    std::string value;
    std::string origin;
};
struct Configuration {
    ServeOptions options;
    std::vector<Chosen> settings;  // in the table's order
};

// A configuration file that is wrong: all of its problems, and the text that they are in.
class ConfigError : public UsageError {
  public:
    ConfigError(std::string text, std::vector<model::Diagnostic> diagnostics);
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] const std::vector<model::Diagnostic>& diagnostics() const noexcept { return diagnostics_; }

  private:
    std::string text_;
    std::vector<model::Diagnostic> diagnostics_;
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

[[nodiscard]] Environment process_environment();

// `flags`: by key. `file`: "" for the one that FENCEPOST_CONFIG names, or none. Throws ConfigError for what
// is in the file, UsageError for the rest.
[[nodiscard]] Configuration configure(const std::map<std::string, std::string>& flags,
                                      const Environment& environment, const std::string& file);
// Every problem of a configuration file: unknown keys, wrong values, YAML that cannot be read.
[[nodiscard]] std::vector<model::Diagnostic> check_config(std::string_view text, std::string_view file);
// The options of a verb that needs a data folder; throws as configure(), and where nobody says which folder.
[[nodiscard]] ServeOptions options_with_data_dir(const std::map<std::string, std::string>& flags,
                                                 const std::string& file);
// A file with every setting at its default, and what each is for; as it is installed where `data_dir` is set.
[[nodiscard]] std::string sample_config(std::string_view data_dir);

}  // namespace fencepost::cli
