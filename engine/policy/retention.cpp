#include "policy/retention.h"

namespace fencepost::policy {
namespace {

using model::Tier;

// The tier's latest ones.
void keep_latest(const std::vector<Point>& points, Tier tier, std::int64_t count, const Calendar& calendar,
                 std::vector<Verdict>& verdicts) {
    std::vector<std::size_t> counted;
    std::optional<std::int64_t> before;
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (points[i].is_manual) continue;
        const std::int64_t period = calendar.period(tier, points[i].scheduled);
        if (tier != calendar.finest() && before == period) continue;
        before = period;
        counted.push_back(i);
    }
    const auto kept = std::min<std::size_t>(counted.size(), static_cast<std::size_t>(count));
    for (auto it = counted.end() - static_cast<std::ptrdiff_t>(kept); it != counted.end(); ++it)
        verdicts[*it].tiers.push_back(tier);
}

}  // namespace

std::vector<Verdict> judge(const std::vector<Point>& points, const std::optional<model::Retention>& retention,
                           const Calendar& calendar, SystemTime now) {
    std::vector<Verdict> verdicts(points.size());
    if (retention) {
        for (const Tier tier : model::kTiers)
            keep_latest(points, tier, (*retention)[static_cast<std::size_t>(tier)], calendar, verdicts);
    }
    for (std::size_t i = 0; i < points.size(); ++i) {
        const Point& point = points[i];
        if (point.is_kept_by_hand) continue;
        if (point.expires_at)
            verdicts[i].stays = now < *point.expires_at;
        else if (!point.is_manual && retention)
            verdicts[i].stays = !verdicts[i].tiers.empty();
    }
    return verdicts;
}

}  // namespace fencepost::policy
