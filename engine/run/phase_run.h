// PhaseRun: the RunContext of one attempt of one phase. Lives on the action's thread; feed_output and
// feed_error_output may be called from others.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "run/function.h"
#include "run/machinery.h"
#include "run/output_lines.h"

namespace fencepost::run {

class PhaseRun final : public RunContext {
  public:
    struct Which {
        Value action_set;
        const model::ActionSpec& action;
        std::size_t action_index = 0;
        std::string phase;
        int attempt = 1;
        bool is_resumed = false;
        Incurrer incurrer;
    };
    using ProgressSink = std::function<void(int percent, std::uint64_t uploaded, std::uint64_t downloaded)>;

    // The token fires when `parent` does, and at the deadline with CancelReason::kDeadline.
    PhaseRun(Machinery& machinery, Which which, Value params, Deadline deadline, const CancelToken& parent,
             ProgressSink progress);

    World& world() override { return machinery_.world; }
    [[nodiscard]] const CancelToken& cancel() const override { return token_; }
    [[nodiscard]] Deadline deadline() const override { return deadline_; }
    [[nodiscard]] const Value& action_set() const override { return which_.action_set; }
    [[nodiscard]] const model::ActionSpec& action() const override { return which_.action; }
    [[nodiscard]] std::string phase_name() const override { return which_.phase; }
    [[nodiscard]] int attempt() const override { return which_.attempt; }
    [[nodiscard]] std::string job_pod_name(std::string_view prefix) const override;
    [[nodiscard]] bool is_resumed() const override { return which_.is_resumed; }
    [[nodiscard]] const Value& params() const override { return params_; }
    [[nodiscard]] Value render(const Value& value) const override {
        return machinery_.renderer.value(value, params_);
    }
    [[nodiscard]] const location::ResolvedProfile* profile() const override;
    void feed_output(std::string_view bytes) override;
    void feed_error_output(std::string_view bytes) override;
    [[nodiscard]] Value take_outputs() override;
    void after_recorded(std::function<void()> clean_up) override {
        clean_ups_.push_back(std::move(clean_up));
    }
    void report_progress(int percent, std::uint64_t uploaded_bytes, std::uint64_t downloaded_bytes) override;
    [[nodiscard]] std::string incur(const ObligationRequest& request) override;
    int discharge(const std::function<bool(const Value&)>& matches) override;
    void withdraw(const std::string_view obligation_id, std::string_view why) override;

    // Runs the function, and settles what it has incurred.
    [[nodiscard]] Outcome execute(const Function& function, const Value& args);
    [[nodiscard]] std::string log_tail() { return log_.tail(); }
    [[nodiscard]] std::vector<std::function<void()>> take_clean_ups() { return std::move(clean_ups_); }

  private:
    Machinery& machinery_;
    Which which_;
    Value params_;
    Deadline deadline_;
    CancelSource source_;
    CancelToken token_;
    Timers::Alarm alarm_;
    PhaseLog log_;
    Guarded<OutputLines> outputs_;
    Guarded<ProgressSink> progress_;
    std::vector<std::function<void()>> clean_ups_;
    std::vector<std::string> incurred_;
    mutable std::optional<location::ResolvedProfile> profile_;
};

// The label on job Pods that says whose they are: the ActionSet's uid.
inline constexpr const char* kJobLabel = "fencepost.io/action-set";

}  // namespace fencepost::run
