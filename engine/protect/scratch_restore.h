// ScratchRestore: a restore point restored only to be looked at (spec.restore of a ValidateAction), on the
// calling thread, as parts of that action:
//
//   prepare: what cannot be verified is refused, before anything is made
//   restore: a namespace of its own, and in it a RestoreAction: the time that this takes is the measured RTO
//   ask:     the blueprint's `verify` on a restored resource: rows of each table, and the assertions' queries
//   tidy:    `verifyPosthook` of each resource, then the namespace goes
//
// What a blueprint restores outside of the namespace, a database on a server that a Secret names, goes under
// scratch_name(), never the live one's. What is to be tidied up is in the action's record before any of it is
// made, so a later daemon does that where this one dies. It never takes a namespace that was there before.
#pragma once

#include <chrono>
#include <string>

#include "model/verification.h"
#include "protect/action_status.h"
#include "protect/child_action.h"
#include "protect/tokens.h"

namespace fencepost::protect {

inline constexpr const char* kScratchLabel =
    "fencepost.io/verification";  // of the namespace: the ValidateAction's uid

// What a blueprint's `restore` gets as .Options.scratch: a name that PostgreSQL and others take for a
// database. `token` tells verifications apart, `resource` is as in "secrets/app1-db".
[[nodiscard]] std::string scratch_name(const std::string& token, const std::string& resource);

// Throws kFailedPrecondition where the blueprint of a content's resource would restore over what is live.
void refuse_unverifiable(const Value& content, const Value& resource);

struct ScratchLimits {
    std::chrono::seconds undo{3600};  // a verifyPosthook that fails is tried again for so long
    std::chrono::seconds gone{300};   // the namespace
};

class ScratchRestore {
  public:
    ScratchRestore(run::World& world, ActionStatus& status, Tokens tokens, ScratchLimits limits = {});

    // REQUIRES: the content's signature is good. kInvalid and kFailedPrecondition say nothing of the restore
    // point.
    void prepare(const Value& content);
    // Seconds until all was restored and ready. Throws where the restore fails; kUnavailable where
    // somebody else has ended it.
    [[nodiscard]] double restore(const Value& content);
    // Those that `verify` is asked of, after prepare(): maps with a `label`.
    [[nodiscard]] List resources() const;
    // {resource, rows, tables: {name: rows}, assertions: [{name, passed, want, got or error}]}. Throws where
    // the action fails, or answers what it was not asked.
    [[nodiscard]] Value ask(const Value& resource);
    // May be done twice; does nothing where nothing was made. kFailedPrecondition tells what could not be
    // removed; of others it may be tried again.
    void tidy();

  private:
    [[nodiscard]] model::Verification wanted() const;
    [[nodiscard]] Value filters(const Value& content) const;
    [[nodiscard]] std::string ns() const;
    void make_namespace(const Value& content);
    [[nodiscard]] bool is_made();
    [[nodiscard]] Value end_of_restore();
    [[nodiscard]] ChildAction child_of(const Value& resource, const char* action,
                                       const std::string& step) const;
    void end_what_works();
    void undo(const Value& resource);
    void remove_namespace();
    [[nodiscard]] cluster::ObjectKey restore_key() const;

    run::World& world_;
    ActionStatus& status_;
    const Tokens tokens_;
    const ScratchLimits limits_;
};

// The first assertion that failed, and how many more there are; "" where all have passed.
[[nodiscard]] std::string failed_assertions(const Value& answered);

}  // namespace fencepost::protect
