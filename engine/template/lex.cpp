#include "template/lex.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/utf8.h"
#include "value/format.h"
#include "value/unicode.h"

namespace fencepost::tmpl {

namespace {

constexpr std::array<std::pair<std::string_view, TokenKind>, 11> kKeywords{
    {{"block", TokenKind::kBlock},
     {"break", TokenKind::kBreak},
     {"continue", TokenKind::kContinue},
     {"define", TokenKind::kDefine},
     {"else", TokenKind::kElse},
     {"end", TokenKind::kEnd},
     {"if", TokenKind::kIf},
     {"nil", TokenKind::kNil},
     {"range", TokenKind::kRange},
     {"template", TokenKind::kTemplate},
     {"with", TokenKind::kWith}}};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_word(unsigned rune) { return rune == '_' || is_letter(rune) || is_digit(rune); }

// %#U: "U+0023 '#'".
std::string code_point(std::string_view text, std::size_t at) {
    const unsigned rune = at < text.size() ? decode_rune(text, at).rune : 0xFFFFFFFFU;
    if (rune == 0xFFFFFFFFU) return "U+FFFFFFFFFFFFFFFF";
    std::array<char, 16> number{};
    std::snprintf(number.data(), number.size(), "U+%04X", rune);
    std::string out = number.data();
    if (is_printable(rune)) {
        out += " '";
        append_rune(out, rune);
        out += '\'';
    }
    return out;
}

class Scanner {
  public:
    Scanner(std::string_view text, std::string& error) : text_(text), error_(error) {
        constexpr std::size_t kBytesOfToken = 6;  // in actions; plain text is one token, however long
        tokens_.reserve(std::min<std::size_t>(text.size() / kBytesOfToken + 4, 256));
    }

    std::vector<Token> run() {
        while (!failed_ && at_ < text_.size()) {
            plain_text();
            if (!failed_ && at_ < text_.size()) left_delimiter();
        }
        if (!failed_) {
            start_ = at_;
            emit(TokenKind::kEof, "EOF");
        }
        return std::move(tokens_);
    }

  private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }

    int line_of(std::size_t position) {
        for (; counted_ < position; ++counted_) {
            if (text_[counted_] == '\n') ++line_;
        }
        return line_;
    }

    void emit(TokenKind kind, std::string_view text) {
        tokens_.push_back(Token{kind, start_, line_of(start_), text});
        start_ = at_;
    }
    void emit(TokenKind kind) { emit(kind, text_.substr(start_, at_ - start_)); }

    // Go reports the line where the bad token starts.
    void fail(std::string message) {
        error_ = std::move(message);
        emit(TokenKind::kError, error_);
        failed_ = true;
    }

    void plain_text() {
        const std::size_t found = text_.find("{{", at_);
        const std::size_t end = found == std::string_view::npos ? text_.size() : found;
        std::size_t trimmed = end;
        if (found != std::string_view::npos && found + 3 < text_.size() && text_[found + 2] == '-' &&
            is_space(text_[found + 3])) {
            while (trimmed > at_ && is_space(text_[trimmed - 1])) --trimmed;
        }
        start_ = at_;
        at_ = end;
        if (trimmed > start_) emit(TokenKind::kText, text_.substr(start_, trimmed - start_));
        start_ = at_;
    }

    void left_delimiter() {
        const std::size_t delimiter = at_;
        at_ += 2;
        const bool trims = peek() == '-' && is_space(peek(1));
        const std::size_t body = at_ + (trims ? 2 : 0);
        if (text_.substr(body, 2) == "/*") {
            comment(body);
            return;
        }
        start_ = delimiter;
        emit(TokenKind::kLeftDelimiter, "{{");
        at_ = body;
        start_ = at_;
        inside_action();
    }

    void comment(std::size_t body) {
        start_ = body;
        const std::size_t end = text_.find("*/", body + 2);
        if (end == std::string_view::npos) return fail("unclosed comment");
        at_ = end + 2;
        if (!closes_action()) return fail("comment ends before closing delimiter");
        skip_right_delimiter();
        start_ = at_;
    }

    [[nodiscard]] bool trims_right() const {
        return !at_end() && is_space(peek()) && peek(1) == '-' && text_.substr(at_ + 2, 2) == "}}";
    }
    [[nodiscard]] bool closes_action() const { return trims_right() || text_.substr(at_, 2) == "}}"; }

    void skip_right_delimiter() {
        const bool trims = trims_right();
        at_ += trims ? 4 : 2;
        while (trims && !at_end() && is_space(peek())) ++at_;
    }

    void inside_action() {
        int parens = 0;
        while (!failed_) {
            if (closes_action()) {
                if (parens > 0) return fail("unclosed left paren");
                const bool trims = trims_right();
                if (trims) at_ += 2;
                start_ = at_;
                at_ += 2;
                emit(TokenKind::kRightDelimiter, "}}");
                while (trims && !at_end() && is_space(peek())) ++at_;
                start_ = at_;
                return;
            }
            if (at_end()) return fail("unclosed action");
            token(parens);
        }
    }

