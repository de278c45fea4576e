// What can be looked at and tried without running it: blueprints, profiles, bindings; and webhooks.
#include "api/webhooks/webhook.h"
#include "api_world.h"

namespace fencepost::api {

using Catch::Contains;

TEST_CASE("blueprints are listed with what their actions take and make") {
    ApiWorld world;
    const auto list = world.get("/v1/blueprints");
    CHECK(list.body["items"].as_list().size() == 1);
    const auto one = world.get("/v1/blueprints/bp");
    CHECK(one.body == list.body["items"].as_list()[0]);
    CHECK(one.body.get("actions", "backup", "outputArtifactNames") == parse_json(R"(["made"])"));
    CHECK(one.body.get("actions", "restore", "inputArtifactNames") == parse_json(R"(["made"])"));
    CHECK(one.body.get("actions", "slow", "deferPhase") == Value("last"));
    CHECK(one.body.get("actions", "backup", "phases") == parse_json(R"([{"func":"KubeOps","name":"make"}])"));
    CHECK(world.request("GET", "/v1/blueprints/bp", "", {{"If-None-Match", one.header("ETag")}}).status ==
          304);
    CHECK(world.get("/v1/blueprints/nope").status == 404);
}

TEST_CASE("lint tells what is wrong with a manifest, with its place, and is no failure itself") {
    ApiWorld world;
    const auto lint = [&](const std::string& text, const char* type = "application/yaml") {
        return world.request("POST", "/v1/lint", text, {{"Content-Type", type}});
    };
    const std::string wrong =
        "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: x}\nactions:\n  backup:\n    "
        "phases:\n    - func: KubeTsk\n      name: a\n";
    const auto found = lint(wrong);
    CHECK(found.status == 200);
    CHECK(found.body["valid"] == Value(false));
    const List& diagnostics = found.body["diagnostics"].as_list();
    const auto unknown = std::find_if(diagnostics.begin(), diagnostics.end(), [](const Value& one) {
        return one["rule"] == Value("unknown-function");
    });
    INFO(found.text);
    REQUIRE(unknown != diagnostics.end());
    CHECK((*unknown)["line"] == Value(7));
    CHECK((*unknown)["column"] == Value(13));
    CHECK((*unknown)["severity"] == Value("error"));
    CHECK_THAT((*unknown)["hint"].string_or(""), Contains("KubeTask"));
    CHECK(lint("").body["valid"] == Value(true));
    CHECK(lint("a: [").body["valid"] == Value(false));
    CHECK(lint(R"({"kind":"ConfigMap"})", "application/json").body["valid"] == Value(true));
    CHECK(lint(wrong, "text/plain").status == 415);
}

TEST_CASE("render shows what would be called, and no value of a Secret") {
    ApiWorld world;
    world.create(
        "{apiVersion: v1, kind: Secret, metadata: {name: canary, namespace: app}, stringData: {password: "
        "canary-value}}");
    world.create(
        "{apiVersion: cr.kanister.io/v1alpha1, kind: Blueprint, metadata: {name: leaky, namespace: default}, "
        "actions: {backup: {phases: [{func: KubeOps, name: a, objects: {c: {kind: Secret, name: canary, "
        "namespace: app}}, args: {operation: create, namespace: '{{ .Object.metadata.namespace }}', spec: "
        "'{{ "
        "index .Phases.a.Secrets.c.Data \"password\" | toString }}'}}, {func: KubeOps, name: b, args: "
        "{operation: create, namespace: app, spec: '{{ .Phases.a.Output.id }} {{ .Options.level }}'}}]}}}");
    const std::string before =
        cluster::resource_version_of(world.cluster->get({types::kSecrets, "app", "canary"}));
    const auto render = [&](const std::string& more) {
        return world.post("/v1/render", std::string("{\"action\":\"backup\",\"blueprint\":\"leaky\",") +
                                            ApiWorld::kSubject + more + "}");
    };
    const auto shown = render(R"(,"options":{"level":"full"},"outputs":{"a":{"id":"42"}})");
    REQUIRE(shown.status == 200);
    INFO(shown.text);
    CHECK_THAT(shown.text, !Contains("canary-value"));
    const List& phases = shown.body["phases"].as_list();
    REQUIRE(phases.size() == 2);
    CHECK(phases[0].get("args", "spec") == Value("<password of secret app/canary>"));
    CHECK(phases[0].get("args", "namespace") == Value("app"));
    CHECK(phases[1].get("args", "spec") == Value("42 full"));
    CHECK(shown.body["valid"] == Value(true));
    const auto partial = render("");
    CHECK(partial.body["valid"] == Value(false));
    CHECK_THAT(partial.body["phases"].as_list()[1]["error"].string_or(""), Contains("level"));
    CHECK(render(R"(,"outputs":{"a":7})").status == 422);
    CHECK(render(R"(,"colour":7)").pointers() == std::vector<std::string>{"/colour"});
    CHECK(world.cluster->list(types::kActionSets, {}).items.empty());
    CHECK(cluster::resource_version_of(world.cluster->get({types::kSecrets, "app", "canary"})) == before);
}

TEST_CASE("a profile is tried out: write, read, list, lock, delete") {
    ApiWorld world;
    std::filesystem::create_directories(world.folder / "store");
    world.create(
        "{apiVersion: cr.kanister.io/v1alpha1, kind: Profile, metadata: {name: good, namespace: default}, "
        "location: {type: filestore, path: " +
        (world.folder / "store").string() + "}}");
    world.create(
        "{apiVersion: cr.kanister.io/v1alpha1, kind: Profile, metadata: {name: bad, namespace: default}, "
        "location: {type: filestore, path: /proc/nowhere}}");
    const auto names = [](const Value& body, bool ok) {
        std::vector<std::string> result;
        for (const Value& check : body["checks"].as_list())
            if (check["ok"] == Value(ok)) result.push_back(check["name"].as_string());
        return result;
    };
    const auto good = world.post("/v1/profiles/default/good/validate", "");
    INFO(good.text);
    CHECK(good.status == 200);
    CHECK(good.body["valid"] == Value(true));
    CHECK(names(good.body, true) ==
          std::vector<std::string>{"open", "write", "read", "list", "lock", "delete"});
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world.folder / "store"))
        CHECK_FALSE(entry.is_regular_file());
    const auto bad = world.post("/v1/profiles/default/bad/validate", "");
    CHECK(bad.status == 200);
    CHECK(bad.body["valid"] == Value(false));
    CHECK_FALSE(names(bad.body, false).empty());
    CHECK(world.post("/v1/profiles/default/nobody/validate", "").status == 404);
    CHECK(world.get("/v1/profiles").body["items"].as_list().size() == 3);
}

