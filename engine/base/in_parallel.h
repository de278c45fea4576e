// Work on numbered items, a few at once: for what waits more than it computes, as requests do.
#pragma once

#include <cstddef>
#include <functional>

namespace fencepost {

// Calls work(0) to work(count - 1), on at most `at_once` threads, of which the caller's is one. Returns when
// all have ended. Throws what the first of them threw; those not begun by then are left out.
void in_parallel(std::size_t count, std::size_t at_once, const std::function<void(std::size_t)>& work);

}  // namespace fencepost
