#include "value/go_time.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "value/format.h"

namespace fencepost {

namespace {

constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};

// The elements of a layout, longest first where one begins another.
constexpr std::array<std::string_view, 36> kElements{
    "January", "Jan",   "Monday", "Mon",       "MST",    "2006",    "002",   "-07:00:00", "-07:00",
    "-070000", "-0700", "-07",    "Z07:00:00", "Z07:00", "Z070000", "Z0700", "Z07",       "01",
    "02",      "03",    "04",     "05",        "06",     "15",      "_2006", "__2",       "_2",
    "PM",      "pm",    "1",      "2",         "3",      "4",       "5",     ".0",        ".9"};

struct Element {
    std::string_view text;  // empty: none left
    std::size_t begin = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Element next_element(std::string_view layout) {
    for (std::size_t at = 0; at < layout.size(); ++at) {
        const std::string_view rest = layout.substr(at);
        if ((rest[0] == '.' || rest[0] == ',') && rest.size() > 1 && (rest[1] == '0' || rest[1] == '9')) {
            std::size_t end = 1;
            while (end < rest.size() && rest[end] == rest[1]) ++end;
            if (end >= rest.size() || !is_digit(rest[end])) return {rest.substr(0, end), at};
        }
        for (const std::string_view element : kElements) {
            if (element[0] != rest[0] || element[0] == '.' || !rest.starts_with(element)) continue;
            if (element == "_2006") return {rest.substr(1, 4), at + 1};
            if (element == "Jan" && rest.size() > 3 && rest[3] >= 'a' && rest[3] <= 'z') continue;
            if (element == "Mon" && rest.size() > 3 && rest[3] >= 'a' && rest[3] <= 'z') continue;
            return {rest.substr(0, element.size()), at};
        }
    }
    return {{}, layout.size()};
}

std::string padded(std::int64_t number, int width, char fill = '0') {
    std::string text = std::to_string(number);
    while (static_cast<int>(text.size()) < width) text.insert(0, 1, fill);
    return text;
}

std::string zone_text(const Time& time, std::string_view element) {
    if (element[0] == 'Z' && time.offset_seconds == 0) return "Z";
    const int offset = std::abs(time.offset_seconds);
    std::string text = time.offset_seconds < 0 ? "-" : "+";
    const std::string_view shape = element.substr(1);
    text += padded(offset / 3600, 2);
    if (shape.size() > 2)
        text += (shape.find(':') != std::string_view::npos ? ":" : "") + padded(offset / 60 % 60, 2);
    if (shape.size() > 5 || shape == "070000")
        text += (shape.find(':') != std::string_view::npos ? ":" : "") + padded(offset % 60, 2);
    return text;
}

std::string fraction_text(int nanosecond, std::string_view element) {
    std::string digits = padded(nanosecond, 9).substr(0, element.size() - 1);
    if (element[1] == '9') {
        while (!digits.empty() && digits.back() == '0') digits.pop_back();
        if (digits.empty()) return "";
    }
    return std::string(1, element[0]) + digits;
}

std::string element_text(const Time& time, const CivilTime& c, std::string_view e) {
    const int hour12 = c.hour % 12 == 0 ? 12 : c.hour % 12;
    if (e == "2006") return c.year < 0 ? "-" + padded(-c.year, 4) : padded(c.year, 4);
    if (e == "06") return padded(c.year % 100, 2);
    if (e == "January") return std::string(kMonths[c.month - 1]);
    if (e == "Jan") return std::string(kMonths[c.month - 1].substr(0, 3));
    if (e == "01") return padded(c.month, 2);
    if (e == "1") return std::to_string(c.month);
    if (e == "Monday") return std::string(kDays[static_cast<std::size_t>(c.weekday)]);
    if (e == "Mon") return std::string(kDays[static_cast<std::size_t>(c.weekday)].substr(0, 3));
    if (e == "02") return padded(c.day, 2);
    if (e == "_2") return padded(c.day, 2, ' ');
    if (e == "2") return std::to_string(c.day);
    if (e == "002") return padded(c.yearday, 3);
    if (e == "__2") return padded(c.yearday, 3, ' ');
    if (e == "15") return padded(c.hour, 2);
    if (e == "03") return padded(hour12, 2);
    if (e == "3") return std::to_string(hour12);
    if (e == "04") return padded(c.minute, 2);
    if (e == "4") return std::to_string(c.minute);
    if (e == "05") return padded(c.second, 2);
    if (e == "5") return std::to_string(c.second);
    if (e == "PM") return c.hour >= 12 ? "PM" : "AM";
    if (e == "pm") return c.hour >= 12 ? "pm" : "am";
    if (e == "MST")
        return !time.zone.empty() ? time.zone
                                  : zone_text(time, time.offset_seconds % 3600 == 0 ? "-07" : "-0700");
    if (e[0] == '.' || e[0] == ',') return fraction_text(time.nanosecond, e);
    return zone_text(time, e);
}

class Reader {
  public:
    Reader(std::string_view layout, std::string_view text) : layout_(layout), whole_(text), rest_(text) {}

