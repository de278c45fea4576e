// The methods that templates can call on a value: those of time.Time and of what its methods give, and of
// versions.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/encodings.h"
#include "base/error.h"
#include "template/function_entry.h"
#include "template/sprig/sprig.h"
#include "value/go_time.h"

namespace fencepost::tmpl {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::string duration_text(const Value& value) {
    return format_duration(std::chrono::nanoseconds(value.as_int()));
}
std::string month_text(const Value& value) {
    return format_time({.unix_seconds = (value.as_int() - 1) * 31 * 86'400 + 86'400}, "January");
}
std::string weekday_text(const Value& value) {
    return format_time({.unix_seconds = (value.as_int() + 3) * 86'400},
                       "Monday");  // 1970 began on a Thursday
}

const GoType kDuration{.name = "time.Duration", .kind = Kind::kInt, .to_text = duration_text};
const GoType kMonth{.name = "time.Month", .kind = Kind::kInt, .to_text = month_text};
const GoType kWeekday{.name = "time.Weekday", .kind = Kind::kInt, .to_text = weekday_text};

const Time& time_of(const Value* value) { return value->as_time(); }
Value plain_int(std::int64_t number) { return Value(number, go::kInt); }

int order_of(const Time& a, const Time& b) {
    if (a.unix_seconds != b.unix_seconds) return a.unix_seconds < b.unix_seconds ? -1 : 1;
    return a.nanosecond == b.nanosecond ? 0 : a.nanosecond < b.nanosecond ? -1 : 1;
}

Value moved(Time time, std::int64_t nanoseconds) {
    std::int64_t rest = time.nanosecond + nanoseconds % kSecond;
    time.unix_seconds += nanoseconds / kSecond + (rest < 0 ? -1 : rest >= kSecond ? 1 : 0);
    if (rest < 0) rest += kSecond;
    time.nanosecond = static_cast<std::int32_t>(rest % kSecond);
    return Value(std::move(time));
}

Value difference(Arguments a) {
    // Beyond what a duration holds it is the longest one, as in Go.
    const __int128 between =
        static_cast<__int128>(time_of(a[0]).unix_seconds - time_of(a[1]).unix_seconds) * kSecond +
        (time_of(a[0]).nanosecond - time_of(a[1]).nanosecond);
    return Value(static_cast<std::int64_t>(std::clamp<__int128>(between, INT64_MIN, INT64_MAX)), kDuration);
}

Value in_utc(const Time& time) { return Value(Time{time.unix_seconds, time.nanosecond, 0, "UTC"}); }

Value unix_in(const Time& time, std::int64_t parts) {
    return Value(static_cast<std::int64_t>(static_cast<std::uint64_t>(time.unix_seconds) *
                                               static_cast<std::uint64_t>(parts) +
                                           static_cast<std::uint64_t>(time.nanosecond / (kSecond / parts))));
}

constexpr Param T = Param::kTime;
constexpr Param D = Param::kDuration;

const FunctionEntry kTimeMethods[] = {
    {.name = "Add",
     .params = {T, D},
     .call = [](Arguments a) { return moved(time_of(a[0]), a[1]->as_int()); }},
    {.name = "After",
     .params = {T, T},
     .call = [](Arguments a) { return Value(order_of(time_of(a[0]), time_of(a[1])) > 0); }},
    {.name = "Before",
     .params = {T, T},
     .call = [](Arguments a) { return Value(order_of(time_of(a[0]), time_of(a[1])) < 0); }},
    {.name = "Compare",
     .params = {T, T},
     .call = [](Arguments a) { return plain_int(order_of(time_of(a[0]), time_of(a[1]))); }},
    {.name = "Day",
     .params = {T},
     .call = [](Arguments a) { return plain_int(civil_time(time_of(a[0])).day); }},
    {.name = "Equal",
     .params = {T, T},
     .call = [](Arguments a) { return Value(order_of(time_of(a[0]), time_of(a[1])) == 0); }},
    {.name = "Format",
     .params = {T, Param::kString},
     .call = [](Arguments a) { return Value(format_time(time_of(a[0]), a[1]->as_string())); }},
    {.name = "GoString",
     .params = {T},
     .call = [](Arguments a) { return Value(time_go_syntax(time_of(a[0]))); }},
    {.name = "Hour",
     .params = {T},
     .call = [](Arguments a) { return plain_int(civil_time(time_of(a[0])).hour); }},
    {.name = "IsZero",
     .params = {T},
     .call = [](Arguments a) { return Value(order_of(time_of(a[0]), kZeroTime) == 0); }},
    {.name = "Minute",
     .params = {T},
     .call = [](Arguments a) { return plain_int(civil_time(time_of(a[0])).minute); }},
    {.name = "Month",
     .params = {T},
     .call = [](Arguments a) { return Value(std::int64_t{civil_time(time_of(a[0])).month}, kMonth); }},
    {.name = "Nanosecond",
     .params = {T},
     .call = [](Arguments a) { return plain_int(time_of(a[0]).nanosecond); }},
    {.name = "Second",
     .params = {T},
     .call = [](Arguments a) { return plain_int(civil_time(time_of(a[0])).second); }},
    {.name = "String", .params = {T}, .call = [](Arguments a) { return Value(time_text(time_of(a[0]))); }},
    {.name = "Sub", .params = {T, T}, .call = difference},
    {.name = "UTC", .params = {T}, .call = [](Arguments a) { return in_utc(time_of(a[0])); }},
    {.name = "Unix", .params = {T}, .call = [](Arguments a) { return Value(time_of(a[0]).unix_seconds); }},
    {.name = "UnixMicro",
     .params = {T},
     .call = [](Arguments a) { return unix_in(time_of(a[0]), 1'000'000); }},
    {.name = "UnixMilli", .params = {T}, .call = [](Arguments a) { return unix_in(time_of(a[0]), 1'000); }},
    {.name = "UnixNano", .params = {T}, .call = [](Arguments a) { return unix_in(time_of(a[0]), kSecond); }},
    {.name = "Weekday",
     .params = {T},
     .call = [](Arguments a) { return Value(std::int64_t{civil_time(time_of(a[0])).weekday}, kWeekday); }},
    {.name = "Year",
     .params = {T},
     .call = [](Arguments a) { return plain_int(civil_time(time_of(a[0])).year); }},
    {.name = "YearDay",
     .params = {T},
     .call = [](Arguments a) { return plain_int(civil_time(time_of(a[0])).yearday); }},
};

double in_units(const Value* duration, double unit) {
    const std::int64_t whole = static_cast<std::int64_t>(unit);
    return static_cast<double>(duration->as_int() / whole) +
           static_cast<double>(duration->as_int() % whole) / unit;
}

const FunctionEntry kDurationMethods[] = {
    {.name = "Hours", .params = {D}, .call = [](Arguments a) { return Value(in_units(a[0], 3.6e12)); }},
    {.name = "Microseconds",
     .params = {D},
     .call = [](Arguments a) { return Value(a[0]->as_int() / 1'000); }},
    {.name = "Milliseconds",
     .params = {D},
     .call = [](Arguments a) { return Value(a[0]->as_int() / 1'000'000); }},
    {.name = "Minutes", .params = {D}, .call = [](Arguments a) { return Value(in_units(a[0], 6e10)); }},
    {.name = "Nanoseconds", .params = {D}, .call = [](Arguments a) { return Value(a[0]->as_int()); }},
    {.name = "Seconds", .params = {D}, .call = [](Arguments a) { return Value(in_units(a[0], 1e9)); }},
};

// Of every type that has a text of its own.
const FunctionEntry kText{.name = "String", .params = {Param::kAny}, .call = [](Arguments a) {
                              return Value(a[0]->go_type()->to_text(*a[0]));
                          }};

}  // namespace

const FunctionEntry* find_method(const Value& receiver, std::string_view name) noexcept {
    std::span<const FunctionEntry> methods;
    const GoType* type = receiver.go_type();
    if (receiver.kind() == Kind::kTime)
        methods = kTimeMethods;
    else if (type == &kDuration)
        methods = kDurationMethods;
    else if (sprig::is_version(receiver))
        methods = sprig::version_methods();
    const auto found = std::find_if(methods.begin(), methods.end(),
                                    [&](const FunctionEntry& entry) { return entry.name == name; });
    if (found != methods.end()) return &*found;
    return type != nullptr && type->to_text != nullptr && name == "String" ? &kText : nullptr;
}

}  // namespace fencepost::tmpl
