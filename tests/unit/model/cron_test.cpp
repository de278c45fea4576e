#include "model/cron.h"

#include <catch2/catch.hpp>

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::model {
namespace {

std::string next(const char* cron, const char* time) {
    const auto found = Cron::parse(cron).next_after(parse_rfc3339(time));
    return found ? format_rfc3339(*found) : "never";
}

}  // namespace

TEST_CASE("a cron expression comes when crontab would") {
    struct Row {
        const char *cron, *after, *next;
    };
    const Row rows[] = {
        {"0 0 * * *", "2026-11-21T05:00:00Z", "2026-11-22T00:00:00Z"},
        {"0 0 * * *", "2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z"},
        {"0 0 * * *", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"},
        {"*/15 * * * *", "2026-11-21T05:14:59Z", "2026-11-21T05:15:00Z"},
        {"5-20/5 * * * *", "2026-11-21T05:21:00Z", "2026-11-21T06:05:00Z"},
        {"50/5 * * * *", "2026-11-21T05:51:00Z", "2026-11-21T05:55:00Z"},
        {"0 9-17 * * mon-fri", "2026-11-20T17:00:00Z", "2026-11-23T09:00:00Z"},
        {"0 0 * * 0", "2026-11-21T05:00:00Z", "2026-11-22T00:00:00Z"},
        {"0 0 * * 7", "2026-11-21T05:00:00Z", "2026-11-22T00:00:00Z"},
        {"30 4 1,15 * fri", "2026-11-02T00:00:00Z", "2026-11-06T04:30:00Z"},  // either will do
        {"30 4 15 * *", "2026-11-15T04:30:00Z", "2026-12-15T04:30:00Z"},
        {"0 0 31 * *", "2026-11-01T00:00:00Z", "2026-12-31T00:00:00Z"},
        {"0 0 29 FEB *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},  // 2100 is no leap year
        {"0 0 30 2 *", "2026-01-01T00:00:00Z", "never"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.cron, row.after);
        CHECK(next(row.cron, row.after) == row.next);
    }
}

TEST_CASE("a cron expression that is none is refused with the field that is wrong") {
    const std::pair<const char*, const char*> rows[] = {
        {"", "has 0 fields"},
        {"0 0 * *", "has 4 fields"},
        {"0 0 0 * * *", "has 6 fields"},
        {"60 0 * * *", "the minute '60' is out of range"},
        {"0 24 * * *", "the hour '24' is out of range"},
        {"0 0 0 * *", "the day of the month '0' is out of range"},
        {"0 0 * 13 *", "the month '13' is out of range"},
        {"0 0 * * 8", "the day of the week '8' is out of range"},
        {"a 0 * * *", "the minute 'a' is no number"},
        {"1,,2 0 * * *", "the minute '' is no number"},
        {"5-1 0 * * *", "the minute '5-1' ends before it begins"},
        {"*/0 0 * * *", "the minute '*/0' has no step"},
        {"*/ 0 * * *", "the minute '*/' has no step"},
        {"99999999999 0 * * *", "is no number"},
    };
    for (const auto& [cron, why] : rows) {
        CAPTURE(cron);
        CHECK_THROWS_WITH(Cron::parse(cron), Catch::Contains(why));
    }
}

}  // namespace fencepost::model
