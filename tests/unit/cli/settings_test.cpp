#include "cli/settings.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "cli_world.h"
#include "run/engine.h"
#include "value/json.h"
#include "value/yaml.h"

using namespace fencepost;

namespace {

cli::Environment environment(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

const cli::Chosen& chosen(const cli::Configuration& configuration, std::string_view key) {
    for (const auto& one : configuration.settings) {
        if (one.setting->key == key) return one;
    }
    throw std::out_of_range(std::string(key));
}

std::string all_of(const std::vector<model::Diagnostic>& diagnostics) {
    std::string text;
    for (const auto& one : diagnostics) text += model::to_text(one) + " | " + one.hint + "\n";
    return text;
}

}  // namespace

TEST_CASE(
    "a flag is stronger than the environment, the environment than the file, the file than the default") {
    const Folder folder;
    const std::string file =
        folder.write("fencepost.yaml", "logLevel: warning\nlisten: 127.0.0.1:1\nmaxRunning: 3\n");
    const auto configuration =
        cli::configure({{"logLevel", "error"}},
                       environment({{"FENCEPOST_LOG_LEVEL", "debug"}, {"FENCEPOST_LISTEN", ":2"}}), file);
    CHECK(configuration.options.log_level == "error");
    CHECK(chosen(configuration, "logLevel").origin == "--log-level");
    CHECK(configuration.options.port == 2);
    CHECK(configuration.options.host == "127.0.0.1");
    CHECK(chosen(configuration, "listen").origin == "FENCEPOST_LISTEN");
    CHECK(configuration.options.max_running == 3);
    CHECK(chosen(configuration, "maxRunning").origin == "fencepost.yaml:3");
    CHECK(configuration.options.controller_namespace == "default");
    CHECK(chosen(configuration, "namespace").origin == "default");
    CHECK(configuration.options.data_dir.empty());
}

TEST_CASE("FENCEPOST_CONFIG names the file where no flag does") {
    const Folder folder;
    const std::string one = folder.write("one.yaml", "maxRunning: 1\n");
    const std::string two = folder.write("two.yaml", "maxRunning: 2\n");
    const auto from = [&](const std::string& flag) {
        return cli::configure({}, environment({{"FENCEPOST_CONFIG", one}}), flag).options.max_running;
    };
    CHECK(from("") == 1);
    CHECK(from(two) == 2);
}

TEST_CASE("every default of the table is the program's own") {
    const auto configuration = cli::configure({}, environment({}), "");
    const cli::ServeOptions plain;
    CHECK(configuration.options.host == plain.host);
    CHECK(configuration.options.port == plain.port);
    CHECK(configuration.options.controller_namespace == plain.controller_namespace);
    CHECK(configuration.options.log_level == plain.log_level);
    CHECK(configuration.options.max_running == run::kDefaultMaxRunning);
}

TEST_CASE("every setting can be set by flag, environment and file, and is documented") {
    for (const cli::Setting& setting : cli::settings()) {
        CAPTURE(setting.key);
        CHECK(setting.flag.starts_with("--"));
        CHECK(setting.environment.starts_with("FENCEPOST_"));
        CHECK(!setting.what.empty());
        CHECK(!setting.what.ends_with('.'));
        const std::string example = setting.value.starts_with("FROM=TO") ? "from=to" : "some-value";
        const std::string value = setting.fallback.empty() ? example : std::string(setting.fallback);
        const std::string key(setting.key);
        const Folder folder;
        const std::string file = folder.write("f.yaml", key + ": \"" + value + "\"\n");
        CHECK(chosen(cli::configure({{key, value}}, environment({}), ""), key).origin == setting.flag);
        CHECK(chosen(cli::configure({}, environment({{std::string(setting.environment), value}}), ""), key)
                  .origin == setting.environment);
        CHECK(chosen(cli::configure({}, environment({}), file), key).origin == "f.yaml:1");
    }
}

TEST_CASE("a configuration file's mistakes are all told, each with its place and what to do") {
    struct Case {
        const char* text;
        const char* expected;
    };
    for (const Case& one :
         {Case{"listen: 127.0.0.1:1\n", ""},
          {"", ""},
          {"# nothing\n", ""},
          {"listn: x\n",
           "f.yaml:1:1: error: there is no setting 'listn' [unknown-setting] | did you mean 'listen'?\n"},
          {"logLevel: info\n  \nmaxRunning: 0\n",
           "f.yaml:3:13: error: maxRunning: '0' is no number of actions [wrong-value] | it is a whole number "
           "from 1 to "
           "100000\n"},
          {"maxRunning: many\nlogLevel: wrning\n",
           "f.yaml:1:13: error: maxRunning: 'many' is no number of actions [wrong-value] | it is a whole "
           "number from 1 "
           "to 100000\n"
           "f.yaml:2:11: error: logLevel: 'wrning' is no log level (there are: debug, info, warning, error) "
           "[wrong-value] | did you mean 'warning'?\n"},
          {"listen: [a]\n", "f.yaml:1:9: error: listen: it must be one value, not list [wrong-value] | \n"},
          {"listen:\n", "f.yaml:1:1: error: listen: it must be one value, not nothing [wrong-value] | \n"},
          {"listen: nowhere\n",
           "f.yaml:1:9: error: listen: 'nowhere' is no address to listen on [wrong-value] | write HOST:PORT, "
           "as in "
           "127.0.0.1:7420\n"},
          {"jobPodStartTimeout: 24h\n", ""},
          {"jobPodStartTimeout: soon\n",
           "f.yaml:1:21: error: jobPodStartTimeout: 'soon' is no time limit [wrong-value] | write a duration "
           "from 1s to 24h, as in 90s or 15m\n"},
          {"jobPodStartTimeout: 0s\n",
           "f.yaml:1:21: error: jobPodStartTimeout: '0s' is no time limit [wrong-value] | write a duration "
           "from 1s to 24h, as in 90s or 15m\n"},
          {"imageMap: [a=b, 'c/*=d:1']\njobPodAccounts: a,b\njobPodPolicy: restricted\n", ""},
          {"imageMap: [a=b, c]\n",
           "f.yaml:1:11: error: imageMap: 'c' maps no image: it has no '=' [wrong-value] | an entry is "
           "FROM=TO, "
           "as in ghcr.io/kanisterio/*=ghcr.io/fencepost/tools:0.1.0\n"},
          {"imageMap: [[a=b]]\n",
           "f.yaml:1:11: error: imageMap: it must be one value, not list [wrong-value] | \n"},
          {"jobPodAccounts: a,,b\n",
           "f.yaml:1:17: error: jobPodAccounts: 'a,,b' is no list of service accounts [wrong-value] | write "
           "NAME, "
           "or several with a comma between\n"},
          {"jobPodPolicy: strict\n",
           "f.yaml:1:15: error: jobPodPolicy: 'strict' is no policy for Pods [wrong-value] | there are "
           "privileged, "
           "baseline and restricted\n"},
          {"- listen\n",
           "f.yaml:1:1: error: the file must hold settings, as in listen: 127.0.0.1:7420 [wrong-type] | \n"},
          {"listen: :1\n---\nlisten: :2\n",
           "f.yaml:2:1: error: the file has more than one document [two-documents] | \n"}}) {
        CAPTURE(one.text);
        CHECK(all_of(cli::check_config(one.text, "f.yaml")) == one.expected);
    }
    CHECK(all_of(cli::check_config("listen: a\nlisten: b\n", "f.yaml")).find("f.yaml:2:1: error:") == 0);
    CHECK(all_of(cli::check_config("listen: [\n", "f.yaml")).find("[yaml]") != std::string::npos);
}

TEST_CASE("serve with a wrong configuration file is exit code 2 and shows the line") {
    const Folder folder;
    const std::string file = folder.write("fencepost.yaml", "dataDir: d\nmaxRuning: 5\n");
    const Result result = fencepost_cli({"serve", "--config", file.c_str()});
    CHECK(result.code == 2);
    CHECK(result.errors.find(file + ":2:1: error: there is no setting 'maxRuning'") != std::string::npos);
    CHECK(result.errors.find("    maxRuning: 5\n    ^\n    did you mean 'maxRunning'?\n") !=
          std::string::npos);
    const Result check = fencepost_cli({"config", "check", file.c_str()});
    CHECK(check.code == 2);
    CHECK(check.output.find("did you mean 'maxRunning'?") != std::string::npos);
    CHECK(fencepost_cli({"serve", "--config", "/nowhere/x.yaml"}).code == 1);
    CHECK(fencepost_cli({"serve", "--data-dir", "d", "--max-running", "0"}).code == 2);
}

TEST_CASE("config show tells what holds and who said so") {
    const Folder folder;
    const std::string file = folder.write("fencepost.yaml", "dataDir: /data\n");
    const Result shown =
        fencepost_cli({"config", "show", "--config", file.c_str(), "--listen", "127.0.0.1:9", "-o", "json"});
    CHECK(shown.code == 0);
    const Value document = parse_json(shown.output);
    CHECK(to_json(document["dataDir"]) == R"({"from":"fencepost.yaml:1","value":"/data"})");
    CHECK(to_json(document["listen"]) == R"({"from":"--listen","value":"127.0.0.1:9"})");
    const Result repeated =
        fencepost_cli({"config", "show", "--image-map", "a=b", "--image-map", "c=d:1,e=f", "-o", "json"});
    CHECK(to_json(parse_json(repeated.output)["imageMap"]) ==
          R"({"from":"--image-map","value":"a=b,c=d:1,e=f"})");
    const Result rows = fencepost_cli({"config", "show"});
    CHECK(rows.output.find("SETTING") == 0);
    CHECK(rows.output.find("FENCEPOST_MAX_RUNNING") != std::string::npos);
}

TEST_CASE("the sample configuration is a configuration with every setting in it") {
    const std::string sample = cli::sample_config("/var/lib/fencepost");
    CHECK(all_of(cli::check_config(sample, "f.yaml")).empty());
    CHECK(parse_yaml_value(sample)["dataDir"].as_string() == "/var/lib/fencepost");
    std::string all = sample;  // with every setting taken in
    for (const cli::Setting& setting : cli::settings()) {
        const std::string out = "# " + std::string(setting.key) + ":";
        if (const std::size_t at = all.find(out); at != std::string::npos && !setting.fallback.empty())
            all.erase(at, 2);
        const bool stays_out = setting.fallback.empty() && setting.key != "dataDir";
        INFO(setting.key);
        CHECK(all.find("\n" + (stays_out ? out : std::string(setting.key) + ":")) != std::string::npos);
    }
    CHECK(all_of(cli::check_config(all, "f.yaml")).empty());
}
