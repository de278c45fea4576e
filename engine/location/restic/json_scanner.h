// Reads one JSON text from front to end without building anything: for files with many small records. The
// caller asks for what it expects and skips what it does not know. Strings must be plain (restic's ids and
// names are); an escape is refused but in skipped values. Errors: kDataLoss with the position. Limit:
// kMaxScanDepth for skipped values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace fencepost::location::restic {

inline constexpr int kMaxScanDepth = 32;

class JsonScanner {
  public:
    explicit JsonScanner(std::string_view text) noexcept : text_(text) {}

    // Calls member(key) for each; it must read or skip the value.
    template <typename Member>
    void object(Member member) {
        expect('{');
        if (take('}')) return;
        do {
            const std::string_view key = string();
            expect(':');
            member(key);
        } while (take(','));
        expect('}');
    }
    template <typename Item>
    void array(Item item) {
        if (take_word("null")) return;  // how Go writes an empty slice
        expect('[');
        if (take(']')) return;
        do {
            item();
        } while (take(','));
        expect(']');
    }
    [[nodiscard]] std::string_view string();
    [[nodiscard]] std::uint32_t number();  // a whole one
    void skip(int depth = 0);
    void end();  // nothing may follow

  private:
    [[noreturn]] void fail(std::string_view why) const;
    void space() noexcept;
    [[nodiscard]] bool take(char c) noexcept;
    [[nodiscard]] bool take_word(std::string_view word) noexcept;
    void expect(char c);
    void skip_string();

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace fencepost::location::restic
