#include <sstream>

#include "base/guarded.h"
#include "base/task_group.h"
#include "functions/exec.h"
#include "functions/functions.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> result;
    for (std::string word; stream >> word;) result.push_back(word);
    return result;
}

struct Collected {
    std::vector<std::string> outputs;
    std::vector<std::string> errors;
    std::optional<CancelReason> cancelled;
};

class KubeExecAll final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return false; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::vector<std::string> pods = words(run::string_arg(args, "pods"));
        const std::vector<std::string> containers = words(run::string_arg(args, "containers"));
        if (pods.empty() || containers.empty()) {
            throw Error(ErrorKind::kInvalid,
                        std::string("argument '") + (pods.empty() ? "pods" : "containers") + "' names none",
                        "an empty list would run nothing and look like success");
        }
        const std::string ns = run::string_arg(args, "namespace");
        const std::vector<std::string> command = run::strings_arg(args, "command");
        Guarded<Collected> collected;
        collected.lock()->outputs.resize(pods.size() * containers.size());
        {
            TaskGroup tasks;
            for (std::size_t p = 0; p < pods.size(); ++p) {
                for (std::size_t c = 0; c < containers.size(); ++c) {
                    tasks.spawn([&, p, c] {
                        run_one(run, {ns, pods[p], containers[c], ""}, command, p * containers.size() + c,
                                collected);
                    });
                }
            }
        }
        // Read in the order of the arguments, so that the same outputs come out whoever was first.
        auto done = collected.lock();
        if (done->cancelled) throw Cancelled(*done->cancelled);
        for (const std::string& output : done->outputs) run.feed_output(output);
        if (!done->errors.empty()) {
            std::string text;
            for (const std::string& error : done->errors) text += (text.empty() ? "" : "\n") + error;
            throw Error(ErrorKind::kInternal, text);
        }
        return {run.take_outputs()};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        std::vector<run::Need> all;
        for (const std::string& pod : words(run::string_arg(args, "pods"))) {
            for (const std::string& container : words(run::string_arg(args, "containers"))) {
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
                        const std::vector<std::string>& command, std::size_t index,
                        Guarded<Collected>& collected) {
        std::string output;
        std::string error;
        try {
            error = exec_in_pod(run, target, command, [&](std::string_view bytes) {
                if (output.size() + bytes.size() > kMaxOutputBytes) {
                    throw Error(ErrorKind::kTooLarge, "pod " + target.pod + " wrote more than " +
                                                          std::to_string(kMaxOutputBytes) + " bytes");
                }
                output += bytes;
            });
        } catch (const Error& e) {
            error = e.what();
        } catch (const Cancelled& cancelled) {
            collected.lock()->cancelled = cancelled.reason();
        }
        if (!output.empty() && output.back() != '\n') output += '\n';
        auto locked = collected.lock();
        locked->outputs[index] = std::move(output);
        if (!error.empty()) locked->errors.push_back(std::move(error));
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
