#include "policy/calendar.h"

#include <catch2/catch.hpp>

#include "base/encodings.h"
#include "value/yaml.h"

namespace fencepost::policy {
namespace {

using model::Tier;

Calendar calendar(const std::string& spec) {
    return Calendar(model::Policy::from(
        parse_yaml_value("metadata: {name: p, uid: u1}\nspec: {actions: [{action: backup}], " + spec + "}")));
}

SystemTime at(const char* text) { return parse_rfc3339(text); }

// The next runs, as many as are expected.
std::vector<std::string> runs(const Calendar& calendar, const char* after, std::size_t count) {
    std::vector<std::string> texts;
    auto time = std::optional(at(after));
    while (texts.size() < count && (time = calendar.next_after(*time)))
        texts.push_back(format_rfc3339(*time).substr(0, 16));
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a frequency runs at the beginning of its period, or when subFrequency says") {
    CHECK(runs(calendar("frequency: '@hourly'"), "2026-11-21T05:30:00Z", 2) ==
          Texts{"2026-11-21T06:00", "2026-11-21T07:00"});
    CHECK(runs(calendar("frequency: '@hourly', subFrequency: {minutes: [10, 40], hours: [3]}"),
               "2026-11-21T05:30:00Z",
               3) == Texts{"2026-11-21T05:40", "2026-11-21T06:10", "2026-11-21T06:40"});
    CHECK(runs(calendar("frequency: '@daily', subFrequency: {hours: [3, 15], minutes: [20]}"),
               "2026-11-21T05:30:00Z", 2) == Texts{"2026-11-21T15:20", "2026-11-22T03:20"});
    CHECK(runs(calendar("frequency: '@weekly', subFrequency: {weekdays: [1, 4]}"), "2026-11-21T05:30:00Z",
               3) == Texts{"2026-11-23T00:00", "2026-11-26T00:00", "2026-11-30T00:00"});
    CHECK(runs(calendar("frequency: '@monthly', subFrequency: {days: [31]}"), "2026-11-21T05:30:00Z", 4) ==
          Texts{"2026-11-30T00:00", "2026-12-31T00:00", "2027-01-31T00:00", "2027-02-28T00:00"});
    CHECK(runs(calendar("frequency: '@yearly', subFrequency: {months: [4, 10], days: [2], hours: [5]}"),
               "2026-11-21T05:30:00Z",
               3) == Texts{"2027-04-02T05:00", "2027-10-02T05:00", "2028-04-02T05:00"});
    CHECK(runs(calendar("frequency: '0 0 * * *'"), "2026-11-21T05:30:00Z", 1) == Texts{"2026-11-22T00:00"});
    CHECK(runs(calendar("frequency: '@onDemand'"), "2026-11-21T05:30:00Z", 1).empty());
}

TEST_CASE("A-12 a backup window leaves out what lies outside, also past midnight") {
    const Calendar night =
        calendar("frequency: '@hourly', backupWindow: {start: {hour: 22}, end: {hour: 2}}");
    CHECK(runs(night, "2026-11-21T12:00:00Z", 5) == Texts{"2026-11-21T22:00", "2026-11-21T23:00",
                                                          "2026-11-22T00:00", "2026-11-22T01:00",
                                                          "2026-11-22T22:00"});
    CHECK(runs(calendar("frequency: '@daily', backupWindow: {start: {hour: 22}, end: {hour: 23}}"),
               "2026-11-21T12:00:00Z", 1)
              .empty());
}

TEST_CASE("A-12 staggering spreads applications over the window, each always at the same place") {
    const Calendar spread = calendar(
        "frequency: '@daily', subFrequency: {hours: [22]}, enableStaggering: true, "
        "backupWindow: {start: {hour: 22}, end: {hour: 2}}");
    const SystemTime run = at("2026-11-21T22:00:00Z");
    std::chrono::seconds earliest{std::chrono::hours(24)};
    std::chrono::seconds latest{0};
    for (int i = 0; i < 200; ++i) {
        const std::string application = "app" + std::to_string(i);
        const SystemTime start = spread.start_of(run, application);
        CHECK(start == spread.start_of(run, application));
        const auto offset = std::chrono::duration_cast<std::chrono::seconds>(start - run);
        earliest = std::min(earliest, offset);
        latest = std::max(latest, offset);
    }
    CHECK(earliest >= std::chrono::seconds(0));
    CHECK(earliest < std::chrono::minutes(15));
    CHECK(latest > std::chrono::minutes(225));
    CHECK(latest < std::chrono::hours(4));
}

TEST_CASE("what was missed is due once") {
    const Calendar hourly = calendar("frequency: '@hourly'");
    const SystemTime last = at("2026-11-21T05:00:00Z");
    CHECK(!hourly.due(last, at("2026-11-21T05:59:00Z")));
    CHECK(hourly.due(last, at("2026-11-21T06:00:00Z")) == at("2026-11-21T06:00:00Z"));
    CHECK(hourly.due(last, at("2026-11-24T17:20:00Z")) == at("2026-11-24T17:00:00Z"));
}

TEST_CASE("A-11 a period begins with the run that subFrequency names first") {
    const Calendar shifted = calendar(
        "frequency: '@hourly', subFrequency: {minutes: [30, 0], hours: [3], weekdays: [1], days: [15], "
        "months: "
        "[4]}");
    const auto is_same = [&](Tier tier, const char* a, const char* b) {
        return shifted.period(tier, at(a)) == shifted.period(tier, at(b));
    };
    CHECK(is_same(Tier::kHourly, "2026-11-21T05:00:00Z", "2026-11-21T05:59:00Z"));
    CHECK(is_same(Tier::kDaily, "2026-11-21T03:00:00Z", "2026-11-22T02:59:00Z"));
    CHECK(!is_same(Tier::kDaily, "2026-11-21T02:59:00Z", "2026-11-21T03:00:00Z"));
    CHECK(is_same(Tier::kWeekly, "2026-11-16T03:00:00Z", "2026-11-23T02:59:00Z"));
    CHECK(!is_same(Tier::kWeekly, "2026-11-16T02:59:00Z", "2026-11-16T03:00:00Z"));
    CHECK(is_same(Tier::kMonthly, "2026-11-15T03:00:00Z", "2026-12-15T02:59:00Z"));
    CHECK(!is_same(Tier::kMonthly, "2026-11-15T02:59:00Z", "2026-11-15T03:00:00Z"));
    CHECK(is_same(Tier::kYearly, "2026-04-15T03:00:00Z", "2027-04-15T02:59:00Z"));
    CHECK(!is_same(Tier::kYearly, "2026-04-15T02:59:00Z", "2026-04-15T03:00:00Z"));
    CHECK(shifted.period(Tier::kYearly, at("2027-05-01T00:00:00Z")) -
              shifted.period(Tier::kYearly, at("2026-05-01T00:00:00Z")) ==
          1);
}

TEST_CASE("a cron expression's finest tier is how often it comes") {
    const std::pair<const char*, Tier> rows[] = {
        {"*/15 * * * *", Tier::kHourly},   {"0 3,15 * * *", Tier::kHourly}, {"0 0 * * *", Tier::kDaily},
        {"0 0 * * mon,thu", Tier::kDaily}, {"0 0 * * sun", Tier::kWeekly},  {"0 0 1 * *", Tier::kMonthly},
        {"0 0 1 1 *", Tier::kYearly}};
    for (const auto& [cron, tier] : rows) {
        CAPTURE(cron);
        CHECK(calendar("frequency: '" + std::string(cron) + "'").finest() == tier);
    }
}

}  // namespace fencepost::policy
