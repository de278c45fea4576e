#include "functions/at_once.h"
#include "functions/exec.h"
#include "functions/functions.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

class KubeExecAll final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return false; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::vector<std::string> pods = run::words_arg(args, "pods");
        const std::vector<std::string> containers = run::words_arg(args, "containers");
        if (pods.empty() || containers.empty()) {
            throw Error(ErrorKind::kInvalid,
                        std::string("argument '") + (pods.empty() ? "pods" : "containers") + "' names none",
                        "an empty list would run nothing and look like success");
        }
        const std::string ns = run::string_arg(args, "namespace");
        const std::vector<std::string> command = run::strings_arg(args, "command");
        std::vector<std::string> outputs(pods.size() * containers.size());
        // None waits for another's end: the commands may be about each other.
        const Failures failures = all_at_once(outputs.size(), outputs.size(), [&](std::size_t i) {
            run_one(run, {ns, pods[i / containers.size()], containers[i % containers.size()], ""}, command,
                    outputs[i]);
        });
        // Read in the order of the arguments, so that the same outputs come out whoever was first.
        for (const std::string& output : outputs) {
            run.feed_output(output);
            if (!output.empty() && output.back() != '\n') run.feed_output("\n");
        }
        throw_failures(failures);
        return {run.take_outputs()};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        std::vector<run::Need> all;
        for (const std::string& pod : run::words_arg(args, "pods")) {
            for (const std::string& container : run::words_arg(args, "containers")) {
                for (run::Need& need :
                     exec_needs(run::string_arg(args, "namespace"), pod, container, "/pods"))
                    all.push_back(std::move(need));
            }
        }
        return all;
    }

  private:
    static constexpr std::size_t kMaxOutputBytes = std::size_t{4} << 20U;

    static void run_one(run::RunContext& run, const ExecTarget& target,
                        const std::vector<std::string>& command, std::string& output) {
        const std::string error = exec_in_pod(run, target, command, [&](std::string_view bytes) {
            if (output.size() + bytes.size() > kMaxOutputBytes) {
                throw Error(ErrorKind::kTooLarge, "pod " + target.pod + " wrote more than " +
                                                      std::to_string(kMaxOutputBytes) + " bytes");
            }
            output += bytes;
        });
        if (!error.empty()) throw Error(ErrorKind::kInternal, error);
    }

    model::FunctionSpec spec_{
        .name = "KubeExecAll",
        .args = {{"namespace", model::ArgType::kString, true, "the Pods' namespace"},
                 {"pods", model::ArgType::kString, true, "names, separated by spaces"},
                 {"containers", model::ArgType::kString, true, "names, separated by spaces"},
                 {"command", model::ArgType::kStringList, true, "the command and its arguments"}},
        .outputs = {},
        .description = "runs a command in several Pods at once"};
};

}  // namespace

const run::Function& kube_exec_all() {
    static const KubeExecAll function;
    return function;
}

}  // namespace fencepost::functions
