#include "api/long_poll.h"

#include <algorithm>

#include "api/problem.h"
#include "base/encodings.h"

namespace fencepost::api {
namespace {

constexpr std::chrono::seconds kLongestWait{300};

std::chrono::nanoseconds wait_of(const net::ServerRequest& request) {
    if (!request.has_query_parameter("wait")) return std::chrono::nanoseconds{0};
    const std::string text = request.query_parameter("wait");
    try {
        const auto wait = parse_duration(text);
        if (wait.count() >= 0) return std::min<std::chrono::nanoseconds>(wait, kLongestWait);
    } catch (const Error&) {  // told below
    }
    throw Problem(400, "wait is a duration, as in 30s, not '" + text + "'");
}

}  // namespace

Value wait_for_end(Services& services, const net::ServerRequest& request, const cluster::ResourceType& type,
                   Value object, const std::string& what,
                   const std::function<bool(const Value&)>& has_ended) {
    const auto wait = wait_of(request);
    if (wait.count() == 0 || has_ended(object)) return object;
    const Deadline deadline = std::chrono::steady_clock::now() + wait;
    const auto watch =
        services.cluster.watch(type, {.ns = cluster::namespace_of(object),
                                      .label_selector = "",
                                      .field_selector = "metadata.name=" + cluster::name_of(object),
                                      .resource_version = "",
                                      .allow_bookmarks = false});
    while (const auto event = watch->next(request.cancel, deadline)) {
        if (event->type == cluster::WatchEvent::Type::kDeleted)
            throw Problem(404, what + " was deleted meanwhile");
        object = event->object;
        if (has_ended(object)) break;
    }
    return object;
}

}  // namespace fencepost::api
