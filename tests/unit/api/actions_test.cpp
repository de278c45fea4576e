// The REST action API: creating, seeing, listing, waiting, cancelling.
#include "api_world.h"

namespace fencepost::api {

using Catch::Contains;
using Strings = std::vector<std::string>;

TEST_CASE("an action is created with what the binding says, and shows phases, outputs and artifacts") {
    ApiWorld world;
    const auto answer = world.post(
        "/v1/actions", std::string("{\"action\":\"backup\",") + ApiWorld::kSubject +
                           R"(,"profile":{"name":"store"},"options":{"level":"full"},"timeout":"1m"})");
    REQUIRE(answer.status == 201);
    const std::string id = answer.body["id"].string_or("");
    CHECK_THAT(id, Catch::StartsWith("backup-"));
    CHECK(answer.header("Location") == "/v1/actions/" + id);
    CHECK(answer.body["blueprint"] == Value("bp"));
    CHECK_THAT(answer.body["bindingReason"].string_or(""), Contains("databases"));
    CHECK(answer.body["subject"] ==
          parse_json(
              R"({"apiVersion":"v1","kind":"Secret","name":"db","namespace":"app","resource":"secrets"})"));

    const Value done = world.finish(id);
    INFO(to_json(done, {.indent = "  "}));
    CHECK(done["state"] == Value("complete"));
    REQUIRE(done["phases"].as_list().size() == 1);
    const Value& phase = done["phases"].as_list()[0];
    CHECK(phase["name"] == Value("make"));
    CHECK(phase["state"] == Value("complete"));
    CHECK(phase["attempts"] == Value(1));
    CHECK_NOTHROW(parse_rfc3339(phase["startedAt"].string_or("")));
    CHECK_NOTHROW(parse_rfc3339(phase["endedAt"].string_or("")));
    CHECK(done.get("artifacts", "made", "keyValue", "name") == phase.get("outputs", "name"));
    CHECK(done.get("artifacts", "made", "keyValue", "level") == Value("full"));
    CHECK(done.get("profile", "name") == Value("store"));
    CHECK(done["options"] == parse_json(R"({"level":"full"})"));
    CHECK(done["timeout"] == Value("1m"));
    CHECK(done["error"].is_nil());
    // The same truth as an object.
    CHECK(world.get("/apis/cr.kanister.io/v1alpha1/namespaces/default/actionsets/" + id)
              .body.get("status", "state") == Value("complete"));
}

TEST_CASE("everything that is wrong with a request is told at once, each at its pointer") {
    ApiWorld world;
    const auto answer = world.post(
        "/v1/actions",
        R"({"acton":"backup","subject":{"resource":"secretz","name":"db","namespace":"app","colour":1},
        "profile":{"name":"nowhere"},"options":{"a":1,"b/c":true},"timeout":"soon","blueprint":7})");
    CHECK(answer.status == 422);
    CHECK(answer.header("Content-Type") == "application/problem+json");
    CHECK(answer.body["status"] == Value(422));
    CHECK(answer.body["title"] == Value("Unprocessable Content"));
    CHECK(answer.body["type"] == Value("about:blank"));
    CHECK_THAT(answer.body["detail"].string_or(""), Contains("more)"));
    CHECK_THAT(answer.cause("/acton"), Contains("not known") && Contains("did you mean 'action'"));
    CHECK_THAT(answer.cause("/action"), Contains("is required"));
    CHECK_THAT(answer.cause("/subject/colour"), Contains("not known"));
    CHECK_THAT(answer.cause("/profile/name"), Contains("no Profile default/nowhere"));
    CHECK_THAT(answer.cause("/options/a"), Contains("expected a string"));
    CHECK_THAT(answer.cause("/options/b~1c"), Contains("expected a string"));
    CHECK_THAT(answer.cause("/timeout"), Contains("soon"));
    CHECK(world.cluster->list(types::kActionSets, {}).items.empty());
}

