#include "location/restic/json_scanner.h"

#include <charconv>
#include <string>

#include "base/error.h"

namespace fencepost::location::restic {

void JsonScanner::fail(std::string_view why) const {
    throw Error(ErrorKind::kDataLoss,
                "JSON cannot be read at byte " + std::to_string(at_) + ": " + std::string(why));
}

void JsonScanner::space() noexcept {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
        ++at_;
    }
}

bool JsonScanner::take(char c) noexcept {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
}

bool JsonScanner::take_word(std::string_view word) noexcept {
    space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
}

void JsonScanner::expect(char c) {
    if (!take(c)) fail(std::string("expected '") + c + "'");
}

std::string_view JsonScanner::string() {
    expect('"');
    const std::size_t start = at_;
    for (; at_ < text_.size(); ++at_) {
        const char c = text_[at_];
        if (c == '"') return text_.substr(start, at_++ - start);
        if (c == '\\' || static_cast<unsigned char>(c) < 0x20) fail("a plain string was expected");
    }
    fail("a string does not end");
}

std::uint32_t JsonScanner::number() {
    space();
    std::uint32_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc{}) fail("a whole number below 2^32 was expected");
    at_ += static_cast<std::size_t>(end - begin);
    if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E')) {
        fail("a whole number was expected");
    }
    return value;
}

void JsonScanner::skip_string() {
    expect('"');
    for (; at_ < text_.size(); ++at_) {
        if (text_[at_] == '"') {
            ++at_;
            return;
        }
        if (text_[at_] == '\\') ++at_;
    }
    fail("a string does not end");
}

void JsonScanner::skip(int depth) {
    if (depth > kMaxScanDepth) fail("values are nested too deep");
    space();
    if (at_ >= text_.size()) fail("a value was expected");
    switch (text_[at_]) {
        case '{':
            expect('{');
            if (take('}')) return;
            do {
                space();
                skip_string();
                expect(':');
                skip(depth + 1);
            } while (take(','));
            return expect('}');
        case '[':
            return array([&] { skip(depth + 1); });
        case '"':
            return skip_string();
        default: {
            const std::size_t stop = std::min(text_.find_first_of(",]} \n\r\t", at_), text_.size());
            if (stop == at_) fail("a value was expected");
            at_ = stop;
        }
    }
}

void JsonScanner::end() {
    space();
    if (at_ != text_.size()) fail("something follows");
}

}  // namespace fencepost::location::restic
