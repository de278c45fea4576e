#include "base/in_parallel.h"

#include <algorithm>
#include <exception>

#include "base/guarded.h"
#include "base/task_group.h"

namespace fencepost {

void in_parallel(std::size_t count, std::size_t at_once, const std::function<void(std::size_t)>& work) {
    struct Shared {
        std::size_t next = 0;
        std::exception_ptr failure;
    };
    Guarded<Shared> shared;
    const auto take_turns = [&] {
        while (true) {
            std::size_t mine = 0;
            {
                auto state = shared.lock();
                if (state->failure || state->next == count) return;
                mine = state->next++;
            }
            try {
                work(mine);
            } catch (...) {
                auto state = shared.lock();
                if (!state->failure) state->failure = std::current_exception();
            }
        }
    };
    {
        TaskGroup group;
        for (std::size_t i = 1; i < std::min(at_once, count); ++i) group.spawn(take_turns);
        take_turns();
    }
    if (const auto failure = shared.lock()->failure) std::rethrow_exception(failure);
}

}  // namespace fencepost
