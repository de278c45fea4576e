// The client of an API server, against a server that says what a test wants it to say: what a real one does
// rarely or never when asked.
#include <catch2/catch.hpp>
#include <deque>
#include <filesystem>
#include <set>

#include "tests/unit/net/connect_proxy.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "cluster/kube/exec.h"
#include "cluster/kube/kube_cluster.h"
#include "net/certificates.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/unit/eventually.h"
#include "value/json.h"

namespace fencepost::cluster::kube {
namespace {

using net::ServerRequest;
using net::ServerResponse;

ServerResponse json(int status, std::string body, net::Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    ServerResponse response;
    response.status = status;
    response.headers = std::move(headers);
    response.body = std::move(body);
    return response;
}

ServerResponse refuse(int code, const std::string& reason, net::Headers headers = {}) {
    return json(code,
                R"({"kind":"Status","message":"it was )" + reason + R"(","reason":")" + reason +
                    R"(","code":)" + std::to_string(code) + "}",
                std::move(headers));
}

ServerResponse lines(std::vector<std::string> pieces) {
    ServerResponse response;
    response.stream = [pieces = std::move(pieces)](net::ResponseStream& stream) {
        for (const std::string& piece : pieces) stream.write(piece);
    };
    return response;
}

std::string config_map(const std::string& name, const std::string& version) {
    return R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")" + name +
           R"(","namespace":"app","uid":"u-)" + name + R"(","resourceVersion":")" + version + R"("}})";
}

// Answers requests in the order of the script; what comes after it is refused with 404.
class Script {
  public:
    using Step = std::function<ServerResponse(const ServerRequest&)>;
    explicit Script(std::vector<Step> steps, std::chrono::milliseconds patience = std::chrono::seconds(10),
                    std::vector<std::string> namespaces = {}) {
        for (Step& step : steps) steps_.lock()->push_back(std::move(step));
        server_ = net::start_http_server(
            {},
            [this](const ServerRequest& request) {
                seen_.lock()->push_back(request.method + " " + request.target);
                Step step;
                {
                    auto left = steps_.lock();
                    if (left->empty()) return refuse(404, "NotFound");
                    step = std::move(left->front());
                    left->pop_front();
                }
                return step(request);
            },
            log_);
        Connection connection;
        connection.server = "http://127.0.0.1:" + std::to_string(server_->port());
        connection.authorization = [] { return std::string("Bearer secret"); };
        cluster = open_kube_cluster(connection, *http_, clock_,
                                    {.patience = patience, .namespaces = std::move(namespaces)});
    }
    [[nodiscard]] std::vector<std::string> seen() { return *seen_.lock(); }

  private:
    SystemClock clock_;
    Log log_{STDERR_FILENO, Log::Format::kText, LogLevel::kError};
    Guarded<std::deque<Step>> steps_;
    Guarded<std::vector<std::string>> seen_;
    std::unique_ptr<net::HttpServer> server_;
    const std::unique_ptr<net::HttpClient> http_ = net::make_http_client();

  public:
    std::unique_ptr<Cluster> cluster;
};

Script::Step always(ServerResponse response) {
    return [response = std::move(response)](const ServerRequest&) { return response; };
}

const ObjectKey kOne{types::kConfigMaps, "app", "one"};

template <typename Work>
Error error_of(Work work) {
    try {
        work();
    } catch (const Error& e) {
        return e;
    }
    FAIL("nothing was refused");
    return {ErrorKind::kInternal, ""};
}

