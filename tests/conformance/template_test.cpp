// Every case of cases/: Go's own output, or its whole error message, for each template.
#include <catch2/catch.hpp>

#include <fstream>
#include <iostream>
#include <set>

#include "template/json_lines.h"
#include "tests/unit/source_dir.h"
#include "value/json.h"

using namespace fencepost;

namespace {

struct Count {
    int cases = 0, different = 0;
    std::set<std::string> functions;
};

// The cases are JSON and so are the answers: bytes that are no UTF-8 stand in both as U+FFFD.
Count run(const std::string& file) {
    std::ifstream lines(source_dir() + "/tests/conformance/cases/" + file);
    Count count;
    for (std::string line; std::getline(lines, line);) {
        const Value expected = parse_json(line);
        const Value answer = parse_json(tmpl::answer_line(line));
        ++count.cases;
        count.functions.insert(expected["func"].string_or(""));
        const bool is_ok = expected["ok"].as_bool();
        const std::string text = is_ok ? "output" : "error";
        if (answer["ok"] == expected["ok"] && answer["stage"] == expected["stage"] &&
            answer[text].string_or("") == expected[text].string_or(""))
            continue;
        ++count.different;
        std::cout << "DIFFERENT " << expected["name"].string_or("") << "\n  " << to_json(expected["template"])
                  << "\n  Go:        " << to_json(expected[text]) << "\n  Fencepost: " << to_json(answer)
                  << "\n";
    }
    return count;
}

}  // namespace

TEST_CASE("text/template gives Go's output and Go's errors for every case") {
    const Count count = run("gotemplate.jsonl");
    CHECK(count.cases == 2667);
    CHECK(count.different == 0);
}

TEST_CASE("sprig's functions give Go's output and Go's errors for every case") {
    const Count count = run("sprig.jsonl");
    CHECK(count.cases == 1015);
    CHECK(count.functions.size() > 140);
    CHECK(count.different == 0);
}
