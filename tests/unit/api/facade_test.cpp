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
    CHECK(world.get("/apis/cr.kanister.io/v1alpha1/").body["kind"] ==
          Value("APIResourceList"));  // as Python asks
    CHECK(world.get("/apis/").body["kind"] == Value("APIGroupList"));
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

TEST_CASE("discovery comes in two documents for those who ask so") {
    ApiWorld world;
    const net::Headers accept{
        {"Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"}};
    const auto core = world.request("GET", "/api", "", accept);
    CHECK_THAT(core.header("Content-Type"), Contains("as=APIGroupDiscoveryList"));
    const Value& versions = core.body["items"].as_list().at(0)["versions"];
    bool has_exec = false;
    for (const Value& resource : versions.as_list().at(0)["resources"].as_list()) {
        if (resource["resource"] != Value("pods")) continue;
        CHECK(resource["categories"] == parse_json(R"(["all"])"));
        for (const Value& part : resource["subresources"].as_list())
            has_exec = has_exec || part["subresource"] == Value("exec");
    }
    CHECK(has_exec);
    const auto others = world.request("GET", "/apis", "", accept);
    CHECK(others.body["items"].as_list().size() == world.get("/apis").body["groups"].as_list().size());
    CHECK(world.get("/apis/apps").body.get("preferredVersion", "groupVersion") == Value("apps/v1"));
    CHECK(world.get("/apis/nothing.example").status == 404);
}

TEST_CASE("the Accept header chooses between objects, tables and metadata") {
    ApiWorld world;
    const auto get = [&](const char* accept, const std::string& more = "") {
        return world.request("GET", std::string(kMaps) + "/gate" + more, "", {{"Accept", accept}}).body;
    };
    const char* kTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    const Value table = get(kTable);
    CHECK(table["kind"] == Value("Table"));
    CHECK(table["columnDefinitions"].as_list().at(1)["name"] == Value("Data"));
    const Value& row = table["rows"].as_list().at(0);
    CHECK(row["cells"].as_list().at(0) == Value("gate"));
    CHECK(row["cells"].as_list().at(1) == Value(1));
    CHECK(row["object"]["kind"] == Value("PartialObjectMetadata"));
    CHECK(get(kTable, "?includeObject=None")["rows"].as_list().at(0)["object"].is_nil());
    CHECK(get(kTable, "?includeObject=Object")["rows"].as_list().at(0).get("object", "data", "open") ==
          Value("false"));
    CHECK(get("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")["kind"] ==
          Value("PartialObjectMetadata"));
    CHECK(get("application/vnd.kubernetes.protobuf,application/json")["kind"] == Value("ConfigMap"));
    CHECK(get("application/json;as=Table;v=v9;g=example.com, */*")["kind"] == Value("ConfigMap"));
}

TEST_CASE("fields that a kind has not are refused, told or ignored, as the request says") {
    ApiWorld world;
    const std::string path = "/apis/cr.kanister.io/v1alpha1/namespaces/default/blueprints";
    const std::string body = R"({"metadata":{"name":"typo"},"actions":{"a":{"phazes":[]}}})";
    const auto strict = world.post(path + "?fieldValidation=Strict", body);
    CHECK(strict.status == 400);
    CHECK_THAT(strict.body["message"].as_string(),
               Contains("strict decoding error: unknown field \"actions.a.phazes\""));
    const auto warned = world.post(path, body);
    CHECK(warned.status == 201);
    CHECK(warned.header("Warning") == R"(299 - "unknown field \"actions.a.phazes\"")");
    const auto patched = world.request("PATCH", path + "/typo?fieldValidation=Strict", R"({"more":1})",
                                       {{"Content-Type", "application/merge-patch+json"}});
    CHECK(patched.status == 400);
    CHECK(world.get(path + "/typo").body["more"].is_nil());
    const auto wrong =
        world.post(path + "?fieldValidation=Ignore", R"({"metadata":{"name":"x"},"actions":[]})");
    CHECK(wrong.status == 422);
    CHECK(wrong.body["reason"] == Value("Invalid"));
    CHECK(wrong.body.get("details", "causes").as_list().at(0)["field"] == Value("actions"));
    CHECK(world.post(path + "?fieldValidation=Loud", body).status == 400);
}

