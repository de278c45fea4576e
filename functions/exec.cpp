#include "functions/exec.h"

#include "functions/tail.h"

namespace fencepost::functions {

std::string exec_in_pod(run::RunContext& run, const ExecTarget& target,
                        const std::vector<std::string>& command,
                        const std::function<void(std::string_view)>& on_stdout, const std::string& input) {
    if (input.size() > kMaxInput)
        throw Error(ErrorKind::kTooLarge,
                    "the command's input has " + std::to_string(input.size()) + " bytes",
                    "at most " + std::to_string(kMaxInput) + " can be given");
    Tail out;
    Tail err;
    cluster::ExecOptions options;
    options.container = target.container;
    options.command = command;
    options.pod_uid = target.pod_uid;
    options.deadline = run.deadline();
    if (!input.empty()) {
        options.stdin_source = [rest = std::string_view(input)](char* buffer, std::size_t size,
                                                                const CancelToken& /*ended*/) mutable {
            const std::size_t piece = rest.copy(buffer, size);
            rest.remove_prefix(piece);
            return piece;
        };
    }
    options.on_stdout = [&](std::string_view bytes) {
        out.add(bytes);
        on_stdout(bytes);
    };
    options.on_stderr = [&](std::string_view bytes) {
        err.add(bytes);
        run.feed_error_output(bytes);
    };
    const cluster::ExecResult result = run.world().cluster.exec(target.ns, target.pod, options, run.cancel());
    if (result.exit_code == 0) return {};
    std::string text = "command terminated with exit code " + std::to_string(result.exit_code) + " in pod " +
                       target.ns + "/" + target.pod;
    if (const std::string lines = err.text(); !lines.empty()) text += "; stderr:" + lines;
    if (const std::string lines = out.text(); !lines.empty()) text += "; stdout:" + lines;
    return text;
}

std::vector<run::Need> exec_needs(const std::string& ns, const std::string& pod, const std::string& container,
                                  std::string argument) {
    using Object = run::Need::Object;
    return {{.verb = "get",
             .type = cluster::types::kPods,
             .ns = ns,
             .name = pod,
             .object = Object::kThere,
             .argument = std::move(argument),
             .container = container},
            {.verb = "create", .type = cluster::types::kPods, .subresource = "exec", .ns = ns, .name = pod}};
}

}  // namespace fencepost::functions
