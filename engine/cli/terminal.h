// What people see: tables, ages, colours (only on a terminal, and not with NO_COLOR), and progress that
// redraws itself. Thread safety: as std::cout.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace fencepost::cli {

enum class Colour { kNone, kRed, kGreen, kYellow, kBold, kDim };

[[nodiscard]] bool is_terminal(int fd) noexcept;
[[nodiscard]] std::string paint(std::string_view text, Colour colour, int fd = 1);

// Columns as wide as they need; the last one is not padded.
[[nodiscard]] std::string table(const std::vector<std::string>& header,
                                const std::vector<std::vector<std::string>>& rows);
[[nodiscard]] std::string indent(std::string_view text);  // every line by two blanks
// "42s", "3m10s", "5h", "2d" since an RFC 3339 time; "<unknown>" where it is none.
[[nodiscard]] std::string age(std::string_view time, SystemTime now);

void print(std::string_view text);        // to stdout, at once
void print_error(std::string_view text);  // to stderr

// Lines that are drawn again in place on a terminal.
class LiveLines {
  public:
    void draw(const std::vector<std::string>& lines);

  private:
    std::size_t drawn_ = 0;
};

}  // namespace fencepost::cli
