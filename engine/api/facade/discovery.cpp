#include <map>
#include <set>

#include "api/facade/facade.h"
#include "api/facade/status.h"
#include "base/error.h"

namespace fencepost::api::facade {
namespace {

Value verbs() {
    List list;
    for (const char* verb :
         {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}) {
        list.emplace_back(verb);
    }
    return list;
}

// The types of one group and version.
net::ServerResponse resources(cluster::Cluster& cluster, const std::string& group,
                              const std::string& version) {
    Value body;
    body["kind"] = "APIResourceList";
    body["apiVersion"] = "v1";
    body["groupVersion"] = group.empty() ? version : group + "/" + version;
    body["resources"] = List{};
    for (const auto& type : cluster.types()) {
        if (type.type.group != group || type.type.version != version) continue;
        Value resource;
        resource["name"] = type.type.resource;
        resource["singularName"] = type.singular;
        resource["namespaced"] = type.is_namespaced;
        resource["kind"] = type.kind;
        resource["verbs"] = verbs();
        for (const auto& name : type.short_names) resource["shortNames"].push_back(name);
        body["resources"].push_back(resource);
        if (!type.has_status_subresource) continue;
        Value status;
        status["name"] = type.type.resource + "/status";
        status["singularName"] = "";
        status["namespaced"] = type.is_namespaced;
        status["kind"] = type.kind;
        for (const char* verb : {"get", "patch", "update"}) status["verbs"].push_back(verb);
        body["resources"].push_back(std::move(status));
    }
    if (body["resources"].list_or_empty().empty()) {
        throw Problem(404, "the server does not serve " + body["groupVersion"].as_string());
    }
    return json_response(body);
}

Value group_version(const std::string& group, const std::string& version) {
    Value value;
    value["groupVersion"] = group + "/" + version;
    value["version"] = version;
    return value;
}

net::ServerResponse groups(cluster::Cluster& cluster) {
    std::map<std::string, std::set<std::string>> versions;
    for (const auto& type : cluster.types()) {
        if (!type.type.group.empty()) versions[type.type.group].insert(type.type.version);
    }
    Value body;
    body["kind"] = "APIGroupList";
    body["apiVersion"] = "v1";
    body["groups"] = List{};
    for (const auto& [group, served] : versions) {
        Value item;
        item["name"] = group;
        for (const auto& version : served) item["versions"].push_back(group_version(group, version));
        item["preferredVersion"] = group_version(group, *served.begin());
        body["groups"].push_back(std::move(item));
    }
    return json_response(body);
}

}  // namespace

void add_discovery(Router& router, cluster::Cluster& cluster) {
    router.add(
        "GET", "/api",
        [](const Request&) {
            Value body;
            body["kind"] = "APIVersions";
            body["versions"].push_back("v1");
            return json_response(body);
        },
        &problem_as_status);
    router.add("GET", "/apis", [&cluster](const Request&) { return groups(cluster); }, &problem_as_status);
    router.add(
        "GET", "/api/v1", [&cluster](const Request&) { return resources(cluster, "", "v1"); },
        &problem_as_status);
    router.add(
        "GET", "/apis/{group}/{version}",
        [&cluster](const Request& request) {
            return resources(cluster, request.parameter("group"), request.parameter("version"));
        },
        &problem_as_status);
}

}  // namespace fencepost::api::facade
