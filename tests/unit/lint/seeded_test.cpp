// The defects that have been seen to reach production: each is a file in
// tests/golden/seeded in which the line that must be found ends with "# here: RULE". What only a plan can
// find, since it looks at a cluster, is in seeded/plan (unit/cli).
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/files.h"
#include "functions/catalog.h"
#include "lint/lint.h"
#include "tests/unit/source_dir.h"

namespace fencepost::lint {

TEST_CASE("every seeded defect is found, at its line") {
    const run::Catalog catalog = functions::catalog();
    int files = 0;
    for (const auto& file : std::filesystem::directory_iterator(source_dir() + "/tests/golden/seeded")) {
        if (file.path().extension() != ".yaml") continue;
        ++files;
        CAPTURE(file.path().filename().string());
        const Source source{"seeded.yaml", read_file(file.path())};
        const auto found = lint(source, catalog.specs());
        int marks = 0;
        std::istringstream lines(source.text);
        std::string line;
        for (int number = 1; std::getline(lines, line); ++number) {
            const std::size_t at = line.find("# here: ");
            if (at == std::string::npos) continue;
            ++marks;
            const std::string rule = line.substr(at + 8);
            CAPTURE(number, rule);
            CHECK(std::any_of(found.begin(), found.end(), [&](const model::Diagnostic& one) {
                return one.rule == rule && one.position.line == number;
            }));
        }
        CHECK(marks == 1);
    }
    CHECK(files == 19);
}

}  // namespace fencepost::lint