class Folder {
  public:
    Folder() { std::filesystem::create_directories(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path write(const std::string& name, std::string_view text) const {
        write_file_durably(path / name, text);
        return path / name;
    }
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("fencepost-kube-" + random_name_suffix(8));
};

std::string kubeconfig(const std::string& cluster, const std::string& user, const std::string& context = "") {
    return "apiVersion: v1\nkind: Config\ncurrent-context: here\nclusters: [{name: c, cluster: {" + cluster +
           "}}]\nusers: [{name: u, user: {" + user +
           "}}]\ncontexts: [{name: here, context: {cluster: c, user: u" + context + "}}]\n";
}

}  // namespace

TEST_CASE("a kubeconfig is read as kubectl reads it") {
    const Folder folder;
    ManualClock clock;
    const auto data = base64_encode("PEM");
    const auto file = folder.write(
        "config",
        kubeconfig("server: 'https://10.0.0.1:6443/', certificate-authority-data: " + data,
                   "token: abc, client-certificate-data: " + data + ", client-key: key.pem, as: somebody",
                   ", namespace: app"));
    folder.write("key.pem", "KEY");
    const Connection connection = read_kubeconfig(clock, {file});
    CHECK(connection.server == "https://10.0.0.1:6443");
    CHECK(connection.ns == "app");
    CHECK(connection.tls.verify);
    CHECK(connection.tls.ca_bundle_pem == "PEM");
    CHECK(connection.tls.client_certificate_pem == "PEM");
    CHECK(connection.tls.client_key_pem == "KEY");
    CHECK(connection.authorization() == "Bearer abc");
    CHECK(connection.headers == net::Headers{{"Impersonate-User", "somebody"}});
}

TEST_CASE("a kubeconfig's proxy and name of the TLS server are for requests and for exec") {
    const net::Certificates certificates =
        net::make_loopback_certificates(SystemClock().now(), std::chrono::hours(24));
    net::ServerOptions options;  // its certificate is for localhost and 127.0.0.1
    options.host = "127.0.0.2";
    options.certificate_pem = certificates.certificate_pem;
    options.key_pem = certificates.key_pem;
    Log log{STDERR_FILENO, Log::Format::kText, LogLevel::kError};
    const auto server = net::start_http_server(
        options,
        [](const ServerRequest& request) {
            if (request.path.ends_with("/exec")) return refuse(403, "Forbidden");
            return json(200, R"({"metadata":{"uid":"u"},"spec":{"containers":[{"name":"c"}]}})");
        },
        log);
    net::ConnectProxy proxy;
    const Folder folder;
    SystemClock clock;
    const auto file = folder.write(
        "config",
        kubeconfig("server: 'https://127.0.0.2:" + std::to_string(server->port()) +
                       "', certificate-authority-data: " + base64_encode(certificates.authority_pem) +
                       ", tls-server-name: localhost, proxy-url: 'http://" + proxy.authority + "'",
                   "token: abc"));
    const auto http = net::make_http_client();
    const auto sockets = net::make_websocket_client();
    ApiClient client(read_kubeconfig(clock, {file}), *http, clock, {.patience = {}});
    ExecOptions command;
    command.command = {"true"};
    CHECK(error_of([&] { (void)exec(client, *sockets, "app", "pg-0", command, {}); }).kind() ==
          ErrorKind::kForbidden);        // the API server's answer, with its certificate verified
    CHECK(proxy.tunnels().size() == 2);  // for the Pod, and for exec in it
}

TEST_CASE("of several kubeconfig files the first one that says something counts") {
    const Folder folder;
    ManualClock clock;
    const auto first = folder.write("first", "current-context: there\n");
    const auto second =
        folder.write("second", kubeconfig("server: 'https://second'", "username: a, password: b"));
    const auto third = folder.write(
        "third",
        "contexts: [{name: there, context: {cluster: d}}]\nclusters: [{name: d, cluster: {server: "
        "'https://third', insecure-skip-tls-verify: true}}]\n");
    const Connection merged = read_kubeconfig(clock, {first, second, folder.path / "missing", third});
    CHECK(merged.server == "https://third");
    CHECK(!merged.tls.verify);
    CHECK(merged.authorization().empty());
    const Connection named = read_kubeconfig(clock, {first, second, third}, "here");
    CHECK(named.server == "https://second");
    CHECK(named.authorization() == "Basic " + base64_encode("a:b"));
}

TEST_CASE("a kubeconfig that cannot be used says which file and why") {
    const Folder folder;
    ManualClock clock;
    const auto refusal_of = [&](const std::string& text) {
        const auto file = folder.write("bad", text);
        const Error error = error_of([&] { (void)read_kubeconfig(clock, {file}); });
        INFO(error.message());
        CHECK(std::string(error.what()).find(file.string()) != std::string::npos);
        return error;
    };
    CHECK(refusal_of("clusters: [").kind() == ErrorKind::kInvalid);
    CHECK(refusal_of("kind: Config").message().find("no current context") != std::string::npos);
    CHECK(refusal_of("current-context: gone").message().find("no entry 'gone' in contexts") !=
          std::string::npos);
    CHECK(refusal_of(kubeconfig("server: ''", "token: a")).message().find("has no server") !=
          std::string::npos);
    CHECK(refusal_of(kubeconfig("server: 'https://a'", "auth-provider: {name: gcp}")).kind() ==
          ErrorKind::kUnsupported);
    CHECK(refusal_of(kubeconfig("server: 'https://a'", "exec: {command: aws, interactiveMode: Always}"))
              .kind() == ErrorKind::kUnsupported);
    const Error proxy =
        refusal_of(kubeconfig("server: 'https://a', proxy-url: 'socks5://me:secret@b'", "token: a"));
    CHECK(proxy.kind() == ErrorKind::kUnsupported);
    CHECK(std::string(proxy.what()).find("secret") == std::string::npos);
    const Error missing = refusal_of(kubeconfig(
        "server: 'https://a'", "exec: {command: no-such-plugin, installHint: install it from there}"));
    CHECK(missing.kind() == ErrorKind::kNotFound);
    CHECK(missing.hint() == "install it from there");
    CHECK(refusal_of(kubeconfig("server: 'https://a'", "exec: {command: 'false'}")).kind() ==
          ErrorKind::kUnauthorized);
    CHECK(refusal_of(kubeconfig("server: 'https://a'", "exec: {command: echo, args: ['{}']}")).kind() ==
          ErrorKind::kUnauthorized);
    CHECK(refusal_of(kubeconfig("server: 'https://a'", "exec: {command: echo, args: ['{']}")).kind() ==
          ErrorKind::kInvalid);
    CHECK(refusal_of(kubeconfig("server: 'https://a', certificate-authority-data: '!'", "token: a")).kind() ==
          ErrorKind::kInvalid);
    CHECK(error_of([&] { (void)read_kubeconfig(clock, {folder.path / "none"}); }).kind() ==
          ErrorKind::kNotFound);
}

TEST_CASE("a credential plugin is asked again when its token runs out, and told what it is for") {
    const Folder folder;
    ManualClock clock;
    const auto expires = format_rfc3339(clock.now() + std::chrono::minutes(10));
    const auto plugin = folder.write(
        "plugin.sh",
        "#!/bin/sh\nprintf %s \"$KUBERNETES_EXEC_INFO\" > " + (folder.path / "told").string() +
            "\necho run >> " + (folder.path / "runs").string() + "\nn=$(wc -l < " +
            (folder.path / "runs").string() +
            ")\nprintf '{\"kind\": \"ExecCredential\", \"status\": {\"token\": \"%s%s\", "
            "\"expirationTimestamp\": \"%s\", \"clientCertificateData\": \"PEM\"}}' \"$1\" \"$n$PART\" \"" +
            expires + "\"\n");
    std::filesystem::permissions(plugin, std::filesystem::perms::owner_all);
    const auto file = folder.write(
        "config",
        kubeconfig("server: 'https://a'",
                   "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin.sh, args: "
                   "[run-], env: [{name: PART, value: -x}], provideClusterInfo: true}"));
    const Connection connection = read_kubeconfig(clock, {file});
    CHECK(connection.authorization() == "Bearer run-1-x");
    CHECK(connection.tls.client_certificate_pem == "PEM");
    clock.advance(std::chrono::minutes(9));
    CHECK(connection.authorization() == "Bearer run-1-x");
    clock.advance(std::chrono::seconds(51));
    CHECK(connection.authorization() == "Bearer run-2-x");
    const Value told = parse_json(read_file(folder.path / "told"));
    CHECK(told["kind"].string_or("") == "ExecCredential");
    CHECK(told["apiVersion"].string_or("") == "client.authentication.k8s.io/v1");
    CHECK(told.get("spec", "cluster", "server").string_or("") == "https://a");
    CHECK(told.get("spec", "interactive").bool_or(true) == false);
}

TEST_CASE("a token file that is renewed is read again, and one that is gone keeps its last token") {
    const Folder folder;
    ManualClock clock;
    const auto token = folder.write("token", "first\n");
    const auto file = folder.write("config", kubeconfig("server: 'https://a'", "tokenFile: token"));
    const Connection connection = read_kubeconfig(clock, {file});
    CHECK(connection.authorization() == "Bearer first");
    folder.write("token", "second");
    CHECK(connection.authorization() == "Bearer first");
    clock.advance(std::chrono::seconds(61));
    CHECK(connection.authorization() == "Bearer second");
    std::filesystem::remove(token);
    clock.advance(std::chrono::seconds(61));
    CHECK(connection.authorization() == "Bearer second");
}

TEST_CASE("what may pass is asked again, and what is refused is not") {
    Script passes({always(refuse(429, "TooManyRequests", {{"Retry-After", "1"}})),
                   always(refuse(503, "Unavailable")), always(json(200, config_map("one", "5")))});
    const auto began = std::chrono::steady_clock::now();
    CHECK(resource_version_of(passes.cluster->get(kOne)) == "5");
    CHECK(std::chrono::steady_clock::now() - began >= std::chrono::seconds(1));
    CHECK(passes.seen().size() == 3);

    Script refused({always(refuse(403, "Forbidden"))});
    const Error error = error_of([&] { (void)refused.cluster->get(kOne); });
    CHECK(error.kind() == ErrorKind::kForbidden);
    CHECK(error.message() == "it was Forbidden");
    CHECK(refused.seen().size() == 1);

    Script stays(std::vector<Script::Step>(50, always(refuse(500, "InternalError"))),
                 std::chrono::milliseconds(500));
    CHECK(error_of([&] { (void)stays.cluster->get(kOne); }).kind() == ErrorKind::kUnavailable);
    CHECK(stays.seen().size() > 1);

    Script page({always(ServerResponse{.status = 404, .body = "<html>a proxy's page</html>"})});
    CHECK(error_of([&] { (void)page.cluster->get(kOne); }).message().find("a proxy's page") !=
          std::string::npos);
}

TEST_CASE("an object whose creation was answered too late is ours, and another one of its name is not") {
    const Value wanted = parse_json(config_map("one", ""));
    const auto created = [&](const std::string& stored) {
        Script script({always(refuse(504, "Timeout")), always(refuse(409, "AlreadyExists")),
                       always(json(200, stored))});
        return script.cluster->create(types::kConfigMaps, wanted);
    };
    Value stored = wanted;
    stored["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z";
    CHECK(created(to_json(stored)) == stored);
    Value other = stored;
    other["metadata"]["uid"] = "somebody's";
    CHECK(error_of([&] { created(to_json(other)); }).kind() == ErrorKind::kAlreadyExists);
}

TEST_CASE("an object with a generated name is made once, also where the first answer is lost") {
    Value stored;
    const auto lose = [&](const ServerRequest& request) {
        stored = parse_json(request.body);
        return refuse(504, "Timeout");
    };
    const auto exists = [&](const ServerRequest& request) {
        CHECK(parse_json(request.body) == stored);
        return refuse(409, "AlreadyExists");
    };
    Script script({lose, exists, [&](const ServerRequest&) { return json(200, to_json(stored)); }});
    const std::string prefix(70, 'a');
    const Value made = script.cluster->create(
        types::kConfigMaps,
        parse_json(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"app",)"
                   R"("generateName":")" +
                   prefix + R"("}})"));
    CHECK(name_of(made).size() == 63);
    CHECK(name_of(made).starts_with(prefix.substr(0, 58)));
    CHECK(script.seen().back() == "GET /api/v1/namespaces/app/configmaps/" + name_of(made));

    std::vector<std::string> names;
    const auto name_in = [&](const ServerRequest& request) {
        names.push_back(name_of(parse_json(request.body)));
    };
    Script taken({[&](const ServerRequest& request) {
                      name_in(request);
                      return refuse(409, "AlreadyExists");  // somebody else's
                  },
                  [&](const ServerRequest& request) {
                      name_in(request);
                      return json(201, request.body);
                  }});
    const Value mine = taken.cluster->create(
        types::kConfigMaps, parse_json(R"({"apiVersion":"v1","kind":"ConfigMap",)"
                                       R"("metadata":{"namespace":"app","generateName":"made-"}})"));
    REQUIRE(names.size() == 2);
    CHECK(names[0] != names[1]);
    CHECK(name_of(mine) == names[1]);

    Script nameless({always(refuse(422, "Invalid"))});
    CHECK(error_of([&] {
              nameless.cluster->create(types::kConfigMaps,
                                       parse_json(R"({"apiVersion":"v1","kind":"ConfigMap"})"));
          }).kind() == ErrorKind::kInvalid);
}