    void token(int& parens) {
        const char c = peek();
        if (is_space(c)) return space();
        if (c == '.' && at_ + 1 < text_.size() && !(peek(1) >= '0' && peek(1) <= '9')) {
            ++at_;
            if (at_end()) return emit(TokenKind::kDot);
            return field_or_variable(TokenKind::kField, TokenKind::kDot);
        }
        if (c == '.' || c == '+' || c == '-' || (c >= '0' && c <= '9')) return number();
        const Rune rune = decode_rune(text_, at_);
        if (is_word(rune.rune)) return identifier();
        at_ += rune.length;
        switch (c) {
            case '=':
                return emit(TokenKind::kAssign);
            case ':':
                if (peek() != '=') {
                    if (!at_end()) at_ += decode_rune(text_, at_).length;
                    return fail("expected :=");
                }
                ++at_;
                return emit(TokenKind::kDeclare);
            case '|':
                return emit(TokenKind::kPipe);
            case '"':
                return quoted('"', TokenKind::kString, "unterminated quoted string");
            case '\'':
                return quoted('\'', TokenKind::kCharConstant, "unterminated character constant");
            case '`':
                return raw_string();
            case '$':
                return field_or_variable(TokenKind::kVariable, TokenKind::kVariable);
            case '(':
                ++parens;
                return emit(TokenKind::kLeftParen);
            case ')':
                if (--parens < 0) return fail("unexpected right paren");
                return emit(TokenKind::kRightParen);
            default:
                if (rune.rune < 0x80 && is_printable(rune.rune)) return emit(TokenKind::kCharacter);
                fail("unrecognized character in action: " + code_point(text_, at_ - rune.length));
        }
    }

    void space() {
        while (!at_end() && is_space(peek()) && !trims_right()) ++at_;
        if (at_ > start_) emit(TokenKind::kSpace);
    }

    [[nodiscard]] bool at_terminator() const {
        if (at_end() || is_space(peek())) return true;
        constexpr std::string_view kTerminators = ".,|:)(";
        return kTerminators.find(peek()) != std::string_view::npos || text_.substr(at_, 2) == "}}";
    }

    void skip_word() {
        while (!at_end()) {
            const Rune rune = decode_rune(text_, at_);
            if (!is_word(rune.rune)) break;
            at_ += rune.length;
        }
    }

    void field_or_variable(TokenKind named, TokenKind bare) {
        if (at_terminator()) return emit(bare);
        skip_word();
        if (!at_terminator()) return fail("bad character " + code_point(text_, at_));
        emit(named);
    }

    void identifier() {
        skip_word();
        if (!at_terminator()) return fail("bad character " + code_point(text_, at_));
        const std::string_view word = text_.substr(start_, at_ - start_);
        for (const auto& [name, kind] : kKeywords) {
            if (name == word) return emit(kind);
        }
        emit(word == "true" || word == "false" ? TokenKind::kBool : TokenKind::kIdentifier);
    }

    void quoted(char quote, TokenKind kind, const char* unterminated) {
        for (;;) {
            if (at_end() || peek() == '\n') return fail(unterminated);
            const char c = text_[at_++];
            if (c == quote) return emit(kind);
            if (c == '\\') {
                if (at_end() || peek() == '\n') return fail(unterminated);
                ++at_;
            }
        }
    }

    void raw_string() {
        const std::size_t end = text_.find('`', at_);
        if (end == std::string_view::npos) {
            at_ = text_.size();
            return fail("unterminated raw quoted string");
        }
        at_ = end + 1;
        emit(TokenKind::kRawString);
    }

    bool accept(std::string_view set) {
        if (at_end() || set.find(peek()) == std::string_view::npos) return false;
        ++at_;
        return true;
    }

    // Lenient, as Go's scanner is: the parser's conversion notices what is wrong.
    bool scan_number() {
        accept("+-");
        std::string_view digits = "0123456789_";
        bool hex = false;
        bool decimal = true;
        if (accept("0")) {
            if (accept("xX")) {
                digits = "0123456789abcdefABCDEF_";
                hex = true;
                decimal = false;
            } else if (accept("oO")) {
                digits = "01234567_";
                decimal = false;
            } else if (accept("bB")) {
                digits = "01_";
                decimal = false;
            }
        }
        while (accept(digits)) {
        }
        if (accept(".")) {
            while (accept(digits)) {
            }
        }
        if ((decimal && accept("eE")) || (hex && accept("pP"))) {
            accept("+-");
            while (accept("0123456789_")) {
            }
        }
        accept("i");
        if (at_end()) return true;
        const Rune next = decode_rune(text_, at_);
        if (!is_word(next.rune)) return true;
        at_ += next.length;
        return false;
    }

    void number() {
        bool ok = scan_number();
        TokenKind kind = TokenKind::kNumber;
        if (ok && (peek() == '+' || peek() == '-') && !at_end()) {
            ok = scan_number() && text_[at_ - 1] == 'i';
            kind = TokenKind::kComplex;
        }
        if (!ok) return fail("bad number syntax: " + go_quote(text_.substr(start_, at_ - start_)));
        emit(kind);
    }

    std::string_view text_;
    std::string& error_;
    std::size_t at_ = 0;
    std::size_t start_ = 0;
    std::size_t counted_ = 0;
    int line_ = 1;
    bool failed_ = false;
    std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view text, std::string& error) { return Scanner(text, error).run(); }

std::string describe(const Token& token) {
    if (token.kind == TokenKind::kEof) return "EOF";
    if (token.kind == TokenKind::kError) return std::string(token.text);
    if (token.kind >= TokenKind::kBlock || token.kind == TokenKind::kDot)
        return "<" + std::string(token.text) + ">";
    if (token.text.size() <= 10) return go_quote(token.text);
    std::size_t end = 0;  // of the first ten characters
    for (int count = 0; count < 10 && end < token.text.size(); ++count)
        end += decode_rune(token.text, end).length;
    return go_quote(token.text.substr(0, end)) + "...";
}

}  // namespace fencepost::tmpl
