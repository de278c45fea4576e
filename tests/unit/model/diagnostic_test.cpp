#include "model/diagnostic.h"

#include <catch2/catch.hpp>

namespace fencepost::model {

TEST_CASE("a diagnostic prints as compilers do") {
    Diagnostic diagnostic{.severity = Severity::kError,
                          .position = {.file = "b.yaml", .line = 3, .column = 7},
                          .rule = "unknown-function",
                          .message = "no function 'KubTask'"};
    CHECK(to_text(diagnostic) == "b.yaml:3:7: error: no function 'KubTask' [unknown-function]");
    diagnostic.severity = Severity::kWarning;
    diagnostic.position.column = 0;
    CHECK(to_text(diagnostic) == "b.yaml:3: warning: no function 'KubTask' [unknown-function]");
    diagnostic.severity = Severity::kInfo;
    diagnostic.position = {};
    diagnostic.rule.clear();
    CHECK(to_text(diagnostic) == "info: no function 'KubTask'");
}

TEST_CASE("only errors count as errors") {
    CHECK_FALSE(has_errors({}));
    CHECK_FALSE(has_errors({{.severity = Severity::kWarning}, {.severity = Severity::kInfo}}));
    CHECK(has_errors({{.severity = Severity::kWarning}, {.severity = Severity::kError}}));
}

TEST_CASE("the nearest name is found, and only where one is near") {
    const std::vector<std::string> functions{"KubeTask", "KubeExec", "KubeExecAll",
                                             "Wait",     "WaitV2",   "Fence"};
    CHECK(nearest("KubTask", functions) == "KubeTask");
    CHECK(nearest("kubetask", functions) == "KubeTask");
    CHECK(nearest("KubeTaks", functions) == "KubeTask");
    CHECK(nearest("KubeExecAl", functions) == "KubeExecAll");
    CHECK(nearest("WaitV3", functions) == "WaitV2");
    CHECK(nearest("BackupData", functions).empty());
    CHECK(nearest("", functions).empty());
    CHECK(nearest("x", {}).empty());
    CHECK(nearest(std::string(10'000, 'a'), {std::string(10'000, 'b')}).empty());
}

}  // namespace fencepost::model
