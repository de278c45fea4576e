#include "run/output_lines.h"

#include <algorithm>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::run {
namespace {

constexpr std::string_view kMarker = "###Phase-output###:";
constexpr std::string_view kProgressMarker = "###Phase-progress###:";
constexpr std::size_t kLongestMarker = kProgressMarker.size();

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
        if (marker_ == Marker::kNone) {
            const std::size_t output = line_.find(kMarker);
            const std::size_t progress = line_.find(kProgressMarker);
            if (output != std::string::npos) {
                marker_ = Marker::kOutput;
                line_.erase(0, output + kMarker.size());
            } else if (progress != std::string::npos) {
                marker_ = Marker::kProgress;
                line_.erase(0, progress + kProgressMarker.size());
            } else if (line_.size() >= kLongestMarker) {
                // Ordinary text is not kept, but for what may be the first part of a marker.
                line_.erase(0, line_.size() - kLongestMarker + 1);
            }
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
    const Marker marker = std::exchange(marker_, Marker::kNone);
    const std::string_view text = trim(line);
    if (marker == Marker::kNone || text.empty()) return;
    if (marker == Marker::kOutput) return take_output(text);
    try {
        progress_ = parse_json(text);
    } catch (const Error&) {
        // It only tells people how far the work is.
    }
}

void OutputLines::take_output(std::string_view text) {
    Value output;
    try {
        output = parse_json(text);
    } catch (const Error& e) {
        throw bad_line(text, e.message());
    }
    if (!output.is_map()) throw bad_line(text, "it is no JSON object");
    const Value value = output.get("value");
    const Value key = output.get("key");
    if (!value.is_nil() && !value.is_string()) throw bad_line(text, "its value is no string");
    if (!key.is_nil() && !key.is_string()) throw bad_line(text, "its key is no string");
    bytes_ += value.string_or("").size();
    if (bytes_ > kMaxOutputBytes)
        throw Error(ErrorKind::kTooLarge, "the outputs of the phase have more than 1 MiB");
    outputs_[key.string_or("")] = value.string_or("");
}

Value OutputLines::take() {
    end_line();
    bytes_ = 0;
    return std::exchange(outputs_, Value());
}

}  // namespace fencepost::run
