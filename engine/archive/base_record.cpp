#include <algorithm>
#include <charconv>

#include "archive/base.h"
#include "base/encodings.h"
#include "base/error.h"
#include "value/json.h"

namespace fencepost::archive {
namespace {

std::uint64_t unsigned_of(const Value& value, const char* what) {
    const std::int64_t number = value.int_or(-1);
    if (number < 0) throw Error(ErrorKind::kDataLoss, std::string("it has no ") + what);
    return static_cast<std::uint64_t>(number);
}

std::string text_of(const Value& value, const char* what) {
    std::string text = value.string_or("");
    if (text.empty()) throw Error(ErrorKind::kDataLoss, std::string("it has no ") + what);
    return text;
}

std::uint64_t system_of(const Value& value) {
    const std::string text = text_of(value, "systemIdentifier");
    std::uint64_t system = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), system);
    if (error != std::errc{} || end != text.data() + text.size())
        throw Error(ErrorKind::kDataLoss, "systemIdentifier '" + text + "' is no number");
    return system;
}

}  // namespace

std::uint64_t BaseRecord::first_segment() const {
    std::uint64_t first = ranges.front().start / segment_bytes;
    for (const WalRange& range : ranges) first = std::min(first, range.start / segment_bytes);
    return first;
}

std::vector<std::string> BaseRecord::segments() const {
    std::vector<std::string> names;
    for (const WalRange& range : ranges) {
        for (std::uint64_t number = range.start / segment_bytes; number * segment_bytes < range.stop;
             ++number)
            names.push_back(segment_name(range.timeline, number, segment_bytes));
    }
    return names;
}

Value BaseRecord::to_value() const {
    List wal;
    for (const WalRange& range : ranges) {
        wal.push_back(Value(Map{{"timeline", std::int64_t{range.timeline}},
                                {"startLsn", format_lsn(range.start)},
                                {"stopLsn", format_lsn(range.stop)}}));
    }
    const std::vector<std::string> needed = segments();
    return Map{{"name", name},
               {"systemIdentifier", std::to_string(system)},
               {"walSegmentBytes", segment_bytes},
               {"timeline", std::int64_t{ranges.back().timeline}},
               {"startLsn", format_lsn(ranges.front().start)},
               {"stopLsn", format_lsn(ranges.back().stop)},
               {"wal", std::move(wal)},
               {"startWal", needed.empty() ? "" : needed.front()},
               {"stopWal", needed.empty() ? "" : needed.back()},
               {"started", format_rfc3339_nano(started)},
               {"finished", format_rfc3339_nano(finished)},
               {"bytes", bytes},
               {"storedBytes", stored_bytes},
               {"sha256", sha256},
               {"compression", "zstd"},
               {"hasWal", has_wal},
               {"serverVersion", server_version},
               {"tool", tool},
               {"fencepost", fencepost_version}};
}

Value BaseRecord::described() const {
    Value value = to_value();
    value["protected"] = is_protected;
    return value;
}

BaseRecord BaseRecord::from_value(const Value& value) {
    BaseRecord record{.name = text_of(value["name"], "name"),
                      .system = system_of(value["systemIdentifier"]),
                      .segment_bytes = unsigned_of(value["walSegmentBytes"], "walSegmentBytes"),
                      .started = parse_rfc3339(text_of(value["started"], "time of its start")),
                      .finished = parse_rfc3339(text_of(value["finished"], "time of its end")),
                      .bytes = unsigned_of(value["bytes"], "bytes"),
                      .stored_bytes = unsigned_of(value["storedBytes"], "storedBytes"),
                      .sha256 = text_of(value["sha256"], "sha256"),
                      .has_wal = value["hasWal"].bool_or(false),
                      .server_version = value["serverVersion"].string_or(""),
                      .tool = value["tool"].string_or(""),
                      .fencepost_version = value["fencepost"].string_or("")};
    for (const Value& range : value["wal"].list_or_empty()) {
        record.ranges.push_back({static_cast<std::uint32_t>(unsigned_of(range["timeline"], "timeline")),
                                 parse_lsn(range["startLsn"].string_or("")),
                                 parse_lsn(range["stopLsn"].string_or(""))});
    }
    if (record.ranges.empty() || !is_segment_size(record.segment_bytes))
        throw Error(ErrorKind::kDataLoss, "it does not say which WAL the backup needs");
    return record;
}

}  // namespace fencepost::archive
