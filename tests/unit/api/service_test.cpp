// Health, metrics, bindings, obligations, and who may talk to the server at all.
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
    for (const Value& path : index.body["paths"].as_list()) {
        if (path.as_string().find('{') != std::string::npos ||
            path.as_string().find("explain") != std::string::npos)
            continue;
        INFO(path.as_string());
        CHECK(world.get(path.as_string()).status == 200);
    }
}

TEST_CASE("metrics count actions, phases and requests in Prometheus' text format") {
    ApiWorld world;
    (void)world.complete();
    (void)world.complete("broken");
    (void)world.get("/v1/actions/nobody");
    std::string text;
    for (int i = 0; i < 500 && text.find("fencepost_actions{state=\"failed\"} 1") == std::string::npos; ++i) {
        text = world.get("/metrics").text;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    CHECK_THAT(text, Contains("# TYPE fencepost_actions gauge") &&
                         Contains("fencepost_actions{state=\"complete\"} 1"));
    CHECK_THAT(text, Contains("fencepost_phase_duration_seconds_count{action=\"backup\",phase=\"make\"") ||
                         Contains("phase=\"make\""));
    CHECK_THAT(text, Contains("fencepost_http_requests_total{") && Contains("code=\"404\"") &&
                         Contains("route=\"/v1/actions/{id}\""));
    CHECK_THAT(text, Contains("fencepost_obligations_open 0") && Contains("fencepost_store_bytes 4711"));
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
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
    CHECK((status == 503 || status == -1));
}

}  // namespace fencepost::api
