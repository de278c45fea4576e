// The columns that kubectl and `fencepost get` show.
#include <catch2/catch.hpp>

#include "api/facade/columns.h"
#include "cluster/kube/definitions.h"
#include "value/json.h"

namespace fencepost::api::facade {
namespace {

// As kubectl heads them; those of -o wide left out.
std::string headers(const cluster::ResourceType& type, const Value& definition = {}) {
    std::string text;
    for (const Column& column : columns_of(type, definition)) {
        if (!column.is_wide) text += (text.empty() ? "" : "|") + column.name;
    }
    return text;
}

}  // namespace

TEST_CASE("ActionSets have Kanister's columns, BlueprintBindings have K10's") {
    CHECK(headers(cluster::types::kActionSets) ==
          "Name|Progress|Size Downloaded B|Size Uploaded B|Estimated Download Size B|Estimated Upload Size B|"
          "Running Phase|Last Transition Time|State");
    CHECK(headers(cluster::types::kBlueprintBindings) == "Name|Disabled|Status|Age");
    CHECK(headers(cluster::types::kPods) == "Name|Ready|Status|Restarts|Age");
    CHECK(headers({"example.com", "v1", "things"}) == "Name|Age");

    const Value binding =
        parse_json(R"({"metadata":{"name":"b"},"spec":{},"status":{"validation":"Success"}})");
    const auto columns = columns_of(cluster::types::kBlueprintBindings, {});
    CHECK(columns.at(0).cell(binding, {}) == Value("b"));
    CHECK(columns.at(1).cell(binding, {}).is_nil());  // blank where it is not set
    CHECK(columns.at(2).cell(binding, {}) == Value("Success"));
}

TEST_CASE("the kinds of application protection have the columns of the chart's definitions") {
    namespace types = cluster::types;
    const auto ours = [](const cluster::ResourceType& type) {
        return headers(type, cluster::kube::definition_of(type));
    };
    CHECK(ours(types::kBackupActions) == "Name|State|Progress|Restore-Point|Age");
    CHECK(ours(types::kRestoreActions) == "Name|State|Progress|Restore-Point|Age");
    CHECK(ours(types::kExportActions) == "Name|State|Restore-Point|Location|Age");
    CHECK(ours(types::kImportActions) == "Name|State|Restore-Point|Ready|Location|Age");
    CHECK(ours(types::kCancelActions) == "Name|Kind|Subject|Age");
    CHECK(ours(types::kRestorePoints) == "Name|State|Content|Verified|Location|Action-Time|Age");
    CHECK(ours(types::kRestorePointContents) == "Name|Application|State|Verified|Location|Age");
}

}  // namespace fencepost::api::facade
