#include <algorithm>
#include <charconv>
#include <optional>

#include "api/action_request.h"
#include "api/action_view.h"
#include "api/body_check.h"
#include "api/routes.h"
#include "api/subject.h"
#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::api {
namespace {

constexpr std::size_t kDefaultLimit = 100;
constexpr std::size_t kMostAtOnce = 500;
constexpr std::size_t kMaxKeyBytes = 255;
constexpr std::chrono::seconds kLongestWait{300};

cluster::ObjectKey key_of(const Services& services, const std::string& id) {
    return {cluster::types::kActionSets, services.controller_namespace, id};
}

Value get_action_set(Services& services, const std::string& id) {
    try {
        return services.cluster.get(key_of(services, id));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
        throw Problem(404, "there is no action '" + id + "'", "GET /v1/actions lists them");
    }
}

// --- POST /v1/actions

net::ServerResponse created(const Value& action_set) {
    net::ServerResponse response = json_response(action_view(action_set), 201);
    response.headers.emplace_back("Location", "/v1/actions/" + cluster::name_of(action_set));
    return response;
}

// The action that an earlier request with this key made: the same answer for the same body.
std::optional<net::ServerResponse> replay(Services& services, const std::string& key, const Value& body) {
    Value earlier;
    try {
        earlier = services.cluster.get(key_of(services, keyed_name(key)));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
        return std::nullopt;
    }
    if (earlier.get("metadata", "annotations", kRequestDigest).string_or("") == digest_of(body))
        return created(earlier);
    throw Problem(422, "the Idempotency-Key was used before with another body",
                  "use a new key for another action");
}

net::ServerResponse create_action(Services& services, const Request& request) {
    const Value body = json_body(request.http);
    const std::string key(request.http.header("Idempotency-Key"));
    if (key.size() > kMaxKeyBytes) throw Problem(400, "the Idempotency-Key has more than 255 bytes");
    if (!key.empty()) {
        if (auto earlier = replay(services, key, body)) return std::move(*earlier);
    }
    const Value action_set = action_set_from(body, key, services);
    try {
        return created(services.cluster.create(cluster::types::kActionSets, action_set,
                                               {.field_manager = "fencepost-api"}));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kAlreadyExists || key.empty()) throw;
    }
    // The same request came twice at once, and the other one was faster.
    if (auto earlier = replay(services, key, body)) return std::move(*earlier);
    throw Problem(409, "the action of this Idempotency-Key was deleted at this moment", "try again");
}

// --- GET /v1/actions: newest first, however many there are, in bounded memory

struct Position {
    std::string created;
    std::string name;
    // Newest first; the name breaks ties.
    friend bool operator<(const Position& a, const Position& b) {
        return a.created != b.created ? a.created > b.created : a.name < b.name;
    }
};

Position position_of(const Value& action_set) {
    return {action_set.get("metadata", "creationTimestamp").string_or(""), cluster::name_of(action_set)};
}

struct Filter {
    std::string state;
    std::string action;
    std::string subject;
    std::optional<Position> after;

    [[nodiscard]] bool accepts(const Value& view, const Position& position) const {
        if (after && !(*after < position)) return false;
        if (!state.empty() && view["state"].string_or("") != state) return false;
        if (!action.empty() && view["action"].string_or("") != action) return false;
        return subject.empty() || is_about(view["subject"]);
    }

  private:
    // "secret/app1-db", "secrets/app1-db", "app1/secret/app1-db", or the bare name.
    [[nodiscard]] bool is_about(const Value& object) const {
        std::string wanted = subject;
        const std::string name = object["name"].string_or("");
        if (wanted == name) return true;
        if (!wanted.ends_with("/" + name)) return false;
        wanted.resize(wanted.size() - name.size() - 1);
        if (const std::size_t slash = wanted.find('/'); slash != std::string::npos) {
            if (wanted.substr(0, slash) != object["namespace"].string_or("")) return false;
            wanted.erase(0, slash + 1);
        }
        std::string kind = object["kind"].string_or("");
        const auto lower = [](std::string text) {
            for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            return text;
        };
        return lower(wanted) == lower(kind) || lower(wanted) == object["resource"].string_or("");
    }
};

std::optional<Position> cursor_position(const std::string& cursor) {
    if (cursor.empty()) return std::nullopt;
    std::string text;
    try {
        text = hex_decode(cursor);
    } catch (const Error&) {
        throw Problem(400, "the cursor is none of ours", "take it from the answer's `next`");
    }
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos)
        throw Problem(400, "the cursor is none of ours", "take it from the answer's `next`");
    return Position{text.substr(0, slash), text.substr(slash + 1)};
}

