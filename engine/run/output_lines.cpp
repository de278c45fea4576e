#include "run/output_lines.h"

#include <algorithm>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::run {
namespace {

constexpr std::string_view kMarker = "###Phase-output###:";

std::string_view trim(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

Error bad_line(std::string_view line, const std::string& why) {
    return {
        ErrorKind::kInvalid,
        "cannot read the output line \"" + std::string(line.substr(0, 200)) + "\": " + why,
        R"(write it with kando output KEY VALUE, or as ###Phase-output###: {"key":"KEY","value":"VALUE"})"};
}

}  // namespace

void OutputLines::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = std::min(bytes.find('\n'), bytes.size());
        line_ += bytes.substr(0, end);
        if (!has_marker_) {
            const std::size_t at = line_.find(kMarker);
            has_marker_ = at != std::string::npos;
            // Ordinary text is not kept, but for what may be the first part of a marker.
            if (has_marker_)
                line_.erase(0, at + kMarker.size());
            else if (line_.size() >= kMarker.size())
                line_.erase(0, line_.size() - kMarker.size() + 1);
        }
        if (line_.size() > kMaxMarkerLine)
            throw Error(ErrorKind::kTooLarge, "an output line has more than 1 MiB");
        if (end == bytes.size()) return;
        end_line();
        bytes.remove_prefix(end + 1);
    }
}

void OutputLines::end_line() {
    std::string line;
    line.swap(line_);
    if (!std::exchange(has_marker_, false)) return;
    const std::string_view text = trim(line);
    if (text.empty()) return;
    Value output;
    try {
        output = parse_json(text);
    } catch (const Error& e) {
        throw bad_line(text, e.message());
    }
    if (!output.is_map()) throw bad_line(text, "it is no JSON object");
    const Value& value = output["value"];
    if (!value.is_nil() && !value.is_string()) throw bad_line(text, "its value is no string");
    if (!output["key"].is_nil() && !output["key"].is_string()) throw bad_line(text, "its key is no string");
    bytes_ += value.string_or("").size();
    if (bytes_ > kMaxOutputBytes)
        throw Error(ErrorKind::kTooLarge, "the outputs of the phase have more than 1 MiB");
    outputs_[output["key"].string_or("")] = value.string_or("");
}

Value OutputLines::take() {
    end_line();
    bytes_ = 0;
    return std::exchange(outputs_, Value());
}

}  // namespace fencepost::run
