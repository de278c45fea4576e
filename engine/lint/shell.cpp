#include "lint/shell.h"

#include <algorithm>
#include <cctype>

namespace fencepost::lint {
namespace {

constexpr int kMaxNesting = 50;

bool is_word_end(char c) { return std::string_view(" \t\n;&|()<>").find(c) != std::string_view::npos; }

bool is_assignment(std::string_view word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos || equals == 0) return false;
    const auto name = word.substr(0, equals);
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

// Words that stand before a command's name.
bool is_prefix(std::string_view word) {
    static constexpr std::string_view kPrefixes[] = {"if",   "then", "elif",    "else",  "while",
                                                     "do",   "!",    "{",       "time",  "until",
                                                     "exec", "sudo", "command", "nohup", "env"};
    return std::find(std::begin(kPrefixes), std::end(kPrefixes), word) != std::end(kPrefixes);
}

// The index of the word that is the command's name, or the number of words.
std::size_t name_index(const std::vector<ShellWord>& words) {
    std::size_t at = 0;
    while (at < words.size() && (is_prefix(words[at].text) || is_assignment(words[at].text))) ++at;
    return at;
}

class Lexer {
  public:
    explicit Lexer(std::string_view script) : script_(script) {}

    std::vector<ShellCommand> run() {
        while (at_ < script_.size()) {
            commands(0);
            if (at_ < script_.size()) ++at_;  // a ')' that nothing opened: of a case
        }
        return std::move(done_);
    }

  private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < script_.size() ? script_[at_ + ahead] : '\0';
    }
    [[nodiscard]] bool is_at(std::string_view text) const {
        return script_.compare(at_, text.size(), text) == 0;
    }

    // Up to the ')' that closes, which is left, or the end.
    void commands(int depth) {
        ShellCommand current;
        int open = 0;
        const auto end = [&](bool is_piped_on) {
            current.is_piped_on = is_piped_on;
            if (!current.words.empty()) done_.push_back(std::move(current));
            current = {};
            current.reads_input = is_piped_on;
        };
        while (at_ < script_.size()) {
            const char c = peek();
            if (c == ' ' || c == '\t') {
                ++at_;
            } else if (c == '\\' && peek(1) == '\n') {
                at_ += 2;
            } else if (c == '#') {
                at_ = std::min(script_.find('\n', at_), script_.size());
            } else if (c == '\n') {
                ++at_;
                here_documents(current);
                if (!current.words.empty()) end(false);
            } else if (is_at("&&") || is_at("||")) {
                at_ += 2;
                end(false);
            } else if (c == '|') {
                at_ += peek(1) == '&' ? 2 : 1;
                end(true);
            } else if (c == ';' || (c == '&' && peek(1) != '>')) {
                ++at_;
                end(false);
            } else if (c == '(') {
                ++open;
                ++at_;
                end(false);
            } else if (c == ')') {
                if (open == 0) break;
                --open;
                ++at_;
                end(false);
            } else if (c == '<' || c == '>' || c == '&') {
                redirection(current, depth);
            } else {
                ShellWord next = word(depth);
                // 2>file: the number belongs to the redirection.
                const bool is_descriptor = (peek() == '<' || peek() == '>') && !next.text.empty() &&
                                           next.text.find_first_not_of("0123456789") == std::string::npos;
                if (!is_descriptor) current.words.push_back(std::move(next));
            }
        }
        end(false);
    }

    void blanks() {
        while (peek() == ' ' || peek() == '\t') ++at_;
    }

    void redirection(ShellCommand& command, int depth) {
        if (is_at("<<<")) {
            at_ += 3;
            blanks();
            command.reads_input = true;
            command.input += word(depth).text;
            return;
        }
        if (is_at("<<")) {
            at_ += 2;
            const bool is_indented = peek() == '-';
            if (is_indented) ++at_;
            blanks();
            command.reads_input = true;
            awaited_.push_back({word(depth).text, is_indented});
            return;
        }
        if ((is_at("<(") || is_at(">(")) && depth < kMaxNesting) {
            at_ += 2;
            substitution(depth);
            return;
        }
        const bool is_input = peek() == '<';
        while (peek() == '<' || peek() == '>' || peek() == '&') ++at_;
        blanks();
        const std::string target = word(depth).text;
        if (is_input && target != "/dev/null") command.reads_input = true;
    }

    void substitution(int depth) {
        commands(depth + 1);
        if (peek() == ')') ++at_;
    }

    // The bodies of the here-documents that the line before has announced.
    void here_documents(ShellCommand& command) {
        for (const auto& [delimiter, is_indented] : awaited_) {
            while (at_ < script_.size()) {
                const std::size_t end = std::min(script_.find('\n', at_), script_.size());
                std::string_view line = script_.substr(at_, end - at_);
                at_ = std::min(end + 1, script_.size());
                std::string_view bare = line;
                while (is_indented && bare.starts_with('\t')) bare.remove_prefix(1);
                if (bare == delimiter) break;
                ShellCommand& owner = command.words.empty() && !done_.empty() ? done_.back() : command;
                owner.input.append(line).append("\n");
            }
        }
        awaited_.clear();
    }

