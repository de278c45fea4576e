// The journal of an ActionSet: what happened to it, in order, each entry with a sequence number that is never
// given twice. Entries are found by comparing the status as it was last stored with the one that is stored
// now, and are stored in that same write (in the annotation fencepost.io/record): there is no change without
// its entry and no entry without its change, whenever the daemon dies. At most kMaxJournal are kept, the
// latest.
//
//     {seq, time, type, phase?, attempt?, error?, action?}       `action` where the ActionSet has several
//
//     action.started, action.completed, action.failed, action.cancelled,
//     phase.started, phase.completed, phase.failed, phase.skipped
//
// Pure; thread-safe.
#pragma once

#include <string>

#include "value/value.h"

namespace fencepost::run {

inline constexpr std::size_t kMaxJournal = 200;

// `journal` with what happened between the two statuses; `now` is the time of what tells no time itself.
[[nodiscard]] List journal_after(List journal, const Value& before, const Value& after, bool was_cancelled,
                                 const std::string& now);
// Of an ActionSet as stored.
[[nodiscard]] List journal_of(const Value& action_set);

}  // namespace fencepost::run
