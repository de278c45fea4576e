// Who may use the API: the token file, roles by namespace, the gate in front of both APIs, the Unix socket.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "api/auth/identities.h"
#include "api/auth/rate_limit.h"
#include "api_world.h"
#include "base/files.h"
#include "tokens.h"

namespace fencepost::api {

using Catch::Contains;

TEST_CASE("tokens are kept as salted hashes in a file that nobody else may read") {
    Tokens tokens;
    const std::string token = tokens.add("platform", Role::kOperator, "app");
    const std::string twin = tokens.add("twin", Role::kAdmin, "*");
    const std::string text = read_file(tokens.file);
    CHECK(text.find(token) == std::string::npos);
    CHECK(text.find(token.substr(10)) == std::string::npos);
    CHECK(text.find(sha256_hex(token)) == std::string::npos);
    struct stat status{};
    REQUIRE(::stat(tokens.file.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
    CHECK(token != twin);

    const auto identities = read_identities(tokens.file);
    REQUIRE(identities.size() == 2);
    CHECK(has_token(identities[0], token));
    CHECK_FALSE(has_token(identities[0], twin));
    CHECK_FALSE(has_token(identities[0], ""));
    CHECK_FALSE(has_token(Identity{}, ""));
    CHECK(identities[0].grants.at(0).role == Role::kOperator);

    ::chmod(tokens.file.c_str(), 0640);
    try {
        (void)read_identities(tokens.file);
        FAIL("a file that others may read was read");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::kForbidden);
        CHECK_THAT(error.hint(), Contains("chmod 600"));
    }
}

TEST_CASE("changes of the token file at the same moment are all kept") {
    Tokens tokens;
    std::vector<std::thread> writers;
    for (int i = 0; i < 8; ++i)
        writers.emplace_back([&, i] { tokens.add("name-" + std::to_string(i), Role::kViewer, "*"); });
    for (std::thread& writer : writers) writer.join();
    CHECK(read_identities(tokens.file).size() == 8);
}

TEST_CASE("a role holds in its namespace, and everywhere with *; a higher one contains the lower ones") {
    const Access access("x", {{"app", Role::kOperator}, {"other", Role::kViewer}});
    CHECK(access.may(Role::kViewer, "app"));
    CHECK(access.may(Role::kOperator, "app"));
    CHECK_FALSE(access.may(Role::kAdmin, "app"));
    CHECK_FALSE(access.may(Role::kOperator, "other"));
    CHECK_FALSE(access.may(Role::kViewer, ""));
    CHECK_FALSE(access.may(Role::kViewer, "ap"));
    CHECK(access.may_anywhere(Role::kOperator));
    CHECK_FALSE(access.may_anywhere(Role::kAdmin));
    const Access everywhere("y", {{"*", Role::kViewer}});
    CHECK(everywhere.may(Role::kViewer, ""));
    CHECK(everywhere.may(Role::kViewer, "anything"));
    CHECK_FALSE(everywhere.may(Role::kOperator, "anything"));
}

TEST_CASE("without a token nothing but the probes answers, on either API") {
    Tokens tokens;
    const std::string token = tokens.add("admin", Role::kAdmin, "*");
    ApiWorld world({.token_file = tokens.file});
    for (const char* path : {"/healthz", "/livez", "/readyz"}) CHECK(world.get(path).status == 200);
    const std::vector<net::Headers> nobody{{},
                                           bearer(""),
                                           bearer("fencepost-"),
                                           bearer(token + "0"),
                                           bearer(token.substr(0, token.size() - 1)),
                                           {{"Authorization", "Basic " + base64_encode("admin:" + token)}},
                                           {{"Authorization", token}},
                                           {{"X-Remote-User", "admin"}}};
    for (const auto& headers : nobody) {
        for (const char* path : {"/", "/v1/actions", "/openapi.json", "/metrics", "/version"}) {
            INFO(path);
            const auto refused = world.request("GET", path, "", headers);
            CHECK(refused.status == 401);
            CHECK_THAT(refused.header("WWW-Authenticate"), Catch::StartsWith("Bearer"));
            CHECK(refused.header("Content-Type") == "application/problem+json");
        }
        for (const char* path : {"/api", "/apis", "/api/v1/namespaces/app/secrets/db",
                                 "/apis/cr.kanister.io/v1alpha1/namespaces/default/actionsets"}) {
            INFO(path);
            const auto refused = world.request("GET", path, "", headers);
            CHECK(refused.status == 401);
            CHECK(refused.body["kind"] == Value("Status"));
            CHECK(refused.body["reason"] == Value("Unauthorized"));
        }
        CHECK(world.request("POST", "/healthz", "", headers).status == 401);
    }
    CHECK(world.request("GET", "/v1/actions", "", bearer(token)).status == 200);
    CHECK(world.request("GET", "/v1/actions", "", {{"authorization", "bearer " + token}}).status == 200);
}

TEST_CASE("what a role may do, on both APIs, in its namespace and beside it") {
    Tokens tokens;
    const std::string viewer = tokens.add("viewer", Role::kViewer, "app");
    const std::string op = tokens.add("operator", Role::kOperator, "app");
    const std::string stranger = tokens.add("stranger", Role::kOperator, "elsewhere");
    const std::string owner = tokens.add("owner", Role::kAdmin, "app");
    const std::string admin = tokens.add("admin", Role::kAdmin, "*");
    ApiWorld world({.token_file = tokens.file});
    const std::string backup = std::string("{\"action\":\"backup\",") + ApiWorld::kSubject + "}";
    const auto made = world.post("/v1/actions", backup, bearer(op));
    REQUIRE(made.status == 201);
    const std::string action = "/v1/actions/" + made.body["id"].as_string();
    REQUIRE(world.request("GET", action + "?wait=10s", "", bearer(viewer)).body["state"] ==
            Value("complete"));
    const std::string pods = "/api/v1/namespaces/app/pods";
    const std::string secret = "/api/v1/namespaces/app/secrets/db";
    const std::string gate = "/api/v1/namespaces/app/configmaps/gate";
    const std::string blueprint = "/apis/cr.kanister.io/v1alpha1/namespaces/default/blueprints/bp";

    struct Case {
        const char* method;
        std::string path;
        std::string body;
        int viewer, op, stranger, owner, admin;
    };
    for (const Case& c : {
             Case{"GET", "/v1/actions", "", 200, 200, 200, 200, 200},
             {"GET", action, "", 200, 200, 404, 200, 200},
             {"GET", action + "/events", "", 200, 200, 404, 200, 200},
             {"GET", action + "/logs", "", 200, 200, 404, 200, 200},
             {"GET", action + "/artifacts", "", 200, 200, 404, 200, 200},
             {"POST", "/v1/actions", backup, 403, 201, 403, 201, 201},
             {"POST", "/v1/actions",
              "{\"action\":\"restore\",\"from\":\"" + made.body["id"].as_string() + "\"}", 403, 201, 422, 201,
              201},
             {"POST", action + "/cancel", "", 403, 409, 404, 409, 409},
             {"POST", action + "/retry", "", 403, 409, 404, 409, 409},
             {"POST", action + "/resume", "", 403, 409, 404, 409, 409},
             {"GET", "/v1/bindings/explain?resource=secrets&namespace=app&name=db", "", 200, 200, 403, 200,
              200},
             {"POST", "/v1/render", backup, 403, 200, 403, 200, 200},
             {"POST", "/v1/profiles/default/store/validate", "{}", 403, 200, 200, 200, 200},
             {"POST", "/v1/profiles/app/none/validate", "{}", 403, 404, 403, 404, 404},
             {"POST", "/v1/webhooks", R"({"name":"all","url":"http://127.0.0.1:1/"})", 403, 403, 403, 403,
              201},
             {"POST", "/v1/webhooks", R"({"name":"app","url":"http://127.0.0.1:1/","namespace":"app"})", 403,
              403, 403, 201, 409},
             {"GET", "/v1/webhooks/app", "", 404, 404, 404, 200, 200},
             {"GET", "/v1/webhooks/all", "", 404, 404, 404, 404, 200},
             {"GET", "/metrics", "", 200, 200, 200, 200, 200},
             {"GET", "/api/v1", "", 200, 200, 200, 200, 200},
             {"GET", gate, "", 200, 200, 403, 200, 200},
             {"GET", pods, "", 200, 200, 403, 200, 200},
             {"GET", "/api/v1/pods", "", 403, 403, 403, 403, 200},
             {"GET", "/api/v1/namespaces/app", "", 200, 200, 403, 200, 200},
             {"GET", "/api/v1/namespaces", "", 403, 403, 403, 403, 200},
             {"GET", secret, "", 403, 403, 403, 200, 200},
             {"GET", "/api/v1/namespaces/app/secrets?watch=true&timeoutSeconds=0", "", 403, 403, 403, 200,
              200},
             {"GET", "/api/v1//namespaces/app/secrets/db", "", 404, 404, 404, 404, 404},
             {"GET", "/api/v1/namespaces%2Fapp/secrets/db", "", 403, 403, 403, 200, 200},
             {"GET", pods + "/x/exec?command=id", "", 403, 403, 403, 404, 404},
             {"GET", blueprint, "", 403, 403, 403, 403, 200},
             {"DELETE", blueprint, "", 403, 403, 403, 403, 200},
             {"POST", pods, "{}", 403, 403, 403, 422, 422},
             {"POST", "/apis/cr.kanister.io/v1alpha1/namespaces/default/actionsets", "{}", 403, 403, 403, 403,
              422},
         }) {
        INFO(c.method << " " << c.path << " " << c.body);
        const auto as = [&](const std::string& token) {
            net::Headers headers = bearer(token);
            if (!c.body.empty()) headers.emplace_back("Content-Type", "application/json");
            return world.request(c.method, c.path, c.body, headers).status;
        };
        CHECK(as(viewer) == c.viewer);
        CHECK(as(op) == c.op);
        CHECK(as(stranger) == c.stranger);
        CHECK(as(owner) == c.owner);
        CHECK(as(admin) == c.admin);
    }
    // A list shows what its reader may see.
    CHECK(world.request("GET", "/v1/actions", "", bearer(viewer)).body["items"].as_list().size() >= 4);
    CHECK(world.request("GET", "/v1/actions", "", bearer(stranger)).body["items"].as_list().empty());
}

TEST_CASE("a key for one action belongs to its caller") {
    Tokens tokens;
    const std::string one = tokens.add("one", Role::kOperator, "app");
    const std::string two = tokens.add("two", Role::kOperator, "app");
    ApiWorld world({.token_file = tokens.file});
    const std::string body = std::string("{\"action\":\"backup\",") + ApiWorld::kSubject + "}";
    const auto post = [&](const std::string& token) {
        net::Headers headers = bearer(token);
        headers.emplace_back("Idempotency-Key", "nightly");
        return world.post("/v1/actions", body, headers).body["id"];
    };
    CHECK(post(one) == post(one));
    CHECK(post(one) != post(two));
}

TEST_CASE("a token that is revoked lets nobody in any longer, and a new one does at once") {
    Tokens tokens;
    const std::string old = tokens.add("old", Role::kViewer, "*");
    ApiWorld world({.token_file = tokens.file});
    CHECK(world.request("GET", "/v1/actions", "", bearer(old)).status == 200);
    write_identities(tokens.file, {});
    CHECK(world.request("GET", "/v1/actions", "", bearer(old)).status == 401);
    const std::string fresh = tokens.add("fresh", Role::kViewer, "*");
    CHECK(world.request("GET", "/v1/actions", "", bearer(fresh)).status == 200);
    // A file that cannot be used lets nobody in.
    ::chmod(tokens.file.c_str(), 0644);
    std::ofstream(tokens.file)
        << "nonsense, and longer than it was before, so that nobody can think it the same";
    CHECK(world.request("GET", "/v1/actions", "", bearer(fresh)).status == 401);
}

TEST_CASE("the Unix socket is the daemon's own user's, and needs no token") {
    Tokens tokens;
    const std::string socket =
        (std::filesystem::temp_directory_path() / ("fp-" + random_name_suffix(8) + ".sock")).string();
    ApiWorld world({.token_file = tokens.file, .socket = socket});
    struct stat status{};
    REQUIRE(::stat(socket.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
    net::HttpRequest request;
    request.url = "unix:" + socket + ":/v1/actions";
    CHECK(world.http->request(request, {}).status == 200);
    request.url = "unix:" + socket + ":/api/v1/namespaces/app/secrets/db";
    CHECK(world.http->request(request, {}).status == 200);
    world.api.reset();
    CHECK_FALSE(std::filesystem::exists(socket));
}

TEST_CASE("a caller that asks too often is told to wait, and how long") {
    ApiWorld world({.max_requests_per_second = 5});
    int refused = 0;
    for (int i = 0; i < 60; ++i) {
        const auto answer = world.get("/v1/actions");
        if (answer.status == 200) continue;
        CHECK(answer.status == 429);
        CHECK(answer.header("Retry-After") == "1");
        CHECK(answer.body["title"] == Value("Too Many Requests"));
        ++refused;
    }
    CHECK(refused > 0);
    CHECK(world.get("/healthz").status == 200);  // probes are never counted
    const auto status = world.get("/api/v1/pods");
    CHECK((status.status == 200 || status.body["reason"] == Value("TooManyRequests")));
}

TEST_CASE("a bucket fills again as time passes, for each caller its own") {
    ManualClock clock;
    RateLimit limit(2, clock);
    CHECK(limit.take("a").count() == 0);
    CHECK(limit.take("a").count() == 0);
    CHECK(limit.take("a").count() > 0);
    CHECK(limit.take("b").count() == 0);
    clock.advance(std::chrono::milliseconds(500));
    CHECK(limit.take("a").count() == 0);
    CHECK(limit.take("a").count() > 0);
    RateLimit none(0, clock);
    for (int i = 0; i < 1'000; ++i) CHECK(none.take("a").count() == 0);
}

TEST_CASE("beyond loopback both TLS and tokens are needed, and what is half given is refused") {
    ApiWorld world;
    Tokens tokens;
    const auto refusal = [&](const ApiOptions& options) -> std::string {
        try {
            (void)start_api(options, *world.cluster, {}, world.clock, world.log);
        } catch (const Error& error) {
            return std::string(error.what()) + " | " + error.hint();
        }
        return {};
    };
    CHECK_THAT(refusal({.host = "0.0.0.0"}), Contains("will not listen on 0.0.0.0"));
    CHECK_THAT(refusal({.host = "0.0.0.0", .security = {.token_file = tokens.file}}),
               Contains("will not listen on 0.0.0.0"));
    CHECK_THAT(refusal({.security = {.tls_cert = "/nowhere"}}), Contains("--tls-key"));
    CHECK_THAT(refusal({.security = {.client_ca = "/nowhere"}}), Contains("need TLS"));
    CHECK_THAT(refusal({.security = {.tls_cert = "a", .tls_key = "b", .client_ca = "c"}}),
               Contains("--token-file"));
    CHECK_THAT(refusal({.security = {.token_file = "/nowhere/tokens"}}), Contains("/nowhere/tokens"));
}

}  // namespace fencepost::api