TEST_CASE("requests that are wrong in one way are answered with the pointer and what would be right") {
    ApiWorld world;
    struct Case {
        const char* body;
        const char* pointer;
        const char* text;
    };
    const std::string subject = ApiWorld::kSubject;
    for (
        const auto& [body, pointer, text] : {
            Case{"[]", "", "expected an object"},
            {R"({"action":"backup"})", "/subject", "is required"},
            {R"({"action":"backup","subject":"db"})", "/subject", "expected an object"},
            {R"({"action":"backup","subject":{"resource":"secretz","name":"db","namespace":"app"}})",
             "/subject/resource", "did you mean 'secrets'"},
            {R"({"action":"backup","subject":{"kind":"Sekret","name":"db","namespace":"app"}})",
             "/subject/kind", "did you mean 'Secret'"},
            {R"({"action":"backup","subject":{"kind":"Secret","name":"db"}})", "/subject/namespace",
             "is required"},
            {R"({"action":"backup","subject":{"kind":"Secret","namespace":"app"}})", "/subject/name",
             "is required"},
            {R"({"action":"backup","subject":{"kind":"Secret","name":"nobody","namespace":"app"}})",
             "/subject", "there is no"},
            {R"({"action":"backup","subject":{"kind":"ConfigMap","name":"gate","namespace":"app"}})",
             "/blueprint", "no binding matches"},
            {R"({"action":"backup","blueprint":"nope","subject":{"kind":"Secret","name":"db","namespace":"app"}})",
             "/blueprint", "no Blueprint default/nope"},
            {R"({"action":"bakcup","subject":{"kind":"Secret","name":"db","namespace":"app"}})", "/action",
             "did you mean 'backup'"},
            {R"({"action":"","subject":{"kind":"Secret","name":"db","namespace":"app"}})", "/action",
             "is required"},
            {R"({"action":"backup","timeout":"-1s","subject":{"kind":"Secret","name":"db","namespace":"app"}})",
             "/timeout", "has passed"},
            {R"({"action":"backup","deadline":"2001-01-01T00:00:00Z","subject":{"kind":"Secret","name":"db","namespace":"app"}})",
             "/deadline", "has passed"},
            {R"({"action":"backup","deadline":"2999-01-01T00:00:00Z","timeout":"1s","subject":{"kind":"Secret","name":"db","namespace":"app"}})",
             "/deadline", "beside timeout"},
            {R"({"action":"restore","from":"nobody","subject":{"kind":"Secret","name":"db","namespace":"app"}})",
             "/from", "there is no action 'nobody'"},
        }) {
        INFO(body);
        const auto answer = world.post("/v1/actions", body);
        INFO(answer.text);
        CHECK(answer.status == 422);
        CHECK(answer.pointers() == Strings{pointer});
        CHECK_THAT(answer.cause(pointer), Contains(text));
    }
    CHECK(world.cluster->list(types::kActionSets, {}).items.empty());
}

TEST_CASE(
    "a body that is no JSON, another content type, another method and another path have their own status") {
    ApiWorld world;
    CHECK(world.post("/v1/actions", "{\"action\":").status == 400);
    CHECK(world.post("/v1/actions", "").status == 400);
    CHECK(world.request("POST", "/v1/actions", "{}", {{"Content-Type", "text/plain"}}).status == 415);
    CHECK(world.request("POST", "/v1/actions", "{}", {{"Content-Type", "application/JSON; charset=utf-8"}})
              .status == 422);
    const auto method = world.request("DELETE", "/v1/actions");
    CHECK(method.status == 405);
    CHECK_THAT(method.header("Allow"), Contains("GET") && Contains("POST"));
    CHECK(method.header("Content-Type") == "application/problem+json");
    for (const char* path :
         {"/v1/actions/nobody", "/v1/actions/nobody/logs", "/v1/nothing", "/nothing", "/v1/actions/"}) {
        INFO(path);
        const auto answer = world.get(path);
        CHECK(answer.status == 404);
        CHECK(answer.body["status"] == Value(404));
    }
    CHECK(world.post("/v1/actions/nobody/cancel", "{}").status == 404);
    CHECK(world.request("HEAD", "/v1/actions").status == 200);
    CHECK(world.post("/v1/actions", "{\"action\":\"" + std::string(9U << 20U, 'x') + "\"}").status == 413);
}

