// The Kubernetes-style paths: what kubectl, kanctl and client libraries ask for.
#include "api_world.h"

namespace fencepost::api {

using Catch::Contains;

namespace {

constexpr const char* kMaps = "/api/v1/namespaces/app/configmaps";

std::string map_of(const std::string& name, const std::string& more = "") {
    return R"({"metadata":{"name":")" + name + "\"" + more + "}}";
}

}  // namespace

TEST_CASE("discovery names groups, versions and types") {
    ApiWorld world;
    CHECK(world.get("/api").body["versions"] == parse_json(R"(["v1"])"));
    const Value groups = world.get("/apis").body;
    bool has_kanister = false;
    for (const Value& group : groups["groups"].as_list())
        has_kanister = has_kanister || group["name"] == Value("cr.kanister.io");
    CHECK(has_kanister);
    const Value core = world.get("/api/v1").body;
    bool has_pods = false;
    for (const Value& type : core["resources"].as_list()) {
        if (type["name"] != Value("pods")) continue;
        has_pods = true;
        CHECK(type["kind"] == Value("Pod"));
        CHECK(type["namespaced"] == Value(true));
    }
    CHECK(has_pods);
    CHECK(world.get("/apis/cr.kanister.io/v1alpha1").body["kind"] == Value("APIResourceList"));
    CHECK(world.get("/apis/nothing.example/v1").status == 404);
}

TEST_CASE("objects are created, read, replaced and deleted as on an API server") {
    ApiWorld world;
    const auto created = world.post(kMaps, map_of("one", R"(,"labels":{"a":"b"})"));
    CHECK(created.status == 201);
    CHECK(created.body["kind"] == Value("ConfigMap"));
    CHECK(created.body.get("metadata", "namespace") == Value("app"));
    CHECK(world.post(kMaps, map_of("one")).status == 409);
    CHECK(world.post(kMaps, map_of("one")).body["reason"] == Value("AlreadyExists"));

    const std::string path = std::string(kMaps) + "/one";
    Value object = world.get(path).body;
    object["data"]["k"] = "v";
    const auto replaced = world.request("PUT", path, to_json(object), {{"Content-Type", "application/json"}});
    CHECK(replaced.status == 200);
    const auto stale = world.request("PUT", path, to_json(object), {{"Content-Type", "application/json"}});
    CHECK(stale.status == 409);
    CHECK(stale.body["reason"] == Value("Conflict"));
    CHECK(world.request("DELETE", path + "?dryRun=All").status == 200);
    CHECK(world.get(path).status == 200);
    CHECK(world.request("DELETE", path).body["status"] == Value("Success"));
    const auto gone = world.get(path);
    CHECK(gone.status == 404);
    CHECK(gone.body["kind"] == Value("Status"));
    CHECK(gone.body["reason"] == Value("NotFound"));
    CHECK(gone.body.get("details", "name") == Value("one"));
    CHECK(gone.body["message"] == Value("configmaps \"one\" not found"));
}

TEST_CASE("what a body says must fit the path") {
    ApiWorld world;
    const std::string path = std::string(kMaps) + "/gate";
    const auto put = [&](const std::string& body) {
        return world.request("PUT", path, body, {{"Content-Type", "application/json"}}).status;
    };
    CHECK(put(map_of("other")) == 400);
    CHECK(put(R"({"kind":"Secret","metadata":{"name":"gate"}})") == 400);
    CHECK(put(R"({"apiVersion":"v2","metadata":{"name":"gate"}})") == 400);
    CHECK(put(R"({"metadata":{"name":"gate","namespace":"default"}})") == 400);
    CHECK(put("[1]") == 400);
    CHECK(put("{") == 400);
    CHECK(world.post(path, map_of("gate")).status == 405);
    CHECK(world.post("/api/v1/namespaces/nowhere/configmaps", map_of("x")).status == 404);
    CHECK(world.post("/api/v1/namespaces/app/nothings", map_of("x")).status == 404);
    CHECK(world.get("/api/v1/namespaces/app/pods/x/exec").status == 404);
    for (const char* body :
         {R"({"metadata":"x"})", R"({"metadata":[]})", R"({"metadata":{"name":1}})",
          R"({"metadata":{"name":"x","labels":[]}})", R"({"metadata":{"name":"Bad_Name"}})",
          R"({"metadata":{"name":"x","labels":{"a":1}}})"}) {
        INFO(body);
        const int status = world.post(kMaps, body).status;
        CHECK(status >= 400);
        CHECK(status < 500);
    }
}

