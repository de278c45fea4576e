#include <catch2/catch.hpp>

#include "cli_world.h"
#include "value/json.h"

using namespace fencepost;

namespace {

constexpr const char* kPolicy =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n---\n"
    "apiVersion: config.kio.kasten.io/v1alpha1\nkind: Policy\nmetadata: {name: nightly, namespace: "
    "kasten-io}\n"
    "spec:\n  frequency: '@daily'\n  retention: {daily: 7, weekly: 4, monthly: 12}\n  actions:\n  - action: "
    "backup\n";

}  // namespace

TEST_CASE("policy simulate shows what stays, what is locked and what is stored") {
    const Folder folder;
    const std::string file = folder.write("nightly.yaml", kPolicy);
    const Result result =
        fencepost_cli({"policy", "simulate", file.c_str(), "--from", "2025-12-31T12:00:00Z", "--days", "60",
                       "--full", "10G", "--changed", "1G", "--lock", "240h"});
    CHECK(result.errors.empty());
    REQUIRE(result.code == 0);
    CHECK(result.output ==
          "nightly runs @daily: 60 times from 2025-12-31T12:00:00Z to 2026-03-01T12:00:00Z\n"
          "\n"
          "MONTH     RUNS   KEPT   LOCKED   DELETED   STORED\n"
          "2026-01   31     11     8        12        28.0 GB\n"
          "2026-02   28     11     9        27        29.0 GB\n"
          "2026-03   1      12     8        1         29.0 GB\n"
          "\n"
          "At the end 12 restore points stay:\n"
          "  TIME                   KEPT AS\n"
          "  2026-01-01T00:00:00Z   monthly\n"
          "  2026-02-01T00:00:00Z   monthly\n"
          "  2026-02-08T00:00:00Z   weekly\n"
          "  2026-02-15T00:00:00Z   weekly\n"
          "  2026-02-22T00:00:00Z   weekly\n"
          "  2026-02-23T00:00:00Z   daily\n"
          "  2026-02-24T00:00:00Z   daily\n"
          "  2026-02-25T00:00:00Z   daily\n"
          "  2026-02-26T00:00:00Z   daily\n"
          "  2026-02-27T00:00:00Z   daily\n"
          "  2026-02-28T00:00:00Z   daily\n"
          "  2026-03-01T00:00:00Z   daily, weekly, monthly\n"
          "\n"
          "Most that is stored at once: 29.0 GB\n");
}

TEST_CASE("policy simulate tells the same as JSON") {
    const Folder folder;
    const std::string file = folder.write("nightly.yaml", kPolicy);
    const Result result = fencepost_cli(
        {"policy", "simulate", file.c_str(), "--from", "2026-01-01T12:00:00Z", "--days", "3", "-o", "json"});
    REQUIRE(result.code == 0);
    const Value document = parse_json(result.output);
    CHECK(document["runs"] == Value(3));
    REQUIRE(document["kept"].as_list().size() == 3);
    CHECK(document["kept"].as_list()[0]["scheduledTime"] == Value("2026-01-02T00:00:00Z"));
    CHECK(document["months"].as_list()[0]["kept"] == Value(3));
}

TEST_CASE("policy simulate takes the preset from the file") {
    const Folder folder;
    const std::string preset =
        "apiVersion: fencepost.io/v1alpha1\nkind: PolicyPreset\nmetadata: {name: gold}\nspec: {backup: "
        "{frequency: '@daily', retention: {daily: 2}}}\n---\n";
    const std::string policy =
        "apiVersion: fencepost.io/v1alpha1\nkind: Policy\nmetadata: {name: nightly}\nspec: {presetRef: "
        "{name: "
        "gold}, actions: [{action: backup}]}\n";
    const std::string file = folder.write("nightly.yaml", preset + policy);
    const Result result = fencepost_cli(
        {"policy", "simulate", file.c_str(), "--from", "2026-01-01T12:00:00Z", "--days", "5", "-o", "json"});
    CHECK(result.errors.empty());
    REQUIRE(result.code == 0);
    CHECK(parse_json(result.output)["frequency"] == Value("@daily"));
    CHECK(parse_json(result.output)["kept"].as_list().size() == 2);

    std::string wrong = preset;
    wrong.replace(wrong.find("@daily"), 6, "@dayly");
    const std::string bad = folder.write("wrong.yaml", wrong + policy);
    const Result failed = fencepost_cli({"policy", "simulate", bad.c_str()});
    CHECK(failed.code == 1);
    CHECK_THAT(failed.errors, Catch::Contains("wrong.yaml:4:") && Catch::Contains("[POL-E01]"));

    // It is asked of the server where the file has none.
    const std::string alone = folder.write("alone.yaml", policy);
    CHECK(fencepost_cli({"policy", "simulate", alone.c_str(), "--server", "http://127.0.0.1:1"}).code == 4);
}

TEST_CASE("policy simulate says where a policy is wrong, and what it cannot show") {
    const Folder folder;
    std::string text = kPolicy;
    text.replace(text.find("daily: 7"), 8, "hourly: 7");
    const std::string wrong = folder.write("wrong.yaml", text);
    Result result = fencepost_cli({"policy", "simulate", wrong.c_str()});
    CHECK(result.code == 1);
    CHECK_THAT(result.errors, Catch::Contains("wrong.yaml:10:") && Catch::Contains("[POL-E04]"));

    const std::string none = folder.write("none.yaml", "kind: Secret\nmetadata: {name: a}\n");
    result = fencepost_cli({"policy", "simulate", none.c_str()});
    CHECK(result.code == 1);
    CHECK_THAT(result.errors, Catch::Contains("none.yaml holds no Policy"));

    text = kPolicy;
    text.replace(text.find("  retention"), 0, "  backupWindow: {start: {hour: 3}, end: {hour: 4}}\n");
    const std::string never = folder.write("never.yaml", text);
    result = fencepost_cli({"policy", "simulate", never.c_str()});
    CHECK(result.code == 1);
    CHECK_THAT(result.errors, Catch::Contains("never runs in 365 days"));

    const std::string file = folder.write("nightly.yaml", kPolicy);
    CHECK(fencepost_cli({"policy", "simulate", file.c_str(), "--from", "yesterday"}).code == 2);
    CHECK(fencepost_cli({"policy", "simulate", file.c_str(), "--days", "0"}).code == 2);
}