    ShellWord word(int depth) {
        ShellWord result{.offset = at_};
        bool is_quoted = false;
        while (at_ < script_.size() && (is_quoted || !is_word_end(peek()))) {
            const char c = peek();
            if (c == '"') {
                is_quoted = !is_quoted;
                ++at_;
            } else if (c == '\'' && !is_quoted) {
                const std::size_t close = std::min(script_.find('\'', at_ + 1), script_.size());
                result.text.append(script_.substr(at_ + 1, close - at_ - 1));
                at_ = std::min(close + 1, script_.size());
            } else if (c == '\\') {
                ++at_;
                if (peek() != '\n' && at_ < script_.size()) result.text += peek();
                if (at_ < script_.size()) ++at_;
            } else if (is_at("$((")) {
                copy_until("))", result.text);
            } else if (is_at("${")) {
                copy_until("}", result.text);
            } else if (is_at("$(") && depth < kMaxNesting) {
                const std::size_t from = at_;
                at_ += 2;
                substitution(depth);
                result.text.append(script_.substr(from, at_ - from));
            } else if (c == '`') {
                copy_until("`", result.text);
            } else {
                result.text += c;
                ++at_;
            }
        }
        if (at_ == result.offset) ++at_;  // whatever it is, go on
        return result;
    }

    void copy_until(std::string_view close, std::string& text) {
        const std::size_t found = script_.find(close, at_ + 1);
        const std::size_t end = found == std::string_view::npos ? script_.size() : found + close.size();
        text.append(script_.substr(at_, end - at_));
        at_ = end;
    }

    struct HereDocument {
        std::string delimiter;
        bool is_indented = false;
    };
    std::string_view script_;
    std::size_t at_ = 0;
    std::vector<ShellCommand> done_;
    std::vector<HereDocument> awaited_;
};

// The end of the action that begins at `at`: behind its "}}", which may stand in a string.
std::size_t end_of_action(std::string_view text, std::size_t at) {
    char quote = '\0';
    for (at += 2; at < text.size(); ++at) {
        const char c = text[at];
        if (quote != '\0') {
            if (c == '\\' && quote == '"') {
                ++at;
            } else if (c == quote) {
                quote = '\0';
            }
        } else if (c == '"' || c == '`') {
            quote = c;
        } else if (text.compare(at, 2, "}}") == 0) {
            return at + 2;
        }
    }
    return text.size();
}

bool is_control(std::string_view action) {
    action.remove_prefix(2);
    const std::size_t start = action.find_first_not_of("- \t\n");
    if (start == std::string_view::npos) return true;
    action.remove_prefix(start);
    if (action.starts_with("/*") || action.starts_with('$')) return true;
    for (const std::string_view word : {"if", "else", "end", "range", "with", "define", "block"}) {
        if (action.starts_with(word) &&
            (action.size() == word.size() || is_word_end(action[word.size()]) || action[word.size()] == '}'))
            return true;
    }
    return false;
}

}  // namespace

std::string ShellCommand::name() const {
    const std::size_t at = name_index(words);
    if (at == words.size()) return {};
    const std::string& word = words[at].text;
    return word.substr(word.rfind('/') == std::string::npos ? 0 : word.rfind('/') + 1);
}

std::vector<ShellWord> ShellCommand::arguments() const {
    const std::size_t at = std::min(words.size(), name_index(words) + 1);
    return {words.begin() + static_cast<std::ptrdiff_t>(at), words.end()};
}

bool ShellCommand::has(std::string_view word) const {
    return std::any_of(words.begin(), words.end(), [&](const ShellWord& one) { return one.text == word; });
}

bool ShellCommand::mentions(std::string_view text) const {
    return input.find(text) != std::string::npos ||
           std::any_of(words.begin(), words.end(),
                       [&](const ShellWord& one) { return one.text.find(text) != std::string::npos; });
}

std::vector<ShellCommand> shell_commands(std::string_view script) { return Lexer(script).run(); }

std::string without_templates(std::string_view text) {
    std::string result(text);
    for (std::size_t at = result.find("{{"); at != std::string::npos; at = result.find("{{", at)) {
        const std::size_t end = end_of_action(text, at);
        const bool is_blank = is_control(text.substr(at, end - at));
        for (std::size_t i = at; i < end; ++i) {
            if (!is_blank || result[i] != '\n') result[i] = is_blank ? ' ' : 'x';
        }
        at = end;
    }
    return result;
}

}  // namespace fencepost::lint