TEST_CASE("an Idempotency-Key makes one action of the same request, and refuses another") {
    ApiWorld world;
    const std::string body = std::string("{\"action\":\"backup\",") + ApiWorld::kSubject + "}";
    const net::Headers key{{"Idempotency-Key", "backup of monday"}};
    const auto first = world.post("/v1/actions", body, key);
    const auto second = world.post("/v1/actions", body, key);
    CHECK(first.status == 201);
    CHECK(second.status == 201);
    CHECK(first.body["id"] == second.body["id"]);
    CHECK(second.header("Location") == "/v1/actions/" + first.body["id"].string_or(""));
    CHECK(world.post("/v1/actions", body, {{"Idempotency-Key", "of tuesday"}}).body["id"] !=
          first.body["id"]);
    const auto other =
        world.post("/v1/actions", std::string("{\"action\":\"broken\",") + ApiWorld::kSubject + "}", key);
    CHECK(other.status == 422);
    CHECK_THAT(other.body["detail"].string_or(""), Contains("used before with another body"));
    CHECK(world.post("/v1/actions", body, {{"Idempotency-Key", std::string(256, 'k')}}).status == 400);

    std::vector<std::string> ids(8);
    {
        TaskGroup threads;
        for (auto& id : ids)
            threads.spawn([&] {
                id = world.post("/v1/actions", body, {{"Idempotency-Key", "at once"}})
                         .body["id"]
                         .string_or("");
            });
    }
    CHECK(ids == std::vector<std::string>(8, ids.front()));
    CHECK(world.cluster->list(types::kActionSets, {}).items.size() == 3);
}

TEST_CASE("an Idempotency-Key gives the same answer for a day, also after the action has ended") {
    ApiWorld world;
    const std::string body = std::string("{\"action\":\"backup\",") + ApiWorld::kSubject + "}";
    const net::Headers key{{"Idempotency-Key", "nightly"}};
    const auto first = world.post("/v1/actions", body, key);
    CHECK(first.header("Idempotency-Replayed").empty());
    (void)world.finish(first.body["id"].as_string());
    const auto again = world.post("/v1/actions", body, key);
    CHECK(again.text == first.text);
    CHECK(again.header("Idempotency-Replayed") == "true");
    world.clock.ahead = std::chrono::hours(23);
    CHECK(world.post("/v1/actions", body, key).text == first.text);
    world.clock.ahead = std::chrono::hours(25);
    const auto next_day = world.post("/v1/actions", body, key);
    CHECK(next_day.status == 201);
    CHECK(next_day.body["id"] != first.body["id"]);
    CHECK(world.post("/v1/actions", body, key).text == next_day.text);
}

TEST_CASE("an action's ETag is the same until it changes, and a change can be bound to it") {
    ApiWorld world;
    const std::string id = world.start("slow");
    world.wait_until(id, "running");
    const auto seen = world.get("/v1/actions/" + id);
    const std::string etag = seen.header("ETag");
    REQUIRE(etag.size() > 2);
    const auto same = world.request("GET", "/v1/actions/" + id, "", {{"If-None-Match", "\"0\", " + etag}});
    CHECK(same.status == 304);
    CHECK(same.text.empty());
    CHECK(world.request("GET", "/v1/actions/" + id, "", {{"If-None-Match", "\"0\""}}).status == 200);
    const auto stale = world.post("/v1/actions/" + id + "/cancel", "", {{"If-Match", "\"0\""}});
    CHECK(stale.status == 412);
    CHECK_THAT(stale.body["detail"].string_or(""), Contains("has changed since"));
    CHECK(world.get("/v1/actions/" + id).body["state"] == Value("running"));
    CHECK(world.post("/v1/actions/" + id + "/cancel", "", {{"If-Match", etag}}).status == 202);
    (void)world.finish(id);
    CHECK(world.request("GET", "/v1/actions/" + id, "", {{"If-None-Match", etag}}).status == 200);
}