    Time read() {
        for (std::string_view layout = layout_;;) {
            const Element element = next_element(layout);
            literal(layout.substr(0, element.begin));
            if (element.text.empty()) break;
            layout.remove_prefix(element.begin + element.text.size());
            element_ = element.text;
            value(element.text, layout);
        }
        if (!rest_.empty()) fail(": extra text: " + go_quote(rest_));
        return finish();
    }

  private:
    [[noreturn]] void fail(const std::string& message) const {
        throw Error(ErrorKind::kInvalid, "parsing time " + go_quote(whole_) + message);
    }
    [[noreturn]] void mismatch() const {
        fail(" as " + go_quote(layout_) + ": cannot parse " + go_quote(rest_) + " as " + go_quote(element_));
    }

    void literal(std::string_view prefix) {
        element_ = prefix;
        for (const char c : prefix) {
            if (rest_.empty() || rest_[0] != c) mismatch();
            rest_.remove_prefix(1);
        }
    }

    int digits(std::size_t least, std::size_t most) {
        std::size_t count = 0;
        int number = 0;
        while (count < most && count < rest_.size() && is_digit(rest_[count]))
            number = number * 10 + (rest_[count++] - '0');
        if (count < least) mismatch();
        rest_.remove_prefix(count);
        return number;
    }

    template <std::size_t N>
    std::size_t name(const std::array<std::string_view, N>& names, std::size_t length) {
        for (std::size_t i = 0; i < N; ++i) {
            const std::string_view wanted = length == 0 ? names[i] : names[i].substr(0, length);
            if (rest_.starts_with(wanted)) {
                rest_.remove_prefix(wanted.size());
                return i;
            }
        }
        mismatch();
    }