std::size_t limit_of(const net::ServerRequest& request) {
    const std::string text = request.query_parameter("limit");
    if (text.empty()) return kDefaultLimit;
    std::size_t limit = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (failed != std::errc{} || end != text.data() + text.size() || limit == 0 || limit > kMostAtOnce) {
        throw Problem(400,
                      "limit is a number from 1 to " + std::to_string(kMostAtOnce) + ", not '" + text + "'");
    }
    return limit;
}

net::ServerResponse list_actions(Services& services, const Request& request) {
    const Filter filter{request.http.query_parameter("state"), request.http.query_parameter("name"),
                        request.http.query_parameter("subject"),
                        cursor_position(request.http.query_parameter("cursor"))};
    const std::size_t limit = limit_of(request.http);
    // The best limit + 1 so far, as a heap whose front is the worst.
    std::vector<std::pair<Position, Value>> best;
    const auto is_before = [](const auto& a, const auto& b) { return a.first < b.first; };
    cluster::ListOptions page{.ns = services.controller_namespace,
                              .label_selector = "",
                              .field_selector = "",
                              .limit = static_cast<std::int64_t>(kMostAtOnce),
                              .continue_token = ""};
    do {
        request.http.cancel.throw_if_cancelled();
        cluster::ObjectList list = services.cluster.list(cluster::types::kActionSets, page);
        for (const Value& item : list.items) {
            Position position = position_of(item);
            Value view = action_view(item);
            if (!filter.accepts(view, position)) continue;
            best.emplace_back(std::move(position), std::move(view));
            std::push_heap(best.begin(), best.end(), is_before);
            if (best.size() <= limit + 1) continue;
            std::pop_heap(best.begin(), best.end(), is_before);
            best.pop_back();
        }
        page.continue_token = list.continue_token;
    } while (!page.continue_token.empty());

    std::sort_heap(best.begin(), best.end(), is_before);
    Value body;
    body["items"] = List{};
    for (std::size_t i = 0; i < std::min(limit, best.size()); ++i)
        body["items"].push_back(std::move(best[i].second));
    if (best.size() > limit) {
        body["next"] = hex_encode(best[limit - 1].first.created + "/" + best[limit - 1].first.name);
    }
    return json_response(body);
}

// --- GET /v1/actions/{id}

std::chrono::nanoseconds wait_of(const net::ServerRequest& request) {
    const std::string text = request.query_parameter("wait");
    if (text.empty()) return std::chrono::nanoseconds{0};
    try {
        return std::clamp<std::chrono::nanoseconds>(parse_duration(text), std::chrono::nanoseconds{0},
                                                    kLongestWait);
    } catch (const Error&) {
        throw Problem(400, "wait is a duration, as in 30s, not '" + text + "'");
    }
}

net::ServerResponse get_action(Services& services, const Request& request) {
    const std::string& id = request.parameter("id");
    const auto wait = wait_of(request.http);
    Value view = action_view(get_action_set(services, id));
    if (wait.count() == 0 || is_terminal(view["state"].string_or(""))) return json_response(view);

    const Deadline deadline = std::chrono::steady_clock::now() + wait;
    const auto watch = services.cluster.watch(cluster::types::kActionSets,
                                              {.ns = services.controller_namespace,
                                               .label_selector = "",
                                               .field_selector = "metadata.name=" + id,
                                               .resource_version = "",
                                               .allow_bookmarks = false});  // begins with what is there now
    while (const auto event = watch->next(request.http.cancel, deadline)) {
        if (event->type == cluster::WatchEvent::Type::kDeleted) {
            throw Problem(404, "the action '" + id + "' was deleted meanwhile");
        }
        view = action_view(event->object);
        if (is_terminal(view["state"].string_or(""))) break;
    }
    return json_response(view);
}

// --- POST /v1/actions/{id}/cancel

net::ServerResponse cancel_action(Services& services, const Request& request) {
    const std::string& id = request.parameter("id");
    const Value view = action_view(get_action_set(services, id));
    const std::string state = view["state"].string_or("");
    if (state == "cancelled") return json_response(view);
    if (is_terminal(state)) throw Problem(409, "the action '" + id + "' is " + state + " already");
    Value patch;
    patch["spec"]["cancel"] = true;
    return json_response(
        action_view(services.cluster.patch(key_of(services, id), cluster::PatchType::kMerge, patch)), 202);
}

}  // namespace

void add_action_routes(Router& router, Services& services) {
    router.add("POST", "/v1/actions",
               [&services](const Request& request) { return create_action(services, request); });
    router.add("GET", "/v1/actions",
               [&services](const Request& request) { return list_actions(services, request); });
    router.add("GET", "/v1/actions/{id}",
               [&services](const Request& request) { return get_action(services, request); });
    router.add("POST", "/v1/actions/{id}/cancel",
               [&services](const Request& request) { return cancel_action(services, request); });
}

}  // namespace fencepost::api
