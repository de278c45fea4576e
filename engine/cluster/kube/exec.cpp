#include "cluster/kube/exec.h"

#include <charconv>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "cluster/exec_channels.h"
#include "value/json.h"

namespace fencepost::cluster::kube {
namespace {

constexpr std::size_t kStdinPiece = std::size_t{32} * 1024;  // kubectl's

// --- asking for it

std::string container_of(const Value& pod) {
    std::string annotated =
        pod.get("metadata", "annotations", "kubectl.kubernetes.io/default-container").string_or("");
    if (!annotated.empty()) return annotated;
    const auto& containers = pod["spec"]["containers"].list_or_empty();
    return containers.empty() ? std::string() : containers.front()["name"].string_or("");
}

std::string query_of(const ExecOptions& options, const std::string& container) {
    const bool has_output = options.on_stdout || options.on_stderr;
    // At least one stream must be asked for.
    const bool wants_stdout = options.on_stdout || (!has_output && !options.stdin_source);
    std::string query = Query()
                            .add("container", container)
                            .add("stdin", options.stdin_source ? "true" : "")
                            .add("stdout", wants_stdout ? "true" : "")
                            .add("stderr", options.on_stderr ? "true" : "")
                            .text();
    for (const std::string& word : options.command) query += "&command=" + url_encode(word);
    return query;
}

Error refused(const net::HttpResponse& answer, bool has_stdin) {
    const Value said = refusal_status(answer.status, answer.body);
    const bool is_handshake = answer.status == 400 || answer.status == 403;
    if (said["kind"] == Value("Status") || !is_handshake) return refusal(answer.status, said);
    // So says who knows none of the subprotocols.
    return {ErrorKind::kUnsupported,
            "the API server speaks no " + std::string(has_stdin ? kExecV5 : kExecV4) + ": " +
                said["message"].string_or(""),
            has_stdin ? "a command with a stdin needs Kubernetes 1.30 or later" : ""};
}

// The API server's own answers. A 502 or a 504 is of what stands in between: nobody knows what became of the
// request.
bool is_unbegun(const net::HttpResponse& answer) {
    return answer.status == 429 || answer.status == 500 || answer.status == 503;
}

std::unique_ptr<net::ClientSocket> open(ApiClient& client, net::WebSocketClient& sockets,
                                        const std::string& path, const ExecOptions& options,
                                        const CancelToken& cancel) {
    const bool has_stdin = options.stdin_source != nullptr;
    const Connection& connection = client.connection();
    net::WebSocketRequest request;
    request.url = connection.server + path;
    request.headers = connection.headers;
    if (std::string header = connection.authorization(); !header.empty())
        request.headers.emplace_back("Authorization", std::move(header));
    request.protocols.emplace_back(kExecV5);
    if (!has_stdin) request.protocols.emplace_back(kExecV4);
    request.tls = connection.tls;
    request.proxy = connection.proxy;
    request.deadline = options.deadline;
    Attempts left = client.attempts(cancel, options.deadline);
    for (;;) {
        client.check_may_write();
        auto answer = sockets.connect(request, cancel);
        if (auto* socket = std::get_if<std::unique_ptr<net::ClientSocket>>(&answer))
            return std::move(*socket);
        // Only what cannot have begun is tried again.
        if (const auto* no = std::get_if<net::HttpResponse>(&answer)) {
            if (!is_unbegun(*no) || !left.wait(asked_pause(*no))) throw refused(*no, has_stdin);
        } else if (!left.wait()) {
            throw Error(std::get<net::WebSocketClient::NotConnected>(answer).why);
        }
        cancel.throw_if_cancelled();
    }
}

// --- while it runs

// Gives the command its stdin, on a thread of its own. What the source throws before the command's end stops
// the exec.
class Feeder {
  public:
    Feeder(net::ClientSocket& socket, const ExecOptions& options, CancelSource& stop)
        : socket_(socket), source_(options.stdin_source), stop_(stop) {
        if (source_) thread_.spawn([this] { run(); });
    }
    Feeder(const Feeder&) = delete;
    Feeder& operator=(const Feeder&) = delete;
    ~Feeder() { ended_.cancel(CancelReason::kUser); }

