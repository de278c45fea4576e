#include <catch2/catch.hpp>
#include <filesystem>

#include "base/files.h"
#include "cli/json_schema.h"
#include "cli/text_diff.h"
#include "cli_world.h"
#include "model/validate.h"
#include "tests/unit/source_dir.h"
#include "value/json.h"

using namespace fencepost;

namespace {

constexpr const char* kBlueprint =
    "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: pg}\nactions:\n  backup:\n"
    "    phases:\n      - func: KubeTask\n        name: dump\n        args: {image: 'a:1', command: [dump, "
    "'{{ .Options.level }}', '{{ .Object.data.password | b64dec }}']}\n"
    "      - func: KubeTask\n        name: last\n        args: {image: 'a:1', command: [echo, '{{ "
    ".Phases.dump.Output.bytes }}', '{{ .Time }}']}\n";

constexpr const char* kCase =
    "action: backup\nobject: secret/db\nnamespace: app1\nblueprint: pg.yaml\nobjects:\n"
    "  - {apiVersion: v1, kind: Secret, metadata: {name: db, namespace: app1}, stringData: {password: "
    "hunter22}}\n"
    "options: {level: full}\noutputs: {dump: {bytes: '12'}}\ntime: '2026-02-03T04:05:06Z'\n";

std::vector<const char*> offline(std::vector<const char*> arguments) {
    arguments.insert(arguments.end(), {"--server", "127.0.0.1:1"});
    return arguments;
}

// Every object with listed members in a schema, by the pointer of an object that has it.
void collect(const Value& schema, const std::string& pointer,
             std::vector<std::pair<std::string, Value>>& found) {
    if (schema["additionalProperties"] == Value(false) && schema["properties"].is_map()) {
        found.emplace_back(pointer, schema["properties"]);
    }
    for (const auto& [name, member] : schema["properties"].map_or_empty())
        collect(member, pointer + "/" + name, found);
    if (schema["additionalProperties"].is_map())
        collect(schema["additionalProperties"], pointer + "/x", found);
    if (schema["items"].is_map()) collect(schema["items"], pointer + "/0", found);
}

// An object that has nothing but the way to the pointer, and there these members, each null.
Value object_with(const std::string& kind, const std::string& pointer,
                  const std::vector<std::string>& members) {
    Value object;
    object["apiVersion"] =
        kind == "BlueprintBinding" ? "config.kio.kasten.io/v1alpha1" : "cr.kanister.io/v1alpha1";
    object["kind"] = kind;
    object["metadata"]["name"] = "x";
    Value inner = Map{};
    for (const std::string& member : members) inner[member] = Value();
    std::string rest = pointer;
    while (!rest.empty()) {
        const std::size_t slash = rest.rfind('/');
        const std::string token = rest.substr(slash + 1);
        rest.erase(slash);
        Value outer;
        if (token == "0") {
            outer.push_back(inner);
        } else {
            outer[token] = inner;
            if (token == "values") outer["operator"] = "In";  // else nobody looks at them
        }
        inner = outer;
    }
    for (const auto& [key, value] : inner.as_map()) object[key] = value;
    // What a credential holds is asked for by its type.
    if (pointer.starts_with("/credential/"))
        object["credential"]["type"] = pointer.starts_with("/credential/keyPair") ? "keyPair" : "secret";
    return object;
}

bool says_unknown(const Value& object, const std::string& member) {
    for (const model::Problem& one : model::problems_of(object, {})) {
        if (one.pointer.ends_with("/" + member) && (one.rule == "unknown-field" || one.rule == "BND-E02"))
            return true;
    }
    return false;
}

}  // namespace