TEST_CASE("a failed action is retried as a new one, once for a key") {
    ApiWorld world;
    const std::string failed = world.complete("later")["id"].as_string();
    CHECK(world.post("/v1/actions/" + failed + "/retry", R"({"x":1})").status == 422);
    CHECK(world.post("/v1/actions/nobody/retry", "").status == 404);
    world.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: late, namespace: app}}");
    const auto retried = world.post("/v1/actions/" + failed + "/retry", "", {{"Idempotency-Key", "k"}});
    REQUIRE(retried.status == 201);
    CHECK(retried.body["retryOf"] == Value(failed));
    CHECK_THAT(retried.body["bindingReason"].string_or(""), Contains("databases"));
    const std::string id = retried.body["id"].as_string();
    CHECK(world.finish(id)["state"] == Value("complete"));
    CHECK(world.post("/v1/actions/" + failed + "/retry", "", {{"Idempotency-Key", "k"}}).text ==
          retried.text);
    const auto refused = world.post("/v1/actions/" + id + "/retry", "");
    CHECK(refused.status == 409);
    CHECK_THAT(refused.body["detail"].string_or(""), Contains("is complete"));
}

TEST_CASE("a resumed action does not run again what was done, and has its outputs") {
    ApiWorld world;
    const Value failed = world.complete("later");
    CHECK(failed["state"] == Value("failed"));
    const Value made = failed["phases"].as_list()[0].get("outputs", "name");
    world.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: late, namespace: app}}");
    // A blueprint that was changed meanwhile is not what it goes on with.
    world.cluster->patch({types::kBlueprints, "default", "bp"}, cluster::PatchType::kMerge,
                         parse_json(R"({"actions":{"later":null}})"));
    const auto resumed = world.post("/v1/actions/" + failed["id"].as_string() + "/resume", "");
    REQUIRE(resumed.status == 201);
    CHECK(resumed.body["resumeOf"] == failed["id"]);
    const Value done = world.finish(resumed.body["id"].as_string());
    INFO(to_json(done, {.indent = "  "}));
    CHECK(done["state"] == Value("complete"));
    CHECK(done["phases"].as_list()[0]["startedAt"] == failed["phases"].as_list()[0]["startedAt"]);
    CHECK(done["phases"].as_list()[1]["state"] == Value("complete"));
    CHECK(done.get("artifacts", "made", "keyValue", "name") == made);
    int count = 0;
    for (const Value& map : world.cluster->list(types::kConfigMaps, {.ns = "app"}).items)
        count += cluster::name_of(map).starts_with("made-") ? 1 : 0;
    CHECK(count == 1);
    const auto artifacts = world.get("/v1/actions/" + done["id"].as_string() + "/artifacts");
    CHECK(artifacts.body["items"].as_list().at(0)["name"] == Value("made"));
    CHECK(artifacts.body["items"].as_list().at(0).get("keyValue", "name") == made);
}

