#include "api/facade/discovery.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <vector>

#include "api/facade/status.h"
#include "api/facade/target.h"
#include "base/error.h"

namespace fencepost::api::facade {
namespace {

namespace types = cluster::types;
using cluster::ResourceDescription;

constexpr const char* kAggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

Value texts(std::initializer_list<const char*> words) {
    List list;
    for (const char* word : words) list.emplace_back(word);
    return list;
}

struct Subresource {
    std::string name;
    std::string group, version, kind;  // of what it answers with
    Value verbs;
};

std::vector<Subresource> subresources_of(const ResourceDescription& type) {
    std::vector<Subresource> result;
    const auto& [group, version, resource] = type.type;
    if (type.type == types::kPods) {
        result.push_back({"exec", "", "v1", "PodExecOptions", texts({"create", "get"})});
        result.push_back({"log", "", "v1", "Pod", texts({"get"})});
    }
    if (has_scale(type.type))
        result.push_back({"scale", "autoscaling", "v1", "Scale", texts({"get", "patch", "update"})});
    if (type.has_status_subresource)
        result.push_back({"status", group, version, type.kind, texts({"get", "patch", "update"})});
    return result;
}

Value verbs() {
    return texts({"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"});
}

// What `kubectl get all` shows.
Value categories(const ResourceDescription& type) {
    const bool is_usual = type.type == types::kPods || type.type == types::kServices || has_scale(type.type);
    return is_usual ? texts({"all"}) : Value();
}

void set_words(Value& resource, const ResourceDescription& type) {
    for (const auto& name : type.short_names) resource["shortNames"].push_back(name);
    if (const Value words = categories(type); !words.is_nil()) resource["categories"] = words;
}

// "v1" before "v1beta2" before "v1alpha1" before anything else, as Kubernetes prefers versions.
std::tuple<int, int, int> maturity(const std::string& version) {
    const char* const end = version.data() + version.size();
    int major = 0;
    const auto [rest, failed] =
        std::from_chars(version.data() + std::min<std::size_t>(1, version.size()), end, major);
    if (version.empty() || version[0] != 'v' || failed != std::errc()) return {0, 0, 0};
    const std::string_view stage(rest, static_cast<std::size_t>(end - rest));
    if (stage.empty()) return {3, major, 0};
    const int level = stage.starts_with("beta") ? 2 : stage.starts_with("alpha") ? 1 : 0;
    int minor = 0;
    std::from_chars(rest + (level == 2 ? 4 : 5), end, minor);
    return {level, major, minor};
}

using Versions =
    std::map<std::string, std::vector<ResourceDescription>, bool (*)(const std::string&, const std::string&)>;
bool is_preferred(const std::string& a, const std::string& b) {
    return maturity(a) != maturity(b) ? maturity(a) > maturity(b) : a < b;
}
// group -> version (the preferred one first) -> types
std::map<std::string, Versions> by_group(cluster::Cluster& cluster) {
    std::map<std::string, Versions> groups;
    for (auto& type : cluster.types()) {
        auto& versions = groups.try_emplace(type.type.group, &is_preferred).first->second;
        versions[type.type.version].push_back(std::move(type));
    }
    return groups;
}

std::string group_version(const std::string& group, const std::string& version) {
    return group.empty() ? version : group + "/" + version;
}

// --- legacy

net::ServerResponse resources(cluster::Cluster& cluster, const std::string& group,
                              const std::string& version) {
    Value body;
    body["kind"] = "APIResourceList";
    body["apiVersion"] = "v1";
    body["groupVersion"] = group_version(group, version);
    body["resources"] = List{};
    for (const auto& type : cluster.types()) {
        if (type.type.group != group || type.type.version != version) continue;
        Value resource;
        resource["name"] = type.type.resource;
        resource["singularName"] = type.singular;
        resource["namespaced"] = type.is_namespaced;
        resource["kind"] = type.kind;
        resource["verbs"] = verbs();
        set_words(resource, type);
        body["resources"].push_back(resource);
        for (const Subresource& part : subresources_of(type)) {
            Value item;
            item["name"] = type.type.resource + "/" + part.name;
            item["singularName"] = "";
            item["namespaced"] = type.is_namespaced;
            item["kind"] = part.kind;
            if (part.group != group || part.version != version) {
                item["group"] = part.group;
                item["version"] = part.version;
            }
            item["verbs"] = part.verbs;
            body["resources"].push_back(std::move(item));
        }
    }
    if (body["resources"].list_or_empty().empty())
        throw Problem(404, "the server could not find the requested resource");
    return json_response(body);
}

Value version_entry(const std::string& group, const std::string& version) {
    Value value;
    value["groupVersion"] = group_version(group, version);
    value["version"] = version;
    return value;
}

Value group_entry(const std::string& group, const Versions& versions) {
    Value item;
    item["name"] = group;
    for (const auto& [version, served] : versions) item["versions"].push_back(version_entry(group, version));
    item["preferredVersion"] = version_entry(group, versions.begin()->first);
    return item;
}

net::ServerResponse one_group(cluster::Cluster& cluster, const std::string& name) {
    const auto groups = by_group(cluster);
    const auto found = groups.find(name);
    if (found == groups.end()) throw Problem(404, "the server could not find the requested resource");
    Value body = group_entry(found->first, found->second);
    body["kind"] = "APIGroup";
    body["apiVersion"] = "v1";
    return json_response(body);
}

net::ServerResponse all_groups(cluster::Cluster& cluster) {
    Value body;
    body["kind"] = "APIGroupList";
    body["apiVersion"] = "v1";
    body["groups"] = List{};
    for (const auto& [group, versions] : by_group(cluster)) {
        if (!group.empty()) body["groups"].push_back(group_entry(group, versions));
    }
    return json_response(body);
}

// --- aggregated

Value response_kind(const std::string& group, const std::string& version, const std::string& kind) {
    Value value;
    value["group"] = group;
    value["version"] = version;
    value["kind"] = kind;
    return value;
}

Value aggregated_resource(const ResourceDescription& type) {
    Value resource;
    resource["resource"] = type.type.resource;
    resource["responseKind"] = response_kind(type.type.group, type.type.version, type.kind);
    resource["scope"] = type.is_namespaced ? "Namespaced" : "Cluster";
    resource["singularResource"] = type.singular;
    resource["verbs"] = verbs();
    set_words(resource, type);
    for (const Subresource& part : subresources_of(type)) {
        Value item;
        item["subresource"] = part.name;
        item["responseKind"] = response_kind(part.group, part.version, part.kind);
        item["verbs"] = part.verbs;
        resource["subresources"].push_back(std::move(item));
    }
    return resource;
}

// Of the core group, or of all others.
net::ServerResponse aggregated(cluster::Cluster& cluster, bool is_core) {
    Value body;
    body["kind"] = "APIGroupDiscoveryList";
    body["apiVersion"] = "apidiscovery.k8s.io/v2";
    body["metadata"] = Map{};
    body["items"] = List{};
    for (const auto& [group, versions] : by_group(cluster)) {
        if (group.empty() != is_core) continue;
        Value item;
        item["metadata"]["name"] = group;
        for (const auto& [version, served] : versions) {
            Value entry;
            entry["version"] = version;
            entry["freshness"] = "Current";
            for (const auto& type : served) entry["resources"].push_back(aggregated_resource(type));
            item["versions"].push_back(std::move(entry));
        }
        body["items"].push_back(std::move(item));
    }
    net::ServerResponse response = json_response(body);
    response.headers = {{"Content-Type", kAggregated}, {"Vary", "Accept"}};
    return response;
}

bool wants_aggregated(const Request& request) {
    const std::string_view accept = request.http.header("Accept");
    return accept.find("g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList") != std::string_view::npos;
}

net::ServerResponse core_versions() {
    Value body;
    body["kind"] = "APIVersions";
    body["versions"].push_back("v1");
    return json_response(body);
}

}  // namespace

void add_discovery(Router& router, cluster::Cluster& cluster) {
    // Go's clients ask without a slash at the end, Python's with one.
    const auto add = [&](const std::string& path, const RouteHandler& handler) {
        router.add("GET", path, handler, &problem_as_status);
        router.add("GET", path + "/", handler, &problem_as_status);
    };
    add("/api", [&cluster](const Request& request) {
        return wants_aggregated(request) ? aggregated(cluster, true) : core_versions();
    });
    add("/apis", [&cluster](const Request& request) {
        return wants_aggregated(request) ? aggregated(cluster, false) : all_groups(cluster);
    });
    add("/api/v1", [&cluster](const Request&) { return resources(cluster, "", "v1"); });
    add("/apis/{group}",
        [&cluster](const Request& request) { return one_group(cluster, request.parameter("group")); });
    add("/apis/{group}/{version}", [&cluster](const Request& request) {
        return resources(cluster, request.parameter("group"), request.parameter("version"));
    });
}

}  // namespace fencepost::api::facade