TEST_CASE("of chosen namespaces all are listed and watched, each from where its own list ended") {
    const auto listed = [](const std::string& ns, const std::string& version, const std::string& more = "") {
        return always(
            json(200, R"({"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":")" +
                          version + R"(","continue":")" + more + R"("},"items":[{"metadata":{"name":"in-)" +
                          ns + R"(","namespace":")" + ns + R"("}}]})"));
    };
    const std::vector<std::string> chosen{"one", "two"};
    const auto known =
        always(json(200, R"({"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":""},)"
                         R"("versions":[{"version":"v1","resources":[{"resource":"configmaps",)"
                         R"("responseKind":{"kind":"ConfigMap"},"scope":"Namespaced"}]}]}]})"));
    const auto groups = always(json(200, R"({"kind":"APIGroupDiscoveryList","items":[]})"));
    Script script({known, groups, listed("one", "5"), listed("two", "7")}, std::chrono::seconds(10), chosen);
    const ObjectList all = script.cluster->list(types::kConfigMaps);
    REQUIRE(all.items.size() == 2);
    CHECK(name_of(all.items[1]) == "in-two");
    CHECK(all.resource_version == "5,7");

    Script paged({known, groups, listed("one", "5", "rest"), listed("one", "5"), listed("two", "7")},
                 std::chrono::seconds(10), chosen);
    std::string token;
    for (const std::string expected : {"0:rest", "1:", ""}) {
        const ObjectList page =
            paged.cluster->list(types::kConfigMaps, {.limit = 1, .continue_token = token});
        CHECK(page.items.size() == 1);
        CHECK(page.continue_token == expected);
        token = page.continue_token;
    }
    CHECK(error_of([&] {
              (void)paged.cluster->list(types::kConfigMaps, {.limit = 1, .continue_token = "2:"});
          }).kind() == ErrorKind::kGone);

    const auto event = [](const ServerRequest& request) {
        const std::string ns = request.path.find("/one/") != std::string::npos ? "one" : "two";
        return lines({R"({"type":"ADDED","object":{"metadata":{"name":"new-)" + ns +
                      R"(","resourceVersion":"9"}}})"
                      "\n"});
    };
    Script watched({known, groups, event, event}, std::chrono::seconds(10), chosen);
    const auto watch = watched.cluster->watch(
        types::kConfigMaps, {.resource_version = all.resource_version, .allow_bookmarks = true});
    std::set<std::string> seen;
    for (int i = 0; i < 2; ++i) seen.insert(name_of(watch->next({})->object));
    CHECK(seen == std::set<std::string>{"new-one", "new-two"});
    for (const std::string& asked : watched.seen()) {
        if (asked.find("watch=true") == std::string::npos) continue;
        const std::string version = asked.find("/one/") != std::string::npos ? "5" : "7";
        if (asked.find("resourceVersion=9") == std::string::npos)  // which is where it goes on
            CHECK(asked.find("resourceVersion=" + version + "&") != std::string::npos);
    }
    CHECK(error_of([&] {
              (void)watched.cluster->watch(types::kConfigMaps, {.resource_version = "5"});
          }).kind() == ErrorKind::kGone);
}

