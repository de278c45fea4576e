#include "run/journal.h"

#include <catch2/catch.hpp>

#include "run/record.h"
#include "value/json.h"

namespace fencepost::run {
namespace {

Value status_of(const std::string& state, const std::string& phases, const std::string& more = "") {
    return parse_json("{\"state\":\"" + state + "\",\"actions\":[{\"name\":\"backup\",\"phases\":[" + phases +
                      "],\"deferPhase\":{\"name\":\"\",\"state\":\"\"}}]" + more + "}");
}

// "1 action.started, 2 phase.started dump #1"
std::string text_of(const List& journal) {
    std::string text;
    for (const Value& entry : journal) {
        text += (text.empty() ? "" : ", ") + std::to_string(entry["seq"].as_int()) + " " +
                entry["type"].as_string();
        if (entry["phase"].is_string()) text += " " + entry["phase"].as_string();
        if (!entry["attempt"].is_nil()) text += " #" + std::to_string(entry["attempt"].as_int());
        if (entry["error"].is_string()) text += " (" + entry["error"].as_string() + ")";
    }
    return text;
}

const std::string kRunning =
    R"({"name":"dump","state":"running","attempts":1,"startTime":"2026-11-21T06:00:00Z"})";

List grow(List journal, const Value& before, const Value& after, bool was_cancelled = false) {
    return journal_after(std::move(journal), before, after, was_cancelled, "2026-11-21T07:00:00Z");
}

}  // namespace

TEST_CASE("the journal tells each change between two statuses once, in order, with numbers that go on") {
    const Value first = status_of("running", kRunning, R"(,"startTime":"2026-11-21T05:00:00Z")");
    List journal = grow({}, {}, first);
    CHECK(text_of(journal) == "1 action.started, 2 phase.started dump #1");
    CHECK(journal[0]["time"] == Value("2026-11-21T05:00:00Z"));
    CHECK(journal[1]["time"] == Value("2026-11-21T06:00:00Z"));
    CHECK(grow(journal, first, first) == journal);  // nothing has changed

    // The end of one phase and the start of the next are one write.
    const Value second = status_of(
        "running",
        R"({"name":"dump","state":"complete","attempts":1},{"name":"check","state":"running","attempts":1})");
    journal = grow(journal, first, second);
    CHECK(text_of({journal.begin() + 2, journal.end()}) ==
          "3 phase.completed dump #1, 4 phase.started check #1");
    CHECK(journal[2]["time"] == Value("2026-11-21T07:00:00Z"));  // it tells none of its own

    const Value third = status_of(
        "failed",
        R"({"name":"dump","state":"complete","attempts":1},{"name":"check","state":"failed","attempts":1,"error":"no"})",
        R"(,"error":{"message":"phase 'check': no"})");
    journal = grow(journal, second, third);
    CHECK(text_of({journal.begin() + 4, journal.end()}) ==
          "5 phase.failed check #1 (no), 6 action.failed (phase 'check': no)");
}

TEST_CASE("an attempt that failed and the next one are two entries, and a phase that was skipped is one") {
    const Value first = status_of("running", kRunning);
    const Value again = status_of("running", R"({"name":"dump","state":"running","attempts":2})");
    CHECK(text_of(grow({}, first, again)) == "1 phase.failed dump #1, 2 phase.started dump #2");
    CHECK(text_of(grow({}, status_of("running", R"({"name":"a","state":"pending"})"),
                       status_of("running", R"({"name":"a","state":"skipped"})"))) == "1 phase.skipped a");
    // Begun and ended between two writes.
    CHECK(text_of(grow({}, status_of("running", R"({"name":"a","state":"pending"})"),
                       status_of("running", R"({"name":"a","state":"complete","attempts":1})"))) ==
          "1 phase.started a #1, 2 phase.completed a #1");
    // What was taken over from the action that is resumed is no news.
    CHECK(text_of(grow({}, {}, status_of("running", R"({"name":"a","state":"complete","attempts":1})"))) ==
          "1 action.started");
}

TEST_CASE("a failed action that was asked to end is cancelled; errors are cut between characters") {
    const Value running = status_of("running", kRunning);
    CHECK(text_of(grow({}, running, status_of("failed", kRunning), true)) == "1 action.cancelled");
    std::string error;
    for (int i = 0; i < 500; ++i) error += "ä";
    Value failed = status_of("failed", kRunning);
    failed["error"]["message"] = error;
    const List journal = grow({}, running, failed);
    const std::string shown = journal.back()["error"].as_string();
    CHECK(shown.size() <= 303);
    CHECK(shown.ends_with("ä..."));
}

TEST_CASE("a journal keeps its latest entries and never gives a number twice") {
    List journal;
    Value before = status_of("running", R"({"name":"dump","state":"running","attempts":0})");
    for (int i = 1; i <= 300; ++i) {
        const Value after =
            status_of("running", R"({"name":"dump","state":"running","attempts":)" + std::to_string(i) + "}");
        journal = grow(std::move(journal), before, after);
        before = after;
    }
    CHECK(journal.size() == kMaxJournal);
    CHECK(journal.back()["seq"] == Value(600));
    for (std::size_t i = 1; i < journal.size(); ++i)
        CHECK(journal[i]["seq"].as_int() == journal[i - 1]["seq"].as_int() + 1);
}

}  // namespace fencepost::run
