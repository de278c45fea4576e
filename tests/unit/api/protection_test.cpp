// /v1/namespaces/NS/backups and its like: whole applications by REST, with the protector at work beside the
// API.
#include "api_world.h"
#include "protect/protector.h"
#include "tokens.h"

namespace fencepost::api {

using Catch::Contains;

namespace {

constexpr const char* kBackups = "/v1/namespaces/app/backups";

class ProtectionWorld : public ApiWorld {
  public:
    using ApiWorld::ApiWorld;
    std::string back_up(const std::string& body = "{}") {
        const Answer made = post(kBackups, body);
        INFO(made.text);
        REQUIRE(made.status == 201);
        CHECK(made.body["state"] == Value("pending"));
        const std::string place = made.header("Location");
        CHECK(place == std::string(kBackups) + "/" + made.body["id"].string_or(""));
        const Answer ended = get(place + "?wait=20s");
        INFO(ended.text);
        CHECK(ended.body["state"] == Value("complete"));
        return made.body["id"].as_string();
    }

  private:
    protect::Protector protector_{*world};
};

}  // namespace

TEST_CASE("a backup, its restore point and a restore of it by REST") {
    ProtectionWorld world;
    const std::string backup =
        world.back_up(R"({"filters":{"excludeResources":[{"resource":"configmaps"}]}})");
    const Value listed = world.get(kBackups).body["items"];
    REQUIRE(listed.as_list().size() == 1);
    CHECK(listed.as_list()[0]["id"] == Value(backup));
    CHECK(listed.as_list()[0].get("spec", "filters", "excludeResources").as_list().size() == 1);

    const Value points = world.get("/v1/restorepoints?namespace=app").body["items"];
    REQUIRE(points.as_list().size() == 1);
    const Value& point = points.as_list()[0];
    CHECK(point["backup"] == Value(backup));
    CHECK(point["requestedBy"] == Value("anybody on this host"));
    CHECK(listed.as_list()[0]["requestedBy"] == point["requestedBy"]);
    CHECK(point["restorePoint"]["name"] == Value(backup));
    CHECK(point["resources"].as_list().at(0)["blueprint"] == Value("bp"));
    CHECK(world.get("/v1/restorepoints?namespace=other").body["items"].as_list().empty());

    const auto restore =
        world.post("/v1/namespaces/app/restores", R"({"subject":{"name":")" + backup + R"("}})");
    INFO(restore.text);
    REQUIRE(restore.status == 201);
    const auto restored = world.get(restore.header("Location") + "?wait=20s");
    INFO(restored.text);
    CHECK(restored.body["state"] == Value("complete"));
    CHECK(world.post(restore.header("Location") + "/cancel", "{}").status == 409);

    const std::string path = "/v1/restorepoints/" + point["id"].as_string();
    const auto shown = world.get(path);
    CHECK(world.request("DELETE", path, "", {{"If-Match", "\"0\""}}).status == 412);
    CHECK(world.request("DELETE", path, "", {{"If-Match", shown.header("ETag")}}).status == 202);
    CHECK(eventually([&] { return world.get(path).status == 404; }));
}

TEST_CASE("the same Idempotency-Key is one backup") {
    ProtectionWorld world;
    const net::Headers key{{"Idempotency-Key", "nightly-1"}};
    const auto first = world.post(kBackups, "{}", key);
    const auto second = world.post(kBackups, "{}", key);
    CHECK(first.status == 201);
    CHECK(second.body["id"] == first.body["id"]);
    CHECK(second.header("Idempotency-Replayed") == "true");
    CHECK(world.post(kBackups, R"({"ignoreExceptions":true})", key).status == 422);
    CHECK(world.get(kBackups).body["items"].as_list().size() == 1);
}

TEST_CASE("what is wrong with an application's request is told at once, by pointer") {
    ProtectionWorld world;
    const auto wrong = world.post(
        kBackups,
        R"({"filter":{},"expiresAt":"tomorrow","filters":{"excludeResources":[{"resource":7,"nane":"x"}]},"cancel":true})");
    CHECK(wrong.status == 422);
    std::vector<std::string> pointers = wrong.pointers();
    std::sort(pointers.begin(), pointers.end());
    CHECK(pointers == std::vector<std::string>{"/cancel", "/expiresAt", "/filter",
                                               "/filters/excludeResources/0/nane",
                                               "/filters/excludeResources/0/resource"});
    CHECK_THAT(wrong.cause("/filter"), Contains("did you mean 'filters'?"));
    CHECK(world.post("/v1/namespaces/app/restores", "{}").pointers() == std::vector<std::string>{"/subject"});
    CHECK(
        world.post("/v1/namespaces/app/exports", R"({"subject":{"name":"x","kind":"Backup"}})").pointers() ==
        std::vector<std::string>{"/subject/kind", "/profile"});
    CHECK(world.post("/v1/namespaces/nowhere/backups", "{}").status == 404);
    CHECK(world.get("/v1/namespaces/app/backups/nobody").status == 404);
    CHECK(world.get("/v1/restorepoints/nobody").status == 404);
    CHECK(world.post("/v1/policies/default/nobody/run", "{}").status == 404);
}

TEST_CASE("a policy is run by REST") {
    ProtectionWorld world;
    world.create(
        "{apiVersion: fencepost.io/v1alpha1, kind: Policy, metadata: {name: nightly, namespace: default}, "
        "spec: "
        "{frequency: '@daily', selector: {matchExpressions: [{key: k10.kasten.io/appNamespace, operator: In, "
        "values: [app]}]}, actions: [{action: backup}]}}");
    CHECK(world.get("/v1/policies").body["items"].as_list().at(0)["frequency"] == Value("@daily"));
    const auto run =
        world.post("/v1/policies/default/nightly/run", R"({"expiresAt":"2099-01-01T00:00:00Z"})");
    INFO(run.text);
    REQUIRE(run.status == 201);
    const auto ended = world.get(run.header("Location") + "?wait=20s");
    INFO(ended.text);
    CHECK(ended.body["state"] == Value("complete"));
    const Value points = world.get("/v1/restorepoints").body["items"];
    REQUIRE(points.as_list().size() == 1);
    CHECK(points.as_list()[0]["policy"] == Value("nightly"));
    CHECK(points.as_list()[0]["expiresAt"] == Value("2099-01-01T00:00:00Z"));
}

TEST_CASE("A-17 who may view, back up, restore and delete is looked at in the application's namespace") {
    Tokens tokens;
    const std::string viewer = tokens.add("viewer", Role::kViewer, "app");
    const std::string here = tokens.add("here", Role::kOperator, "app");
    const std::string elsewhere = tokens.add("elsewhere", Role::kOperator, "other");
    ProtectionWorld world({.token_file = tokens.file});
    world.create("{apiVersion: v1, kind: Namespace, metadata: {name: other}}");
    CHECK(world.post(kBackups, "{}", bearer(viewer)).status == 403);
    CHECK(world.post(kBackups, "{}", bearer(elsewhere)).status == 403);
    const auto made = world.post(kBackups, "{}", bearer(here));
    REQUIRE(made.status == 201);
    const std::string place = made.header("Location");
    CHECK(world.request("GET", place + "?wait=20s", "", bearer(viewer)).body["state"] == Value("complete"));
    CHECK(world.request("GET", place, "", bearer(elsewhere)).status == 404);
    CHECK(world.post(place + "/cancel", "{}", bearer(viewer)).status == 403);
    const auto points = world.request("GET", "/v1/restorepoints", "", bearer(viewer)).body["items"];
    REQUIRE(points.as_list().size() == 1);
    CHECK(world.request("GET", "/v1/restorepoints", "", bearer(elsewhere)).body["items"].as_list().empty());
    const std::string id = points.as_list()[0]["id"].as_string();
    const std::string subject = R"({"subject":{"kind":"RestorePointContent","name":")" + id + R"("}})";
    CHECK(world.post("/v1/namespaces/other/restores", subject, bearer(elsewhere)).status == 403);
    CHECK(world.request("DELETE", "/v1/restorepoints/" + id, "", bearer(here)).status == 403);
    CHECK(world.request("DELETE", "/v1/restorepoints/" + id, "", bearer(elsewhere)).status == 404);
}

}  // namespace fencepost::api
