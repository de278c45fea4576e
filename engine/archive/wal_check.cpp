#include "archive/wal_check.h"

#include <algorithm>

#include "base/error.h"
#include "base/program.h"
#include "value/json.h"

namespace fencepost::archive {
namespace {

const TimelineWal* find(const WalListing& wal, std::uint32_t timeline) {
    for (const TimelineWal& each : wal.timelines) {
        if (each.timeline == timeline) return &each;
    }
    return nullptr;
}

bool has(const WalListing& wal, const std::string& segment) {
    const auto name = WalName::parse(segment);
    const TimelineWal* timeline = name && wal.identity ? find(wal, name->timeline) : nullptr;
    if (timeline == nullptr) return false;
    const std::uint64_t number = name->number(wal.identity->segment_bytes);
    const bool is_missing = std::any_of(timeline->gaps.begin(), timeline->gaps.end(), [&](const auto& gap) {
        return number >= gap.first && number <= gap.last;
    });
    return number >= timeline->first && number <= timeline->last && !is_missing;
}

}  // namespace

std::vector<std::string> problems_of(const WalListing& wal, const std::vector<BaseRecord>& bases) {
    std::vector<std::string> problems;
    if (bases.empty()) problems.emplace_back("there is no base backup: no restore begins without one");
    for (const BaseRecord& base : bases) {
        const std::vector<std::string> needed = base.segments();
        const auto missing =
            std::find_if(needed.begin(), needed.end(), [&](const auto& name) { return !has(wal, name); });
        if (!base.has_wal && missing != needed.end())
            problems.push_back("base backup " + base.name + " cannot be restored: the segment " + *missing +
                               " is missing");
    }
    // What lies before every base is needed by none.
    std::uint64_t first = bases.empty() ? 0 : bases.front().first_segment();
    for (const BaseRecord& base : bases) first = std::min(first, base.first_segment());
    for (const TimelineWal& timeline : wal.timelines) {
        const auto segment = [&](std::uint64_t number) {
            return segment_name(timeline.timeline, number, wal.identity->segment_bytes);
        };
        for (const auto& gap : timeline.gaps) {
            if (gap.last < first) continue;
            problems.push_back("no recovery in timeline " + std::to_string(timeline.timeline) +
                               " goes beyond the gap from " + segment(gap.first) + " to " +
                               segment(gap.last) + "; a base backup that is newer does");
        }
    }
    return problems;
}

Value ask_archiver(const std::string& connection) {
    const auto asked = run_program(
        {.words =
             {"psql", "-XqAt", "--no-password", "--dbname=" + connection, "-c",
              "select json_build_object('archivedCount', archived_count, 'lastArchivedWal', "
              "last_archived_wal, "
              "'lastArchivedTime', last_archived_time, 'failedCount', failed_count, 'lastFailedWal', "
              "last_failed_wal, 'lastFailedTime', last_failed_time, 'isFailing', coalesce(last_failed_time > "
              "last_archived_time, last_failed_time is not null), 'archiveMode', "
              "current_setting('archive_mode')) "
              "from pg_stat_archiver"},
         .shows_errors = true});
    if (!asked) {
        throw Error(ErrorKind::kFailedPrecondition, "there is no psql in PATH",
                    "it comes with PostgreSQL's clients: apt install postgresql-client");
    }
    if (asked->exit_code != 0)
        throw Error(ErrorKind::kFailedPrecondition,
                    "the server does not tell of its archiver; psql said why, above");
    return parse_json(asked->output);
}

std::vector<std::string> problems_of(const WalListing& wal, const Value& archiver) {
    std::vector<std::string> problems;
    if (archiver["archiveMode"].string_or("") == "off")
        problems.emplace_back("the server does not archive: archive_mode is off");
    if (archiver["isFailing"].bool_or(false)) {
        problems.push_back("archiving fails since " + archiver["lastFailedTime"].string_or("") +
                           ", last of " + archiver["lastFailedWal"].string_or("") +
                           ": the server's log tells why");
    }
    const std::string last = archiver["lastArchivedWal"].string_or("");
    const auto name = WalName::parse(last);
    if (name && name->kind == WalKind::kSegment && !has(wal, last))
        problems.push_back("the server has archived " + last + ", but not to here");
    return problems;
}

}  // namespace fencepost::archive
