#include "base/human.h"

#include <cstdint>

namespace fencepost {

std::string human_duration(std::chrono::seconds duration) {
    const std::int64_t seconds = duration.count();
    const auto with = [](std::int64_t whole, const char* unit, std::int64_t rest, const char* rest_unit) {
        std::string text = std::to_string(whole) + unit;
        if (rest > 0) text += std::to_string(rest) + rest_unit;
        return text;
    };
    const std::int64_t minutes = seconds / 60;
    const std::int64_t hours = minutes / 60;
    const std::int64_t days = hours / 24;
    if (seconds < -1) return "<invalid>";
    if (seconds < 0) return "0s";
    if (seconds < 120) return std::to_string(seconds) + "s";
    if (minutes < 10) return with(minutes, "m", seconds % 60, "s");
    if (minutes < 180) return std::to_string(minutes) + "m";
    if (hours < 8) return with(hours, "h", minutes % 60, "m");
    if (hours < 48) return std::to_string(hours) + "h";
    if (days < 8) return with(days, "d", hours % 24, "h");
    if (days < 2 * 365) return std::to_string(days) + "d";
    if (days < 8 * 365) return with(days / 365, "y", days % 365, "d");
    return std::to_string(days / 365) + "y";
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) text.append(i == 0 ? "" : between).append(words[i]);
    return text;
}

std::string shortened(std::string text, std::size_t bytes) {
    if (text.size() <= bytes) return text;
    std::size_t end = bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end) + "...";
}

}  // namespace fencepost
