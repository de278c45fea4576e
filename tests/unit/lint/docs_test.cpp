// docs/functions and docs/templates.md: made from the functions' tables and from what the template engine
// knows, with examples that lint clean. UPDATE_GOLDEN=1 rewrites them.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "functions/catalog.h"
#include "lint/lint.h"
#include "template/template.h"
#include "tests/unit/source_dir.h"

namespace fencepost::lint {
namespace {

namespace fs = std::filesystem;

const fs::path kDocs = source_dir() + "/docs";

bool is_written(const fs::path& file, const std::string& text) {
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(file, std::ios::binary) << text;
    return fs::exists(file) && read_file(file) == text;
}

std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) result += c == '|' ? std::string("\\|") : std::string(1, c);
    return result;
}

std::string_view name_of(model::ArgType type) {
    switch (type) {
        case model::ArgType::kString:
            return "string";
        case model::ArgType::kStringList:
            return "list of strings";
        case model::ArgType::kInt:
            return "whole number";
        case model::ArgType::kBool:
            return "true or false";
        case model::ArgType::kMap:
            return "map";
        case model::ArgType::kAny:
            return "anything";
    }
    return "";
}

std::string function_page(const model::FunctionSpec& function) {
    const std::string name(function.name);
    std::string page = "# " + name + "\n\n" + name + " " + std::string(function.description) +
                       ".\n\n| argument | type | needed | what |\n|---|---|---|---|\n";
    for (const model::ArgSpec& arg : function.args) {
        page += "| `" + std::string(arg.name) + "` | " + std::string(name_of(arg.type)) + " | " +
                (arg.is_required ? "yes" : "") + " | " + escaped(arg.description) +
                (arg.fallback.empty() ? "" : " (default: `" + std::string(arg.fallback) + "`)") + " |\n";
    }
    page += "\n## Outputs\n\n";
    if (function.outputs.empty()) {
        page += "Whatever what it runs says with `kando output KEY VALUE`; nothing where it runs nothing.\n";
    } else {
        for (const std::string_view output : function.outputs) page += "- `" + std::string(output) + "`\n";
    }
    return page + "\n## Example\n\n```yaml\n" + read_file(kDocs / "functions" / (name + ".yaml")) + "```\n";
}

struct Parameter {
    const char* name;
    const char* when;
    const char* what;
};
constexpr Parameter kParameters[] = {
    {"Object", "always", "the subject, as JSON: `.Object.metadata.name`, `.Object.data.host`"},
    {"StatefulSet", "the subject is one",
     "`Name`, `Namespace`, `Pods`, `Containers`, `PersistentVolumeClaims`"},
    {"Deployment", "the subject is one", "as StatefulSet"},
    {"PVC", "the subject is one", "`Name`, `Namespace`"},
    {"Namespace", "the subject is one", "`Name`, `Namespace`; empty for any other subject"},
    {"ArtifactsIn", "the action has artifacts",
     "`.ArtifactsIn.NAME.KeyValue.KEY`, `.ArtifactsIn.NAME.KopiaSnapshot`"},
    {"ConfigMaps", "the action names some", "the objects: `.ConfigMaps.NAME.Data.KEY`"},
    {"Secrets", "the action names some", "the objects; `.Data.KEY` is bytes: `| toString`"},
    {"Profile", "the action has one", "`toJson .Profile` is what kando reads from FENCEPOST_PROFILE"},
    {"Options", "always",
     "what the caller gave: `.Options.KEY`; `index .Options \"KEY\"` where it may be missing"},
    {"Time", "always", "when the action began, RFC 3339; the same in every phase"},
    {"Phases", "in phases and artifacts", "`.Phases.NAME.Output.KEY`, `.Phases.NAME.Secrets.NAME.Data.KEY`"},
    {"DeferPhase", "in output artifacts", "`.DeferPhase.Output.KEY`"},
    {"PodOverride", "the action has one", "a map"},
    {"PodLabels", "the action has some", "a map"},
    {"PodAnnotations", "the action has some", "a map"},
};

struct Family {
    const char* title;
    const char* names;
};
// Go's own, and sprig 2.22's 150 text functions.
constexpr Family kFamilies[] = {
    {"Go's own", "and or not eq ne lt le gt ge len index slice call print printf println html js urlquery"},
    {"Strings",
     "abbrev abbrevboth camelcase cat contains hasPrefix hasSuffix hello indent initials kebabcase lower "
     "nindent "
     "nospace plural quote repeat replace shuffle snakecase split splitList splitn squote substr swapcase "
     "title "
     "toString trim trimAll trimPrefix trimSuffix trimall trunc untitle upper wrap wrapWith randAlpha "
     "randAlphaNum "
     "randAscii randNumeric"},
    {"Lists",
     "append compact concat first has initial join last list prepend push rest reverse slice sortAlpha "
     "toStrings "
     "tuple uniq without"},
    {"Maps", "deepCopy dict hasKey keys merge mergeOverwrite omit pick pluck set unset values"},
    {"Numbers",
     "add add1 atoi biggest ceil div float64 floor int int64 max min mod mul round sub toDecimal until "
     "untilStep"},
    {"Dates",
     "ago date dateInZone dateModify date_in_zone date_modify htmlDate htmlDateInZone now toDate unixEpoch"},
    {"Defaults", "coalesce default empty fail ternary"},
    {"Encodings", "b32dec b32enc b64dec b64enc toJson toPrettyJson"},
    {"Hashes and keys",
     "adler32sum sha1sum sha256sum uuidv4 genPrivateKey genCA genSelfSignedCert genSignedCert "
     "buildCustomCert "
     "derivePassword encryptAES decryptAES"},
    {"Patterns", "regexFind regexFindAll regexMatch regexReplaceAll regexReplaceAllLiteral regexSplit"},
    {"Paths and URLs", "base clean dir ext isAbs urlJoin urlParse"},
    {"Types", "deepEqual kindIs kindOf typeIs typeIsLike typeOf"},
    {"Versions", "semver semverCompare"},
    {"Refused", "env expandenv getHostByName"},
};