TEST_CASE("test renders case files and compares with what is expected; --update writes it") {
    const Folder folder;
    (void)folder.write("pg.yaml", kBlueprint);
    (void)folder.write("backup.case.yaml", kCase);
    const std::string path = folder.path.string();
    Result result = fencepost_cli(offline({"test", path.c_str()}));
    CHECK(result.code == 1);
    CHECK(result.output.find("--update writes it\n0 passed, 1 failed\n") != std::string::npos);
    result = fencepost_cli(offline({"test", "--update", path.c_str()}));
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    const std::string expected = read_file(folder.path / "backup.expected.yaml");
    CHECK(expected.find("- full\n") != std::string::npos);
    CHECK(expected.find("<password of secret app1/db>") != std::string::npos);
    CHECK(expected.find("2026-02-03T04:05:06Z") != std::string::npos);
    CHECK(expected.find("hunter22") == std::string::npos);
    result = fencepost_cli(offline({"test", path.c_str()}));
    CHECK(result.code == 0);
    CHECK(result.output.find("1 passed, 0 failed\n") != std::string::npos);

    std::string changed = kBlueprint;
    changed.replace(changed.find("[dump,"), 6, "[dmup,");
    (void)folder.write("pg.yaml", changed);
    result = fencepost_cli(offline({"test", path.c_str()}));
    CHECK(result.code == 1);
    CHECK(result.output.find("- dmup\n") != std::string::npos);
}

TEST_CASE("the shipped blueprints pass their cases") {
    const std::string blueprints = source_dir() + "/blueprints";
    const Result result = fencepost_cli(offline({"test", blueprints.c_str()}));
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    std::size_t cases = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(blueprints))
        cases += file.path().string().ends_with(".case.yaml") ? 1 : 0;
    CHECK(cases >= 21);
    CHECK(result.output.find(std::to_string(cases) + " passed, 0 failed\n") != std::string::npos);
}

TEST_CASE("an error can be what a case expects") {
    const Folder folder;
    (void)folder.write("pg.yaml", kBlueprint);
    std::string wrong = kCase;
    wrong.replace(wrong.find("action: backup"), 14, "action: backp");
    (void)folder.write("wrong.case.yaml", wrong);
    const auto update = [&] { return fencepost_cli(offline({"test", "--update", folder.path.c_str()})); };
    Result result = update();
    CHECK(result.code == 1);
    CHECK(
        result.output.find("    not written: it fails; where it is to fail, the case says 'fails: true'\n") !=
        std::string::npos);
    CHECK(result.output.find("did you mean 'backup'?") != std::string::npos);
    CHECK(!std::filesystem::exists(folder.path / "wrong.expected.yaml"));

    (void)folder.write("wrong.case.yaml", wrong + "fails: true\n");
    CHECK(update().code == 0);
    const std::string expected = read_file(folder.path / "wrong.expected.yaml");
    CHECK(expected.find("did you mean 'backup'?") != std::string::npos);

    (void)folder.write("wrong.case.yaml", std::string(kCase) + "fails: true\n");
    result = update();
    CHECK(result.code == 1);
    CHECK(result.output.find("not written: the case says 'fails: true', and it does not fail\n") !=
          std::string::npos);
    CHECK(read_file(folder.path / "wrong.expected.yaml") == expected);
}

TEST_CASE("--update keeps what is expected where a phase does not render any more") {
    const Folder folder;
    (void)folder.write("pg.yaml", kBlueprint);
    (void)folder.write("backup.case.yaml", kCase);
    const auto update = [&] { return fencepost_cli(offline({"test", "--update", folder.path.c_str()})); };
    REQUIRE(update().code == 0);
    const std::string expected = read_file(folder.path / "backup.expected.yaml");
    std::string broken = kBlueprint;
    broken.replace(broken.find("[dump,"), 6, "['{{ .Nothing.there }}',");
    (void)folder.write("pg.yaml", broken);
    CHECK(update().code == 1);
    CHECK(read_file(folder.path / "backup.expected.yaml") == expected);
}

TEST_CASE("a case file with a mistake is told at its place, and is no failed case") {
    const Folder folder;
    const std::string file = folder.write("a.case.yaml", "acton: backup\n");
    const Result result = fencepost_cli(offline({"test", file.c_str()}));
    CHECK(result.code == 1);
    CHECK(result.errors.find(file + ":1:1: ") != std::string::npos);
    CHECK(result.errors.find("did you mean 'action'?") != std::string::npos);
}

TEST_CASE("render --params takes a case file, --phase shows one phase") {
    const Folder folder;
    (void)folder.write("pg.yaml", kBlueprint);
    const std::string file = folder.write("backup.case.yaml", kCase);
    const Result result =
        fencepost_cli(offline({"render", "--params", file.c_str(), "--phase", "last", "-o", "json"}));
    INFO(result.errors);
    CHECK(result.code == 0);
    const Value view = parse_json(result.output);
    REQUIRE(view["phases"].as_list().size() == 1);
    CHECK(to_json(view["phases"].as_list()[0]["args"]["command"]) ==
          R"(["echo","12","2026-02-03T04:05:06Z"])");
    CHECK(fencepost_cli(offline({"render", "--params", file.c_str(), "--phase", "lost"})).code == 2);
}