TEST_CASE("a deletion whose answer was lost is done when nothing is there any more") {
    Script script({always(refuse(503, "Unavailable")), always(refuse(404, "NotFound"))});
    CHECK(name_of(script.cluster->remove(kOne)) == "one");
    Script never({always(refuse(404, "NotFound"))});
    CHECK(error_of([&] { never.cluster->remove(kOne); }).kind() == ErrorKind::kNotFound);
}

TEST_CASE("a watch that is cut goes on behind the last thing that it was told") {
    const auto event = [](const std::string& type, const std::string& name, const std::string& version) {
        return R"({"type":")" + type + R"(","object":)" + config_map(name, version) + "}\n";
    };
    Script script({
        always(json(
            200, R"({"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"10"},"items":[)"
                 R"({"metadata":{"name":"old","resourceVersion":"3"}}]})")),
        // The second event comes in two pieces, and of the third one only the beginning.
        always(lines({event("ADDED", "a", "11") + event("MODIFIED", "b", "12").substr(0, 20),
                      event("MODIFIED", "b", "12").substr(20), R"({"type":"ADDED","obj)"})),
        always(refuse(500, "InternalError")),
        always(lines({event("BOOKMARK", "", "20")})),
        always(lines(
            {event("DELETED", "a", "21"),
             R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}})"
             "\n"})),
    });
    const auto watch = script.cluster->watch(types::kConfigMaps, {.ns = "app"});
    const Deadline limit = std::chrono::steady_clock::now() + kPatience;
    std::string told;
    const auto all = [&] {
        for (;;) {
            const auto next = watch->next({}, limit);
            REQUIRE(next);
            CHECK(next->object["kind"] == Value("ConfigMap"));
            told += name_of(next->object) + std::to_string(static_cast<int>(next->type)) + " ";
        }
    };
    CHECK(error_of(all).kind() == ErrorKind::kGone);
    CHECK(told == "old0 a0 b1 a2 ");
    const std::vector<std::string> seen = script.seen();
    REQUIRE(seen.size() == 5);
    CHECK(seen[1].find("resourceVersion=10&") != std::string::npos);
    CHECK(seen[2].find("resourceVersion=12&") != std::string::npos);
    CHECK(seen[3].find("resourceVersion=12&") != std::string::npos);
    CHECK(seen[4].find("resourceVersion=20&") != std::string::npos);
}

