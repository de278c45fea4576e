#include "base/program.h"

#include <catch2/catch.hpp>

#include "base/error.h"

using namespace fencepost;

TEST_CASE("a program gets its input and environment, and its output and end are told") {
    const auto done = run_program({.words = {"sh", "-c", "read line; echo \"$line $GREETING\"; exit 3"},
                                   .environment = {{"GREETING", "hello"}},
                                   .input = "well,\n"});
    REQUIRE(done);
    CHECK(done->output == "well, hello\n");
    CHECK(done->exit_code == 3);
    CHECK(run_program({.words = {"sh", "-c", "kill -9 $$"}})->exit_code == 137);
}

TEST_CASE("a program that is not there, never ends or writes without end is told apart") {
    CHECK(!run_program({.words = {"no-such-program-anywhere"}}));
    const auto kind_of = [](const Program& program) {
        try {
            (void)run_program(program);
        } catch (const Error& error) {
            return error.kind();
        }
        return ErrorKind::kInternal;
    };
    CHECK(kind_of({.words = {"sleep", "1000"}, .limit = std::chrono::seconds(0)}) == ErrorKind::kTimeout);
    CHECK(kind_of({.words = {"yes"}}) == ErrorKind::kTooLarge);
}
