// The same work for several Pods at once, as the functions whose names end in All do it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"

namespace fencepost::functions {

// What each of the works failed with, in their order.
using Failures = std::vector<std::optional<Error>>;

// Calls work(0) to work(count - 1) on threads of their own, at most `limit` of them at a time, and waits for
// all, also where one fails. Throws Cancelled where one was.
[[nodiscard]] Failures all_at_once(std::size_t count, std::size_t limit,
                                   const std::function<void(std::size_t)>& work);

// One Error with what failed, a line each, and then `note`; nothing where nothing failed.
void throw_failures(const Failures& failures, const std::string& note = "");

// Counts what several move at once: each tells its own bytes so far, and the sum is told on, never less than
// before. part() may be called by each of the threads, and what it returns too.
class SharedProgress {
  public:
    using Tell = std::function<void(std::uint64_t bytes)>;
    explicit SharedProgress(Tell tell) : tell_(std::move(tell)) {}
    [[nodiscard]] Tell part();

  private:
    Tell tell_;
    Guarded<std::uint64_t> sum_;
};

}  // namespace fencepost::functions
