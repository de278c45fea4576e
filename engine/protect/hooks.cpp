#include "protect/hooks.h"

#include "base/encodings.h"
#include "base/error.h"
#include "run/obligations.h"

namespace fencepost::protect {
namespace {

constexpr std::size_t kLongestParent = 200;  // of the name; an ActionSet's may have 253 characters
constexpr std::size_t kDigits = 10;

}  // namespace

std::string child_name(const ActionStatus& status, const std::string& step) {
    return status.key().name.substr(0, kLongestParent) + "-" +
           sha256_hex(status.uid() + "/" + step).substr(0, kDigits);
}

ChildEnd run_step(run::World& world, ActionStatus& status, const std::string& step, const ChildAction& child,
                  const Tokens& tokens) {
    status.begin_step(step, child.name);
    const Value started = start_child(world, child);
    status.flush(tokens.shutdown);
    ChildEnd end = wait_for_child(world, started, tokens);
    status.end_step(step, end.is_complete ? "complete" : "failed", end.error);
    return end;
}

Hooks::Hooks(run::World& world, ActionStatus& status, Tokens tokens)
    : world_(world), status_(status), tokens_(std::move(tokens)) {}

bool Hooks::are_a_fence() const {
    const Value& hooks = status_.spec()["hooks"];
    const std::string before = hooks.get("preHook", "actionName").string_or("");
    return run::is_prehook(before) &&
           hooks.get("onSuccess", "actionName").string_or("") == run::posthook_of(before);
}

void Hooks::before() { call("preHook", tokens_); }
void Hooks::on_success() { call("onSuccess", tokens_); }
// Also after the user's wish to cancel: it tidies up.
void Hooks::on_failure() { call("onFailure", {tokens_.shutdown, tokens_.shutdown}); }

void Hooks::call(const char* hook, const Tokens& tokens) {
    const Value& wanted = status_.spec()["hooks"][hook];
    if (!wanted.is_map()) return;
    const std::string step = hook;
    const std::string blueprint = wanted["blueprint"].string_or(""),
                      action = wanted["actionName"].string_or("");
    if (blueprint.empty() || action.empty()) {
        throw Error(ErrorKind::kInvalid, "spec.hooks." + step + " needs both blueprint and actionName");
    }
    const ChildAction child{.name = child_name(status_, step),
                            .parent = status_.uid(),
                            .action = action,
                            .blueprint = blueprint,
                            .object = namespace_subject(status_.key().ns),
                            .profile = {},
                            .artifacts = status_.record()["hookArtifacts"]};
    const ChildEnd end = run_step(world_, status_, step, child, tokens);
    if (!end.is_complete)
        throw Error(ErrorKind::kFailedPrecondition,
                    step + " (" + action + " of the Blueprint " + blueprint + ") failed: " + end.error);
    if (end.artifacts.is_map() && step == "preHook") status_.change_record()["hookArtifacts"] = end.artifacts;
}

}  // namespace fencepost::protect
