#include "cli/output.h"

#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "value/json.h"

using namespace fencepost;

TEST_CASE("every output format shows the same document") {
    const Value document = parse_json(R"({"kind":"Pod","metadata":{"name":"a"}})");
    const auto text = [&](const char* format) { return cli::Output(format).text(document, {"pod/a"}); };
    CHECK(text("json") == "{\n  \"kind\": \"Pod\",\n  \"metadata\": {\n    \"name\": \"a\"\n  }\n}\n");
    CHECK(text("yaml") == "kind: Pod\nmetadata:\n  name: a\n");
    CHECK(text("name") == "pod/a\n");
    CHECK(text("jsonpath={.metadata.name}") == "a");
    CHECK(cli::Output("table").is_table());
    CHECK_FALSE(cli::Output("yaml").is_table());
}

TEST_CASE("what is no output format is refused with what there is") {
    struct Case {
        const char* text;
        const char* message;
        const char* hint;
    };
    for (const Case& one : {Case{"xml", "there are: table|json|yaml|name|jsonpath=...", ""},
                            {"jsn", "'jsn' is no output format", "did you mean 'json'?"},
                            {"jsonpath", "has no template", "{.metadata.name}"},
                            {"jsonpath=", "has no template", "{.metadata.name}"},
                            {"jsonpath={.a", "a } is missing", ""},
                            {"", "no output format", ""}}) {
        CAPTURE(one.text);
        try {
            const cli::Output output(one.text);
            FAIL("it was taken");
        } catch (const cli::UsageError& error) {
            CHECK(error.message().find(one.message) != std::string::npos);
            CHECK(error.hint().find(one.hint) != std::string::npos);
        }
    }
}
