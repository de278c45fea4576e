#include <catch2/catch.hpp>

#include "base/error.h"
#include "cli/command.h"
#include "cli/manifests.h"
#include "cli/merge_patch.h"
#include "cli/object_name.h"
#include "cli/terminal.h"
#include "cli_world.h"
#include "value/json.h"

using namespace fencepost;

TEST_CASE(
    "a three-way patch changes what differs, removes what was taken out, and leaves what others added") {
    struct Case {
        const char* last;
        const char* wanted;
        const char* live;
        const char* patch;
    };
    const Case cases[] = {
        {"{}", R"({"a":1})", R"({"a":1,"status":{}})", "null"},
        {"{}", R"({"a":2})", R"({"a":1})", R"({"a":2})"},
        {R"({"a":1,"b":2})", R"({"a":1})", R"({"a":1,"b":2,"c":3})", R"({"b":null})"},
        {R"({"a":1,"b":2})", R"({"a":1})", R"({"a":1})", "null"},
        {R"({"m":{"x":1,"y":1}})", R"({"m":{"x":2}})", R"({"m":{"x":1,"y":1,"z":1}})",
         R"({"m":{"x":2,"y":null}})"},
        {"{}", R"({"l":[1,2]})", R"({"l":[1]})", R"({"l":[1,2]})"},
        {"{}", R"({"m":{"x":1}})", R"({"m":"text"})", R"({"m":{"x":1}})"},
        {"{}", R"({"m":{}})", "{}", R"({"m":{}})"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.wanted, c.live);
        CHECK(to_json(cli::three_way_patch(parse_json(c.last), parse_json(c.wanted), parse_json(c.live))) ==
              c.patch);
    }
}

TEST_CASE("objects are named KIND/NAME, profiles NAME or NAMESPACE/NAME") {
    CHECK(cli::parse_object_name("secret/app1-db").kind == "secret");
    CHECK(cli::parse_object_name("secret/app1-db").name == "app1-db");
    for (const char* wrong : {"secret", "/x", "secret/", "a/b/c"})
        CHECK_THROWS_AS(cli::parse_object_name(wrong), cli::UsageError);
    CHECK(cli::parse_namespaced_name("store", "default").ns == "default");
    CHECK(cli::parse_namespaced_name("infra/store", "default").ns == "infra");
    CHECK_THROWS_AS(cli::parse_namespaced_name("/store", "default"), cli::UsageError);
}

TEST_CASE("ages are as kubectl writes them") {
    const SystemTime now = parse_rfc3339("2026-11-21T12:00:00Z");
    CHECK(cli::age("2026-11-21T11:59:18Z", now) == "42s");
    CHECK(cli::age("2026-11-21T11:56:50Z", now) == "3m10s");
    CHECK(cli::age("2026-11-21T11:00:00Z", now) == "60m");
    CHECK(cli::age("2026-11-21T01:00:00Z", now) == "11h");
    CHECK(cli::age("2026-11-11T12:00:00Z", now) == "10d");
    CHECK(cli::age("2026-11-21T12:00:01Z", now) == "0s");  // another machine's clock is a little ahead
    CHECK(cli::age("2026-11-21T12:00:05Z", now) == "<invalid>");
    CHECK(cli::age("", now) == "<unknown>");
}

TEST_CASE("a table's columns are as wide as their widest cell, in characters") {
    CHECK(cli::table({"A", "BB"}, {{"1", "x"}, {"é22", "y"}}) == "A     BB\n1     x\né22   y\n");
}

TEST_CASE("manifests: documents, lists and folders become objects in order") {
    const Folder folder;
    (void)folder.write("b.yaml", "kind: B1\n---\n# nothing\n---\nkind: B2\n");
    (void)folder.write("a.json", R"({"kind":"List","items":[{"kind":"A1"},{"kind":"A2"}]})");
    (void)folder.write("note.txt", "not a manifest");
    std::string kinds;
    for (const auto& manifest : cli::read_manifests({folder.path.string()}))
        kinds += manifest.object["kind"].as_string() + " ";
    CHECK(kinds == "A1 A2 B1 B2 ");
    CHECK_THROWS_AS(cli::read_manifests({folder.write("broken.yaml", "a: [")}), Error);
    CHECK_THROWS_AS(cli::read_manifests({folder.write("empty.yaml", "# nothing\n")}), Error);
}

TEST_CASE("usage: a wrong command line is exit code 2, help is 0 and has examples") {
    CHECK(fencepost_cli({}).code == 2);
    CHECK(fencepost_cli({"nonsense"}).code == 2);
    CHECK(fencepost_cli({"get"}).code == 2);
    CHECK(fencepost_cli({"get", "pods", "-o", "xml"}).code == 2);
    CHECK(fencepost_cli({"serve"}).code == 2);
    CHECK(fencepost_cli({"run", "backup", "--object", "nonsense", "--server", "127.0.0.1:1"}).code == 2);
    const auto check_help = [](const cli::Command& command, std::vector<const char*> path,
                               auto&& again) -> void {
        for (const cli::Command& below : command.commands) {
            std::vector<const char*> arguments = path;
            arguments.push_back(below.name.c_str());
            again(below, arguments, again);
            arguments.push_back("--help");
            CAPTURE(below.name);
            const Result help = fencepost_cli(arguments);
            CHECK(help.code == 0);
            CHECK(help.output.find("Examples:\n  ") != std::string::npos);
            CHECK(below.examples.find("fencepost " + std::string(path.empty() ? "" : path[0]) +
                                      (path.empty() ? "" : " ") + below.name) != std::string::npos);
        }
    };
    const cli::Command tree = cli::command_tree();
    CHECK(tree.commands.size() >= 17);
    check_help(tree, {}, check_help);
}

TEST_CASE("a server that is not there is exit code 4 and says how to start one") {
    const Result result = fencepost_cli({"get", "pods", "--server", "127.0.0.1:1"});
    CHECK(result.code == 4);
    CHECK(result.errors.find("no server answers at http://127.0.0.1:1") != std::string::npos);
    CHECK(result.errors.find("fencepost serve --data-dir") != std::string::npos);
}

TEST_CASE("the exit codes of the enum are those of the table") {
    std::vector<int> codes;
    for (const auto& code : cli::exit_codes()) codes.push_back(code.code);
    CHECK(codes ==
          std::vector<int>{cli::kDone, cli::kFailed, cli::kUsage, cli::kCancelled, cli::kUnreachable});
    CHECK(fencepost_cli({"--help"}).output.find(cli::exit_code_lines()) != std::string::npos);
}

TEST_CASE("serve reads its address, version prints itself") {
    CHECK(fencepost_cli({"serve", "--data-dir", "d", "--listen", "127.0.0.1:81"}).output ==
          "d 127.0.0.1 81\n");
    CHECK(fencepost_cli({"serve", "--data-dir", "d", "--listen", "[::1]:82"}).output == "d ::1 82\n");
    CHECK(fencepost_cli({"serve", "--data-dir", "d", "--listen", ":83"}).output == "d 127.0.0.1 83\n");
    CHECK(fencepost_cli({"serve", "--data-dir", "d", "--listen", "127.0.0.1:99999"}).code == 2);
    CHECK(fencepost_cli({"version"}).output == "fencepost 1.2.3\n");
    CHECK(parse_json(fencepost_cli({"version", "-o", "json"}).output)["version"].as_string() == "1.2.3");
    CHECK(fencepost_cli({"version", "-o", "jsonpath={.name} {.version}"}).output == "fencepost 1.2.3");
    CHECK(fencepost_cli({"version", "-o", "name"}).output == "fencepost/1.2.3\n");
}