TEST_CASE("a binding that is not stored yet tells what it would match") {
    ApiWorld world;
    const auto match = [&](const std::string& items) {
        return world.post(
            "/v1/bindings/match",
            R"({"apiVersion":"config.kio.kasten.io/v1alpha1","kind":"BlueprintBinding","metadata":{"name":"x",)"
            R"("namespace":"default"},"spec":{"blueprintRef":{"name":"bp","namespace":"default"},"resources":)"
            R"({"matchAll":)" +
                items + "}}}");
    };
    const auto found =
        match(R"([{"labels":{"key":"type","operator":"In","values":["database-credential"]}}])");
    REQUIRE(found.status == 200);
    REQUIRE(found.body["items"].as_list().size() == 1);
    CHECK(found.body["items"].as_list()[0]["id"] == Value("app/secrets/db"));
    CHECK(found.body["isTruncated"] == Value(false));
    CHECK(match(R"([{"type":{"operator":"In","values":[{"resource":"configmaps"}]}}])")
              .body["items"]
              .as_list()
              .size() == 1);
    const auto wrong = match(R"([{"type":{"operator":"Inn","values":[]}}])");
    CHECK(wrong.status == 422);
    CHECK_THAT(wrong.pointers().front(), Catch::StartsWith("/spec/resources/matchAll/0"));
}

