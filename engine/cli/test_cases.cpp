// `fencepost test`: renders every case file and compares with what is expected beside it: dump.case.yaml and
// dump.expected.yaml. What is expected are the phases' arguments, the artifacts, or the error.
#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "cli/case_file.h"
#include "cli/prospect.h"
#include "cli/terminal.h"
#include "cli/text_diff.h"
#include "cli/verbs.h"
#include "run/preview.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCase = ".case.yaml";
constexpr std::string_view kExpected = ".expected.yaml";

std::vector<fs::path> cases_in(const std::vector<std::string>& arguments) {
    std::vector<fs::path> cases;
    for (const std::string& argument : arguments) {
        if (!fs::is_directory(argument)) {
            if (!argument.ends_with(kCase))
                throw UsageError(argument + " is no case file", "case files end with .case.yaml");
            cases.emplace_back(argument);
            continue;
        }
        std::vector<fs::path> found;
        for (const auto& entry : fs::recursive_directory_iterator(argument)) {
            if (entry.is_regular_file() && entry.path().string().ends_with(kCase))
                found.push_back(entry.path());
        }
        std::sort(found.begin(), found.end());
        if (found.empty())
            throw Error(ErrorKind::kNotFound, "the folder " + argument + " holds no *.case.yaml");
        cases.insert(cases.end(), found.begin(), found.end());
    }
    return cases;
}

fs::path expected_of(const fs::path& file) {
    const std::string text = file.string();
    return text.substr(0, text.size() - kCase.size()) + std::string(kExpected);
}

// What the case comes to.
struct Outcome {
    std::string text;  // as the expected file has it
    bool has_failed = false;
    bool is_to_fail = false;
};

Outcome outcome(Server& server, const fs::path& file, const run::Catalog& catalog) {
    RenderOptions given;
    given.params = file.string();
    Case one;
    try {
        one = with_case(given, file.string());
        if (one.options.time.empty()) one.options.time = "2026-01-01T00:00:00Z";
        Value view = Prospect(server, one.options, catalog).preview();
        for (const char* member : {"reason", "blueprint", "object", "action"}) view.erase(member);
        return {to_yaml(view), run::has_errors(view), one.fails};
    } catch (const Unreachable&) {
        throw;
    } catch (const Error& error) {
        if (error.position()) throw;  // the case file itself is wrong
        Value view;
        view["error"] = error.what();
        if (!error.hint().empty()) view["hint"] = error.hint();
        return {to_yaml(view), true, one.fails};
    }
}

// Why --update leaves the expected file as it is: a blueprint that breaks is no news of what is expected.
std::string why_not_written(const Outcome& found) {
    return "    not written: " +
           std::string(found.has_failed ? "it fails; where it is to fail, the case says 'fails: true'"
                                        : "the case says 'fails: true', and it does not fail") +
           "\n" + indent(found.text);
}

}  // namespace

int test_cases(Server& server, const TestOptions& options, const run::Catalog& catalog) {
    int failed = 0;
    int passed = 0;
    for (const fs::path& file : cases_in(options.files)) {
        const fs::path expected = expected_of(file);
        const Outcome found = outcome(server, file, catalog);
        const bool is_there = fs::exists(expected);
        const bool is_same = is_there && read_file(expected) == found.text;
        const bool is_written = !is_same && options.updates && found.has_failed == found.is_to_fail;
        if (is_written) write_file_durably(expected, found.text);
        if (is_same || is_written) {
            ++passed;
            print(paint(is_same ? "ok      " : "written ", Colour::kGreen) + file.string() + "\n");
            continue;
        }
        ++failed;
        print(paint("FAILED  ", Colour::kRed) + file.string() + "\n");
        if (options.updates) {
            print(why_not_written(found));
        } else if (!is_there) {
            print("    there is no " + expected.string() + ": --update writes it\n");
        } else {
            print(indent(text_diff(read_file(expected), found.text)));
        }
    }
    print(std::to_string(passed) + " passed, " + std::to_string(failed) + " failed\n");
    return failed == 0 ? kDone : kFailed;
}

}  // namespace fencepost::cli