TEST_CASE("artifacts are listed across actions, by subject and name, the newest first") {
    ApiWorld world;
    CHECK(world.get("/v1/artifacts").body["items"] == Value(List{}));
    const Value first = world.complete();
    const Value second = world.complete();
    const Value all = world.get("/v1/artifacts?sort=id").body;
    REQUIRE(all["items"].as_list().size() == 2);
    for (const Value& item : all["items"].as_list()) {
        const Value& action = item["action"] == first["id"] ? first : second;
        CHECK(item["id"].as_string() == action["id"].as_string() + "/made");
        CHECK(item["name"] == Value("made"));
        CHECK(item["keyValue"] == action.get("artifacts", "made", "keyValue"));
        CHECK(item["subject"] == action["subject"]);
        CHECK(item["createdAt"] == action["endedAt"]);
    }
    const Value page = world.get("/v1/artifacts?sort=id&limit=1").body;
    CHECK(page["items"].as_list().at(0) == all["items"].as_list().at(0));
    const Value rest = world.get("/v1/artifacts?sort=id&limit=1&cursor=" + page["next"].as_string()).body;
    CHECK(rest["items"].as_list().at(0) == all["items"].as_list().at(1));
    CHECK(rest["next"].is_nil());
    const auto count = [&](const std::string& query) {
        return world.get("/v1/artifacts?" + query).body["items"].as_list().size();
    };
    CHECK(count("artifact=made") == 2);
    CHECK(count("artifact=other") == 0);
    CHECK(count("subject=" + first.get("subject", "name").as_string()) == 2);
    CHECK(count("subject=somebody-else") == 0);
    CHECK(count("name=restore") == 0);
}

TEST_CASE("what cannot be resumed says why") {
    ApiWorld world;
    const Value complete = world.complete();
    CHECK(world.post("/v1/actions/" + complete["id"].as_string() + "/resume", "").status == 409);
    // Its deferPhase has run.
    const std::string id = world.start("slow");
    world.wait_until(id, "running");
    CHECK(world.post("/v1/actions/" + id + "/resume", "").status == 409);
    (void)world.post("/v1/actions/" + id + "/cancel", "");
    (void)world.finish(id);
    const auto refused = world.post("/v1/actions/" + id + "/resume", "");
    CHECK(refused.status == 409);
    CHECK_THAT(refused.body["detail"].string_or(""), Contains("deferPhase has cleaned up"));
    CHECK_THAT(refused.body["hint"].string_or(""), Contains("/retry"));
    // The same by the object alone: no request that could be refused.
    const Value made = world.create(
        "{apiVersion: cr.kanister.io/v1alpha1, kind: ActionSet, metadata: {name: again, namespace: default, "
        "annotations: {fencepost.io/resumes: " +
        id +
        "}}, spec: {actions: [{name: slow, blueprint: bp, object: {kind: Secret, apiVersion: v1, resource: "
        "secrets, name: db, namespace: app}}]}}");
    CHECK_THAT(world.finish("again").get("error", "message").string_or(""), Contains("cannot be resumed"));
}

