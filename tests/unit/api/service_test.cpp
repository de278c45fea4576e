// Health, metrics, bindings, obligations, and who may talk to the server at all.
#include <set>

#include "api_world.h"

namespace fencepost::api {

using Catch::Contains;

TEST_CASE("health, readiness, version and the index answer") {
    ApiWorld world;
    CHECK(world.get("/healthz").text == "ok\n");
    CHECK(world.get("/readyz").text == "ok\n");
    CHECK(world.get("/version").body["gitVersion"] == Value("v1.34.0+fencepost.1.2.3"));
    const auto index = world.get("/");
    CHECK(index.body["name"] == Value("fencepost"));
    for (const Value& route : index.body["routes"].as_list()) {
        const std::string path = route["path"].as_string();
        const bool needs_more = path.find('{') != std::string::npos || path.ends_with("explain");
        if (route["method"] != Value("GET") || needs_more) continue;
        INFO(path);
        CHECK(world.get(path).status == 200);
    }
}

TEST_CASE("metrics count actions, phases and requests in Prometheus' text format") {
    ApiWorld world;
    (void)world.complete();
    (void)world.complete("broken");
    (void)world.get("/v1/actions/nobody");
    std::string text;
    CHECK(eventually([&] {
        text = world.get("/metrics").text;
        return text.find("fencepost_actions{state=\"failed\"} 1") != std::string::npos;
    }));
    CHECK_THAT(text, Contains("# TYPE fencepost_actions gauge") &&
                         Contains("fencepost_actions{state=\"complete\"} 1"));
    CHECK_THAT(text, Contains("fencepost_phase_duration_seconds_count{action=\"backup\",phase=\"make\"") ||
                         Contains("phase=\"make\""));
    CHECK_THAT(text, Contains("fencepost_http_requests_total{") && Contains("code=\"404\"") &&
                         Contains("route=\"/v1/actions/{id}\""));
    CHECK_THAT(text, Contains("fencepost_obligations_open 0") && Contains("fencepost_store_bytes 4711"));
    CHECK_THAT(text, Contains("fencepost_obligations_overdue_seconds 0") &&
                         Contains("fencepost_oldest_running_action_seconds 0"));
    CHECK_THAT(text, Contains("fencepost_last_success_timestamp_seconds{action=\"backup\",kind=\"") &&
                         !Contains("fencepost_last_success_timestamp_seconds{action=\"broken\""));
    CHECK_THAT(text, !Contains("nobody"));  // no label grows with what clients ask for
    CHECK_THAT(world.get("/metrics").header("Content-Type"), Catch::StartsWith("text/plain; version=0.0.4"));
}

TEST_CASE("explain tells which blueprint would run and why") {
    ApiWorld world;
    const auto bound = world.get("/v1/bindings/explain?resource=secrets&namespace=app&name=db");
    CHECK(bound.status == 200);
    CHECK_THAT(bound.text, Contains("databases") && Contains("bp"));
    CHECK(world.get("/v1/bindings/explain?kind=Secret&namespace=app&name=db").status == 200);
    CHECK(world.get("/v1/bindings/explain?resource=secrets").status == 400);
    CHECK(world.get("/v1/bindings/explain?resource=nothings&name=x").status == 404);
    CHECK(world.get("/v1/bindings/explain?resource=secrets&namespace=app&name=nobody").status == 404);
}

TEST_CASE("the OpenAPI document has every route that there is, and no other") {
    ApiWorld world;
    using Names = std::set<std::string>;
    Names served;
    const Value index = world.get("/").body;
    for (const Value& route : index["routes"].as_list()) {
        const std::string path = route["path"].as_string();
        // Kubernetes' paths describe themselves; its clients have a spelling of /version of their own.
        if (path == "/api" || path == "/apis" || path.starts_with("/api/") || path.starts_with("/apis/") ||
            path.starts_with("/openapi/") || path == "/version/")
            continue;
        served.insert(route["method"].as_string() + " " + path);
    }
    const auto answer = world.get("/openapi.json");
    CHECK(answer.header("Content-Type") == "application/json");
    CHECK(answer.body["openapi"] == Value("3.1.0"));
    Names described, operations;
    for (const auto& [path, item] : answer.body["paths"].as_map()) {
        for (const char* method : {"get", "post", "put", "patch", "delete"}) {
            if (item[method].is_nil()) continue;
            std::string upper(method);
            for (char& c : upper) c = static_cast<char>(std::toupper(c));
            described.insert(upper + " " + path);
            CHECK(operations.insert(item.get(method, "operationId").string_or("")).second);
        }
    }
    CHECK(served == described);
    CHECK(served.size() > 15);
}

TEST_CASE("every reference of the OpenAPI document leads somewhere") {
    ApiWorld world;
    const Value document = world.get("/openapi.json").body;
    std::size_t references = 0;
    const std::function<void(const Value&)> walk = [&](const Value& value) {
        for (const Value& item : value.list_or_empty()) walk(item);
        for (const auto& [key, member] : value.map_or_empty()) {
            if (key == "$ref") {
                INFO(member.as_string());
                const Value* target = &document;
                std::string_view rest = member.as_string();
                REQUIRE(rest.starts_with("#/"));
                rest.remove_prefix(2);
                while (!rest.empty()) {
                    const std::string_view step = rest.substr(0, rest.find('/'));
                    target = &(*target)[step];
                    rest.remove_prefix(std::min(step.size() + 1, rest.size()));
                }
                CHECK(target->is_map());
                ++references;
            }
            walk(member);
        }
    };
    walk(document);
    CHECK(references > 50);
}

TEST_CASE("an open obligation can be given longer or released now, a discharged one cannot") {
    ApiWorld world;
    const std::string id = world.start("slow");
    world.wait_until(id, "running");
    const std::string uid = cluster::uid_of(world.cluster->get({types::kActionSets, "default", id}));
    const std::string path = "/v1/obligations/obligation-1";
    // Its pod is gone, which proves that there is nothing to undo.
    const std::string now = format_rfc3339(world.clock.now());
    const std::string hour = format_rfc3339(world.clock.now() + std::chrono::hours(1));
    world.create(
        "{apiVersion: fencepost.io/v1alpha1, kind: Obligation, metadata: {name: obligation-1, namespace: "
        "default}, spec: {kind: fence, description: it is fenced, deadline: '" +
        hour + "', action: slow, actionSet: {name: " + id + ", namespace: default, uid: " + uid +
        "}, subject: {namespace: app}, pod: {namespace: app, name: gone, uid: u}}, status: {state: Open, "
        "createdAt: '" +
        now + "'}}");
    const auto before = world.get(path);
    REQUIRE(before.status == 200);
    CHECK(before.body["state"] == Value("open"));

    const auto longer = world.post(path + "/extend", R"({"by":"1h"})");
    CHECK(longer.status == 200);
    CHECK(parse_rfc3339(longer.body["deadline"].as_string()) ==
          parse_rfc3339(before.body["deadline"].as_string()) + std::chrono::hours(1));
    for (const auto& [body, pointer] : {std::pair{R"({"by":"25h"})", "/by"},
                                        {R"({"by":"-1h"})", "/by"},
                                        {R"({"by":"soon"})", "/by"},
                                        {R"({"deadline":"2001-01-01T00:00:00Z"})", "/deadline"},
                                        {R"({"deadline":"x"})", "/deadline"},
                                        {R"({})", ""},
                                        {R"({"by":"1h","deadline":"2030-01-01T00:00:00Z"})", ""},
                                        {R"({"bye":"1h"})", "/bye"}}) {
        INFO(body);
        const auto refused = world.post(path + "/extend", body);
        CHECK(refused.status == 422);
        CHECK(refused.pointers().front() == pointer);
    }
    CHECK(world.post(path + "/release", R"({"why":"x"})").status == 422);
    const auto released = world.post(path + "/release", "");
    CHECK(released.status == 200);
    CHECK(released.body["state"] == Value("withdrawn"));
    CHECK(world.post(path + "/release", "").status == 409);
    CHECK(world.post(path + "/extend", R"({"by":"1h"})").status == 409);
    CHECK(world.get("/v1/obligations/nothing").status == 404);
    CHECK(world.post("/v1/obligations/nothing/release", "").status == 404);
}

TEST_CASE("obligations are listed open or all, and by no other word") {
    ApiWorld world;
    CHECK(world.get("/v1/obligations").body == parse_json(R"({"items":[]})"));
    CHECK(world.get("/v1/obligations?state=all").body == parse_json(R"({"items":[]})"));
    CHECK(world.get("/v1/obligations?state=open").status == 200);
    CHECK(world.get("/v1/obligations?state=some").status == 400);
}

TEST_CASE("the server listens on loopback only, and says so when its address is taken") {
    ApiWorld world;
    const auto start = [&](const char* host, std::uint16_t port) {
        (void)start_api({.host = host, .port = port}, *world.cluster, {}, world.clock, world.log);
    };
    for (const char* host : {"0.0.0.0", "192.0.2.1", "example.com", "::"}) {
        INFO(host);
        try {
            start(host, 0);
            FAIL("it listens");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::kInvalid);
            CHECK_THAT(error.what(), Contains(host));
        }
    }
    try {
        start("127.0.0.1", world.api->port());
        FAIL("two listen on one port");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::kFailedPrecondition);
    }
}

