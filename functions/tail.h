// The last lines of a stream, for errors: at most kTailLines of kTailLineBytes each. One thread at a time.
#pragma once

#include <deque>
#include <string>
#include <string_view>

namespace fencepost::functions {

inline constexpr std::size_t kTailLines = 10;
inline constexpr std::size_t kTailLineBytes = 400;

class Tail {
  public:
    void add(std::string_view bytes) {
        for (const char c : bytes) {
            if (c == '\n') {
                push();
            } else if (line_.size() < kTailLineBytes) {
                line_ += c;
            }
        }
    }
    // "\n  line" for each; ends the open line.
    [[nodiscard]] std::string text() {
        push();
        std::string text;
        for (const std::string& line : lines_) text += "\n  " + line;
        return text;
    }

  private:
    void push() {
        if (line_.empty()) return;
        lines_.push_back(std::move(line_));
        line_.clear();
        if (lines_.size() > kTailLines) lines_.pop_front();
    }
    std::deque<std::string> lines_;
    std::string line_;
};

}  // namespace fencepost::functions
