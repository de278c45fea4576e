#include "api/facade/facade.h"
#include "api/facade/representation.h"
#include "api/facade/status.h"
#include "base/error.h"
#include "value/json.h"

namespace fencepost::api::facade {
namespace {

constexpr std::int64_t kDefaultWatchSeconds = 1800;

std::string_view event_name(cluster::WatchEvent::Type type) noexcept {
    switch (type) {
        case cluster::WatchEvent::Type::kAdded:
            return "ADDED";
        case cluster::WatchEvent::Type::kModified:
            return "MODIFIED";
        case cluster::WatchEvent::Type::kDeleted:
            return "DELETED";
        case cluster::WatchEvent::Type::kBookmark:
            return "BOOKMARK";
    }
    return "ERROR";
}

std::string line(std::string_view type, const Value& object) {
    Value event;
    event["type"] = type;
    event["object"] = object;
    return to_json(event, {.escape_html = false, .indent = ""}) + "\n";
}

Value bookmark_object(const std::string& version, const Target& target) {
    Value object;
    object["kind"] = target.type.kind;
    object["apiVersion"] = api_version_of(target.type.type);
    object["metadata"]["resourceVersion"] = version;
    object["metadata"]["creationTimestamp"] = nullptr;
    return object;
}

// What a client sees that asks for the present objects as a part of the watch (sendInitialEvents): they come
// first, then a bookmark that says that they were all.
std::string initial_events(const cluster::ObjectList& present, const Target& target, Representation& shown) {
    std::string lines;
    for (const Value& object : present.items) lines += line("ADDED", shown.of_event(object));
    Value bookmark = bookmark_object(present.resource_version, target);
    bookmark["metadata"]["annotations"]["k8s.io/initial-events-end"] = "true";
    return lines + line("BOOKMARK", bookmark);
}

}  // namespace

// Events as JSON lines until the client goes, the time is up, or the position is lost (an ERROR event, as an
// API server sends: the client lists again).
net::ServerResponse watch_objects(cluster::Cluster& cluster, const Target& target,
                                  const net::ServerRequest& request) {
    cluster::WatchOptions options;
    options.ns = target.ns;
    options.label_selector = request.query_parameter("labelSelector");
    options.field_selector = request.query_parameter("fieldSelector");
    if (!target.name.empty()) options.field_selector = "metadata.name=" + target.name;
    options.resource_version = request.query_parameter("resourceVersion");
    if (options.resource_version == "0") options.resource_version.clear();
    options.allow_bookmarks = is_set(request, "allowWatchBookmarks");
    const auto seconds = std::chrono::seconds(number_of(request, "timeoutSeconds", kDefaultWatchSeconds));
    const auto shown = std::make_shared<Representation>(cluster, target, request);
    std::string first;
    if (is_set(request, "sendInitialEvents")) {
        const cluster::ObjectList present =
            cluster.list(target.type.type, {.ns = target.ns,
                                            .label_selector = options.label_selector,
                                            .field_selector = options.field_selector});
        options.resource_version = present.resource_version;
        first = initial_events(present, target, *shown);
    }
    // Opened here, so that a bad selector or a lost position is a Status with its code.
    std::shared_ptr<cluster::Watch> watch = cluster.watch(target.type.type, options);

    net::ServerResponse response;
    response.headers = {{"Content-Type", "application/json"}};
    response.stream = [watch, target, seconds, shown, first = std::move(first),
                       cancel = request.cancel](net::ResponseStream& stream) {
        const Deadline deadline = std::chrono::steady_clock::now() + seconds;
        stream.write(first);
        try {
            while (const auto event = watch->next(cancel, deadline)) {
                const bool is_bookmark = event->type == cluster::WatchEvent::Type::kBookmark;
                stream.write(line(event_name(event->type),
                                  is_bookmark
                                      ? bookmark_object(cluster::resource_version_of(event->object), target)
                                      : shown->of_event(event->object)));
            }
        } catch (const Error& error) {
            stream.write(line("ERROR", failure_status(error)));
        }
    };
    return response;
}

}  // namespace fencepost::api::facade
