// What a BackupAction or RestoreAction tells of itself: status (state, steps, conditions as kubectl wait and
// kstatus read them) and the annotation fencepost.io/record with what a later daemon needs to go on. Both
// change in one write. Somebody else's changes to the object are kept; a store that cannot be written is
// tried again until the token fires. The daemon that runs the action is the only one that writes these, from
// one thread. There is no observedGeneration: the status is no subresource, so each write is a new
// generation, and kubectl wait would wait for ever.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "run/function.h"

namespace fencepost::protect {

namespace state {
inline constexpr const char* kRunning = "Running";
inline constexpr const char* kComplete = "Complete";
inline constexpr const char* kFailed = "Failed";
inline constexpr const char* kCancelled = "Cancelled";
inline constexpr const char* kSkipped = "Skipped";
}  // namespace state
[[nodiscard]] bool is_terminal(const Value& action) noexcept;
// As a status tells it: what happened, and in brackets what to do about it.
[[nodiscard]] std::string text_of(const Error& error);

class ActionStatus {
  public:
    // `object` as read.
    ActionStatus(run::World& world, cluster::ResourceType type, Value object);

    [[nodiscard]] const Value& object() const noexcept { return object_; }
    [[nodiscard]] const Value& spec() const noexcept { return object_["spec"]; }
    [[nodiscard]] const std::string& uid() const noexcept { return uid_; }
    [[nodiscard]] const cluster::ObjectKey& key() const noexcept { return key_; }
    [[nodiscard]] const Value& status() const noexcept { return status_; }
    [[nodiscard]] const Value& record() const noexcept { return record_; }
    // Staged: written by the next flush.
    [[nodiscard]] Value& change() noexcept { return status_; }
    [[nodiscard]] Value& change_record() noexcept { return record_; }

    // Running since now, unless it was before; with the finalizer that keeps a deleted one until it is tidied
    // up. Durable on return.
    void begin(const CancelToken& shutdown);
    // Steps are staged. One that an earlier daemon had begun keeps its start, and one that is complete stays
    // so.
    void begin_step(const std::string& name, const std::string& action_set = "");
    void end_step(const std::string& name, const char* state, const std::string& message = "");
    void add_exception(const std::string& message);
    // status.progress: of how many parts the work is, and that one more of them is over. Staged. What an
    // earlier daemon has told never goes back, and 100 is for end() alone.
    void expect_parts(std::size_t parts);
    void end_part();
    void flush(const CancelToken& shutdown);   // throws Cancelled; does nothing where the object has vanished
    void let_go(const CancelToken& shutdown);  // the finalizer alone
    // The last write: state, endTime, conditions, and the finalizer goes.
    void end(std::string_view state, const std::string& message, const CancelToken& shutdown);

  private:
    [[nodiscard]] Value& step(const std::string& name);
    void set_condition(const char* type, bool is_true, std::string_view reason, const std::string& message);
    [[nodiscard]] std::string now() const;

    run::World& world_;
    const cluster::ObjectKey key_;
    const std::string uid_;
    Value object_, status_, record_;
    bool has_finalizer_ = true;
    std::size_t parts_ = 0, ended_ = 0;
};

}  // namespace fencepost::protect
