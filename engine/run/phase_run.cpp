#include "run/phase_run.h"

#include <algorithm>

#include "base/encodings.h"
#include "value/json.h"

namespace fencepost::run {

PhaseRun::PhaseRun(Machinery& machinery, Which which, Value params, Deadline deadline,
                   const CancelToken& parent, ProgressSink progress)
    : machinery_(machinery),
      which_(std::move(which)),
      params_(std::move(params)),
      deadline_(deadline),
      source_(parent),
      token_(source_.token()),
      alarm_(machinery.timers.at(deadline, source_)),
      log_(machinery.logs.path(cluster::uid_of(which_.action_set), which_.action_index, which_.phase)),
      progress_(std::move(progress)) {}

std::string PhaseRun::job_pod_name(std::string_view prefix) const {
    const std::string identity = cluster::uid_of(which_.action_set) + "/" +
                                 std::to_string(which_.action_index) + "/" + which_.phase + "/" +
                                 std::to_string(which_.attempt);
    return std::string(prefix) + sha256_hex(identity).substr(0, 10);
}

const location::ResolvedProfile* PhaseRun::profile() const {
    if (!which_.action.profile) return nullptr;
    if (!profile_) {
        const Value text = machinery_.renderer.text("{{ toJson .Profile }}", params_);
        profile_ = location::ResolvedProfile::from_json(parse_json(text.as_string()));
    }
    return &*profile_;
}

void PhaseRun::feed_output(std::string_view bytes) {
    log_.write(bytes);
    Value progress;
    {
        auto outputs = outputs_.lock();
        outputs->feed(bytes);
        progress = outputs->take_progress();
    }
    if (!progress.is_map()) return;
    const auto count = [&](const char* name) {
        return static_cast<std::uint64_t>(std::max<std::int64_t>(0, progress.get(name).int_or(0)));
    };
    report_progress(static_cast<int>(std::min<std::uint64_t>(count("percent"), 99)), count("uploadedBytes"),
                    count("downloadedBytes"));
}

void PhaseRun::feed_error_output(std::string_view bytes) { log_.write(bytes); }
Value PhaseRun::take_outputs() { return outputs_.lock()->take(); }

void PhaseRun::report_progress(int percent, std::uint64_t uploaded_bytes, std::uint64_t downloaded_bytes) {
    (*progress_.lock())(percent, uploaded_bytes, downloaded_bytes);
}

Outcome PhaseRun::execute(const Function& function, const Value& args) {
    const auto settle = [this] {
        for (const std::string& id : incurred_) machinery_.keeper.act_ended(id);
    };
    Outcome outcome;
    try {
        outcome = function.execute(*this, args);
    } catch (...) {
        settle();
        throw;
    }
    settle();
    return outcome;
}

std::string PhaseRun::incur(const ObligationRequest& request) {
    incurred_.push_back(machinery_.keeper.incur(request, which_.incurrer));
    return incurred_.back();
}

int PhaseRun::discharge(const std::function<bool(const Value&)>& matches) {
    return machinery_.keeper.release(which_.incurrer, matches, "unfence", token_);
}

void PhaseRun::withdraw(std::string_view obligation_id, std::string_view why) {
    machinery_.keeper.withdraw(std::string(obligation_id), why);
}

}  // namespace fencepost::run