    // Throws what the source has thrown.
    void check() {
        if (const std::exception_ptr failure = *failure_.lock()) std::rethrow_exception(failure);
    }

  private:
    void run() {
        try {
            while (feed()) {
            }
        } catch (...) {
            if (ended_.token().is_cancelled()) return;
            *failure_.lock() = std::current_exception();
            stop_.cancel(CancelReason::kUser);
        }
    }
    bool feed() {
        std::string message(1 + kStdinPiece, kStdin);
        const std::size_t size = source_(message.data() + 1, kStdinPiece, ended_.token());
        if (size == 0) {
            (void)socket_.write({kClose, kStdin}, ended_.token());
            return false;
        }
        message.resize(1 + size);
        return socket_.write(std::move(message), ended_.token());
    }

    net::ClientSocket& socket_;
    const std::function<std::size_t(char*, std::size_t, const CancelToken&)>& source_;
    CancelSource& stop_;
    CancelSource ended_;
    Guarded<std::exception_ptr> failure_;
    TaskGroup thread_;
};

Value status_of(std::string_view text) {
    try {
        return parse_json(text);
    } catch (const Error& e) {
        throw Error(
            ErrorKind::kUnavailable,
            std::string("what the API server tells of the command's end cannot be read: ") + e.what());
    }
}

ExecResult result_of(const Value& status) {
    if (status["status"] == Value("Success")) return {0};
    if (status["reason"] == Value("NonZeroExitCode")) {
        for (const Value& cause : status["details"]["causes"].list_or_empty()) {
            const std::string code_text = cause["message"].string_or("");
            int code = 0;
            const char* end = code_text.data() + code_text.size();
            const auto [rest, failed] = std::from_chars(code_text.data(), end, code);
            if (cause["reason"] == Value("ExitCode") && failed == std::errc() && rest == end) return {code};
        }
    }
    throw refusal(static_cast<int>(status["code"].int_or(500)), status);
}

ExecResult follow(net::ClientSocket& socket, const ExecOptions& options, const CancelToken& cancel) {
    while (const auto message = socket.read(cancel, options.deadline)) {
        if (message->size() < 2) continue;  // the server's "the channel is there"
        const std::string_view bytes = std::string_view(*message).substr(1);
        switch (message->front()) {
            case kStdout:
                if (options.on_stdout) options.on_stdout(bytes);
                break;
            case kStderr:
                if (options.on_stderr) options.on_stderr(bytes);
                break;
            case kError:
                socket.close();
                return result_of(status_of(bytes));
            default:
                break;
        }
    }
    throw Error(ErrorKind::kUnavailable,
                "the API server said goodbye before it told how the command ended (close code " +
                    std::to_string(socket.close_code().value_or(0)) + ")");
}

}  // namespace

ExecResult exec(ApiClient& client, net::WebSocketClient& sockets, std::string_view ns, std::string_view pod,
                const ExecOptions& options, const CancelToken& cancel) {
    const std::string pod_path = object_path(types::kPods, ns, pod);
    std::string container = options.container;
    if (container.empty() || !options.pod_uid.empty()) {
        const Value found = client.get(pod_path);
        if (!options.pod_uid.empty() && uid_of(found) != options.pod_uid) {
            throw Error(ErrorKind::kNotFound, "the pod " + std::string(ns) + "/" + std::string(pod) +
                                                  " is another one than it was: its uid is " + uid_of(found) +
                                                  ", not " + options.pod_uid);
        }
        if (container.empty()) container = container_of(found);
    }
    const auto socket =
        open(client, sockets, pod_path + "/exec" + query_of(options, container), options, cancel);
    CancelSource stop(cancel);
    Feeder feeder(*socket, options, stop);
    try {
        return follow(*socket, options, stop.token());
    } catch (const Cancelled&) {
        feeder.check();
        throw;
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kTimeout || std::chrono::steady_clock::now() < options.deadline) throw;
        throw Error(ErrorKind::kTimeout, "the command did not end before its deadline");
    }
}

}  // namespace fencepost::cluster::kube
