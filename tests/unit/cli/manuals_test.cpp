#include "cli/manuals.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "base/files.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/settings.h"
#include "tests/unit/source_dir.h"

using namespace fencepost;

TEST_CASE("every verb, flag and setting is in a manual page") {
    std::map<std::string, std::string> pages;
    for (const Manual& manual : cli::manuals("1.2.3")) pages[manual.file_name()] = to_troff(manual);
    const cli::Command tree = cli::command_tree();
    CHECK(pages.size() == tree.commands.size() + 2);
    const auto flag_is_in = [](const std::string& page, const std::string& flag) {
        std::string escaped;
        for (const char c : flag) escaped += c == '-' ? std::string("\\-") : std::string(1, c);
        return page.find(escaped) != std::string::npos;
    };
    for (const cli::Command& verb : tree.commands) {
        CAPTURE(verb.name);
        const std::string& page = pages["fencepost-" + verb.name + ".1"];
        CHECK(page.find(".TH \"FENCEPOST-") == 0);
        CHECK(page.find(".SH \"EXIT STATUS\"") != std::string::npos);
        CHECK(page.find(".SH \"EXAMPLES\"") != std::string::npos);
        CHECK(pages["fencepost.1"].find("fencepost\\-" + verb.name + "(1)") != std::string::npos);
        for (const auto& option : verb.options) {
            for (const auto& name : option.names) CHECK(flag_is_in(page, name));
        }
        for (const cli::Command& below : verb.commands) {
            for (const auto& option : below.options) {
                for (const auto& name : option.names) CHECK(flag_is_in(page, name));
            }
        }
    }
    for (const cli::Setting& setting : cli::settings()) {
        CHECK(pages["fencepost.yaml.5"].find("\\fB" + std::string(setting.key) + ": ") != std::string::npos);
        CHECK(flag_is_in(pages["fencepost-serve.1"], std::string(setting.flag)));
    }
}

TEST_CASE("a manual page's text is nobody's request: dots, quotes and backslashes are escaped") {
    const Manual manual{
        .name = "x",
        .section = 1,
        .what = "a-b",
        .source = "S",
        .sections = {{.title = "T",
                      .blocks = {Manual::Paragraph{".so /etc/passwd\n'x \\n `y`"},
                                 Manual::Verbatim{"  a --b\n.c\n"}, Manual::Entry{"-f", "what"}}}}};
    CHECK(to_troff(manual) ==
          ".TH \"X\" 1 \"\" \"S\" \"Fencepost\"\n.ad l\n.nh\n.SH NAME\nx \\- a\\-b\n.SH \"T\"\n"
          ".PP\n\\&.so /etc/passwd\n\\&\\(aqx \\en \\(gay\\(ga\n"
          ".PP\n.nf\n  a \\-\\-b\n\\&.c\n.fi\n"
          ".TP\n\\fB\\-f\\fR\nwhat\n");
}

TEST_CASE("docs/reference.md is what the definitions say; UPDATE_GOLDEN=1 rewrites it") {
    const std::string file = source_dir() + "/docs/reference.md";
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(file) << cli::reference();
    CHECK(read_file(file) == cli::reference());
}

TEST_CASE("every verb and flag is in every shell's completion") {
    const cli::Command tree = cli::command_tree();
    const std::string bash = cli::bash_completion(tree);
    const std::string zsh = cli::zsh_completion(tree);
    const std::string fish = cli::fish_completion(tree);
    for (const cli::Command& verb : tree.commands) {
        CAPTURE(verb.name);
        CHECK(bash.find("/" + verb.name + ")") != std::string::npos);
        CHECK(zsh.find("'" + verb.name + ":") != std::string::npos);
        CHECK(fish.find("-a " + verb.name + " ") != std::string::npos);
        for (const auto& option : verb.options) {
            if (option.is_positional) continue;
            for (const auto& name : option.names) {
                CAPTURE(name);
                CHECK(bash.find(name) != std::string::npos);
                CHECK(zsh.find(name + "[") != std::string::npos);
                CHECK(fish.find(name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1)) !=
                      std::string::npos);
            }
        }
    }
}
