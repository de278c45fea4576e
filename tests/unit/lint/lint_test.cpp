#include "lint/lint.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "base/files.h"
#include "functions/catalog.h"
#include "lint/rule.h"
#include "tests/unit/model/printed.h"
#include "tests/unit/source_dir.h"

namespace fencepost::lint {
namespace {

namespace fs = std::filesystem;
using model::Diagnostic;
using model::printed;

const fs::path kSource = source_dir();
const fs::path kSamples = kSource / "tests/golden/lint";

const std::vector<model::FunctionSpec>& functions() {
    static const run::Catalog kCatalog = functions::catalog();
    return kCatalog.specs();
}

std::vector<Diagnostic> lint_file(const fs::path& path, const std::string& name) {
    return lint(Source{name, read_file(path)}, functions());
}

bool is_golden(const fs::path& file, const std::string& found) {
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
        fs::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << found;
    }
    return fs::exists(file) && read_file(file) == found;
}

// Only `lint` of the command line can say this one: it asks another program.
bool is_asked_elsewhere(std::string_view rule) { return rule == "shellcheck"; }

std::string_view name_of(model::Severity severity) {
    return severity == model::Severity::kError     ? "error"
           : severity == model::Severity::kWarning ? "warning"
                                                   : "info";
}

std::string page_of(const Rule& rule) {
    const fs::path folder = kSamples / rule.id;
    return "# " + std::string(rule.id) + "\n\n" + std::string(rule.summary) + " (" +
           std::string(name_of(rule.severity)) + ")\n\n" + std::string(rule.why) +
           "\n\n## Wrong\n\n```yaml\n" + read_file(folder / "bad.yaml") + "```\n\n```\n" +
           read_file(folder / "bad.txt") + "```\n\n## Right\n\n```yaml\n" + read_file(folder / "good.yaml") +
           "```\n";
}

std::string index_page() {
    std::string page =
        "# What `fencepost lint` finds\n\n"
        "Errors end with exit code 1, warnings with 0. A page each tells what comes of it and shows it wrong "
        "and right.\n\n| rule | severity | what |\n|---|---|---|\n";
    for (const Rule& rule : rules()) {
        page += "| [" + std::string(rule.id) + "](" + std::string(rule.id) + ".md) | " +
                std::string(name_of(rule.severity)) + " | " + std::string(rule.summary) + " |\n";
    }
    return page;
}

}  // namespace

TEST_CASE("every rule finds its bad sample, with the text that is written beside it") {
    REQUIRE(rules().size() >= 40);
    for (const Rule& rule : rules()) {
        CAPTURE(rule.id);
        const fs::path bad = kSamples / rule.id / "bad.yaml";
        REQUIRE(fs::exists(bad));
        if (is_asked_elsewhere(rule.id)) continue;
        const auto found = lint_file(bad, "bad.yaml");
        CHECK(std::any_of(found.begin(), found.end(),
                          [&](const Diagnostic& one) { return one.rule == rule.id; }));
        for (const Diagnostic& one : found) {
            CAPTURE(one.message);
            CHECK(find_rule(one.rule) != nullptr);
            if (one.rule == rule.id) CHECK(one.severity >= rule.severity);
        }
        CHECK(is_golden(kSamples / rule.id / "bad.txt", printed(found)));
    }
}

TEST_CASE("every rule has a good sample, which nothing is said of") {
    for (const Rule& rule : rules()) {
        CAPTURE(rule.id);
        const fs::path good = kSamples / rule.id / "good.yaml";
        REQUIRE(fs::exists(good));
        CHECK(printed(lint_file(good, "good.yaml")) == "");
    }
}

TEST_CASE("every sample belongs to a rule, and ids are unique") {
    std::set<std::string> ids;
    for (const Rule& rule : rules()) CHECK(ids.insert(std::string(rule.id)).second);
    for (const auto& folder : fs::directory_iterator(kSamples)) {
        CAPTURE(folder.path().string());
        CHECK(ids.contains(folder.path().filename().string()));
    }
}

TEST_CASE("docs/lint has a page of every rule; UPDATE_GOLDEN=1 rewrites them") {
    std::set<std::string> pages{"README.md"};
    CHECK(is_golden(kSource / "docs/lint/README.md", index_page()));
    for (const Rule& rule : rules()) {
        CAPTURE(rule.id);
        const std::string file = std::string(rule.id) + ".md";
        pages.insert(file);
        CHECK(is_golden(kSource / "docs/lint" / file, page_of(rule)));
    }
    for (const auto& page : fs::directory_iterator(kSource / "docs/lint"))
        CHECK(pages.contains(page.path().filename().string()));
}