TEST_CASE("lists take selectors and pages") {
    ApiWorld world;
    for (const char* name : {"a", "b", "c", "d", "e"})
        CHECK(world
                  .post(kMaps, map_of(name, std::string(R"(,"labels":{"odd":")") +
                                                ((name[0] - 'a') % 2 == 0 ? "yes" : "no") + "\"}"))
                  .status == 201);
    const auto names = [](const Value& list) {
        std::string text;
        for (const Value& item : list["items"].as_list())
            text += item.get("metadata", "name").string_or("") + " ";
        return text;
    };
    const std::string maps = kMaps;
    CHECK(names(world.get(maps + "?labelSelector=odd%3Dyes").body) == "a c e ");
    CHECK(names(world.get(maps + "?labelSelector=odd").body) == "a b c d e ");
    CHECK(names(world.get(maps + "?labelSelector=odd%20in%20(no)").body) == "b d ");
    CHECK(names(world.get(maps + "?fieldSelector=metadata.name%3Dc").body) == "c ");
    CHECK(world.get(maps + "?labelSelector=%3D%3D").status >= 400);
    const Value first = world.get(maps + "?limit=4&labelSelector=odd").body;
    CHECK(names(first) == "a b c d ");
    const Value rest = world
                           .get(maps + "?limit=4&labelSelector=odd&continue=" +
                                first.get("metadata", "continue").string_or(""))
                           .body;
    CHECK(names(rest) == "e ");
    CHECK(rest.get("metadata", "continue").is_nil());
    CHECK(first["kind"] == Value("ConfigMapList"));
    CHECK(world.request("DELETE", maps + "?labelSelector=odd%3Dyes").status == 200);
    CHECK(names(world.get(maps + "?labelSelector=odd").body) == "b d ");
    CHECK(world.get("/api/v1/configmaps").body["items"].as_list().size() >= 3);
}

TEST_CASE("patches of all kinds work, and others are refused by type") {
    ApiWorld world;
    const std::string path = std::string(kMaps) + "/gate";
    const auto patch = [&](const char* type, const char* body, const std::string& query = "") {
        return world.request("PATCH", path + query, body, {{"Content-Type", type}});
    };
    CHECK(patch("application/merge-patch+json", R"({"data":{"a":"1"}})").body.get("data", "a") == Value("1"));
    CHECK(patch("application/json-patch+json", R"([{"op":"replace","path":"/data/a","value":"2"}])")
              .body.get("data", "a") == Value("2"));
    CHECK(patch("application/strategic-merge-patch+json", R"({"data":{"a":null}})")
              .body.get("data", "a")
              .is_nil());
    CHECK(patch("application/json", "{}").status == 415);
    CHECK(patch("application/json-patch+json", R"([{"op":"test","path":"/data/a","value":"9"}])").status >=
          400);
    CHECK(patch("application/merge-patch+json", "{").status == 400);
    CHECK(patch("application/apply-patch+yaml", "data: {b: x}").status == 400);  // no fieldManager
    CHECK(world.get(path).body.get("data", "a").is_nil());
}

TEST_CASE("a watch sends what is there and what changes, line by line, until its time is up") {
    ApiWorld world;
    const std::string version = world.get(kMaps).body.get("metadata", "resourceVersion").string_or("");
    (void)world.post(kMaps, map_of("seen"));
    world.open_gate();
    (void)world.request("DELETE", std::string(kMaps) + "/seen");
    const auto answer =
        world.get(std::string(kMaps) + "?watch=true&timeoutSeconds=1&resourceVersion=" + version);
    CHECK(answer.status == 200);
    std::vector<std::string> events;
    std::size_t at = 0;
    while (at < answer.text.size()) {
        const std::size_t end = answer.text.find('\n', at);
        const Value event = parse_json(std::string_view(answer.text).substr(at, end - at));
        events.push_back(event["type"].string_or("") + " " +
                         event["object"].get("metadata", "name").string_or(""));
        at = end + 1;
    }
    CHECK(events == std::vector<std::string>{"ADDED seen", "MODIFIED gate", "DELETED seen"});
    CHECK(world.get(std::string(kMaps) + "?watch=true&labelSelector=%3D%3D").status >= 400);
}

TEST_CASE("a dry run checks and stores nothing") {
    ApiWorld world;
    CHECK(world.post(std::string(kMaps) + "?dryRun=All", map_of("dry")).status == 201);
    CHECK(world.get(std::string(kMaps) + "/dry").status == 404);
    CHECK(world.post(std::string(kMaps) + "?dryRun=maybe", map_of("dry")).status == 400);
}

}  // namespace fencepost::api
