#include "api/facade/facade.h"
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

Value bookmark_object(const Value& position, const Target& target) {
    Value object = position;
    const auto& type = target.type.type;
    object["kind"] = target.type.kind;
    object["apiVersion"] = type.group.empty() ? type.version : type.group + "/" + type.version;
    return object;
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
    // Opened here, so that a bad selector or a lost position is a Status with its code.
    std::shared_ptr<cluster::Watch> watch = cluster.watch(target.type.type, options);

    net::ServerResponse response;
    response.headers = {{"Content-Type", "application/json"}};
    response.stream = [watch, target, seconds, cancel = request.cancel](net::ResponseStream& stream) {
        const Deadline deadline = std::chrono::steady_clock::now() + seconds;
        try {
            while (const auto event = watch->next(cancel, deadline)) {
                const bool is_bookmark = event->type == cluster::WatchEvent::Type::kBookmark;
                stream.write(line(event_name(event->type),
                                  is_bookmark ? bookmark_object(event->object, target) : event->object));
            }
        } catch (const Error& error) {
            stream.write(line("ERROR", failure_status(error)));
        }
    };
    return response;
}

}  // namespace fencepost::api::facade
