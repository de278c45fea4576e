// Template text to tokens. The whole text is scanned at once; a mistake becomes a last token of kind kError
// whose text is Go's message, so that it is reported only if the parser gets that far. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fencepost::tmpl {

enum class TokenKind {
    kError,
    kEof,
    kText,
    kLeftDelimiter,
    kRightDelimiter,
    kSpace,
    kBool,
    kCharacter,
    kCharConstant,
    kComplex,
    kAssign,
    kDeclare,
    kDot,
    kField,
    kIdentifier,
    kLeftParen,
    kRightParen,
    kNumber,
    kPipe,
    kRawString,
    kString,
    kVariable,
    // keywords
    kBlock,
    kBreak,
    kContinue,
    kDefine,
    kElse,
    kEnd,
    kIf,
    kNil,
    kRange,
    kTemplate,
    kWith,
};

struct Token {
    TokenKind kind = TokenKind::kEof;
    std::size_t position = 0;  // byte offset in the text
    int line = 1;              // of its first byte
    std::string_view text;     // of the template, or what lex() was told to keep
};

// The tokens borrow the text, and the last one `error`, where that is told.
[[nodiscard]] std::vector<Token> lex(std::string_view text, std::string& error);
[[nodiscard]] std::string describe(const Token& token);  // as Go prints a token in an error

}  // namespace fencepost::tmpl