TEST_CASE("a web page cannot use the server through its visitor's browser") {
    ApiWorld world;
    const std::string port = std::to_string(world.api->port());
    // A name that was made to point at this host, and a page of another origin.
    CHECK(world.request("GET", "/v1/actions", "", {{"Host", "evil.example:" + port}}).status == 403);
    CHECK(world.request("GET", "/v1/actions", "", {{"Origin", "http://evil.example"}}).status == 403);
    CHECK(
        world.request("POST", "/v1/actions", "{}", {{"Content-Type", "application/json"}, {"Origin", "null"}})
            .status == 403);
    // What browsers send without asking first has no content type that is taken.
    const std::string pods = "/api/v1/namespaces/app/pods";
    const char* pod =
        R"({"metadata":{"name":"evil"},"spec":{"containers":[{"name":"c","image":"x","command":["true"]}]}})";
    CHECK(world.request("POST", pods, pod, {{"Content-Type", "text/plain"}}).status == 415);
    CHECK(world.request("POST", pods, pod, {{"Content-Type", ""}}).status == 415);
    CHECK(world.cluster->list(types::kPods, {}).items.empty());

    for (const std::string& host : {"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port,
                                    std::string("LOCALHOST"), std::string("127.0.0.1")}) {
        INFO(host);
        CHECK(world.request("GET", "/v1/actions", "", {{"Host", host}}).status == 200);
        CHECK(
            world.request("GET", "/v1/actions", "", {{"Host", host}, {"Origin", "http://" + host}}).status ==
            200);
    }
}

TEST_CASE("stopping ends the requests that wait") {
    ApiWorld world;
    const std::string id = world.start("slow");
    int status = 0;
    TaskGroup waiter;
    waiter.spawn([&] {
        try {
            status = world.get("/v1/actions/" + id + "?wait=60s").status;
        } catch (const Error&) {
            status = -1;
        }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const auto began = std::chrono::steady_clock::now();
    world.api->stop();
    waiter.join();
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
    CHECK((status == 503 || status == -1));
}

}  // namespace fencepost::api
