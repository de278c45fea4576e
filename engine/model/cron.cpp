#include "model/cron.h"

#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/error.h"

namespace fencepost::model {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::sys_days;

constexpr int kDaysAhead = 9 * 366;  // between two 29 February there may be eight years
constexpr int kMinutesADay = 24 * 60;

struct Field {
    const char* what;
    int first, last;
    std::vector<std::string_view> names;  // of the first value and those after it
};

const std::array<Field, 5>& fields() {
    static const std::array<Field, 5> kFields{
        {{"minute", 0, 59, {}},
         {"hour", 0, 23, {}},
         {"day of the month", 1, 31, {}},
         {"month",
          1,
          12,
          {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
         {"day of the week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}}};
    return kFields;
}

[[noreturn]] void refuse(const Field& field, std::string_view text, const std::string& why) {
    throw Error(ErrorKind::kInvalid, "the " + std::string(field.what) + " '" + std::string(text) + "' " + why,
                "it is *, a number of " + std::to_string(field.first) + " to " + std::to_string(field.last) +
                    ", a range 1-5, a step */15, or a list of them with commas");
}

std::optional<int> number_of(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

int value_of(const Field& field, std::string_view text, std::string_view item) {
    for (std::size_t i = 0; i < field.names.size(); ++i) {
        if (equal_without_case(field.names[i], text)) return field.first + static_cast<int>(i);
    }
    const auto number = number_of(text);
    if (!number) refuse(field, item, "is no number");
    if (*number < field.first || *number > field.last) refuse(field, item, "is out of range");
    return *number;
}

std::vector<std::string_view> split(std::string_view text, char between) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(between, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

template <std::size_t N>
void read(const Field& field, std::string_view text, std::bitset<N>& set) {
    for (const std::string_view item : split(text, ',')) {
        const std::size_t slash = item.find('/');
        const std::string_view range = item.substr(0, slash);
        int step = 1;
        if (slash != std::string_view::npos) {
            const auto number = number_of(item.substr(slash + 1));
            if (!number || *number < 1) refuse(field, item, "has no step");
            step = *number;
        }
        const std::size_t dash = range.find('-');
        int from = field.first;
        int to = field.last;
        if (range != "*") {
            from = value_of(field, range.substr(0, dash), item);
            if (dash != std::string_view::npos)
                to = value_of(field, range.substr(dash + 1), item);
            else if (slash == std::string_view::npos)
                to = from;
        }
        if (to < from) refuse(field, item, "ends before it begins");
        for (int value = from; value <= to; value += step) set.set(static_cast<std::size_t>(value) % N);
    }
}

}  // namespace

Cron Cron::parse(std::string_view text) {
    std::vector<std::string_view> words;
    for (const std::string_view word : split(text, ' ')) {
        if (!word.empty()) words.push_back(word);
    }
    if (words.size() != fields().size()) {
        throw Error(ErrorKind::kInvalid,
                    "'" + std::string(text) + "' has " + std::to_string(words.size()) +
                        " fields, and a cron expression has five",
                    "minute, hour, day of the month, month, day of the week: \"0 0 * * *\" is midnight, UTC");
    }
    Fields read_fields;
    read(fields()[0], words[0], read_fields.minutes);
    read(fields()[1], words[1], read_fields.hours);
    read(fields()[2], words[2], read_fields.days);
    read(fields()[3], words[3], read_fields.months);
    read(fields()[4], words[4], read_fields.weekdays);
    read_fields.either_day = !words[2].starts_with('*') && !words[4].starts_with('*');
    return Cron(read_fields);
}

bool Cron::has_day(sys_days day) const {
    const std::chrono::year_month_day date(day);
    if (!fields_.months.test(static_cast<unsigned>(date.month()))) return false;
    const auto number = static_cast<unsigned>(date.day());
    bool fits = fields_.days.test(number);
    const auto last = static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day());
    if (fields_.clamps_days && number == last) {
        for (unsigned later = last + 1; later < fields_.days.size(); ++later)
            fits = fits || fields_.days.test(later);
    }
    const bool fits_week = fields_.weekdays.test(std::chrono::weekday(day).c_encoding());
    return fields_.either_day ? fits || fits_week : fits && fits_week;
}

std::optional<SystemTime> Cron::next_after(SystemTime time) const {
    const auto from = std::chrono::floor<minutes>(time) + minutes(1);
    sys_days day = std::chrono::floor<days>(from);
    int earliest = static_cast<int>((from - day).count());
    for (int left = kDaysAhead; left > 0; --left, day += days(1), earliest = 0) {
        if (!has_day(day)) continue;
        for (int minute = earliest; minute < kMinutesADay; ++minute) {
            const auto hour = static_cast<std::size_t>(minute) / 60;
            if (!fields_.hours.test(hour)) {
                minute = static_cast<int>(hour) * 60 + 59;
                continue;
            }
            if (fields_.minutes.test(static_cast<std::size_t>(minute) % 60)) return day + minutes(minute);
        }
    }
    return std::nullopt;
}

}  // namespace fencepost::model