TEST_CASE("events are numbered, come after the last one seen, and as a stream end with the action") {
    ApiWorld world;
    const std::string id = world.start("slow");
    world.wait_until(id, "running");
    TaskGroup opener;
    opener.spawn([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        world.open_gate();
    });
    const std::string path = "/v1/actions/" + id + "/events";
    const auto stream = world.request("GET", path, "", {{"Accept", "text/event-stream"}});
    CHECK(stream.status == 200);
    CHECK(stream.header("Content-Type") == "text/event-stream");
    Strings types;
    std::size_t at = 0;
    while ((at = stream.text.find("\nevent: ", at)) != std::string::npos) {
        at += 8;
        types.push_back(stream.text.substr(at, stream.text.find('\n', at) - at));
    }
    std::erase(types, "progress");
    CHECK(types == Strings{"action.started", "phase.started", "phase.completed", "phase.started",
                           "phase.completed", "action.completed"});
    CHECK_THAT(stream.text, Contains("\nid: 6\nevent: action.completed\ndata: {"));

    const auto seq = [](const Value& body) {
        std::vector<std::int64_t> result;
        for (const Value& item : body["items"].as_list()) result.push_back(item["seq"].as_int());
        return result;
    };
    CHECK(seq(world.get(path).body) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
    CHECK(seq(world.request("GET", path, "", {{"Last-Event-ID", "4"}}).body) ==
          std::vector<std::int64_t>{5, 6});
    const auto rest =
        world.request("GET", path, "", {{"Last-Event-ID", "5"}, {"Accept", "text/event-stream"}});
    CHECK_THAT(rest.text, Contains("id: 6\n") && !Contains("id: 5\n"));
    for (const char* wrong : {"x", "-1", "5x", "99999999999999999999"})
        CHECK(world.request("GET", path, "", {{"Last-Event-ID", wrong}}).status == 400);
    CHECK(world.get("/v1/actions/nobody/events").status == 404);
}

TEST_CASE("?wait answers at the end of the action or of the time, whichever is first") {
    ApiWorld world;
    const std::string id = world.start("slow");
    const auto began = std::chrono::steady_clock::now();
    CHECK(world.get("/v1/actions/" + id + "?wait=200ms").body["state"] == Value("running"));
    CHECK(std::chrono::steady_clock::now() - began >= std::chrono::milliseconds(200));
    TaskGroup opener;
    opener.spawn([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        world.open_gate();
    });
    const Value done = world.finish(id);
    CHECK(done["state"] == Value("complete"));
    CHECK(done["phases"].as_list()[1]["isDefer"] == Value(true));
    CHECK(world.get("/v1/actions/" + id + "?wait=never").status == 400);
    CHECK(world.get("/v1/actions/nobody?wait=10s").status == 404);
}

TEST_CASE("cancel is accepted once, the deferPhase runs, and what has ended cannot be cancelled") {
    ApiWorld world;
    const std::string id = world.start("slow");
    world.wait_until(id, "running");
    CHECK(world.post("/v1/actions/" + id + "/cancel", "").status == 202);
    const Value done = world.finish(id);
    CHECK(done["state"] == Value("cancelled"));
    CHECK(done["phases"].as_list()[1]["state"] == Value("complete"));
    CHECK(world.post("/v1/actions/" + id + "/cancel", "").status == 200);
    const Value other = world.complete();
    const auto refused = world.post("/v1/actions/" + other["id"].string_or("") + "/cancel", "");
    CHECK(refused.status == 409);
    CHECK_THAT(refused.body["detail"].string_or(""), Contains("is complete already"));
}

TEST_CASE("a failed action tells its error and its phase's; it gives no artifacts to a later one") {
    ApiWorld world;
    const Value failed = world.complete("broken");
    CHECK(failed["state"] == Value("failed"));
    CHECK_THAT(failed.get("error", "message").string_or(""), Contains("phase 'fail'") && Contains("nobody"));
    CHECK_THAT(failed["phases"].as_list()[0]["error"].string_or(""), Contains("nobody"));
    CHECK(failed["artifacts"] == Value(Map{}));
    const auto answer =
        world.post("/v1/actions", "{\"action\":\"restore\",\"from\":\"" + failed["id"].string_or("") + "\"}");
    CHECK(answer.status == 422);
    CHECK_THAT(answer.cause("/from"), Contains("is failed") && Contains("only a complete action"));
}

TEST_CASE("an action from an earlier one takes over its subject, blueprint, profile and artifacts") {
    ApiWorld world;
    const Value backup = world.complete("backup", R"(,"profile":{"name":"store"})");
    const auto answer =
        world.post("/v1/actions", "{\"action\":\"restore\",\"from\":\"" + backup["id"].string_or("") + "\"}");
    REQUIRE(answer.status == 201);
    CHECK(answer.body["from"] == backup["id"]);
    CHECK(answer.body["subject"] == backup["subject"]);
    CHECK(answer.body["blueprint"] == Value("bp"));
    CHECK(answer.body.get("profile", "name") == Value("store"));
    CHECK(world.finish(answer.body["id"].string_or(""))["state"] == Value("complete"));
    const std::string made = backup.get("artifacts", "made", "keyValue", "name").string_or("");
    CHECK_THROWS_AS(world.cluster->get({types::kConfigMaps, "app", made}), Error);
}

TEST_CASE("the list is newest first, in pages that lose and repeat nothing, and can be filtered") {
    ApiWorld world;
    std::vector<std::string> all;
    for (int i = 0; i < 5; ++i) all.push_back(world.complete()["id"].string_or(""));
    const std::string broken = world.complete("broken")["id"].string_or("");
    const auto ids = [](const Value& body) {
        std::vector<std::string> result;
        for (const Value& item : body["items"].list_or_empty()) result.push_back(item["id"].string_or(""));
        return result;
    };
    CHECK(ids(world.get("/v1/actions").body).size() == 6);
    CHECK(world.get("/v1/actions").body["next"].is_nil());
    CHECK(ids(world.get("/v1/actions?state=failed").body) == Strings{broken});
    CHECK(ids(world.get("/v1/actions?name=backup&state=complete").body).size() == 5);
    CHECK(ids(world.get("/v1/actions?name=restore").body).empty());
    for (const char* subject : {"db", "secret/db", "secrets/db", "Secret/db", "app/secret/db"})
        CHECK(ids(world.get(std::string("/v1/actions?subject=") + subject).body).size() == 6);
    for (const char* subject : {"b", "pod/db", "other/secret/db", "secret/d"})
        CHECK(ids(world.get(std::string("/v1/actions?subject=") + subject).body).empty());

    Strings paged;
    std::string next;
    int pages = 0;
    do {
        const Value page = world.get("/v1/actions?limit=2" + (next.empty() ? "" : "&cursor=" + next)).body;
        for (const std::string& id : ids(page)) paged.push_back(id);
        next = page["next"].string_or("");
    } while (!next.empty() && ++pages < 10);
    CHECK(paged == ids(world.get("/v1/actions").body));
    std::vector<std::string> created;
    const Value list = world.get("/v1/actions").body;
    for (const Value& item : list["items"].as_list()) created.push_back(item["createdAt"].string_or(""));
    CHECK(std::is_sorted(created.rbegin(), created.rend()));

    Strings oldest_first = ids(world.get("/v1/actions?sort=createdAt").body);
    CHECK(oldest_first.size() == 6);
    CHECK(ids(world.get("/v1/actions?sort=-id").body).front() >
          ids(world.get("/v1/actions?sort=id").body).front());
    const Value sorted = world.get("/v1/actions?sort=-state&limit=1").body;
    CHECK(ids(sorted) == Strings{broken});
    CHECK(ids(world.get("/v1/actions?sort=-state&limit=500&cursor=" + sorted["next"].as_string()).body)
              .size() == 5);
    CHECK(world.get("/v1/actions?sort=state&cursor=" + sorted["next"].as_string()).status == 400);
    CHECK(ids(world.get("/v1/actions?blueprint=bp&namespace=app").body).size() == 6);
    CHECK(ids(world.get("/v1/actions?namespace=other").body).empty());

    for (const char* query : {"limit=0", "limit=501", "limit=x", "limit=-1", "limit=", "cursor=zz",
                              "cursor=ff", "cursor=", "sort=colour", "state=done", "state="}) {
        INFO(query);
        CHECK(world.get(std::string("/v1/actions?") + query).status == 400);
    }
}

TEST_CASE("logs come as text, of one phase or all, and are followed to their end") {
    ApiWorld world;
    const std::string id = world.complete()["id"].string_or("");
    const auto all = world.get("/v1/actions/" + id + "/logs");
    CHECK(all.status == 200);
    CHECK_THAT(all.header("Content-Type"), Catch::StartsWith("text/plain"));
    CHECK(all.text == "first line of " + id + "\nlast line\n");
    CHECK(world.get("/v1/actions/" + id + "/logs?phase=make").text ==
          "first line of " + id + "/make\nlast line\n");
    const auto unknown = world.get("/v1/actions/" + id + "/logs?phase=nope");
    CHECK(unknown.status == 404);
    CHECK_THAT(unknown.body["detail"].string_or(""), Contains("no phase 'nope' (has: make)"));
    TaskGroup ender;
    ender.spawn([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        world.log_goes_on = false;
    });
    CHECK_THAT(world.get("/v1/actions/" + id + "/logs?follow=true").text, Catch::EndsWith("last line\n"));
}

}  // namespace fencepost::api
