// A shell script taken apart as far as rules need it: its simple commands with their words, and what is piped
// into what. Quotes, comments, here-documents and substitutions are understood; expansion is not tried.
// Whatever the text, it is read to its end. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fencepost::lint {

struct ShellWord {
    std::string text;        // without its quotes
    std::size_t offset = 0;  // in the script
};

struct ShellCommand {
    std::vector<ShellWord> words;  // without redirections
    std::string input;             // of a here-document or here-string
    bool reads_input = false;      // a pipe, a file or a here-document
    bool is_piped_on = false;      // into the next one

    // The command's name without its folder: behind assignments, and words like `if` and `exec`.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::vector<ShellWord> arguments() const;  // behind the name
    [[nodiscard]] std::size_t offset() const { return words.empty() ? 0 : words.front().offset; }
    [[nodiscard]] bool has(std::string_view word) const;  // as a whole word
    [[nodiscard]] bool mentions(std::string_view text) const;
};

[[nodiscard]] std::vector<ShellCommand> shell_commands(std::string_view script);

// A template's actions replaced by as many bytes that a shell takes for a word (a value) or blanks (if, end),
// so that all places stay where they are.
[[nodiscard]] std::string without_templates(std::string_view text);

}  // namespace fencepost::lint
