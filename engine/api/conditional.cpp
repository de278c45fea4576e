#include "api/conditional.h"

#include "api/problem.h"
#include "api/router.h"
#include "cluster/cluster.h"

namespace fencepost::api {
namespace {

// "*", or a list as in: "17", W/"18". Ours are strong; a weak one names the same version.
bool names(std::string_view list, std::string_view etag) {
    while (!list.empty()) {
        std::string_view item = list.substr(0, list.find(','));
        list.remove_prefix(std::min(item.size() + 1, list.size()));
        while (item.starts_with(' ')) item.remove_prefix(1);
        while (item.ends_with(' ')) item.remove_suffix(1);
        if (item.starts_with("W/")) item.remove_prefix(2);
        if (item == "*" || item == etag) return true;
    }
    return false;
}

}  // namespace

std::string etag_of(const Value& object) { return "\"" + cluster::resource_version_of(object) + "\""; }

void require_match(const net::ServerRequest& request, const Value& object) {
    const std::string_view wanted = request.header("If-Match");
    if (wanted.empty() || names(wanted, etag_of(object))) return;
    throw Problem(412, "it has changed since: its ETag is " + etag_of(object) + " now",
                  "look at it again and decide anew");
}

net::ServerResponse tagged(const net::ServerRequest& request, const Value& object, const Value& view) {
    const std::string etag = etag_of(object);
    net::ServerResponse response = json_response(view);
    if (names(request.header("If-None-Match"), etag)) {
        response = {};
        response.status = 304;
    }
    response.headers.emplace_back("ETag", etag);
    return response;
}

}  // namespace fencepost::api
