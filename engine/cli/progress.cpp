#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "base/encodings.h"

namespace fencepost::cli {
namespace {

std::string mark_of(const std::string& state) {
    if (state == "complete") return "✓";
    if (state == "failed" || state == "cancelled") return "✗";
    if (state == "running") return "▸";
    return state == "skipped" ? "-" : "·";
}

std::string elapsed_text(std::chrono::nanoseconds elapsed) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed);
    return format_duration(took < std::chrono::seconds(10) ? took : took / 100 * 100);
}

int percent_of(const Value& progress) {
    const std::string text = progress["progressPercent"].string_or("");
    int percent = 0;
    std::from_chars(text.data(), text.data() + text.size(), percent);
    return percent;
}

}  // namespace

std::string bytes_text(double bytes) {
    constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    while (bytes >= 999.95 && unit + 1 < std::size(kUnits)) {
        bytes /= 1000;
        ++unit;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
    return text.data();
}

std::string phase_facts(const Value& phase, SystemTime now) {
    if (!phase["startedAt"].is_string()) return {};
    const SystemTime start = parse_rfc3339(phase["startedAt"].as_string());
    const bool runs = !phase["endedAt"].is_string();
    const SystemTime end = runs ? now : parse_rfc3339(phase["endedAt"].as_string());
    const auto elapsed = std::max(end - start, SystemTime::duration{0});
    const double seconds = std::chrono::duration<double>(elapsed).count();
    std::string facts = elapsed_text(elapsed);
    const Value& progress = phase["progress"];
    const std::int64_t bytes =
        std::max(progress["sizeUploadedB"].int_or(0), progress["sizeDownloadedB"].int_or(0));
    if (bytes > 0) {
        facts += ", " + bytes_text(static_cast<double>(bytes));
        if (seconds > 0) facts += ", " + bytes_text(static_cast<double>(bytes) / seconds) + "/s";
    }
    const int percent = percent_of(progress);
    if (runs && percent > 0 && percent < 100) {
        const std::chrono::seconds left(static_cast<std::int64_t>(seconds * (100 - percent) / percent + 0.5));
        facts += ", " + std::to_string(percent) + "%, " + format_duration(left) + " left";
    }
    return facts;
}

Colour colour_of_state(const std::string& state) noexcept {
    if (state == "complete") return Colour::kGreen;
    if (state == "failed" || state == "cancelled") return Colour::kRed;
    return state == "running" ? Colour::kYellow : Colour::kDim;
}

bool has_ended(const Value& action) {
    const std::string state = action["state"].string_or("");
    return state == "complete" || state == "failed" || state == "cancelled";
}

void Progress::show(const Value& action) {
    if (is_terminal(1)) {
        draw(action);
    } else {
        tell(action);
    }
}

void Progress::draw(const Value& action) {
    const SystemTime now = SystemClock().now();
    std::vector<std::string> lines;
    for (const Value& phase : action["phases"].list_or_empty()) {
        const std::string state = phase["state"].string_or("pending");
        const std::string facts = phase_facts(phase, now);
        lines.push_back("  " + paint(mark_of(state), colour_of_state(state)) + " " +
                        phase["name"].string_or("") + "  " +
                        paint(state + (facts.empty() ? "" : "  " + facts), Colour::kDim));
    }
    live_.draw(lines);
}

void Progress::tell(const Value& action) {
    for (const Value& phase : action["phases"].list_or_empty()) {
        const std::string name = phase["name"].string_or("");
        const std::string state = phase["state"].string_or("pending");
        std::string& last = told_[phase["action"].string_or("") + "/" + name];
        if (last == state || state == "pending") continue;
        last = state;
        const std::string facts = state == "running" ? "" : phase_facts(phase, SystemClock().now());
        print(part_ + " " + name + ": " + state + (facts.empty() ? "" : " in " + facts) + "\n");
    }
}

}  // namespace fencepost::cli
