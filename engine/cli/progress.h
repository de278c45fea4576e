// How an action goes, from its view in the REST API: redrawn in place on a terminal, a line for each change
// elsewhere. Thread safety: phase_facts is pure; one thread uses a Progress.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "cli/terminal.h"
#include "value/value.h"

namespace fencepost::cli {

[[nodiscard]] std::string bytes_text(double bytes);  // "512 B", "12.3 kB", "1.2 GB"

// "1.7s, 161.0 MB, 95.0 MB/s" of a phase that has begun; while it runs and says how far it is, also
// "42%, 2m left".
[[nodiscard]] std::string phase_facts(const Value& phase, SystemTime now);

[[nodiscard]] Colour colour_of_state(const std::string& state) noexcept;
[[nodiscard]] bool has_ended(const Value& action);

class Progress {
  public:
    // What the parts of an action are called.
    explicit Progress(std::string part = "phase") : part_(std::move(part)) {}
    void show(const Value& action);

  private:
    void draw(const Value& action);
    void tell(const Value& action);

    const std::string part_;
    LiveLines live_;
    std::map<std::string, std::string> told_;
};

}  // namespace fencepost::cli
