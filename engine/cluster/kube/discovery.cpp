#include "cluster/kube/discovery.h"

#include <algorithm>

#include "base/ascii.h"

namespace fencepost::cluster::kube {
namespace {

using Types = std::vector<ResourceDescription>;

// All groups in one answer; a server that is too old answers with the list of its groups.
constexpr const char* kAggregated =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
// A name that is not known asks again, but no more often than this.
constexpr std::chrono::milliseconds kLeastAge{1'000};

bool has_status(const Value& subresources, const char* member) {
    const List& list = subresources.list_or_empty();
    return std::any_of(list.begin(), list.end(),
                       [&](const Value& one) { return one[member].string_or("") == "status"; });
}

// A server that does not tell verbs is taken to have them all.
bool is_listable(const Value& verbs) {
    const List& list = verbs.list_or_empty();
    return list.empty() || std::find(list.begin(), list.end(), Value("list")) != list.end();
}

void add_short_names(ResourceDescription& type, const Value& names) {
    for (const Value& name : names.list_or_empty()) type.short_names.push_back(name.string_or(""));
}

// A document of apidiscovery.k8s.io/v2.
void add_aggregated(Types& types, const Value& document) {
    for (const Value& group : document["items"].list_or_empty()) {
        const std::string group_name = group.get("metadata", "name").string_or("");
        for (const Value& version : group["versions"].list_or_empty()) {
            for (const Value& resource : version["resources"].list_or_empty()) {
                ResourceDescription type;
                type.type = {group_name, version["version"].string_or(""),
                             resource["resource"].string_or("")};
                type.kind = resource.get("responseKind", "kind").string_or("");
                type.singular = resource["singularResource"].string_or("");
                type.is_namespaced = resource["scope"].string_or("") == "Namespaced";
                type.has_status_subresource = has_status(resource["subresources"], "subresource");
                type.is_listable = is_listable(resource["verbs"]);
                add_short_names(type, resource["shortNames"]);
                types.push_back(std::move(type));
            }
        }
    }
}

// An APIResourceList: subresources are resources with a slash in their names.
void add_listed(Types& types, const std::string& group, const std::string& version, const Value& list) {
    const List& resources = list["resources"].list_or_empty();
    for (const Value& resource : resources) {
        const std::string name = resource["name"].string_or("");
        if (name.find('/') != std::string::npos) continue;
        ResourceDescription type;
        type.type = {group, version, name};
        type.kind = resource["kind"].string_or("");
        type.singular = resource["singularName"].string_or("");
        type.is_namespaced = resource["namespaced"].bool_or(false);
        type.has_status_subresource = std::any_of(resources.begin(), resources.end(), [&](const Value& one) {
            return one["name"].string_or("") == name + "/status";
        });
        type.is_listable = is_listable(resource["verbs"]);
        add_short_names(type, resource["shortNames"]);
        types.push_back(std::move(type));
    }
}

Types ask(ApiClient& client) {
    Types types;
    for (const char* root : {"/api", "/apis"}) {
        const Value document = client.send({.path = root, .accept = kAggregated});
        if (document["kind"].string_or("") == "APIGroupDiscoveryList") {
            add_aggregated(types, document);
            continue;
        }
        for (const Value& version : document["versions"].list_or_empty()) {
            const std::string name = version.string_or("");
            add_listed(types, "", name, client.get("/api/" + name));
        }
        for (const Value& group : document["groups"].list_or_empty()) {
            const std::string name = group["name"].string_or("");
            for (const Value& version : group["versions"].list_or_empty()) {
                const std::string number = version["version"].string_or("");
                add_listed(types, name, number, client.get("/apis/" + name + "/" + number));
            }
        }
    }
    for (ResourceDescription& type : types) {
        if (type.singular.empty()) type.singular = ascii_lower(type.kind);
    }
    return types;
}

}  // namespace

template <typename Fits>
std::optional<ResourceDescription> Discovery::find_or_ask(Fits fits) {
    for (;;) {
        const State known = *state_.lock();
        if (known.types != nullptr) {
            const auto found = std::find_if(known.types->begin(), known.types->end(), fits);
            if (found != known.types->end()) return *found;
            if (clock_.steady_now() - known.asked_at < kLeastAge) return std::nullopt;
        }
        auto types = std::make_shared<const Types>(ask(client_));
        *state_.lock() = {std::move(types), clock_.steady_now()};
    }
}

std::optional<ResourceDescription> Discovery::find(std::string_view group, std::string_view version,
                                                   std::string_view name) {
    return find_or_ask([&](const ResourceDescription& type) { return matches(type, group, version, name); });
}

ResourceDescription Discovery::at(const ResourceType& wanted) {
    if (auto type = find_or_ask([&](const ResourceDescription& one) { return one.type == wanted; }))
        return *std::move(type);
    throw unknown_type(wanted);
}

std::vector<ResourceDescription> Discovery::all() {
    (void)find_or_ask([](const ResourceDescription&) { return false; });
    return *state_.lock()->types;
}

}  // namespace fencepost::cluster::kube