TEST_CASE("a list that comes in pages is whole, also where the server forgets the first page's moment") {
    const auto page = [](const std::string& names, const std::string& next) {
        return json(
            200,
            R"({"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"1","continue":")" +
                next + R"("},"items":[)" + names + "]}");
    };
    Script script({always(page(config_map("a", "1"), "more")), always(page(config_map("b", "1"), "")),
                   always(page(config_map("a", "1"), "more")), always(refuse(410, "Expired")),
                   always(page(config_map("a", "1") + "," + config_map("b", "1"), ""))});
    for (int i = 0; i < 2; ++i) {
        const ObjectList list = script.cluster->list(types::kConfigMaps, {.ns = "app"});
        REQUIRE(list.items.size() == 2);
        CHECK(name_of(list.items[1]) == "b");
        CHECK(list.continue_token.empty());
    }
}

TEST_CASE("a log that is cut is read on without a line twice or missing") {
    const std::string at = "2026-01-01T00:00:0";
    const auto pod = [](const std::string& state) {
        return json(
            200,
            R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","uid":"u"},"status":{"phase":"Running",)"
            R"("containerStatuses":[{"name":"c","state":{")" +
                state + R"(":{}}}]}})");
    };
    Script script({
        always(pod("running")),
        always(refuse(400, "BadRequest")),  // it has not started
        always(pod("waiting")),
        always(pod("running")),
        // The server in between ends the stream in the middle of the third line.
        always(lines({at + "1.000000000Z one\n" + at + "2.000000000Z two\n" + at + "2.0000", "00000Z thr"})),
        always(pod("running")),
        always(lines({at + "2.000000000Z two\n", at + "2.000000000Z three\n" + at + "3.000000000Z four"})),
        always(pod("terminated")),
    });
    std::string text;
    script.cluster->logs("app", "p", {.container = "c", .follow = true},
                         [&](std::string_view bytes) { text += bytes; }, {});
    CHECK(text == "one\ntwo\nthree\nfour");
    const std::vector<std::string> seen = script.seen();
    REQUIRE(seen.size() == 8);
    CHECK(seen[6].find("sinceTime=2026-01-01T00%3A00%3A02.000000000Z") != std::string::npos);
}

