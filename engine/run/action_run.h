// ActionRun: one action of an ActionSet, from launch to its artifacts, on the calling thread. What an earlier
// daemon finished is not done again; what it had begun is adopted, repeated where the function says that this
// is safe, or failed. Whatever happens the deferPhase runs and what was quiesced is undone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "run/launch.h"
#include "run/machinery.h"
#include "run/phase_run.h"
#include "run/record.h"

namespace fencepost::run {

class ActionRun {
  public:
    // `cancel` fires on the user's wish (kUser) and when the daemon stops (kShutdown); `shutdown` only then.
    ActionRun(Machinery& machinery, Record& record, const model::ActionSet& action_set, std::size_t index,
              const model::Action& definition, CancelToken cancel, CancelToken shutdown);

    // True: complete. The end is staged in the record, not yet durable; run clean_up() once it is. Throws
    // Cancelled{kShutdown} and leaves the record as it is.
    bool run();
    void clean_up();

  private:
    static constexpr int kDefer = -1;
    void launch_action();
    void run_phases();
    void run_defer();
    void run_phase(const model::Phase& phase, int index, const CancelToken& cancel, Deadline limit);
    void attempt_phase(const model::Phase& phase, int index, int attempt, bool is_resumed,
                       const CancelToken& cancel, Deadline limit);
    [[nodiscard]] bool is_skipped(const model::Phase& phase, const Value& params) const;
    [[nodiscard]] Value phase_params(const model::Phase& phase, int index);
    void begin(const model::Phase& phase, int index, int attempt, const CancelToken& cancel);
    void end(const model::Phase& phase, int index, const char* state, const Value& output);
    void fail_phase(const model::Phase& phase, int index, const std::string& error,
                    const std::string& log_tail);
    void incur_posthook();
    void release_obligations(bool is_complete);
    void render_artifacts();
    void flush(const CancelToken& cancel);
    void fail(const std::string& message);
    [[nodiscard]] Deadline action_deadline() const;
    [[nodiscard]] Incurrer incurrer() const;

    Machinery& machinery_;
    Record& record_;
    const model::ActionSet& action_set_;
    const std::size_t index_;
    const model::ActionSpec& spec_;
    const model::Action& action_;
    const CancelToken cancel_;
    const CancelToken shutdown_;
    LaunchParams launch_;
    std::map<std::string, std::map<std::string, model::ObjectReference>> references_;  // by phase, rendered
    std::map<std::string, PhaseParams> phases_;
    PhaseParams defer_;
    std::vector<std::function<void()>> clean_ups_;
    bool has_failed_ = false;
};

}  // namespace fencepost::run
