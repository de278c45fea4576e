#include "functions/at_once.h"

#include <algorithm>
#include <atomic>

#include "base/cancel.h"
#include "base/task_group.h"

namespace fencepost::functions {

Failures all_at_once(std::size_t count, std::size_t limit, const std::function<void(std::size_t)>& work) {
    Failures failures(count);
    Guarded<std::optional<CancelReason>> cancelled;
    std::atomic<std::size_t> next{0};
    const auto take_turns = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            try {
                work(i);
            } catch (const Error& error) {
                failures[i] = error;
            } catch (const Cancelled& why) {
                *cancelled.lock() = why.reason();
                return;
            }
        }
    };
    {
        TaskGroup tasks;
        for (std::size_t i = 0; i < std::min(count, limit); ++i) tasks.spawn(take_turns);
    }
    if (const auto why = *cancelled.lock()) throw Cancelled(*why);
    return failures;
}

void throw_failures(const Failures& failures, const std::string& note) {
    std::optional<ErrorKind> kind;
    std::string text;
    for (const std::optional<Error>& failure : failures) {
        if (!failure) continue;
        text += (text.empty() ? "" : "\n") + std::string(failure->what());
        kind = !kind || *kind == failure->kind() ? failure->kind() : ErrorKind::kInternal;
    }
    if (!kind) return;
    throw Error(*kind, note.empty() ? text : text + "\n" + note);
}

SharedProgress::Tell SharedProgress::part() {
    return [this, told = std::uint64_t{0}](std::uint64_t bytes) mutable {
        if (bytes <= told) return;
        auto sum = sum_.lock();
        *sum += bytes - told;
        told = bytes;
        tell_(*sum);
    };
}

}  // namespace fencepost::functions
