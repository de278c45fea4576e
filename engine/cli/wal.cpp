#include "archive/wal.h"

#include "archive/wal_check.h"
#include "base/encodings.h"
#include "cli/archive_place.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {
namespace {

std::string name_of(const archive::TimelineWal& timeline, std::uint64_t number, std::uint64_t segment_bytes) {
    return archive::segment_name(timeline.timeline, number, segment_bytes);
}

Value to_value(const archive::TimelineWal& timeline, std::uint64_t segment_bytes) {
    Value value = Map{{"timeline", std::int64_t{timeline.timeline}},
                      {"first", name_of(timeline, timeline.first, segment_bytes)},
                      {"last", name_of(timeline, timeline.last, segment_bytes)},
                      {"segments", timeline.segments},
                      {"storedBytes", timeline.stored_bytes},
                      {"gaps", List{}}};
    for (const auto& gap : timeline.gaps) {
        value["gaps"].push_back(Map{{"first", name_of(timeline, gap.first, segment_bytes)},
                                    {"last", name_of(timeline, gap.last, segment_bytes)},
                                    {"segments", gap.last - gap.first + 1}});
    }
    return value;
}

void print_table(const Value& document) {
    std::vector<std::vector<std::string>> rows;
    std::string gaps;
    for (const Value& timeline : document["timelines"].list_or_empty()) {
        const List& missing = timeline["gaps"].list_or_empty();
        rows.push_back({std::to_string(timeline["timeline"].int_or(0)), timeline["first"].string_or(""),
                        timeline["last"].string_or(""), std::to_string(timeline["segments"].int_or(0)),
                        bytes_text(static_cast<double>(timeline["storedBytes"].int_or(0))),
                        std::to_string(missing.size())});
        for (const Value& gap : missing) {
            gaps += "missing: " + gap["first"].string_or("") + " to " + gap["last"].string_or("") + ", " +
                    std::to_string(gap["segments"].int_or(0)) + " segments\n";
        }
    }
    print(table({"TIMELINE", "FIRST", "LAST", "SEGMENTS", "STORED", "GAPS"}, rows) + gaps);
}

}  // namespace

int push_wal(const WalOptions& options, const World& world) {
    const ArchivePlace place(options.place, world);
    archive::push_wal(place.store(), options.file, CancelToken());
    return kDone;
}

int fetch_wal(const WalOptions& options, const World& world) {
    const ArchivePlace place(options.place, world);
    const bool is_there = archive::fetch_wal(place.store(), options.name, options.file,
                                             {.segments = options.prefetch + 1}, CancelToken());
    return is_there ? kDone : archive::kExitAbsent;
}

int list_wal(const WalOptions& options, const World& world) {
    const Output output(options.output);
    const ArchivePlace place(options.place, world);
    const archive::WalListing listing = archive::list_wal(place.store(), CancelToken());
    Value document = Map{{"archive", place.store().description()}, {"timelines", List{}}};
    if (listing.identity) {
        document["systemIdentifier"] = std::to_string(listing.identity->system);
        document["walSegmentBytes"] = listing.identity->segment_bytes;
        for (const archive::TimelineWal& timeline : listing.timelines)
            document["timelines"].push_back(to_value(timeline, listing.identity->segment_bytes));
    }
    if (output.is_table())
        print_table(document);
    else
        print(output.text(document, {"wal/" + place.store().description()}));
    return kDone;
}

int check_wal(const WalOptions& options, const World& world) {
    const Output output(options.output);
    const ArchivePlace place(options.place, world);
    const archive::WalListing wal = archive::list_wal(place.store(), CancelToken());
    std::vector<std::string> problems =
        archive::problems_of(wal, archive::list_bases(place.store(), CancelToken()));
    Value document = Map{{"archive", place.store().description()}, {"problems", List{}}};
    if (!options.connection.empty()) {
        document["archiver"] = archive::ask_archiver(options.connection);
        for (std::string& problem : archive::problems_of(wal, document["archiver"]))
            problems.push_back(std::move(problem));
    }
    for (const std::string& problem : problems) document["problems"].push_back(problem);
    if (!output.is_table()) {
        print(output.text(document, {"wal/" + place.store().description()}));
    } else if (problems.empty()) {
        print("every base backup in " + place.store().description() +
              " can be restored, to the end of the WAL\n");
    } else {
        for (const std::string& problem : problems) print(problem + "\n");
    }
    return problems.empty() ? kDone : kFailed;
}

}  // namespace fencepost::cli
