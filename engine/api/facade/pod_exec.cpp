// pods/exec as kubectl and the client libraries speak it: the subprotocols v5.channel.k8s.io and
// v4.channel.k8s.io over a WebSocket (see cluster/exec_channels.h).
#include <algorithm>

#include "api/facade/facade.h"
#include "api/facade/status.h"
#include "api/problem.h"
#include "base/error.h"
#include "cluster/exec_channels.h"
#include "net/websocket.h"
#include "value/json.h"

namespace fencepost::api::facade {
namespace {

using namespace cluster;  // the channels

constexpr std::string_view kProtocols[] = {kExecV5, kExecV4};  // the best one first

// The best subprotocol that the client offers; "" where it offers none of ours.
std::string choose_protocol(std::string_view offered) {
    for (const std::string_view ours : kProtocols) {
        std::string_view rest = offered;
        while (!rest.empty()) {
            std::string_view name = rest.substr(0, rest.find(','));
            rest.remove_prefix(std::min(name.size() + 1, rest.size()));
            while (name.starts_with(' ')) name.remove_prefix(1);
            while (name.ends_with(' ')) name.remove_suffix(1);
            if (name == ours) return std::string(ours);
        }
    }
    return {};
}

// The client's stdin out of its messages.
class StdinChannel {
  public:
    explicit StdinChannel(net::WebSocket& socket) : socket_(socket) {}

    std::size_t read(char* buffer, std::size_t size, const CancelToken& ended) {
        while (rest_.empty()) {
            auto message = socket_.read(ended);
            if (!message) return 0;
            if (message->empty()) continue;
            const char channel = message->front();
            if (channel == kClose && message->size() > 1 && (*message)[1] == kStdin) return 0;
            if (channel != kStdin) continue;  // a terminal's size: there is none
            rest_ = std::move(*message);
            rest_.erase(0, 1);
        }
        const std::size_t given = rest_.copy(buffer, size);
        rest_.erase(0, given);
        return given;
    }

  private:
    net::WebSocket& socket_;
    std::string rest_;
};

Value exit_status(int code) {
    if (code == 0) return Value(Map{{"metadata", Map{}}, {"status", "Success"}});
    Value status =
        failure_status(500, "NonZeroExitCode",
                       "command terminated with non-zero exit code: exit status " + std::to_string(code));
    Value cause;
    cause["reason"] = "ExitCode";
    cause["message"] = std::to_string(code);
    status["details"]["causes"].push_back(std::move(cause));
    return status;
}

cluster::ExecOptions exec_options(const net::ServerRequest& request) {
    cluster::ExecOptions options;
    options.container = request.query_parameter("container");
    options.command = request.query_parameters("command");
    if (options.command.empty())
        throw Problem(400, "you must specify at least one command for the container");
    return options;
}

void run(cluster::Cluster& cluster, const Target& target, const net::ServerRequest& request,
         cluster::ExecOptions options, net::WebSocket& socket) {
    const auto send = [&](ExecChannel channel, std::string_view bytes) {
        socket.write(std::string(1, channel).append(bytes));
    };
    StdinChannel in(socket);
    if (is_set(request, "stdin")) {
        options.stdin_source = [&](char* buffer, std::size_t size, const CancelToken& ended) {
            return in.read(buffer, size, ended);
        };
    }
    const bool is_terminal = is_set(request, "tty");  // which has one output
    if (is_set(request, "stdout")) options.on_stdout = [&](std::string_view bytes) { send(kStdout, bytes); };
    if (is_set(request, "stderr") || is_terminal) {
        options.on_stderr = [&](std::string_view bytes) { send(is_terminal ? kStdout : kStderr, bytes); };
    }
    send(is_set(request, "stdout") ? kStdout : kError, "");  // tells the client that the streams are there
    Value status;
    try {
        status = exit_status(cluster.exec(target.ns, target.name, options, request.cancel).exit_code);
    } catch (const Error& error) {
        status = failure_status(error, &target);
    }
    send(kError, to_json(status));
}

}  // namespace

net::ServerResponse pod_exec(cluster::Cluster& cluster, const Target& target,
                             const net::ServerRequest& request) {
    (void)cluster.get(target.key());  // an unknown Pod is a Status, not a WebSocket
    const cluster::ExecOptions options = exec_options(request);
    if (!net::is_websocket_request(request)) {
        throw Problem(400,
                      "Upgrade request required: exec is a WebSocket here (kubectl has spoken it since 1.31; "
                      "SPDY is not served)");
    }
    const std::string protocol = choose_protocol(request.header("Sec-WebSocket-Protocol"));
    if (protocol.empty())
        throw Problem(400, "exec needs the WebSocket subprotocol v5.channel.k8s.io or v4.channel.k8s.io");
    net::ServerResponse response;
    response.websocket = {protocol, [&cluster, target, request, options](net::WebSocket& socket) {
                              run(cluster, target, request, options, socket);
                          }};
    return response;
}

}  // namespace fencepost::api::facade