TEST_CASE("the log of an evicted Pod, which its node has cleared away, is over and no error") {
    const auto pod = [](const std::string& phase) {
        return always(
            json(200, R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","uid":"u"},"status":)"
                      R"({"phase":")" +
                          phase + R"("}})"));
    };
    Script script({pod("Running"), always(refuse(400, "BadRequest")), pod("Failed"), pod("Failed")});
    script.cluster->logs("app", "p", {.container = "c", .follow = true}, [](std::string_view) {}, {});
    CHECK(script.seen().size() == 4);
}

TEST_CASE("the log of a Pod that its node does not end is over once the Pod is overdue") {
    const auto pod = [](const std::string& deleted) {
        return always(
            json(200, R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","uid":"u")" + deleted +
                          R"(},"status":{"phase":"Running","containerStatuses":[{"name":"c","state":)"
                          R"({"running":{}}}]}})"));
    };
    const auto dead = always(refuse(500, "InternalError"));
    Script script({pod(""), dead, pod(R"(,"deletionTimestamp":"2099-01-01T00:00:00Z")"), dead,
                   pod(R"(,"deletionTimestamp":"2020-01-01T00:00:00Z")")});
    script.cluster->logs("app", "p", {.container = "c", .follow = true}, [](std::string_view) {}, {});
    CHECK(script.seen().size() == 5);
}

}  // namespace fencepost::cluster::kube
