#include <algorithm>
#include <array>
#include <functional>

#include "api/action_lookup.h"
#include "api/action_view.h"
#include "api/pages.h"
#include "api/routes.h"
#include "base/ascii.h"

namespace fencepost::api {
namespace {

constexpr std::array<const char*, 5> kStates{"pending", "running", "complete", "failed", "cancelled"};

// What ?state=, ?name=, ?blueprint=, ?namespace= and ?subject= ask for.
class Filter {
  public:
    explicit Filter(const net::ServerRequest& request)
        : state_(request.query_parameter("state")),
          action_(request.query_parameter("name")),
          blueprint_(request.query_parameter("blueprint")),
          namespace_(request.query_parameter("namespace")),
          subject_(request.query_parameter("subject")) {
        if (!request.has_query_parameter("state")) return;
        if (std::find(kStates.begin(), kStates.end(), state_) != kStates.end()) return;
        throw Problem(400, "there is no state '" + state_ + "'",
                      "state is pending, running, complete, failed or cancelled");
    }

    [[nodiscard]] bool accepts(const Value& view) const {
        const auto fits = [](const std::string& wanted, const Value& value) {
            return wanted.empty() || value.string_or("") == wanted;
        };
        return fits(state_, view["state"]) && fits(action_, view["action"]) &&
               fits(blueprint_, view["blueprint"]) && fits(namespace_, view.get("subject", "namespace")) &&
               (subject_.empty() || is_about(view["subject"]));
    }

  private:
    // "secret/app1-db", "secrets/app1-db", "app1/secret/app1-db", or the bare name.
    [[nodiscard]] bool is_about(const Value& object) const {
        std::string wanted = subject_;
        const std::string name = object["name"].string_or("");
        if (wanted == name) return true;
        if (!wanted.ends_with("/" + name)) return false;
        wanted.resize(wanted.size() - name.size() - 1);
        if (const std::size_t slash = wanted.find('/'); slash != std::string::npos) {
            if (wanted.substr(0, slash) != object["namespace"].string_or("")) return false;
            wanted.erase(0, slash + 1);
        }
        return ascii_lower(wanted) == ascii_lower(object["kind"].string_or("")) ||
               ascii_lower(wanted) == object["resource"].string_or("");
    }

    std::string state_, action_, blueprint_, namespace_, subject_;
};

// What the caller may see of what the request asks for, in no order.
void visit_actions(Services& services, const Request& request, const std::function<void(Value)>& visit) {
    const Filter filter(request.http);
    cluster::ListOptions part{.ns = services.controller_namespace,
                              .label_selector = "",
                              .field_selector = "",
                              .limit = static_cast<std::int64_t>(kMostAtOnce),
                              .continue_token = ""};
    do {
        request.http.cancel.throw_if_cancelled();
        const cluster::ObjectList list = services.cluster.list(cluster::types::kActionSets, part);
        for (const Value& item : list.items) {
            if (!may(request.access, Role::kViewer, item)) continue;
            Value view = action_view(item);
            if (filter.accepts(view)) visit(std::move(view));
        }
        part.continue_token = list.continue_token;
    } while (!part.continue_token.empty());
}

net::ServerResponse list_actions(Services& services, const Request& request) {
    Page page(request.http, {"-createdAt", "createdAt", "-endedAt", "endedAt", "action", "-action", "state",
                             "-state", "id", "-id"});
    visit_actions(services, request, [&](Value view) { page.offer(std::move(view)); });
    return json_response(page.take());
}

// What was made, whichever action made it: what a platform restores from when it knows the database alone.
net::ServerResponse list_artifacts(Services& services, const Request& request) {
    Page page(request.http, {"-createdAt", "createdAt", "name", "-name", "id", "-id"});
    const std::string wanted = request.http.query_parameter("artifact");
    visit_actions(services, request, [&](const Value& action) {
        for (const auto& [name, artifact] : action["artifacts"].map_or_empty()) {
            if (!wanted.empty() && name != wanted) continue;
            Value item = artifact;
            item["id"] = action["id"].string_or("") + "/" + name;
            item["name"] = name;
            item["action"] = action["id"];
            item["subject"] = action["subject"];
            item["createdAt"] = action["endedAt"];
            page.offer(std::move(item));
        }
    });
    return json_response(page.take());
}

}  // namespace

void add_action_list_routes(Router& router, Services& services) {
    router.add("GET", "/v1/actions",
               [&services](const Request& request) { return list_actions(services, request); });
    router.add("GET", "/v1/artifacts",
               [&services](const Request& request) { return list_artifacts(services, request); });
}

}  // namespace fencepost::api
