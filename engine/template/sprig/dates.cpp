#include <chrono>

#include "base/encodings.h"
#include "base/error.h"
#include "template/sprig/sprig.h"
#include "value/go_time.h"

namespace fencepost::tmpl::sprig {

namespace {

Time now() {
    const std::chrono::nanoseconds since = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    return {.unix_seconds = seconds.count(),
            .nanosecond = static_cast<std::int32_t>((since - seconds).count())};
}

// sprig's date functions take a time, or seconds since 1970; anything else is now.
Time time_of(const Value& value) {
    if (value.kind() == Kind::kTime) return value.as_time();
    if (value.kind() == Kind::kInt) return {.unix_seconds = value.as_int()};
    return now();
}

std::string format_in(const std::string& layout, const Value& value, const std::string& zone) {
    const Time time = time_of(value);
    return format_time(in_zone(time, zone).value_or(*in_zone(time, "UTC")), layout);
}

Value date_in_zone(Arguments a) { return Value(format_in(a[0]->as_string(), *a[1], a[2]->as_string())); }

Value date_modify(Arguments a) {
    Time time = a[1]->as_time();
    try {
        const std::chrono::nanoseconds moved =
            parse_duration(a[0]->as_string()) + std::chrono::nanoseconds(time.nanosecond);
        const auto seconds = std::chrono::floor<std::chrono::seconds>(moved);
        time.unix_seconds += seconds.count();
        time.nanosecond = static_cast<std::int32_t>((moved - seconds).count());
    } catch (const Error&) {
        return *a[1];  // sprig leaves the time as it is
    }
    return Value(time);
}

Value to_date(Arguments a) {
    try {
        return Value(parse_time(a[0]->as_string(), a[1]->as_string()));
    } catch (const Error&) {
        return Value(kZeroTime);
    }
}

Value ago(Arguments a) {
    const Time from = time_of(*a[0]);
    const Time to = now();
    const auto rounded =
        std::chrono::round<std::chrono::seconds>(std::chrono::seconds(to.unix_seconds - from.unix_seconds) +
                                                 std::chrono::nanoseconds(to.nanosecond - from.nanosecond));
    return Value(format_duration(rounded));
}

constexpr Param S = Param::kString;
constexpr Param A = Param::kAny;

const FunctionEntry kTable[] = {
    {.name = "ago", .params = {A}, .call = ago},
    {.name = "date",
     .params = {S, A},
     .call = [](Arguments a) { return Value(format_in(a[0]->as_string(), *a[1], "Local")); }},
    {.name = "dateInZone", .params = {S, A, S}, .call = date_in_zone},
    {.name = "dateModify", .params = {S, Param::kTime}, .call = date_modify},
    {.name = "date_in_zone", .params = {S, A, S}, .call = date_in_zone},
    {.name = "date_modify", .params = {S, Param::kTime}, .call = date_modify},
    {.name = "htmlDate",
     .params = {A},
     .call = [](Arguments a) { return Value(format_in("2006-01-02", *a[0], "Local")); }},
    {.name = "htmlDateInZone",
     .params = {A, S},
     .call = [](Arguments a) { return Value(format_in("2006-01-02", *a[0], a[1]->as_string())); }},
    {.name = "now", .params = {}, .call = [](Arguments) { return Value(now()); }},
    {.name = "toDate", .params = {S, S}, .call = to_date},
    {.name = "unixEpoch",
     .params = {Param::kTime},
     .call = [](Arguments a) { return Value(std::to_string(a[0]->as_time().unix_seconds)); }},
};

}  // namespace

Table dates() { return kTable; }

}  // namespace fencepost::tmpl::sprig
