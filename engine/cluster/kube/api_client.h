// Requests to an API server: what it refuses comes back as an Error with the server's own words and a kind
// (see cluster.h), and what may pass is tried again.
//
// Tried again, with growing pauses and for `patience` in all: a server that cannot be reached, 5xx, and 429
// (after the time that the server asks for, if it does). At most max_in_flight requests are under way, so
// that a burst of actions does not drown the server; streams do not count.
//
// Thread safety: all members may be called from any thread; callers block.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/guarded.h"
#include "cluster/kube/connection.h"
#include "value/value.h"

namespace fencepost::cluster::kube {

struct ClientOptions {
    std::chrono::milliseconds patience{0};
    std::chrono::milliseconds attempt_limit{0};  // of one attempt, but for streams; 0 is none
    int max_in_flight = 24;
    CancelToken stop;  // from then on nothing is tried again
    // Who asks for all namespaces is shown these; none is all of them.
    std::vector<std::string> namespaces{};
    // Called before every attempt to change anything; what it throws refuses it.
    std::function<void()> before_write;
};

struct ApiRequest {
    std::string method = "GET";
    std::string path;  // with its query
    Value body = {};
    std::string content_type = "application/json";
    std::string accept = "application/json";
};

struct ApiAnswer {
    int status = 0;
    Value value;  // of a refusal: its Status
    // An earlier attempt broke off without an answer: the server may have done its work already.
    bool is_repeated = false;
    [[nodiscard]] bool is_success() const noexcept { return status < 300; }
};

// A list's or a watch's objects: whole, or their metadata alone.
[[nodiscard]] std::string accepted_form(bool metadata_only, bool is_list = false);

// The attempts at one request, with growing pauses between them. One thread.
class Attempts {
  public:
    Attempts(Clock& clock, Deadline give_up, CancelToken stop);
    // Waits until the next one, at least for as long as the server has asked; false where there is to be
    // none.
    [[nodiscard]] bool wait(std::chrono::milliseconds asked = {});

  private:
    Clock& clock_;
    const Deadline give_up_;
    const CancelToken stop_;
    std::chrono::milliseconds pause_;
};

class ApiClient {
  public:
    // `http` and `clock` outlive the client.
    ApiClient(Connection connection, net::HttpClient& http, Clock& clock, ClientOptions options);

    [[nodiscard]] Value get(std::string path) { return send({.path = std::move(path)}); }
    // Throws what the server refuses.
    Value send(const ApiRequest& request);
    // Throws only where there is no answer.
    [[nodiscard]] ApiAnswer ask(const ApiRequest& request);
    // One attempt. The sink runs on the calling thread; it gets nothing of a refusal, which is thrown.
    void stream(const ApiRequest& request, const std::function<void(std::string_view)>& sink,
                std::chrono::milliseconds idle_timeout, const CancelToken& cancel);

    [[nodiscard]] Attempts attempts(CancelToken stop, Deadline limit = kNoDeadline) const {
        return {clock_, std::min(limit, clock_.steady_now() + options_.patience), std::move(stop)};
    }
    // Throws where nothing may be changed now.
    void check_may_write() const {
        if (options_.before_write) options_.before_write();
    }
    [[nodiscard]] const Connection& connection() const noexcept { return connection_; }
    [[nodiscard]] Clock& clock() const noexcept { return clock_; }

  private:
    [[nodiscard]] net::HttpRequest prepared(const ApiRequest& request) const;
    [[nodiscard]] net::HttpResponse exchange(const ApiRequest& request);

    const Connection connection_;
    net::HttpClient& http_;
    Clock& clock_;
    const ClientOptions options_;
    Guarded<int> in_flight_;
};

// The answer says that it is worth a retry, and for how long to wait before that: 429 and 5xx.
[[nodiscard]] bool may_pass(const net::HttpResponse& answer) noexcept;
[[nodiscard]] std::chrono::milliseconds asked_pause(const net::HttpResponse& answer);
// The Error of an answer that is no success.
[[nodiscard]] Error refusal(int status, const Value& said);
// The Status of a refusal's body, or what there is of one.
[[nodiscard]] Value refusal_status(int status, std::string_view body);

// "?a=b&c=d" of what is not empty.
class Query {
  public:
    Query& add(std::string_view name, std::string_view value);
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

  private:
    std::string text_;
};

}  // namespace fencepost::cluster::kube