TEST_CASE("databases that nothing is bound to are told of, with why they look like ones") {
    ApiWorld world;
    const auto workload = [&](const std::string& name, const std::string& image,
                              const std::string& more = "") {
        world.create("{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: " + name +
                     ", namespace: app" + more + "}, spec: {selector: {matchLabels: {a: " + name +
                     "}}, replicas: 0, serviceName: s, template: {metadata: "
                     "{labels: {a: " +
                     name + "}}, spec: {containers: [{name: db, image: '" + image + "'}]}}}}");
    };
    workload("pg", "registry.example:5000/library/postgres:16@sha256:00");
    workload("cache", "redis");
    workload("web", "nginx:1");
    workload("exporter", "quay.io/prometheuscommunity/postgres-exporter:v1");
    workload("bound", "mysql:8", ", annotations: {kanister.kasten.io/blueprint: bp}");
    const auto found = world.get("/v1/bindings/unprotected");
    std::vector<std::string> ids;
    for (const Value& item : found.body["items"].as_list()) ids.push_back(item["id"].as_string());
    CHECK(ids == std::vector<std::string>{"app/statefulsets.apps/cache", "app/statefulsets.apps/pg"});
    CHECK_THAT(found.body["items"].as_list()[1]["reason"].string_or(""), Contains("postgres:16"));
    world.create(
        "{apiVersion: config.kio.kasten.io/v1alpha1, kind: BlueprintBinding, metadata: {name: sets, "
        "namespace: default}, "
        "spec: {blueprintRef: {name: bp, namespace: default}, resources: {matchAll: [{type: {operator: In, "
        "values: "
        "[{group: apps, resource: statefulsets}]}}]}}}");
    CHECK(world.get("/v1/bindings/unprotected").body["items"].as_list().empty());
}

TEST_CASE("webhooks are made, shown without their secret, and deleted") {
    ApiWorld world;
    const auto made =
        world.post("/v1/webhooks", R"({"name":"p","url":"http://127.0.0.1:1/x","events":["action.failed"]})");
    REQUIRE(made.status == 201);
    CHECK(made.header("Location") == "/v1/webhooks/p");
    CHECK(made.body["secret"].as_string().size() == 64);
    CHECK(world.get("/v1/webhooks/p").body["secret"].is_nil());
    CHECK(world.get("/v1/webhooks").body["items"].as_list().size() == 1);
    CHECK(world.post("/v1/webhooks", R"({"name":"p","url":"http://127.0.0.1:1/x"})").status == 409);
    for (const auto& [body, pointer] :
         {std::pair{R"({"name":"q"})", "/url"},
          {R"({"name":"q","url":"ftp://x"})", "/url"},
          {R"({"name":"Not a name","url":"http://x"})", "/name"},
          {R"({"url":"http://x"})", "/name"},
          {R"({"name":"q","url":"http://x","events":["action.done"]})", "/events/0"},
          {R"({"name":"q","url":"http://x","events":[]})", "/events"},
          {R"({"name":"q","url":"http://x","events":["*x"]})", "/events/0"},
          {R"({"name":"q","url":"http://x","secret":"short"})", "/secret"}}) {
        INFO(body);
        const auto refused = world.post("/v1/webhooks", body);
        CHECK(refused.status == 422);
        CHECK(refused.pointers() == std::vector<std::string>{pointer});
    }
    CHECK(world.request("DELETE", "/v1/webhooks/p").status == 204);
    CHECK(world.request("DELETE", "/v1/webhooks/p").status == 404);
    CHECK(world.cluster->list(types::kSecrets, {.ns = "default"}).items.empty());
}

TEST_CASE("a delivery is signed as Standard Webhooks are") {
    // The example of the Standard Webhooks specification, whose key is given in base64.
    const std::string body = R"({"test": 2432232314})";
    const auto headers =
        signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", SystemTime{std::chrono::seconds{1614265330}}, body,
                       Secret(base64_decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")));
    CHECK(headers.at(2).second == "1614265330");
    CHECK(headers.at(3).second == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST_CASE("a webhook wants what its patterns name") {
    Webhook hook;
    hook.events = {"action.*", "phase.failed"};
    CHECK(hook.wants("action.completed"));
    CHECK(hook.wants("phase.failed"));
    CHECK_FALSE(hook.wants("phase.started"));
    CHECK(is_event_pattern("*"));
    CHECK(is_event_pattern("phase.*"));
    CHECK_FALSE(is_event_pattern(""));
    CHECK_FALSE(is_event_pattern("action"));
}

}  // namespace fencepost::api