    void value(std::string_view e, std::string_view following) {
        if (e == "2006")
            c_.year = digits(4, 4);
        else if (e == "06") {
            c_.year = digits(2, 2);
            c_.year += c_.year >= 69 ? 1900 : 2000;
        } else if (e == "January")
            c_.month = static_cast<unsigned>(name(kMonths, 0)) + 1;
        else if (e == "Jan")
            c_.month = static_cast<unsigned>(name(kMonths, 3)) + 1;
        else if (e == "01")
            c_.month = static_cast<unsigned>(digits(2, 2));
        else if (e == "1")
            c_.month = static_cast<unsigned>(digits(1, 2));
        else if (e == "Monday")
            (void)name(kDays, 0);
        else if (e == "Mon")
            (void)name(kDays, 3);
        else if (e == "02")
            c_.day = static_cast<unsigned>(digits(2, 2));
        else if (e == "_2" || e == "2") {
            if (e == "_2" && !rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
            c_.day = static_cast<unsigned>(digits(1, 2));
        } else if (e == "15")
            c_.hour = digits(2, 2);
        else if (e == "03")
            c_.hour = digits(2, 2);
        else if (e == "3")
            c_.hour = digits(1, 2);
        else if (e == "04")
            c_.minute = digits(2, 2);
        else if (e == "4")
            c_.minute = digits(1, 2);
        else if (e == "05" || e == "5") {
            c_.second = digits(e.size(), 2);
            if (!following.starts_with('.') && !following.starts_with(',')) fraction();
        } else if (e == "PM" || e == "pm")
            half_day(e);
        else if (e[0] == '.' || e[0] == ',')
            e[1] == '0' ? exact_fraction(e.size() - 1) : fraction();
        else if (e == "MST")
            zone_name();
        else
            offset(e);
    }

    void half_day(std::string_view e) {
        const bool upper = e == "PM";
        if (rest_.starts_with(upper ? "PM" : "pm")) {
            if (c_.hour < 12) c_.hour += 12;
        } else if (rest_.starts_with(upper ? "AM" : "am")) {
            if (c_.hour == 12) c_.hour = 0;
        } else
            mismatch();
        rest_.remove_prefix(2);
    }

    // As many digits as the layout has zeros.
    void exact_fraction(std::size_t digits_wanted) {
        if (rest_.size() <= digits_wanted || (rest_[0] != '.' && rest_[0] != ',')) mismatch();
        rest_.remove_prefix(1);
        std::int64_t scaled = digits(digits_wanted, digits_wanted);
        for (std::size_t n = digits_wanted; n < 9; ++n) scaled *= 10;
        nanosecond_ = static_cast<int>(scaled);
    }

    void fraction() {
        if (rest_.size() < 2 || (rest_[0] != '.' && rest_[0] != ',') || !is_digit(rest_[1])) return;
        rest_.remove_prefix(1);
        int scale = 100'000'000;
        while (!rest_.empty() && is_digit(rest_[0])) {
            nanosecond_ += (rest_[0] - '0') * scale;
            scale /= 10;
            rest_.remove_prefix(1);
        }
    }

    void zone_name() {
        std::size_t size = 0;
        while (size < rest_.size() && rest_[size] >= 'A' && rest_[size] <= 'Z') ++size;
        if (size < 3) mismatch();
        zone_ = rest_.substr(0, size);
        rest_.remove_prefix(size);
    }

    void offset(std::string_view e) {
        if (e[0] == 'Z' && rest_.starts_with("Z")) {
            rest_.remove_prefix(1);
            zone_ = "UTC";
            return;
        }
        if (rest_.empty() || (rest_[0] != '+' && rest_[0] != '-')) mismatch();
        const int sign = rest_[0] == '-' ? -1 : 1;
        rest_.remove_prefix(1);
        offset_ = digits(2, 2) * 3600;
        const bool colon = e.find(':') != std::string_view::npos;
        if (e.size() > 3) {
            if (colon) literal(":");
            offset_ += digits(2, 2) * 60;
        }
        if (e.size() > 6) {
            if (colon) literal(":");
            offset_ += digits(2, 2);
        }
        offset_ *= sign;
        zone_ = offset_ == 0 ? "UTC" : "";
    }

    Time finish() const {
        using namespace std::chrono;
        const year_month_day date{year{static_cast<int>(c_.year)}, month{c_.month}, day{c_.day}};
        if (!month{c_.month}.ok()) fail(": month out of range");
        if (!date.ok()) fail(": day out of range");
        if (c_.hour > 23) fail(": hour out of range");
        if (c_.minute > 59) fail(": minute out of range");
        if (c_.second > 59) fail(": second out of range");
        const std::int64_t seconds_count = sys_days{date}.time_since_epoch().count() * std::int64_t{86'400} +
                                           c_.hour * 3600 + c_.minute * 60 + c_.second - offset_;
        return Time{seconds_count, nanosecond_, offset_, zone_};
    }

    std::string_view layout_;
    std::string_view whole_;
    std::string_view rest_;
    std::string_view element_;
    CivilTime c_;
    int nanosecond_ = 0;
    int offset_ = 0;
    std::string zone_ = "UTC";
};

// The offset and name of a zone at an instant, from its compiled file (RFC 8536, the 64-bit block).
std::optional<std::pair<int, std::string>> zone_at(const std::string& file, std::int64_t instant) {
    const auto be = [&](std::size_t at, std::size_t size) {
        std::int64_t number = size > 0 && (static_cast<unsigned char>(file[at]) & 0x80U) != 0 ? -1 : 0;
        for (std::size_t i = 0; i < size; ++i)
            number = static_cast<std::int64_t>(static_cast<std::uint64_t>(number) << 8U |
                                               static_cast<unsigned char>(file[at + i]));
        return number;
    };
    const auto count = [&](std::size_t header, std::size_t index) {
        return static_cast<std::size_t>(be(header + 20 + index * 4, 4));
    };
    if (file.size() < 44 || file.compare(0, 4, "TZif") != 0 || file[4] < '2') return std::nullopt;
    const std::size_t first_body =
        count(0, 3) * 5 + count(0, 4) * 6 + count(0, 5) + count(0, 2) * 8 + count(0, 1) + count(0, 0);
    const std::size_t header = 44 + first_body;
    if (file.size() < header + 44) return std::nullopt;
    const std::size_t transitions = count(header, 3);
    const std::size_t types = count(header, 4);
    const std::size_t times = header + 44;
    const std::size_t indices = times + transitions * 8;
    const std::size_t infos = indices + transitions;
    const std::size_t names = infos + types * 6;
    if (file.size() < names || types == 0) return std::nullopt;
    std::size_t type = 0;
    for (std::size_t i = 0; i < transitions && be(times + i * 8, 8) <= instant; ++i)
        type = static_cast<unsigned char>(file[indices + i]);
    const std::size_t info = infos + type * 6;
    return std::pair{static_cast<int>(be(info, 4)),
                     std::string(file.c_str() + names + static_cast<unsigned char>(file[info + 5]))};
}

}  // namespace

CivilTime civil_time(const Time& time) {
    // Days since March 1 of year 0, in eras of 400 years: chrono's years end at 32767, Go's do not.
    constexpr std::int64_t kDay = 86'400;
    constexpr std::int64_t kEraDays = 146'097;
    // Go counts from the year -292277022399, and what is before it comes round to the end of time.
    constexpr std::int64_t kFirst = -9'223'372'028'741'760'000;
    const auto floor_div = [](auto a, auto b) { return a / b - (a % b < 0 ? 1 : 0); };
    __int128 instant = static_cast<__int128>(time.unix_seconds) + time.offset_seconds;
    if (instant < kFirst) instant += static_cast<__int128>(1) << 64U;
    const auto days = static_cast<std::int64_t>(floor_div(instant, static_cast<__int128>(kDay)));
    const auto of_day = static_cast<std::int64_t>(instant - static_cast<__int128>(days) * kDay);
    const std::int64_t shifted = days + 719'468;
    const std::int64_t era = floor_div(shifted, kEraDays);
    const std::int64_t of_era = shifted - era * kEraDays;
    const std::int64_t year_of_era =
        (of_era - of_era / 1'460 + of_era / 36'524 - of_era / (kEraDays - 1)) / 365;
    const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month_index = (5 * of_year + 2) / 153;  // 0 is March
    CivilTime c;
    c.day = static_cast<unsigned>(of_year - (153 * month_index + 2) / 5 + 1);
    c.month = static_cast<unsigned>(month_index < 10 ? month_index + 3 : month_index - 9);
    c.year = year_of_era + era * 400 + (c.month <= 2 ? 1 : 0);
    c.hour = static_cast<int>(of_day / 3'600);
    c.minute = static_cast<int>(of_day / 60 % 60);
    c.second = static_cast<int>(of_day % 60);
    c.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
    const bool is_leap = c.year % 4 == 0 && (c.year % 100 != 0 || c.year % 400 == 0);
    c.yearday = static_cast<int>(month_index < 10 ? of_year + 60 + (is_leap ? 1 : 0) : of_year - 305);
    return c;
}

std::string time_text(const Time& time) {
    return format_time(time, "2006-01-02 15:04:05.999999999 -0700 MST");
}

std::string time_go_syntax(const Time& time) {
    const CivilTime c = civil_time(time);
    std::string text = "time.Date(" + std::to_string(c.year) + ", time." + std::string(kMonths[c.month - 1]);
    for (const std::int64_t number : {std::int64_t{c.day}, std::int64_t{c.hour}, std::int64_t{c.minute},
                                      std::int64_t{c.second}, std::int64_t{time.nanosecond}})
        text += ", " + std::to_string(number);
    return text + (time.zone == "UTC" ? ", time.UTC)" : ", time.Location(" + go_quote(time.zone) + "))");
}

std::string format_time(const Time& time, std::string_view layout) {
    const CivilTime c = civil_time(time);
    std::string out;
    for (;;) {
        const Element element = next_element(layout);
        out += layout.substr(0, element.begin);
        if (element.text.empty()) return out;
        out += element_text(time, c, element.text);
        layout.remove_prefix(element.begin + element.text.size());
    }
}

Time parse_time(std::string_view layout, std::string_view text) { return Reader(layout, text).read(); }

namespace {

// A zone's compiled file, "" where there is none. Read once: a blueprint asks for the same few again and
// again.
std::shared_ptr<const std::string> zone_file(const std::string& zone) {
    static Guarded<std::map<std::string, std::shared_ptr<const std::string>>> read_files;
    constexpr std::size_t kMaxFiles = 1'000;
    auto files = read_files.lock();
    if (const auto found = files->find(zone); found != files->end()) return found->second;
    std::string content;
    try {
        content = read_file(zone == "Local" ? "/etc/localtime" : "/usr/share/zoneinfo/" + zone, 1 << 20);
    } catch (const Error&) {
        content.clear();
    }
    auto file = std::make_shared<const std::string>(std::move(content));
    if (files->size() < kMaxFiles) files->emplace(zone, file);
    return file;
}

}  // namespace

std::optional<Time> in_zone(const Time& time, const std::string& zone) {
    const Time utc{time.unix_seconds, time.nanosecond, 0, "UTC"};
    if (zone.empty() || zone == "UTC") return utc;
    if (zone.find("..") != std::string::npos || zone[0] == '/') return std::nullopt;
    if (const auto found = zone_at(*zone_file(zone), time.unix_seconds))
        return Time{time.unix_seconds, time.nanosecond, found->first, found->second};
    return zone == "Local" ? std::optional(utc) : std::nullopt;
}

}  // namespace fencepost
