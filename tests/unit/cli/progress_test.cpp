#include "cli/progress.h"

#include <catch2/catch.hpp>

#include "base/encodings.h"
#include "value/json.h"

using namespace fencepost;

TEST_CASE("bytes are told in the unit that people read") {
    struct Case {
        double bytes;
        const char* text;
    };
    for (const Case& one : {Case{0, "0 B"},
                            {999, "999 B"},
                            {1000, "1.0 kB"},
                            {12'345, "12.3 kB"},
                            {999'960, "1.0 MB"},
                            {161e6, "161.0 MB"},
                            {1.25e9, "1.2 GB"},
                            {5e15, "5000.0 TB"}}) {
        CHECK(cli::bytes_text(one.bytes) == one.text);
    }
}

TEST_CASE("a phase tells how long, how much, how fast, and how long still") {
    const SystemTime now = parse_rfc3339("2026-11-21T12:00:20Z");
    struct Case {
        const char* phase;
        const char* facts;
    };
    for (
        const Case& one :
        {Case{R"({"state":"pending"})", ""},
         {R"({"startedAt":"2026-11-21T12:00:00Z"})", "20s"},
         {R"({"startedAt":"2026-11-21T12:00:00Z","endedAt":"2026-11-21T12:00:01.7Z"})", "1.7s"},
         {R"({"startedAt":"2026-11-21T12:00:00Z","progress":{"sizeUploadedB":40000000}})",
          "20s, 40.0 MB, 2.0 MB/s"},
         {R"({"startedAt":"2026-11-21T12:00:00Z","progress":{"sizeUploadedB":40000000,"progressPercent":"25"}})",
          "20s, 40.0 MB, 2.0 MB/s, 25%, 1m0s left"},
         {R"({"startedAt":"2026-11-21T12:00:00Z","progress":{"sizeDownloadedB":5000,"progressPercent":"0"}})",
          "20s, 5.0 kB, 250 B/s"},
         // What has ended has nothing left, whatever it said last.
         {R"({"startedAt":"2026-11-21T12:00:00Z","endedAt":"2026-11-21T12:00:10Z",)"
          R"("progress":{"sizeUploadedB":10000000,"progressPercent":"50"}})",
          "10s, 10.0 MB, 1.0 MB/s"},
         // A clock that was set back.
         {R"({"startedAt":"2026-11-21T12:01:00Z","progress":{"sizeUploadedB":5}})", "0s, 5 B"}}) {
        CAPTURE(one.phase);
        CHECK(cli::phase_facts(parse_json(one.phase), now) == one.facts);
    }
}

TEST_CASE("an action has ended when it is complete, failed or cancelled") {
    for (const char* state : {"complete", "failed", "cancelled"})
        CHECK(cli::has_ended(Value(Map{{"state", Value(state)}})));
    for (const char* state : {"pending", "running", ""})
        CHECK_FALSE(cli::has_ended(Value(Map{{"state", Value(state)}})));
}
