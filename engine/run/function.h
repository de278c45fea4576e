// Function: what a phase's `func` names. One file in functions/ each, exporting one immutable Function; the
// catalog in functions/catalog.cpp is the explicit list. A Function has no state: what a run needs is in its
// RunContext, so two ActionSets may execute the same Function at once.
//
//     Outcome execute(RunContext& run, const Value& args) const
//
// args are rendered and checked (required ones there, no unknown ones) before execute() sees them; weak
// conversion is args.h's. What execute() throws fails the phase. The executor records intent before it calls
// and outcome after.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aws/environment.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "location/location.h"
#include "model/image_map.h"
#include "model/objects.h"
#include "model/pod_policy.h"
#include "model/validate.h"
#include "net/http_client.h"
#include "run/need.h"
#include "value/value.h"

namespace fencepost::run {

// Of Pods that are made without an image in the arguments: it has kando.
inline constexpr std::string_view kToolsImage = "ghcr.io/fencepost/tools:0.1.0";

// What a job Pod is where its blueprint says nothing else, and may be at most (functions/job_pod.h).
struct JobPodDefaults {
    std::string service_account;            // of those in the controller's namespace; "": none is named
    bool is_secure = false;                 // no token of an account that the blueprint has not named
    std::chrono::seconds start_limit{900};  // for so long it may stay Pending
    model::ImageMap images{};               // what runs in place of a blueprint's images
    model::PodPolicy policy = model::PodPolicy::kBaseline;
    std::vector<std::string> service_accounts{};  // those that a podOverride may name; none: any
};

// What the process as a whole has; made by main, shared by all runs, outlives them.
struct World {
    cluster::Cluster& cluster;
    Clock& clock;
    net::HttpClient& http;
    Log& log;
    std::string controller_namespace;  // where Blueprints, bindings and job Pods live by default
    JobPodDefaults job_pods{};
    aws::Environment aws{};
};

// A promise to undo something, stored before it is done (see obligations.h).
struct ObligationRequest {
    std::string kind;         // "fence", "walReplayPause"
    std::string description;  // for people: "pod edb/cluster-example-2 is fenced"
    std::string ns, pod, pod_uid, container;
    std::vector<std::vector<std::string>> undo_commands;  // argv each, run in order in the pod's container
    std::chrono::seconds time_limit{1800};                // from now; then it is undone whatever runs
    Value details;                                        // whatever the undo wants to know
};

// One execution of one phase.
class RunContext {
  public:
    virtual ~RunContext() = default;
    [[nodiscard]] virtual World& world() = 0;
    [[nodiscard]] virtual const CancelToken& cancel()
        const = 0;                                        // fires on cancel, deletion, deadline, shutdown
    [[nodiscard]] virtual Deadline deadline() const = 0;  // of the phase or action, the earlier one

    // Who runs. A job Pod's name is derived from these, so that a restarted daemon finds it: job_pod_name().
    [[nodiscard]] virtual const Value& action_set() const = 0;  // the object as launched
    [[nodiscard]] virtual const model::ActionSpec& action() const = 0;
    [[nodiscard]] virtual std::string phase_name() const = 0;
    [[nodiscard]] virtual int attempt() const = 0;
    [[nodiscard]] virtual std::string job_pod_name(
        std::string_view prefix) const = 0;  // "kanister-job-" + 10 hex digits
    // True where a daemon that died had begun this very attempt: find what it left before doing it again.
    [[nodiscard]] virtual bool is_resumed() const = 0;

    // The template parameters of this phase (.Object, .Phases ...), and rendering with them
    // (missingkey=error).
    [[nodiscard]] virtual const Value& params() const = 0;
    [[nodiscard]] virtual Value render(const Value& value) const = 0;
    [[nodiscard]] virtual const location::ResolvedProfile* profile()
        const = 0;  // nullptr where the action has none

    // Output lines: every function that runs a command feeds its stdout here, whatever the pieces; marker
    // lines become outputs, all lines go to the phase's log. take_outputs() gives what was marked (nil where
    // nothing was).
    virtual void feed_output(std::string_view bytes) = 0;
    virtual void feed_error_output(std::string_view bytes) = 0;
    [[nodiscard]] virtual Value take_outputs() = 0;

    // Runs once the phase's outcome is durable (also a failed one's): a job Pod must not go before that, or a
    // daemon that dies in between would do its work again.
    virtual void after_recorded(std::function<void()> clean_up) = 0;

    virtual void report_progress(int percent, std::uint64_t uploaded_bytes,
                                 std::uint64_t downloaded_bytes) = 0;

    // --- obligations: durable before these return. incur() must come before the act that needs undoing.
    [[nodiscard]] virtual std::string incur(const ObligationRequest& request) = 0;  // its id
    // Runs the undo of the obligations of this ActionSet (and, for a posthook, of the ActionSet that ran the
    // prehook on the same subject) that `matches` accepts; returns how many were discharged. Throws if an
    // undo fails (it stays).
    virtual int discharge(const std::function<bool(const Value& obligation)>& matches) = 0;
    // Nothing was done after all, or somebody proved that there is nothing to undo.
    virtual void withdraw(std::string_view obligation_id, std::string_view why) = 0;
};

struct Outcome {
    Value outputs;  // nil or a map
};

class Function {
  public:
    virtual ~Function() = default;
    [[nodiscard]] virtual const model::FunctionSpec& spec() const = 0;
    virtual Outcome execute(RunContext& run, const Value& args) const = 0;
    // What execute() would ask of the cluster with these args, which are checked; nothing where it is not
    // said. Looks up types alone. Throws what execute() would throw of such args.
    [[nodiscard]] virtual std::vector<Need> needs(World& world, const model::ActionSpec& action,
                                                  const Value& args) const;
    // Args whose strings the function renders itself, piece by piece (Wait and WaitV2's conditions).
    [[nodiscard]] virtual bool renders_own_args() const { return false; }
    // True: a phase that was interrupted may simply run again (reads, deletes, scale to N, a job Pod that is
    // adopted).
    [[nodiscard]] virtual bool is_safe_to_repeat() const = 0;
};

// The explicit list, by exact name. functions/catalog.h makes it.
class Catalog {
  public:
    explicit Catalog(std::vector<const Function*> functions);
    [[nodiscard]] const Function* find(std::string_view name) const noexcept;
    [[nodiscard]] const std::vector<model::FunctionSpec>& specs() const noexcept { return specs_; }

  private:
    std::vector<const Function*> functions_;
    std::vector<model::FunctionSpec> specs_;
};

}  // namespace fencepost::run
