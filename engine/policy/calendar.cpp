#include "policy/calendar.h"

#include <algorithm>

#include "base/encodings.h"

namespace fencepost::policy {
namespace {

using model::Tier;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::sys_days;

constexpr days kHorizon{9 * 366};  // a run that is not within the window by then never is: see Cron
constexpr int kSampledRuns = 64;   // of a cron expression, to tell how often it comes
constexpr int kThursday = 4;       // 1 January 1970

int first_or(const std::vector<int>& values, int otherwise) {
    return values.empty() ? otherwise : *std::min_element(values.begin(), values.end());
}

template <std::size_t N>
void set_all(std::bitset<N>& set, const std::vector<int>& values, int otherwise) {
    for (const int value : values) set.set(static_cast<std::size_t>(value) % N);
    if (values.empty()) set.set(static_cast<std::size_t>(otherwise));
}

model::Cron times_of(Tier frequency, const model::SubFrequency& sub) {
    model::Cron::Fields fields;
    fields.clamps_days = true;
    set_all(fields.minutes, sub.minutes, 0);
    if (frequency >= Tier::kDaily)
        set_all(fields.hours, sub.hours, 0);
    else
        fields.hours.set();
    if (frequency == Tier::kWeekly)
        set_all(fields.weekdays, sub.weekdays, 0);
    else
        fields.weekdays.set();
    if (frequency >= Tier::kMonthly)
        set_all(fields.days, sub.days, 1);
    else
        fields.days.set();
    if (frequency == Tier::kYearly)
        set_all(fields.months, sub.months, 1);
    else
        fields.months.set();
    return model::Cron(fields);
}

// By the shortest time between two of its runs.
Tier tier_of(const model::Cron& cron) {
    auto shortest = std::chrono::nanoseconds::max();
    auto before = cron.next_after(SystemTime{});
    for (int i = 0; i < kSampledRuns && before; ++i) {
        const auto next = cron.next_after(*before);
        if (!next) break;
        shortest = std::min<std::chrono::nanoseconds>(shortest, *next - *before);
        before = next;
    }
    if (shortest < days(1)) return Tier::kHourly;
    if (shortest < days(7)) return Tier::kDaily;
    if (shortest < days(28)) return Tier::kWeekly;
    return shortest < days(365) ? Tier::kMonthly : Tier::kYearly;
}

std::int64_t floored(std::int64_t value, std::int64_t by) {
    return value >= 0 ? value / by : -((-value + by - 1) / by);
}

}  // namespace

Calendar::Calendar(const model::Policy& policy)
    : window_(policy.window),
      is_staggered_(policy.is_staggered),
      identity_(policy.uid.empty() ? policy.ns + "/" + policy.name : policy.uid) {
    if (policy.frequency == model::kOnDemand) return;
    const model::SubFrequency& sub = policy.sub_frequency;
    if (const auto tier = model::tier_of(policy.frequency)) {
        finest_ = *tier;
        times_ = times_of(*tier, sub);
        minute_ = first_or(sub.minutes, 0);
        hour_ = first_or(sub.hours, 0);
        weekday_ = first_or(sub.weekdays, 0) % 7;
        day_ = first_or(sub.days, 1);
        month_ = first_or(sub.months, 1);
    } else {
        times_ = model::Cron::parse(policy.frequency);
        finest_ = tier_of(*times_);
    }
}

bool Calendar::is_in_window(SystemTime time) const {
    if (!window_) return true;
    const auto minute = (std::chrono::floor<minutes>(time) - std::chrono::floor<days>(time)).count();
    const bool is_after = minute >= window_->start;
    const bool is_before = minute < window_->end;
    return window_->start < window_->end ? is_after && is_before : is_after || is_before;
}

std::optional<SystemTime> Calendar::next_after(SystemTime time) const {
    if (!times_) return std::nullopt;
    const SystemTime start = time;
    while (time - start < kHorizon) {
        const auto next = times_->next_after(time);
        if (!next || is_in_window(*next)) return next;
        time = *next;
    }
    return std::nullopt;
}

std::optional<SystemTime> Calendar::due(SystemTime last, SystemTime now) const {
    std::optional<SystemTime> latest;
    for (auto run = next_after(last); run && *run <= now; run = next_after(*run)) latest = run;
    return latest;
}

SystemTime Calendar::start_of(SystemTime run, std::string_view application) const {
    if (!is_staggered_ || !window_) return run;
    const auto minute = (std::chrono::floor<minutes>(run) - std::chrono::floor<days>(run)).count();
    const std::int64_t day = minutes(days(1)).count();
    std::int64_t left = (window_->end - minute + day) % day;
    if (left == 0) left = day;
    if (const auto next = next_after(run)) left = std::min<std::int64_t>(left, (*next - run) / minutes(1));
    const auto hash = sha256(identity_ + "/" + std::string(application));
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8U | hash[i];
    return run + std::chrono::seconds(number % static_cast<std::uint64_t>(left * 60));
}

std::int64_t Calendar::period(Tier tier, SystemTime time) const {
    const auto at = std::chrono::floor<minutes>(time) - minutes(minute_);
    if (tier == Tier::kHourly) return std::chrono::floor<hours>(at).time_since_epoch().count();
    const sys_days day = std::chrono::floor<days>(at - hours(hour_));
    const std::int64_t number = day.time_since_epoch().count();
    if (tier == Tier::kDaily) return number;
    if (tier == Tier::kWeekly) return floored(number + kThursday - weekday_, 7);
    const std::chrono::year_month_day date(day);
    const auto last = static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day());
    const bool is_begun = static_cast<unsigned>(date.day()) >= std::min(static_cast<unsigned>(day_), last);
    const std::int64_t month = std::int64_t{static_cast<int>(date.year())} * 12 +
                               static_cast<unsigned>(date.month()) - 1 - (is_begun ? 0 : 1);
    return tier == Tier::kMonthly ? month : floored(month - (month_ - 1), 12);
}

}  // namespace fencepost::policy
