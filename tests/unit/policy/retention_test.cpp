#include "policy/retention.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "base/encodings.h"
#include "policy/simulation.h"
#include "value/yaml.h"

namespace fencepost::policy {
namespace {

using model::Tier;
using std::chrono::days;
using std::chrono::hours;

model::Policy policy(const std::string& spec) {
    return model::Policy::from(
        parse_yaml_value("metadata: {name: p, uid: u1}\nspec: {actions: [{action: backup}], " + spec + "}"));
}

SystemTime at(const char* text) { return parse_rfc3339(text); }

std::vector<Point> hourly_points(const char* from, int count) {
    std::vector<Point> points;
    for (int i = 0; i < count; ++i) points.push_back({.scheduled = at(from) + hours(i)});
    return points;
}

std::vector<std::string> staying(const std::vector<Point>& points, const model::Policy& policy) {
    const auto verdicts =
        judge(points, policy.retention, Calendar(policy), points.back().scheduled + std::chrono::minutes(1));
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (!verdicts[i].stays) continue;
        std::string text = format_rfc3339(points[i].scheduled).substr(5, 8);
        for (const Tier tier : verdicts[i].tiers) text += " " + std::string(to_string(tier));
        texts.push_back(text);
    }
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("A-11 of each tier the latest stay, a longer one's is the first of its period") {
    const model::Policy spec = policy("frequency: '@hourly', retention: {hourly: 3, daily: 2, weekly: 1}");
    // 2026-11-22 is a Sunday.
    CHECK(staying(hourly_points("2026-11-20T10:00:00Z", 80), spec) ==
          Texts{"11-22T00 daily weekly", "11-23T00 daily", "11-23T15 hourly", "11-23T16 hourly",
                "11-23T17 hourly"});
}

TEST_CASE("A-11 where the period's first run failed, the next one stands for it") {
    const model::Policy spec = policy("frequency: '@hourly', retention: {hourly: 1, daily: 2}");
    auto points = hourly_points("2026-11-21T00:00:00Z", 30);
    points.erase(points.begin() + 24);  // 00:00 of the second day
    CHECK(staying(points, spec) == Texts{"11-21T00 daily", "11-22T01 daily", "11-22T05 hourly"});
}

TEST_CASE("A-11 several runs of a period count for the policy's own tier each") {
    const model::Policy spec =
        policy("frequency: '@daily', subFrequency: {hours: [6, 18]}, retention: {daily: 3, weekly: 1}");
    std::vector<Point> points;
    for (const char* time : {"2026-11-22T06:00:00Z", "2026-11-22T18:00:00Z", "2026-11-23T06:00:00Z",
                             "2026-11-23T18:00:00Z", "2026-11-24T06:00:00Z"})
        points.push_back({.scheduled = at(time)});
    CHECK(staying(points, spec) ==
          Texts{"11-22T06 weekly", "11-23T06 daily", "11-23T18 daily", "11-24T06 daily"});
}

TEST_CASE("A-11 what was made by hand is not counted, and stays until it expires") {
    const model::Policy spec = policy("frequency: '@hourly', retention: {hourly: 1}");
    auto points = hourly_points("2026-11-21T00:00:00Z", 4);
    points[0].is_manual = true;
    points[1].is_manual = true;
    points[1].expires_at = at("2026-11-21T03:00:30Z");
    points[2].is_kept_by_hand = true;
    CHECK(staying(points, spec) == Texts{"11-21T00", "11-21T02", "11-21T03 hourly"});
    points.back().expires_at = at("2026-11-21T03:00:30Z");
    CHECK(staying(points, spec) == Texts{"11-21T00", "11-21T02"});
}

TEST_CASE("without a retention everything stays") {
    CHECK(staying(hourly_points("2026-11-21T00:00:00Z", 4), policy("frequency: '@hourly'")).size() == 4);
}

TEST_CASE("a simulated year keeps what the retention says, and nothing that is kept was ever retired") {
    const model::Policy spec =
        policy("frequency: '@hourly', retention: {hourly: 24, daily: 7, weekly: 4, monthly: 12, yearly: 2}");
    const Simulation year = simulate(spec, {.from = at("2025-12-31T23:59:00Z"),
                                            .until = at("2026-12-31T23:59:00Z"),
                                            .full_bytes = 1'000'000,
                                            .changed_bytes = 1'000,
                                            .lock = days(7)});
    REQUIRE(year.points.size() == 365 * 24);
    REQUIRE(year.stands.size() == year.points.size());
    std::map<Tier, int> count;
    std::int64_t kept = 0;
    for (const SimulatedPoint& point : year.points) {
        if (point.retired) {
            CHECK(point.retired > point.scheduled);
            if (point.deleted) CHECK(*point.deleted >= *point.retired + days(7) - hours(1));
            continue;
        }
        ++kept;
        for (const Tier tier : point.tiers) ++count[tier];
    }
    CHECK(count == std::map<Tier, int>{{Tier::kHourly, 24},
                                       {Tier::kDaily, 7},
                                       {Tier::kWeekly, 4},
                                       {Tier::kMonthly, 12},
                                       {Tier::kYearly, 1}});
    const Stand& last = year.stands.back();
    CHECK(last.kept == kept);
    CHECK(last.kept + last.locked + last.deleted == 365 * 24);
    // One goes and one comes each hour; what goes is held until a week after the run before.
    CHECK(last.locked == 7 * 24 - 1);
    CHECK(last.stored_bytes == 1'000'000 + (last.kept + last.locked - 1) * 1'000);
    CHECK(year.peak_bytes >= last.stored_bytes);
}

}  // namespace fencepost::policy