TEST_CASE("kubectl's protobuf bodies are read, and what is not known in them is not lost but refused") {
    ApiWorld world;
    const auto message = [](const std::string& kind, const std::string& raw) {
        const auto field = [](char number, const std::string& bytes) {
            return std::string(1, static_cast<char>(number * 8 + 2)) + static_cast<char>(bytes.size()) +
                   bytes;
        };
        return std::string("k8s\0", 4) + field(1, field(1, "v1") + field(2, kind)) + field(2, raw);
    };
    const auto post = [&](const std::string& body) {
        return world.request("POST", kMaps, body, {{"Content-Type", "application/vnd.kubernetes.protobuf"}});
    };
    const std::string metadata(
        "\x0a\x07\x0a\x03"
        "bin"
        "\x12\x00",
        9);  // {name: bin, generateName: ""}
    const std::string data(
        "\x12\x0a\x0a\x03key\x12\x03"
        "any",
        12);                                     // {key: any}
    const std::string immutable("\x20\x00", 2);  // false
    const auto made = post(message("ConfigMap", metadata + data + immutable));
    INFO(made.text);
    CHECK(made.status == 201);
    CHECK(made.body["data"] == parse_json(R"({"key":"any"})"));
    CHECK(made.body["immutable"] == Value(false));
    CHECK(made.body.get("metadata", "generateName").is_nil());
    CHECK(post(message("ConfigMap", metadata + std::string("\x7a\x01x", 3))).status == 415);  // field 15
    CHECK(post(message("Unicorn", metadata)).status == 415);
    CHECK(post("k8s").status == 400);
    CHECK(post(message("ConfigMap", metadata.substr(0, 5))).status == 400);
}

TEST_CASE("OpenAPI documents say what kubectl explain and field validation ask for") {
    ApiWorld world;
    const Value index = world.get("/openapi/v3").body;
    const std::string url = index["paths"]["apis/cr.kanister.io/v1alpha1"]["serverRelativeURL"].string_or("");
    const Value document = world.get(url).body;
    const Value& schema = document["components"]["schemas"]["io.kanister.cr.v1alpha1.Blueprint"];
    CHECK(schema["x-kubernetes-group-version-kind"].as_list().at(0)["kind"] == Value("Blueprint"));
    CHECK(schema.get("properties", "actions", "additionalProperties", "properties", "phases", "items",
                     "properties", "func", "type") == Value("string"));
    CHECK(to_json(document).find("$use") == std::string::npos);
    CHECK(world.get("/openapi/v3/apis/nothing/v1").status == 404);
    CHECK(world.get("/openapi/v2").body["definitions"]["io.k8s.api.core.v1.Pod"].is_map());
}

TEST_CASE("our own kinds are told of as the chart's definitions tell of them") {
    ApiWorld world;
    const Value document = world.get("/openapi/v3/apis/fencepost.io/v1alpha1").body;
    const Value& schema = document["components"]["schemas"]["io.fencepost.v1alpha1.BackupAction"];
    CHECK_THAT(schema["description"].string_or(""), Contains("a backup of a whole application"));
    CHECK(schema.get("properties", "spec", "properties", "filters", "properties", "excludeResources", "items",
                     "properties", "matchLabels", "type") == Value("object"));
    CHECK(schema.get("properties", "metadata", "$ref").is_string());

    const std::string group = "/apis/fencepost.io/v1alpha1/";
    const std::string actions = group + "namespaces/app/backupactions";
    const auto typo = world.post(actions + "?fieldValidation=Strict",
                                 R"({"metadata":{"name":"b"},"spec":{"cancle":true}})");
    CHECK(typo.status == 400);
    CHECK_THAT(typo.body["message"].as_string(), Contains(R"(unknown field "spec.cancle")"));
    CHECK(world.post(actions, R"({"metadata":{"name":"b"},"spec":{"cancel":"yes"}})").status == 422);
    const auto made = world.post(actions, R"({"metadata":{"name":"b"},"spec":{},"status":{"ours":1}})");
    CHECK(made.status == 201);
    CHECK(made.header("Warning").empty());
    CHECK(made.body.get("status", "ours") == Value(1));  // no subresource: it is written with the rest
    CHECK(world.post(group + "restorepointcontents", R"({"metadata":{"name":"c"},"spec":{}})").status == 201);
    CHECK(world.get(group + "namespaces/app/restorepointcontents/c").status == 404);
}

