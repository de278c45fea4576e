#include "cluster/kube/api_client.h"

#include <algorithm>
#include <charconv>
#include <random>

#include "base/encodings.h"
#include "value/json.h"

namespace fencepost::cluster::kube {
namespace {

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5'000};
constexpr std::size_t kMaxRefusalText = 500;

// One of the requests that may be under way at once.
class Turn {
  public:
    Turn(Guarded<int>& in_flight, int most) : in_flight_(in_flight) {
        auto count = in_flight_.lock();
        count.wait([&] { return *count < most; });
        ++*count;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        auto count = in_flight_.lock();
        --*count;
        count.notify_all();
    }

  private:
    Guarded<int>& in_flight_;
};

// Somewhere in the upper half, so that many clients do not come back at once.
std::chrono::milliseconds jittered(std::chrono::milliseconds pause) {
    thread_local std::minstd_rand random{std::random_device{}()};
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(pause.count() / 2, pause.count())(random));
}

}  // namespace

bool may_pass(const net::HttpResponse& answer) noexcept {
    return answer.status == 429 || answer.status >= 500;
}

std::chrono::milliseconds asked_pause(const net::HttpResponse& answer) {
    const std::string_view text = answer.header("Retry-After");
    int seconds = 0;
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    return std::chrono::seconds(std::clamp(seconds, 0, 60));
}

Attempts::Attempts(Clock& clock, Deadline give_up, CancelToken stop)
    : clock_(clock), give_up_(give_up), stop_(std::move(stop)), pause_(kFirstPause) {}

bool Attempts::wait(std::chrono::milliseconds asked) {
    const std::chrono::milliseconds pause = std::max(jittered(pause_), asked);
    if (stop_.is_cancelled() || clock_.steady_now() + pause > give_up_) return false;
    (void)stop_.wait_for(pause);
    pause_ = std::min(pause_ * 2, kLongestPause);
    return true;
}

// Servers that know no such form of a type answer with the whole.
std::string accepted_form(bool metadata_only, bool is_list) {
    const std::string json = "application/json";
    if (!metadata_only) return json;
    return json + ";as=PartialObjectMetadata" + (is_list ? "List" : "") + ";g=meta.k8s.io;v=v1," + json;
}

Query& Query::add(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    text_ += text_.empty() ? '?' : '&';
    text_ += name;
    text_ += '=';
    text_ += url_encode(value);
    return *this;
}

Value refusal_status(int status, std::string_view body) {
    try {
        Value said = parse_json(body);
        if (!said["message"].string_or("").empty()) return said;
    } catch (const Error&) {  // a proxy's page
    }
    std::string message = "the API server answered " + std::to_string(status);
    if (!body.empty()) message += ": " + std::string(body.substr(0, kMaxRefusalText));
    return Value(Map{{"message", message}});
}

Error refusal(int status, const Value& said) {
    const bool exists = said["reason"] == Value("AlreadyExists");
    return {exists ? ErrorKind::kAlreadyExists : net::error_kind_of(status), said["message"].string_or("")};
}

ApiClient::ApiClient(Connection connection, net::HttpClient& http, Clock& clock, ClientOptions options)
    : connection_(std::move(connection)), http_(http), clock_(clock), options_(std::move(options)) {}

net::HttpRequest ApiClient::prepared(const ApiRequest& request) const {
    net::HttpRequest prepared;
    prepared.method = request.method;
    prepared.url = connection_.server + request.path;
    prepared.tls = connection_.tls;
    prepared.proxy = connection_.proxy;
    prepared.headers = connection_.headers;
    prepared.headers.emplace_back("Accept", request.accept);
    if (std::string header = connection_.authorization(); !header.empty())
        prepared.headers.emplace_back("Authorization", std::move(header));
    if (!request.body.is_nil()) {
        prepared.headers.emplace_back("Content-Type", request.content_type);
        prepared.body = to_json(request.body, {.escape_html = false, .indent = ""});
    }
    return prepared;
}

net::HttpResponse ApiClient::exchange(const ApiRequest& request) {
    const Turn turn(in_flight_, options_.max_in_flight);
    net::HttpRequest prepared = this->prepared(request);
    if (options_.attempt_limit.count() > 0) prepared.deadline = clock_.steady_now() + options_.attempt_limit;
    return http_.request(std::move(prepared), {});
}

ApiAnswer ApiClient::ask(const ApiRequest& request) {
    Attempts left = attempts(options_.stop);
    for (bool is_repeated = false;;) {
        if (request.method != "GET") check_may_write();
        try {
            const net::HttpResponse response = exchange(request);
            if (response.status < 300) {
                return {response.status, response.body.empty() ? Value() : parse_json(response.body),
                        is_repeated};
            }
            if (!may_pass(response) || !left.wait(asked_pause(response)))
                return {response.status, refusal_status(response.status, response.body), is_repeated};
            // A 5xx may come from what stands in between, while the server does its work.
            is_repeated = is_repeated || response.status >= 500;
        } catch (const Error& e) {
            if (!e.is_transient() || !left.wait()) throw;
            is_repeated = true;
        }
    }
}

Value ApiClient::send(const ApiRequest& request) {
    ApiAnswer answer = ask(request);
    if (!answer.is_success()) throw refusal(answer.status, answer.value);
    return std::move(answer.value);
}

void ApiClient::stream(const ApiRequest& request, const std::function<void(std::string_view)>& sink,
                       std::chrono::milliseconds idle_timeout, const CancelToken& cancel) {
    net::HttpRequest prepared = this->prepared(request);
    prepared.body_sink = sink;
    prepared.idle_timeout = idle_timeout;
    const net::HttpResponse response = http_.request(std::move(prepared), cancel);
    if (response.status >= 300)
        throw refusal(response.status, refusal_status(response.status, response.body));
}

}  // namespace fencepost::cluster::kube