std::vector<std::string> words(std::string_view text) {
    std::istringstream stream{std::string(text)};
    std::vector<std::string> result;
    for (std::string word; stream >> word;) result.push_back(word);
    return result;
}

bool is_defined(const std::string& function) {
    try {
        (void)tmpl::Template::parse("t", "{{ " + function + " }}", tmpl::FunctionSet::kKanister);
        return true;
    } catch (const Error& error) {
        return error.message().find("not defined") == std::string::npos;
    }
}

std::string templates_page() {
    std::string page =
        "# Templates\n\n"
        "Every string among a phase's arguments is a template of its own in Go's text/template language, and "
        "so "
        "are a phase's `if`, the references in its `objects`, and the output artifacts. What is rendered "
        "stays a "
        "string; the function that takes it converts it.\n\n"
        "A key that is missing is an error, also in front of `default`: use `index` where it may be. A name "
        "with "
        "a `-` needs `index` too: `{{ index .Phases \"my-phase\" \"Output\" \"x\" }}`. In YAML a value that "
        "begins with `{{` needs quotes.\n\n"
        "Secrets belong into environment variables, by `podOverride`, never into a command's text "
        "([secret-in-command](lint/secret-in-command.md)).\n\n"
        "## Parameters\n\n| name | filled where | what |\n|---|---|---|\n";
    for (const Parameter& one : kParameters)
        page += "| `." + std::string(one.name) + "` | " + one.when + " | " + escaped(one.what) + " |\n";
    page +=
        "\n## Functions\n\nThose of Go's text/template and of sprig 2.22.0, with their output and their "
        "errors; their own documentation describes them.\n\n| family | functions |\n|---|---|\n";
    std::string missing;
    for (const Family& family : kFamilies) {
        std::string there;
        for (const std::string& name : words(family.names))
            (is_defined(name) ? there : missing) += " `" + name + "`";
        if (!there.empty()) page += "| " + std::string(family.title) + " |" + there + " |\n";
    }
    if (!missing.empty()) page += "\nNot defined:" + missing + ".\n";
    return page +
           "\nA template gets a budget of steps, depth, output and time; one that goes over it fails with a "
           "clear error.\n";
}

}  // namespace

TEST_CASE("docs/functions has a page of every function; UPDATE_GOLDEN=1 rewrites them") {
    const run::Catalog catalog = functions::catalog();
    std::set<std::string> files;
    std::string index =
        "# Functions\n\nWhat a phase's `func` may name. Arguments are templates; see "
        "[templates](../templates.md).\n\n| function | what |\n|---|---|\n";
    for (const model::FunctionSpec& function : catalog.specs()) {
        const std::string name(function.name);
        CAPTURE(name);
        REQUIRE(fs::exists(kDocs / "functions" / (name + ".yaml")));
        CHECK(is_written(kDocs / "functions" / (name + ".md"), function_page(function)));
        index += "| [" + name + "](" + name + ".md) | " + std::string(function.description) + " |\n";
        files.insert({name + ".yaml", name + ".md"});
    }
    CHECK(is_written(kDocs / "functions/README.md", index));
    files.insert("README.md");
    for (const auto& file : fs::directory_iterator(kDocs / "functions"))
        CHECK(files.contains(file.path().filename().string()));
}

TEST_CASE("the example of each function uses it, and lints clean") {
    const run::Catalog catalog = functions::catalog();
    for (const model::FunctionSpec& function : catalog.specs()) {
        const std::string file = std::string(function.name) + ".yaml";
        CAPTURE(file);
        const std::string text = read_file(kDocs / "functions" / file);
        CHECK(text.find("func: " + std::string(function.name) + "\n") != std::string::npos);
        std::string told;
        for (const model::Diagnostic& one : lint(Source{file, text}, catalog.specs()))
            told += to_text(one) + "\n";
        CHECK(told == "");
    }
}

TEST_CASE("docs/templates.md is what the engine knows; UPDATE_GOLDEN=1 rewrites it") {
    CHECK(is_written(kDocs / "templates.md", templates_page()));
    std::size_t sprig = 0;
    for (const Family& family : kFamilies)
        sprig += std::string_view(family.title) == "Go's own" ? 0 : words(family.names).size();
    CHECK(sprig == 150);
}

TEST_CASE("every parameter that the page tells of is one, and no other is known") {
    const auto lint_of = [](const std::string& text) {
        std::string told;
        for (const model::Diagnostic& one :
             lint(Source{"f",
                         "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: a}\n"
                         "actions: {x: {phases: [{func: F, name: p, args: {a: '" +
                             text + "'}}]}}\n"},
                  {}))
            told += one.rule + " ";
        return told;
    };
    for (const Parameter& one : kParameters) {
        CAPTURE(one.name);
        CHECK(lint_of("{{ ." + std::string(one.name) + " }}").find("unknown-parameter") == std::string::npos);
    }
    CHECK(lint_of("{{ .Nothing }}").find("unknown-parameter") != std::string::npos);
}

}  // namespace fencepost::lint
