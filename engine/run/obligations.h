// Obligations: promises to undo what was quiesced, as objects of the kind Obligation in the controller's
// namespace. One is stored, durably, before the act that needs undoing; it is released by a successful undo,
// or withdrawn by proof that there is nothing to undo (its pod is gone, the act never happened). The keeper's
// thread releases what is past its deadline, and what an ActionSet left that is no longer there or no longer
// runs; a failed undo is tried again with backoff until it works. It never lifts a fence that it did not
// place: the undo goes to the pod uid of the record.
//
//   spec    kind, description, actionSet{name,namespace,uid}, action, subject, pod{namespace,name,uid},
//           container, undoCommands[][] (with details.hookEntry: what their counterpart lists, taken off
//           where they cannot) or details.listedEntry (see listed_entry.h for both), undoAction{}, deadline,
//           monotonicDeadline{bootId, nanoseconds}, leadNanoseconds
//   status  state (Open|Released|Withdrawn), reason, attempts, lastError, createdAt, releasedAt, toldBy (the
//           uid of the posthook that failed because this was lost)
//
// Nobody else stores obligations, so most questions about an ActionSet that never incurred one are answered
// without asking the cluster.
//
// Thread safety: all members may be called from any thread. An obligation is undone by one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/guarded.h"
#include "base/task_group.h"
#include "run/function.h"

namespace fencepost::run {

inline constexpr const char* kUndoes =
    "fencepost.io/undoes";  // on an ActionSet: the obligation that it undoes

// Whose obligation it is: the ActionSet, which of its actions, and the subject (a posthook finds by it what
// its prehook incurred).
struct Incurrer {
    std::string action_set, ns, uid;
    std::string action;
    Value subject;
};

// Why it was released: "unfence", "actionEnded", "deadline", "shutdown", "restart", "posthook", "operator".
class ObligationKeeper {
  public:
    explicit ObligationKeeper(World& world);
    ObligationKeeper(const ObligationKeeper&) = delete;
    ObligationKeeper& operator=(const ObligationKeeper&) = delete;
    ~ObligationKeeper();  // stops the thread; open obligations stay

    void start();  // the thread; before it nothing is released on its own
    [[nodiscard]] std::string incur(const ObligationRequest& request, const Incurrer& who);
    // An action (of ActionSet.spec.actions' shape) that undoes: the posthook of a prehook.
    [[nodiscard]] std::string incur_action(const std::string& description, const Value& undo_action,
                                           std::chrono::seconds time_limit, const Incurrer& who);
    void withdraw(const std::string& id, std::string_view why);
    // The act that the obligation was incurred for is over. What was discharged while it went on (its
    // deadline passed) is owed again: the undo may have come before the last of the act.
    void act_ended(const std::string& id);

    // Undoes the open ones of this ActionSet, or on the same subject, that `matches` accepts; the latest
    // first. Returns how many; throws the first failure after all were tried.
    int release(const Incurrer& who, const std::function<bool(const Value&)>& matches,
                std::string_view reason, const CancelToken& cancel);
    // Those of one ActionSet: one action of it, or all of them where action is "".
    int release_of(const std::string& uid, const std::string& action, std::string_view reason,
                   const CancelToken& cancel);
    void release_all(std::string_view reason, const CancelToken& cancel);
    void release_now(const std::string& id, std::string_view reason, const CancelToken& cancel);
    // Of one that is open; else does nothing. Its guard has the new deadline when this returns.
    void extend(const std::string& id, SystemTime deadline, const CancelToken& cancel);

    // The posthook of this subject has worked: what waited for it is discharged. Returns what of the latest
    // prehook, if that worked, was undone before the posthook `began`, in lost_fence()'s words; it is told to
    // one posthook only, and not to the keeper's own undo, which has no `began`.
    [[nodiscard]] std::string posthook_ended(const Incurrer& who, std::optional<SystemTime> began);
    [[nodiscard]] bool has_open(const std::string& uid, const std::string& action) const;

    // What was undone too early for this action: past its deadline, or because the daemon stopped. "" if
    // nothing.
    [[nodiscard]] std::string lost_fence(const std::string& uid, const std::string& action) const;
    [[nodiscard]] List list(bool with_discharged) const;
    // Marks those that a finished undo action discharges.
    void undo_action_ended(const std::string& id, bool is_complete, const std::string& error);

  private:
    using Objects = std::vector<Value>;
    // One thread at a time has an obligation, and what guards it, in hand.
    class InHand {
      public:
        InHand(ObligationKeeper& keeper, std::string id, const CancelToken& cancel);
        InHand(const InHand&) = delete;
        InHand& operator=(const InHand&) = delete;
        ~InHand();

      private:
        ObligationKeeper& keeper_;
        const std::string id_;
    };
    [[nodiscard]] Objects open(const std::function<bool(const Value&)>& matches) const;
    int release_each(const Objects& obligations, std::string_view reason, const CancelToken& cancel);
    void refuse_second_fence(const ObligationRequest& request, const Incurrer& who) const;
    void keep_guard(const Value& obligation) const;
    // Until the keeper begins: a little before the deadline.
    [[nodiscard]] std::chrono::nanoseconds time_left(const Value& obligation) const;
    bool release_one(const std::string& id, std::string_view reason,
                     const CancelToken& cancel);  // false: nothing was left to do
    // The proof that there is nothing to undo, or "" after the undo has worked.
    [[nodiscard]] std::string undo(const Value& obligation, const CancelToken& cancel);
    bool start_undo_action(const Value& obligation);            // false: it runs already
    void set_deadline(Value& spec, SystemTime deadline) const;  // by both clocks
    std::string store(Value spec, std::chrono::seconds time_limit, const Incurrer& who);
    void mark(const std::string& id, const char* state, std::string_view reason, const CancelToken& cancel);
    void note_failure(const std::string& id, const std::string& error);
    void note_debtor(const std::string& uid);
    void look_soon();
    [[nodiscard]] bool wait_for_news(std::chrono::nanoseconds limit);
    void run();
    std::chrono::nanoseconds look_after();  // until it should look again
    [[nodiscard]] bool is_abandoned(const Value& obligation) const;
    [[nodiscard]] std::optional<Value> find_action_set(const Value& reference) const;
    // `found`: the obligations of the posthook's subject.
    [[nodiscard]] std::string lost_before(Objects found, const Incurrer& posthook, SystemTime began) const;
    void forget_old();

    // False: this ActionSet has nothing stored, open or not.
    [[nodiscard]] bool may_owe(const std::string& uid) const;

    struct Debtors {
        std::optional<std::set<std::string>> uids;  // of ActionSets; absent until they are asked for
        bool has_new = false;                       // for the thread
    };
    World& world_;
    const std::string boot_id_;
    mutable Guarded<Debtors> debtors_;
    Guarded<int> incurring_{0};  // one fence at a time is looked for and stored
    Guarded<std::set<std::string>> in_hand_;
    CancelSource stop_;
    TaskGroup thread_;
};

// Why what it held ended without anybody wanting it (its deadline, the daemon's stop, an operator, its Pod's
// end); "" if it holds still, or was undone as it should be.
[[nodiscard]] std::string why_lost(const Value& obligation);

// True for actions that leave what they quiesced to a later action: backupPrehook and its like.
[[nodiscard]] bool is_prehook(std::string_view action) noexcept;
[[nodiscard]] bool is_posthook(std::string_view action) noexcept;
[[nodiscard]] std::string posthook_of(std::string_view prehook);  // backupPosthook

}  // namespace fencepost::run