TEST_CASE("a workload's scale is read and written on its own") {
    ApiWorld world;
    const std::string path = "/apis/apps/v1/namespaces/app/deployments";
    CHECK(
        world
            .post(path,
                  R"({"metadata":{"name":"web"},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}}}})")
            .status == 201);
    const Value scale = world.get(path + "/web/scale").body;
    CHECK(scale["kind"] == Value("Scale"));
    CHECK(scale.get("status", "selector") == Value("a=b"));
    const auto patch = [&](const char* body) {
        return world.request("PATCH", path + "/web/scale", body,
                             {{"Content-Type", "application/merge-patch+json"}});
    };
    CHECK(patch(R"({"spec":{"replicas":-1}})").status == 422);
    CHECK(patch(R"({"metadata":{"resourceVersion":"1"},"spec":{"replicas":1}})").status == 409);
    CHECK(world.request("DELETE", path + "/web/scale").status == 405);
    CHECK(world.get(std::string(kMaps) + "/gate/scale").status == 404);
}

TEST_CASE("what kanctl posts is taken as it comes: Go's zero values, nulls and a name to be made") {
    ApiWorld world;
    const auto made = world.post("/apis/cr.kanister.io/v1alpha1/namespaces/default/actionsets", R"({
        "kind": "ActionSet", "apiVersion": "cr.kanister.io/v1alpha1",
        "metadata": {"generateName": "backup-", "namespace": "default", "creationTimestamp": null},
        "spec": {"actions": [{"name": "backup", "blueprint": "bp", "preferredVersion": "",
            "object": {"apiVersion": "v1", "group": "", "resource": "secrets", "kind": "", "name": "db", "namespace": "app"},
            "artifacts": null, "configMaps": null, "secrets": null, "options": null, "podOverride": null,
            "profile": {"apiVersion": "v1alpha1", "group": "cr.kanister.io", "resource": "profiles", "kind": "Profile",
                        "name": "store", "namespace": "default"}}]}})");
    INFO(made.text);
    REQUIRE(made.status == 201);
    CHECK(made.header("Warning").empty());
    CHECK_THAT(made.body.get("metadata", "name").as_string(), Catch::StartsWith("backup-"));
}

TEST_CASE("who asks for an action is what the API knows, whatever the client says, and stays") {
    ApiWorld world;
    const std::string actions = "/apis/fencepost.io/v1alpha1/namespaces/app/backupactions";
    const auto made = world.post(
        actions, R"({"metadata":{"name":"b","annotations":{"fencepost.io/requested-by":"the boss"}},)"
                 R"("spec":{"subject":{"name":"app","namespace":"app"}}})");
    INFO(made.text);
    REQUIRE(made.status == 201);
    const auto requester = [](const Value& object) {
        return object.get("metadata", "annotations", "fencepost.io/requested-by");
    };
    CHECK(requester(made.body) == Value("anybody on this host"));

    const std::string path = actions + "/b";
    const auto patched = world.request(
        "PATCH", path, R"({"metadata":{"annotations":{"fencepost.io/requested-by":"the boss"}}})",
        {{"Content-Type", "application/merge-patch+json"}});
    CHECK(patched.status == 422);
    CHECK_THAT(patched.text, Contains("says who asked for the action"));
    Value object = world.get(path).body;
    object["metadata"]["annotations"].erase("fencepost.io/requested-by");
    const auto replaced = world.request("PUT", path, to_json(object), {{"Content-Type", "application/json"}});
    CHECK(replaced.status == 422);
    CHECK(world
              .request("PATCH", path, R"({"metadata":{"labels":{"a":"b"}}})",
                       {{"Content-Type", "application/merge-patch+json"}})
              .status == 200);
    CHECK(requester(world.get(path).body) == Value("anybody on this host"));

    // Of what is no action of ours it is an annotation like any other.
    const auto map = world.post(kMaps, map_of("one", R"(,"annotations":{"fencepost.io/requested-by":"me"})"));
    CHECK(requester(map.body) == Value("me"));
}

}  // namespace fencepost::api
