// Marker lines: what a phase's command says to the engine among its output (kanister.md 1.10).
//
//     ###Phase-output###: {"key":"id","value":"42"}
//
// and, Fencepost's own, how far it has come: ###Phase-progress###: {"uploadedBytes":1048576,"percent":12}
//
// Fed in pieces of any size; a line may span them. Text before the marker does not matter; after it stands
// exactly one JSON object, an output's with a string value. A progress line that cannot be read is no error.
// Errors: Error{kInvalid} for a marker line that is not so, kTooLarge above the limits. One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "value/value.h"

namespace fencepost::run {

inline constexpr std::size_t kMaxMarkerLine = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxOutputBytes = std::size_t{1} << 20U;  // of all outputs of a phase

class OutputLines {
  public:
    void feed(std::string_view bytes);
    // The last progress line since the last call: {percent, uploadedBytes, downloadedBytes}, or nil.
    [[nodiscard]] Value take_progress() { return std::exchange(progress_, Value()); }
    // What was marked; nil where nothing was. Ends the open line.
    [[nodiscard]] Value take();

  private:
    void end_line();
    std::string line_;  // from its marker on; before one is seen, only what may be the start of a marker
    enum class Marker { kNone, kOutput, kProgress };
    Marker marker_ = Marker::kNone;
    void take_output(std::string_view text);
    Value progress_;
    std::size_t bytes_ = 0;
    Value outputs_;
};

}  // namespace fencepost::run