TEST_CASE("render --diff compares with another blueprint and ends with 1 where they differ") {
    const Folder folder;
    (void)folder.write("pg.yaml", kBlueprint);
    std::string changed = kBlueprint;
    changed.replace(changed.find("[dump,"), 6, "[dmup,");
    const std::string other = folder.write("other.yaml", changed);
    const std::string same = folder.write("same.yaml", kBlueprint);
    const std::string file = folder.write("backup.case.yaml", kCase);
    Result result = fencepost_cli(offline({"render", "--params", file.c_str(), "--diff", other.c_str()}));
    INFO(result.output << result.errors);
    CHECK(result.code == 1);
    CHECK(result.output.find("-   - dmup\n+   - dump\n") != std::string::npos);
    result = fencepost_cli(offline({"render", "--params", file.c_str(), "--diff", same.c_str()}));
    CHECK(result.code == 0);
    CHECK(result.output == "no difference\n");
}

TEST_CASE("a text's changes are told with the lines around them") {
    CHECK(cli::text_diff("a\nb\n", "a\nb\n") == "");
    CHECK(cli::text_diff("a\nb\nc\n", "a\nx\nc\n") == "  a\n- b\n+ x\n  c\n");
    CHECK(cli::text_diff("", "a\n") == "+ a\n");
    CHECK(cli::text_diff("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\n7\n") == "...\n  3\n  4\n  5\n- 6\n+ 7\n");
    CHECK(cli::text_diff("a", "a\n").empty() == false);
}

TEST_CASE("the schemas and the validator know the same fields") {
    const run::Catalog catalog = functions::catalog();
    for (const std::string& kind : cli::schema_kinds()) {
        std::vector<std::pair<std::string, Value>> objects;
        collect(cli::json_schema(kind, catalog.specs()), "", objects);
        REQUIRE(objects.size() >= 3);
        for (const auto& [pointer, properties] : objects) {
            if (pointer.starts_with("/metadata") || pointer.starts_with("/status") ||
                pointer.find("/args") != std::string::npos)
                continue;
            CAPTURE(kind, pointer);
            CHECK(says_unknown(object_with(kind, pointer, {"zzzzzzzzz"}), "zzzzzzzzz"));
            for (const auto& [name, schema] : properties.as_map()) {
                CAPTURE(name);
                CHECK_FALSE(says_unknown(object_with(kind, pointer, {name}), name));
            }
        }
    }
}

TEST_CASE("schema prints one kind or all, and knows every function and argument") {
    const run::Catalog catalog = functions::catalog();
    const Value all = parse_json(fencepost_cli({"schema"}).output);
    CHECK(all["$defs"].as_map().size() == 4);
    const Value blueprint = parse_json(fencepost_cli({"schema", "Blueprint"}).output);
    const Value& phase =
        blueprint.get("properties", "actions", "additionalProperties", "properties", "phases", "items");
    CHECK(phase.get("properties", "func", "enum").as_list().size() == catalog.specs().size());
    for (std::size_t i = 0; i < catalog.specs().size(); ++i) {
        const Value& args = phase["allOf"].as_list()[i].get("then", "properties", "args");
        for (const auto& arg : catalog.specs()[i].args) CHECK(args["properties"].find(arg.name) != nullptr);
    }
    const std::string same = fencepost_cli({"schema", "Blueprint"}).output;
    for (const char* name : {"blueprint", "BLUEPRINTS", "blueprints.cr.kanister.io"}) {
        CAPTURE(name);
        CHECK(fencepost_cli({"schema", name}).output == same);
    }
    CHECK(fencepost_cli({"schema", "secrets"}).code == 2);  // a type, but none of ours
    CHECK(fencepost_cli({"schema", "actionst"}).errors.find("did you mean 'ActionSet'?") !=
          std::string::npos);
    const Result wrong = fencepost_cli({"schema", "Bluprint"});
    CHECK(wrong.code == 2);
    CHECK(wrong.errors.find("did you mean 'Blueprint'?") != std::string::npos);
}
