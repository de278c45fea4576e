// The record of an ActionSet's run: its status as Kanister writes it, and the annotation fencepost.io/record
// with what Kanister's status has no place for (the frozen blueprint, attempts). Both change in one write, so
// any daemon that finds a running ActionSet knows what was begun and what was done.
//
//     record.stage([](Status& s) {...});     // in memory
//     record.commit([](Status& s) {...});    // durable when it returns, with all that was staged
//
// Somebody else's changes to the object are kept: on a conflict it is read again and status and annotation
// are put over it. A store that cannot be written (disk full, server away) is tried again until it can, or
// the token fires. The first write is the claim to the ActionSet: where another controller was quicker, or
// the object has vanished, it throws NotOurs. Where it vanishes later, writes do nothing and is_lost() is
// true. Thread safety: all members may be called from any thread; commits of one record follow each other.
#pragma once

#include <functional>
#include <string>

#include "base/guarded.h"
#include "model/objects.h"
#include "run/function.h"

namespace fencepost::run {

inline constexpr const char* kRecordAnnotation = "fencepost.io/record";
inline constexpr const char* kFinalizer = "fencepost.io/cleanup";
inline constexpr std::size_t kMaxStatusBytes = std::size_t{1} << 20U;

namespace state {
inline constexpr const char* kPending = "pending";
inline constexpr const char* kRunning = "running";
inline constexpr const char* kComplete = "complete";
inline constexpr const char* kFailed = "failed";
inline constexpr const char* kSkipped = "skipped";
}  // namespace state

[[nodiscard]] bool has_finalizer(const Value& object);  // ours
[[nodiscard]] Value without_finalizer(Value object);    // without ours; those of others stay
[[nodiscard]] bool is_terminal(const Value& action_set) noexcept;
[[nodiscard]] bool is_begun(const Value& action_set) noexcept;  // by whomever
// Another controller (Kanister's own) has begun this ActionSet: it has a state, and no record.
[[nodiscard]] bool is_anothers(const Value& action_set) noexcept;

// What a change works on.
struct Status {
    Value status;  // as ActionSet.status
    Value record;  // as the annotation: {launchedAt, resumedAt?, actions: [{blueprint, definition, pods? (see
                   // launch.h), attempts: {phase: n}}], journal (see journal.h)}
    // The phase's entry in status; `phase` -1 is the deferPhase.
    [[nodiscard]] Value& phase(std::size_t action, int phase);
    [[nodiscard]] const Value& phase(std::size_t action, int phase) const;
    void set_state(const char* state) { status["state"] = state; }
    // The first error stays; later ones are appended.
    void add_error(const std::string& message);
    void update_progress();  // percentCompleted from the core phases of all actions
};

// Not an Error: nothing failed, nothing is to be undone, and nothing may be written.
struct NotOurs {};

class Record {
  public:
    // `object` is the ActionSet as read.
    Record(World& world, Value object);
    [[nodiscard]] Status current() const;
    [[nodiscard]] Value object() const;  // as last read or written
    void stage(const std::function<void(Status&)>& change);
    // Throws Cancelled, NotOurs, or Error{kTooLarge} for a status that would be too large (then nothing
    // has changed).
    void commit(const std::function<void(Status&)>& change, const CancelToken& cancel);
    // The last write: as commit, and nothing holds the object back any longer.
    void finish(const std::function<void(Status&)>& change, const CancelToken& cancel);
    void remove_finalizer(const CancelToken& cancel);
    [[nodiscard]] bool is_lost() const;

  private:
    struct State {
        Value object;
        Status now;
        bool is_lost = false;
        bool has_finalizer = true;
    };
    void write(Guarded<State>::Locked& state, const CancelToken& cancel);
    void read_again(State& state);
    World& world_;
    mutable Guarded<State> state_;
};

// The status that a new run starts with: every phase pending, artifacts as raw templates.
[[nodiscard]] Value initial_status(const model::ActionSet& action_set,
                                   const std::vector<model::Action>& actions);

}  // namespace fencepost::run