TEST_CASE("no rule says what is not in the table: the validator's goldens") {
    for (const auto& file : fs::directory_iterator(kSource / "tests/golden/model")) {
        if (file.path().extension() != ".yaml") continue;
        for (const Diagnostic& one : lint_file(file.path(), "x")) {
            CAPTURE(file.path().filename().string(), one.rule);
            CHECK(find_rule(one.rule) != nullptr);
        }
    }
}

TEST_CASE("all that is shipped lints clean, one by one and together") {
    std::vector<Source> sources;
    for (const char* folder : {"bindings", "blueprints", "examples"}) {
        for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
            const std::string name = entry.path().filename().string();
            const bool is_case = name.ends_with(".case.yaml") || name.ends_with(".expected.yaml");
            if (entry.path().extension() != ".yaml" || is_case) continue;
            // What an example fills in before it applies it: no YAML yet.
            const std::string text = read_file(entry.path());
            if (std::regex_search(text, std::regex("@[A-Z_]+@"))) continue;
            sources.push_back({entry.path().string(), read_file(entry.path())});
            CHECK(printed(lint(sources.back(), functions())) == "");
        }
    }
    REQUIRE(sources.size() >= 7);
    CHECK(printed(lint(sources, functions())) == "");
}

TEST_CASE("a repair mends what it names and nothing else, and is made where it is safe") {
    int repaired = 0;
    for (const Rule& rule : rules()) {
        const fs::path bad = kSamples / rule.id / "bad.yaml";
        CAPTURE(rule.id);
        const Source source{"bad.yaml", read_file(bad)};
        const auto before = lint(source, functions());
        const Source after{"bad.yaml", fixed(source, functions())};
        const auto left = lint(after, functions());
        const auto fixable = std::count_if(before.begin(), before.end(),
                                           [](const Diagnostic& one) { return one.fix.has_value(); });
        if (fixable == 0) {
            CHECK(after.text == source.text);
            continue;
        }
        ++repaired;
        CHECK(after.text != source.text);
        CHECK(std::none_of(left.begin(), left.end(),
                           [](const Diagnostic& one) { return one.fix.has_value(); }));
        CHECK(fixed(after, functions()) == after.text);
    }
    CHECK(repaired >= 6);
}

TEST_CASE("large and hostile files are linted to their end") {
    const std::string head =
        "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: a}\n"
        "actions: {x: {phases: [\n";
    std::string phases = head;
    for (int i = 0; i < 1'000; ++i) {
        phases +=
            "{func: KubeTask, name: p" + std::to_string(i) +
            ", retries: 010, args: {image: a, command: [bash, -c, 'a | b; psql -f {{ .Options.x }}']}},\n";
    }
    std::string duplicate = "a:\n";
    for (int i = 0; i < 10'000; ++i) duplicate += "  k" + std::to_string(i) + ": yes\n";
    std::string bindings;
    for (int i = 0; i < 500; ++i) {
        bindings +=
            "---\napiVersion: config.kio.kasten.io/v1alpha1\nkind: BlueprintBinding\nmetadata: {name: b" +
            std::to_string(i) +
            "}\nspec: {blueprintRef: {name: a, namespace: b}, resources: {matchAll: [{type: {operator: "
            "In, values: [{resource: secrets}]}}]}}\n";
    }
    CHECK(lint(Source{"f", phases + "]}}"}, functions()).size() > 2'000);
    CHECK(lint(Source{"f", duplicate + "  k0: no\n"}, functions()).at(0).rule == "duplicate-key");
    CHECK(lint(Source{"f", bindings}, functions()).size() > 400);
}

TEST_CASE("lint of what is no manifest of ours says nothing, and of nonsense an error") {
    CHECK(printed(lint(Source{"f", ""}, functions())) == "");
    CHECK(printed(lint(Source{"f", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}, functions())) ==
          "");
    CHECK(printed(lint(Source{"f", "a: ["}, functions())).find("[yaml]") != std::string::npos);
    CHECK(printed(lint(Source{"f", "a: {{ .B }}"}, functions())).find("[unquoted-template]") !=
          std::string::npos);
    const std::string braces = printed(lint(Source{"f", "a: " + std::string(100'000, '{')}, functions()));
    CHECK(braces.find("[yaml]") != std::string::npos);
    CHECK(braces.size() < 1'000);
}

}  // namespace fencepost::lint
