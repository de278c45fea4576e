#include "lint/shell.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <iterator>

namespace fencepost::lint {
namespace {

// "name arg arg | name" a line each: what the lexer makes of a script.
std::string taken_apart(std::string_view script) {
    std::string text;
    for (const ShellCommand& command : shell_commands(script)) {
        for (const ShellWord& word : command.words) text += "[" + word.text + "]";
        text += std::string(command.reads_input ? " <" : "") + (command.is_piped_on ? " |" : "") + "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("scripts are taken apart into commands") {
    struct Case {
        const char* script;
        const char* expected;
    };
    const Case cases[] = {
        {"", ""},
        {"a b  c", "[a][b][c]\n"},
        {"a; b && c || d & e", "[a]\n[b]\n[c]\n[d]\n[e]\n"},
        {"a | b |& c", "[a] |\n[b] < |\n[c] <\n"},
        {"a |\n  b", "[a] |\n[b] <\n"},
        {"a \\\n  b", "[a][b]\n"},
        {"a # b | c\nd", "[a]\n[d]\n"},
        {"a 'b | c' \"d ; e\" f\\ g", "[a][b | c][d ; e][f g]\n"},
        {"a >b 2>&1 <c", "[a] <\n"},
        {"a </dev/null", "[a]\n"},
        {"a <<EOF\nb | c\nEOF\nd", "[a] <\n[d]\n"},
        {"a <<-'X' | b\n\tc\n\tX\nd", "[a] < |\n[b] <\n[d]\n"},
        {"a <<< b", "[a] <\n"},
        {"x=$(a | b) c", "[a] |\n[b] <\n[x=$(a | b)][c]\n"},
        {"a \"$(b \"c\")\" ${d:-e f}", "[b][c]\n[a][$(b \"c\")][${d:-e f}]\n"},
        {"f() { a; }", "[f]\n[{][a]\n[}]\n"},
        {"if a | b; then c; fi", "[if][a] |\n[b] <\n[then][c]\n[fi]\n"},
        {"case x in a) b;; esac", "[case][x][in][a]\n[b]\n[esac]\n"},
        {"echo $((1 + 2))", "[echo][$((1 + 2))]\n"},
        {"a 'never closed", "[a][never closed]\n"},
        {"a $(b", "[b]\n[a][$(b]\n"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.script);
        CHECK(taken_apart(one.script) == one.expected);
    }
}

TEST_CASE("a command's name stands behind assignments and words like if, and has no folder") {
    const auto name = [](std::string_view script) { return shell_commands(script).at(0).name(); };
    CHECK(name("A=b C= psql -c x") == "psql");
    CHECK(name("if ! /usr/bin/psql -c x; then") == "psql");
    CHECK(name("A=b") == "");
}

TEST_CASE("a command in front of && or || decides the next one") {
    const auto commands = shell_commands("a && b || c; d");
    REQUIRE(commands.size() == 4);
    CHECK(commands[0].decides_next);
    CHECK(commands[1].decides_next);
    CHECK_FALSE(commands[2].decides_next);
    CHECK_FALSE(commands[3].decides_next);
}

TEST_CASE("templates become words or blanks of the same length") {
    CHECK(without_templates("a {{ .B }} c") == "a xxxxxxxx c");
    CHECK(without_templates("{{ if .B }}c{{ end }}") == "           c         ");
    CHECK(without_templates("{{ \"}}\" }}'") == "xxxxxxxxxx'");
    CHECK(without_templates("{{/* a\nb */}}c") == "      \n      c");
    CHECK(without_templates("{{ never").size() == 8);
}

TEST_CASE("any text is taken apart to its end, and all words are from it") {
    constexpr std::string_view kPieces[] = {
        "a",  " ",  "\n", "'", "\"", "`",        "$(", "${", "$((", ")",  "}",    "<<", "<<<", "EOF", "|",
        "||", "&&", ";",  "#", "\\", "{{ .x }}", "2>", "&",  "(",   "\t", "psql", "-c", "=",   "<("};
    std::uint32_t state = 20'261'121;  // a fixed seed: a failure comes again
    const auto next = [&](std::size_t below) {
        state = state * 1'664'525U + 1'013'904'223U;
        return static_cast<std::size_t>(state >> 8U) % below;
    };
    for (int round = 0; round < 20'000; ++round) {
        std::string script;
        for (std::size_t length = next(30); length > 0; --length) script += kPieces[next(std::size(kPieces))];
        CAPTURE(script);
        REQUIRE(without_templates(script).size() == script.size());
        for (const ShellCommand& command : shell_commands(script)) {
            for (const ShellWord& word : command.words) REQUIRE(word.offset < script.size());
        }
    }
}

TEST_CASE("hostile scripts are read to their end") {
    CHECK(shell_commands(std::string(100'000, '(')).empty());
    std::string deep;
    for (int i = 0; i < 10'000; ++i) deep += "$(";
    CHECK_FALSE(shell_commands(deep).empty());
    CHECK_FALSE(shell_commands(std::string(100'000, '<')).size() > 100'000);
}

}  // namespace fencepost::lint
