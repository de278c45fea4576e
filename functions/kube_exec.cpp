#include "functions/exec.h"
#include "functions/functions.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

class KubeExec final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    // Nobody knows how far the command came.
    [[nodiscard]] bool is_safe_to_repeat() const override { return false; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        ExecTarget target{run::string_arg(args, "namespace"), run::string_arg(args, "pod"),
                          run::string_arg(args, "container"), ""};
        const std::string error = exec_in_pod(run, target, run::strings_arg(args, "command"),
                                              [&](std::string_view bytes) { run.feed_output(bytes); });
        if (!error.empty()) throw Error(ErrorKind::kInternal, error);
        return {run.take_outputs()};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        return exec_needs(run::string_arg(args, "namespace"), run::string_arg(args, "pod"),
                          run::string_arg(args, "container"), "/pod");
    }

  private:
    model::FunctionSpec spec_{
        .name = "KubeExec",
        .args = {{"namespace", model::ArgType::kString, true, "the Pod's namespace"},
                 {"pod", model::ArgType::kString, true, "the Pod"},
                 {"command", model::ArgType::kStringList, true, "the command and its arguments"},
                 {"container", model::ArgType::kString, false, "its container, where it has several"}},
        .outputs = {},
        .description = "runs a command in a running Pod"};
};

}  // namespace

const run::Function& kube_exec() {
    static const KubeExec function;
    return function;
}

}  // namespace fencepost::functions
