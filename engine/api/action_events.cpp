#include <charconv>

#include "api/action_lookup.h"
#include "api/action_view.h"
#include "api/routes.h"
#include "base/error.h"
#include "run/journal.h"
#include "value/json.h"

namespace fencepost::api {
namespace {

constexpr std::chrono::seconds kHeartbeat{15};  // so that proxies keep the connection, and a dead one is seen
constexpr int kReconnectMilliseconds = 1'000;

std::int64_t last_seen(const net::ServerRequest& request) {
    const std::string_view text = request.header("Last-Event-ID");
    if (text.empty()) return 0;
    std::int64_t last = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), last);
    if (failed != std::errc{} || end != text.data() + text.size() || last < 0)
        throw Problem(400, "Last-Event-ID is the number of the last event that was seen, not '" +
                               std::string(text) + "'");
    return last;
}

List events_after(const Value& action_set, std::int64_t last) {
    List events = run::journal_of(action_set);
    if (!events.empty() && events.front()["seq"].int_or(0) > last + 1 && last > 0) {
        throw Problem(410, "the events after " + std::to_string(last) + " are no longer kept",
                      "start over without Last-Event-ID");
    }
    std::erase_if(events, [last](const Value& event) { return event["seq"].int_or(0) <= last; });
    return events;
}

std::string json_line(const Value& value) { return to_json(value, {.escape_html = false, .indent = ""}); }

std::string frame(const Value& event) {
    return "id: " + std::to_string(event["seq"].int_or(0)) + "\nevent: " + event["type"].string_or("") +
           "\ndata: " + json_line(event) + "\n\n";
}

// Follows one ActionSet. What is sent is in the journal, and the journal is durable before anybody sees it: a
// client that comes back with the last id that it has seen goes on right there, whoever serves it then.
// Progress is told between the entries without an id, so that it changes nothing about where to go on.
class EventStream {
  public:
    EventStream(std::shared_ptr<cluster::Watch> watch, std::int64_t last, CancelToken cancel)
        : watch_(std::move(watch)), last_(last), cancel_(std::move(cancel)) {}

    void run(net::ResponseStream& stream) {
        stream.write("retry: " + std::to_string(kReconnectMilliseconds) + "\n\n");
        for (bool has_begun = false;; has_begun = true) {
            const auto event = watch_->next(cancel_, std::chrono::steady_clock::now() + kHeartbeat);
            if (!event && !has_begun) return;  // deleted since it was found
            if (!event) {
                stream.write(": still there\n\n");
                continue;
            }
            if (event->type == cluster::WatchEvent::Type::kDeleted || show(stream, event->object)) return;
        }
    }

  private:
    // True: the action has ended, and all of it was told.
    bool show(net::ResponseStream& stream, const Value& action_set) {
        for (const Value& event : events_after(action_set, last_)) {
            stream.write(frame(event));
            last_ = event["seq"].int_or(0);
        }
        const Value view = action_view(action_set);
        if (is_terminal(view["state"].string_or(""))) return true;
        if (view["progress"] != progress_ && view["progress"] != Value(Map{}))
            stream.write("event: progress\ndata: " + json_line(view["progress"]) + "\n\n");
        progress_ = view["progress"];
        return false;
    }

    std::shared_ptr<cluster::Watch> watch_;
    std::int64_t last_;
    CancelToken cancel_;
    Value progress_;
};

net::ServerResponse action_events(Services& services, const Request& request) {
    const std::int64_t last = last_seen(request.http);
    const Value action_set = find_action(services, request);
    const List events = events_after(action_set, last);
    if (request.http.header("Accept").find("text/event-stream") == std::string_view::npos) {
        Value body;
        body["items"] = events;
        return json_response(body);
    }
    auto stream = std::make_shared<EventStream>(
        services.cluster.watch(cluster::types::kActionSets,
                               {.ns = services.controller_namespace,
                                .label_selector = "",
                                .field_selector = "metadata.name=" + cluster::name_of(action_set),
                                .resource_version = "",
                                .allow_bookmarks = false}),
        last, request.http.cancel);
    net::ServerResponse response;
    response.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
    response.stream = [stream](net::ResponseStream& to) { stream->run(to); };
    return response;
}

}  // namespace

void add_action_event_routes(Router& router, Services& services) {
    router.add("GET", "/v1/actions/{id}/events",
               [&services](const Request& request) { return action_events(services, request); });
}

}  // namespace fencepost::api
