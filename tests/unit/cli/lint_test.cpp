#include <catch2/catch.hpp>
#include <cstdlib>
#include <sys/stat.h>

#include "base/files.h"
#include "cli/shellcheck.h"
#include "cli_world.h"
#include "lint/rule.h"
#include "tests/unit/source_dir.h"
#include "value/json.h"

using namespace fencepost;

namespace {

const std::filesystem::path kSource = source_dir();

bool has_shellcheck() { return !cli::shellcheck("bash", "echo $x").empty(); }

constexpr const char* kMisspelt =
    "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata:\n  name: a\nactions:\n  check:\n"
    "    phases:\n      - func: KubTask\n        name: work\n        args:\n          imgae: a:1\n"
    "          command: [\"true\"]\n";

}  // namespace

TEST_CASE("lint prints file, place, message, rule, the line with a caret and what to do") {
    const Folder folder;
    const std::string file = folder.write("b.yaml", kMisspelt);
    const Result result = fencepost_cli({"lint", file.c_str()});
    CHECK(result.code == 1);
    CHECK(result.output == file +
                               ":8:15: error: there is no function 'KubTask' [unknown-function]\n"
                               "          - func: KubTask\n"
                               "                  ^\n"
                               "    did you mean 'KubeTask'?\n"
                               "1 error, 0 warnings\n");
}

TEST_CASE("lint --fix repairs the file and keeps its mode and its link") {
    const Folder folder;
    const std::string file = folder.write("b.yaml", kMisspelt);
    const std::string link = (folder.path / "link.yaml").string();
    std::filesystem::create_symlink(file, link);
    REQUIRE(::chmod(file.c_str(), 0600) == 0);
    const Result result = fencepost_cli({"lint", "--fix", link.c_str()});
    CHECK(result.output == "1 file repaired\n1 file is fine\n");
    CHECK(result.code == 0);
    CHECK(read_file(file).find("- func: KubeTask\n        name: work\n        args:\n          image: a:1") !=
          std::string::npos);
    CHECK(std::filesystem::is_symlink(link));
    struct stat status{};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600);
    CHECK(fencepost_cli({"lint", "--fix", "-"}).code == 2);
}

TEST_CASE("lint goes through folders to their ends and leaves hidden ones out") {
    const Folder folder;
    std::filesystem::create_directories(folder.path / "a/.git");
    (void)folder.write("a/b.yaml", kMisspelt);
    (void)folder.write("a/.git/c.yaml", kMisspelt);
    (void)folder.write("a/notes.txt", "no yaml: {{");
    CHECK(fencepost_cli({"lint", folder.path.c_str()}).output.find("1 error, 0 warnings\n") !=
          std::string::npos);
    const std::string nothing = (folder.path / "a/.git").string();
    CHECK(fencepost_cli({"lint", (folder.path / "nowhere").c_str()}).code == 1);
}

TEST_CASE("lint -o json has every diagnostic with its repair") {
    const Folder folder;
    const std::string file = folder.write("b.yaml", kMisspelt);
    const Result result = fencepost_cli({"lint", "-o", "json", file.c_str()});
    CHECK(result.code == 1);
    const Value view = parse_json(result.output);
    CHECK(view["errors"] == Value(1));
    const Value& one = view["diagnostics"].as_list().at(0);
    CHECK(one["file"] == Value(file));
    CHECK(one["line"] == Value(8));
    CHECK(one["rule"] == Value("unknown-function"));
    CHECK(one.get("fix", "now") == Value("KubeTask"));
}

TEST_CASE("lint -o sarif names every rule, and each result is of one of them") {
    const Folder folder;
    const std::string file = folder.write("b.yaml", kMisspelt);
    const Value view = parse_json(fencepost_cli({"lint", "-o", "sarif", file.c_str()}).output);
    CHECK(view["version"] == Value("2.1.0"));
    const Value& run = view["runs"].as_list().at(0);
    CHECK(run.get("tool", "driver", "rules").as_list().size() == lint::rules().size());
    const Value& one = run["results"].as_list().at(0);
    CHECK(lint::find_rule(one["ruleId"].as_string()) != nullptr);
    CHECK(one["level"] == Value("error"));
    CHECK(one["locations"].as_list().at(0).get("physicalLocation", "region", "startLine") == Value(8));
}

TEST_CASE("scripts are shown to shellcheck, and what it says stands at its place in the YAML") {
    if (!has_shellcheck()) {
        WARN("SKIPPED: shellcheck is not installed");
        return;
    }
    const std::filesystem::path folder = kSource / "tests/golden/lint/shellcheck";
    const auto said_of = [&](const char* name) {
        const lint::Source source{name, read_file(folder / name)};
        std::string text;
        for (const auto& one : lint::lint(source, {}, cli::shellcheck)) text += to_text(one) + "\n";
        return text;
    };
    const std::string bad = said_of("bad.yaml");
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(folder / "bad.txt") << bad;
    CHECK(bad == read_file(folder / "bad.txt"));
    CHECK(bad.find("[shellcheck]") != std::string::npos);
    CHECK(said_of("good.yaml") == "");
}

TEST_CASE("all that is shipped is clean with shellcheck, too") {
    const std::string blueprints = source_dir() + "/blueprints", bindings = source_dir() + "/bindings";
    const Result result = fencepost_cli({"lint", blueprints.c_str(), bindings.c_str()});
    CHECK(result.output.find(" are fine\n") != std::string::npos);
    CHECK(result.code == 0);
}
