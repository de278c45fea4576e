#include "policy/simulation.h"

#include <algorithm>

namespace fencepost::policy {
namespace {

class Simulator {
  public:
    Simulator(const model::Policy& policy, const Assumptions& assumptions)
        : calendar_(policy), retention_(policy.retention), assumptions_(assumptions) {}

    Simulation run() {
        for (auto time = calendar_.next_after(assumptions_.from); time && *time < assumptions_.until;
             time = calendar_.next_after(*time)) {
            result_.points.push_back({.scheduled = *time});
            kept_.push_back(result_.points.size() - 1);
            retire(*time);
            drop(*time);
            note(*time);
        }
        return std::move(result_);
    }

  private:
    struct Locked {
        std::size_t point;
        SystemTime until;
    };

    void retire(SystemTime now) {
        std::vector<Point> points;
        points.reserve(kept_.size());
        for (const std::size_t index : kept_)
            points.push_back({.scheduled = result_.points[index].scheduled});
        std::vector<Verdict> verdicts = judge(points, retention_, calendar_, now);
        std::vector<std::size_t> staying;
        for (std::size_t i = 0; i < kept_.size(); ++i) {
            SimulatedPoint& point = result_.points[kept_[i]];
            if (verdicts[i].stays) {
                point.tiers = std::move(verdicts[i].tiers);
                staying.push_back(kept_[i]);
                continue;
            }
            point.retired = now;
            // The run before this one has renewed it for the last time.
            const SystemTime renewed =
                result_.stands.empty() ? now : std::max(point.scheduled, result_.stands.back().time);
            locked_.push_back({kept_[i], std::max(now, renewed + assumptions_.lock)});
        }
        kept_ = std::move(staying);
    }

    void drop(SystemTime now) {
        std::erase_if(locked_, [&](const Locked& locked) {
            if (locked.until > now) return false;
            result_.points[locked.point].deleted = locked.until;
            ++deleted_;
            return true;
        });
    }

    void note(SystemTime now) {
        const auto stored = static_cast<std::int64_t>(kept_.size() + locked_.size());
        const std::int64_t bytes =
            stored == 0 ? 0 : assumptions_.full_bytes + (stored - 1) * assumptions_.changed_bytes;
        result_.stands.push_back({now, static_cast<std::int64_t>(kept_.size()),
                                  static_cast<std::int64_t>(locked_.size()), deleted_, bytes});
        result_.peak_bytes = std::max(result_.peak_bytes, bytes);
    }

    const Calendar calendar_;
    const std::optional<model::Retention> retention_;
    const Assumptions assumptions_;
    Simulation result_;
    std::vector<std::size_t> kept_;  // in the order of time
    std::vector<Locked> locked_;
    std::int64_t deleted_ = 0;
};

}  // namespace

Simulation simulate(const model::Policy& policy, const Assumptions& assumptions) {
    return Simulator(policy, assumptions).run();
}

}  // namespace fencepost::policy
