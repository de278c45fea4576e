#include "model/verification.h"

#include "model/option_use.h"
#include "value/json.h"

namespace fencepost::model {
namespace {

constexpr const char* kRule = "VER-E01";

// A number or a bool is meant as it is written.
std::string expected_of(const Value& expect, const std::string& pointer, Problems& problems) {
    if (expect.is_nil()) return "true";
    if (expect.is_string()) return expect.as_string();
    if (expect.kind() == Kind::kBool || expect.is_number()) return to_json(expect);
    problems.error(pointer, kRule, "this is no text, number or bool",
                   "rows are told apart by a line break, columns by |");
    return "";
}

Assertion read_assertion(const Value& item, const std::string& pointer, Problems& problems) {
    problems.only(item, pointer, {"name", "sql", "expect", "resource"});
    Assertion assertion;
    if (problems.require_text(item["sql"], child(pointer, "sql"), "the assertion's sql"))
        assertion.sql = item["sql"].as_string();
    for (const char* member : {"name", "resource"})
        (void)problems.check(item[member], child(pointer, member), Kind::kString);
    assertion.name = item["name"].string_or(assertion.sql);
    assertion.expected = expected_of(item["expect"], child(pointer, "expect"), problems);
    assertion.resource = item["resource"].string_or("*");
    return assertion;
}

}  // namespace

Verification Verification::read(const Value& block, const std::string& pointer, Problems& problems) {
    Verification verification;
    if (block.is_nil() || !problems.check(block, pointer, Kind::kMap)) return verification;
    problems.only(block, pointer, {"assertions", "countRows", "filters", "transforms"});
    if (problems.check(block["countRows"], child(pointer, "countRows"), Kind::kBool))
        verification.counts_rows = block["countRows"].bool_or(true);
    if (problems.check(block["filters"], child(pointer, "filters"), Kind::kMap))
        verification.filters = block["filters"];
    if (problems.check(block["transforms"], child(pointer, "transforms"), Kind::kList))
        verification.transforms = block["transforms"];
    const std::string all = child(pointer, "assertions");
    if (!problems.check(block["assertions"], all, Kind::kList)) return verification;
    const List& items = block["assertions"].list_or_empty();
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string place = child(all, i);
        if (items[i].is_map())
            verification.assertions.push_back(read_assertion(items[i], place, problems));
        else
            problems.error(place, kRule, "an assertion is a map",
                           "{name: orders are there, sql: select count(*) > 0 from orders}");
    }
    return verification;
}

std::optional<NotVerifiable> why_not_verifiable(const Value& actions) {
    if (!actions["verify"].is_map()) {
        return NotVerifiable{"it has no action 'verify', which asks what was restored",
                             "write one, as postgres-dump has it; or leave the resource out: "
                             "verification.filters"};
    }
    if (!actions["restore"].is_map()) return std::nullopt;
    if (!takes_option(actions["restore"], "scratch")) {
        return NotVerifiable{
            "its action 'restore' does not read .Options.scratch, and would write over the "
            "live database",
            "where {{ index .Options \"scratch\" }} is set, restore into a database of that "
            "name instead"};
    }
    if (!actions["verifyPosthook"].is_map()) {
        return NotVerifiable{
            "it has no action 'verifyPosthook', so nothing would remove what 'restore' makes",
            "write one that drops the database .Options.scratch"};
    }
    return std::nullopt;
}

}  // namespace fencepost::model
