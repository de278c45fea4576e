// Marker lines: what a phase's command says to the engine among its output (kanister.md 1.10).
//
//     ###Phase-output###: {"key":"id","value":"42"}
//
// Fed in pieces of any size; a line may span them. Text before the marker does not matter; after it stands
// exactly one JSON object with a string value. Errors: Error{kInvalid} for a marker line that is not so,
// kTooLarge above the limits. One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost::run {

inline constexpr std::size_t kMaxMarkerLine = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxOutputBytes = std::size_t{1} << 20U;  // of all outputs of a phase

class OutputLines {
  public:
    void feed(std::string_view bytes);
    // What was marked; nil where nothing was. Ends the open line.
    [[nodiscard]] Value take();

  private:
    void end_line();
    std::string line_;  // from its marker on; before one is seen, only what may be the start of a marker
    bool has_marker_ = false;
    std::size_t bytes_ = 0;
    Value outputs_;
};

}  // namespace fencepost::run
