#include "model/validate.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/model/printed.h"
#include "tests/unit/source_dir.h"

namespace fencepost::model {
namespace {

namespace fs = std::filesystem;

// As functions/ declares them; that layer is above this one.
const std::vector<FunctionSpec>& functions() {
    using enum ArgType;
    static const std::vector<FunctionSpec> kFunctions{
        {.name = "KubeTask",
         .args = {{"image", kString, true, "the container's image"},
                  {"command", kStringList, true, "the command and its arguments"},
                  {"namespace", kString, false, ""},
                  {"podOverride", kMap, false, ""},
                  {"podLabels", kMap, false, ""},
                  {"podAnnotations", kMap, false, ""}}},
        {.name = "KubeExec",
         .args = {{"namespace", kString, true, "the Pod's namespace"},
                  {"pod", kString, true, "the Pod"},
                  {"command", kStringList, true, "the command and its arguments"},
                  {"container", kString, false, ""}}},
        {.name = "KubeExecAll",
         .args = {{"namespace", kString, true, ""},
                  {"pods", kString, true, ""},
                  {"containers", kString, true, ""},
                  {"command", kStringList, true, ""}}},
        {.name = "ScaleWorkload",
         .args = {{"replicas", kInt, true, "how many Pods there shall be"},
                  {"namespace", kString, false, ""},
                  {"name", kString, false, ""},
                  {"kind", kString, false, ""},
                  {"waitForReady", kBool, false, ""}},
         .outputs = {"originalReplicaCount"}},
        {.name = "Wait", .args = {{"timeout", kString, true, ""}, {"conditions", kMap, true, ""}}},
        {.name = "WaitV2", .args = {{"timeout", kString, true, ""}, {"conditions", kMap, true, ""}}},
        {.name = "Fence",
         .args = {{"namespace", kString, true, "the Pods' namespace"},
                  {"labelSelector", kString, false, ""},
                  {"mode", kString, false, ""},
                  {"annotationPrefix", kString, false, ""},
                  {"maxLag", kString, false, ""}},
         .outputs = {"pod", "podUid", "obligation", "fencedAt"}},
        {.name = "Unfence", .args = {{"namespace", kString, false, ""}}},
    };
    return kFunctions;
}

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string lint(const fs::path& path) {
    return printed(validate_text(read_file(path), path.filename().string(), functions()));
}

std::vector<fs::path> yaml_files(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".yaml") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

const fs::path kSource = source_dir();

}  // namespace

TEST_CASE("every file of tests/golden/model gives the diagnostics that are written beside it") {
    const auto files = yaml_files(kSource / "tests/golden/model");
    REQUIRE(files.size() >= 10);
    for (const fs::path& file : files) {
        fs::path expected = file;
        expected.replace_extension(".expected");
        const std::string found = lint(file);
        if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(expected, std::ios::binary) << found;
        CAPTURE(file.filename().string());
        REQUIRE(fs::exists(expected));
        CHECK(found == read_file(expected));
    }
}

TEST_CASE("the shipped blueprints, bindings and profiles give no diagnostics") {
    std::vector<fs::path> files = yaml_files(kSource / "bindings");
    for (const fs::path& file : yaml_files(kSource / "examples")) files.push_back(file);
    for (const auto& folder : fs::directory_iterator(kSource / "blueprints")) {
        if (folder.is_directory()) files.push_back(folder.path() / "blueprint.yaml");
    }
    REQUIRE(files.size() >= 7);
    for (const fs::path& file : files) {
        CAPTURE(file.string());  // lint_test.cpp knows their functions
        CHECK(printed(validate_text(read_file(file), file.filename().string(), {})) == "");
    }
}

TEST_CASE("without a list of functions their names and arguments are not checked") {
    const std::string text =
        "{apiVersion: cr.kanister.io/v1alpha1, kind: Blueprint, metadata: {name: a}, actions: {x: {phases: "
        "[{func: Anything, name: p, args: {any: 1}}]}}}";
    CHECK(printed(validate_text(text, "f", {})) == "");
    CHECK(printed(validate_text(text, "f", functions())) ==
          "f:1:107: error: there is no function 'Anything' [unknown-function]\n    there are KubeTask, "
          "KubeExec, "
          "KubeExecAll, ScaleWorkload, Wait, WaitV2, Fence, Unfence\n");
}

TEST_CASE("validate places what it can without the text: a template's problem stands at its scalar") {
    const auto documents = parse_yaml(
        "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: a}\nactions:\n  x:\n    "
        "phases:\n"
        "      - func: F\n        name: p\n        args:\n          a: \"{{ tostring }}\"\n");
    REQUIRE(documents.size() == 1);
    CHECK(printed(validate(documents[0], "f", {})) ==
          "f:10:14: error: template: function \"tostring\" not defined [template]\n    did you mean "
          "'toString'?\n");
}

TEST_CASE("a template that came by an alias or a merge is placed at a scalar, never beside one") {
    const std::string head =
        "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: a}\nactions:\n";
    const std::string alias =
        head +
        "  x:\n    phases:\n      - func: F\n        name: p\n        args:\n          a: &t \"{{ nope }}\"\n"
        "          b: *t\n";
    const auto found = validate_text(alias, "f", {});
    REQUIRE(found.size() == 2);
    CHECK(found[0].position.line == 10);
    CHECK(found[1].position.line == 11);
    CHECK(found[1].position.column == 14);
}

TEST_CASE("hostile files are refused as diagnostics, not as crashes") {
    const auto brackets = validate_text(std::string(100'000, '['), "f", functions());
    REQUIRE(brackets.size() == 1);
    CHECK(brackets[0].rule == "yaml");
    std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
    for (char c = 'b'; c < 'l'; ++c) {
        bomb += std::string(1, c) + ": &" + c + " [";
        for (int i = 0; i < 10; ++i) bomb += std::string(i == 0 ? "*" : ",*") + static_cast<char>(c - 1);
        bomb += "]\n";
    }
    const auto aliases = validate_text(bomb, "f", functions());
    REQUIRE(aliases.size() == 1);
    CHECK(aliases[0].rule == "yaml");
    std::string deep =
        "{apiVersion: cr.kanister.io/v1alpha1, kind: Blueprint, metadata: {name: a}, actions: {x: {phases: "
        "[{func: "
        "Wait, name: p, if: '{{ ";
    deep += std::string(50'000, '(') + " }}'}]}}}";
    CHECK_FALSE(validate_text(deep, "f", {}).empty());
}

}  // namespace fencepost::model
