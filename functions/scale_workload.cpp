#include "base/ascii.h"
#include "base/error.h"
#include "functions/functions.h"
#include "functions/poll.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

namespace types = cluster::types;

class ScaleWorkload final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const cluster::ObjectKey key = workload_of(run.action().object, args);
        const std::int64_t replicas = run::int_arg(args, "replicas", -1);
        if (replicas < 0)
            throw Error(ErrorKind::kInvalid,
                        "argument 'replicas' must be a whole number that is not negative");

        std::int64_t before = 1;
        cluster::update(
            run.world().cluster, key,
            [&](Value& workload) {
                before = workload.get("spec", "replicas").int_or(1);
                if (before == replicas) return false;
                workload["spec"]["replicas"] = replicas;
                return true;
            },
            run.cancel());
        if (run::bool_arg(args, "waitForReady", true)) wait_until_ready(run, key, replicas);
        Map outputs;
        outputs.set("originalReplicaCount", before);
        return {Value(std::move(outputs))};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& action,
                                               const Value& args) const override {
        const cluster::ObjectKey key = workload_of(action.object, args);
        return {{.verb = "get",
                 .type = key.type,
                 .ns = key.ns,
                 .name = key.name,
                 .object = run::Need::Object::kThere,
                 .argument = run::has_arg(args, "name") ? "/name" : ""},
                {.verb = "update", .type = key.type, .ns = key.ns, .name = key.name}};
    }

  private:
    static cluster::ObjectKey workload_of(const model::ObjectReference& subject, const Value& args) {
        const std::string kind = ascii_lower(run::string_arg(args, "kind", subject.kind));
        cluster::ObjectKey key{
            {}, run::string_arg(args, "namespace", subject.ns), run::string_arg(args, "name", subject.name)};
        if (kind == "statefulset")
            key.type = types::kStatefulSets;
        else if (kind == "deployment")
            key.type = types::kDeployments;
        else
            throw Error(ErrorKind::kInvalid, "Workload type not supported " + kind,
                        "kind is StatefulSet or Deployment");
        return key;
    }

    static bool is_ready(const Value& workload, std::int64_t replicas, bool is_deployment) {
        const Value& status = workload["status"];
        if (status["observedGeneration"].int_or(0) < workload.get("metadata", "generation").int_or(0))
            return false;
        if (status["replicas"].int_or(0) != replicas || status["readyReplicas"].int_or(0) != replicas)
            return false;
        return !is_deployment || (status["updatedReplicas"].int_or(0) == replicas &&
                                  status["availableReplicas"].int_or(0) == replicas);
    }

    static void wait_until_ready(run::RunContext& run, const cluster::ObjectKey& key, std::int64_t replicas) {
        const bool is_done = poll_until(run, run.deadline(), [&] {
            return is_ready(run.world().cluster.get(key), replicas, key.type == types::kDeployments);
        });
        if (!is_done) {
            throw Error(ErrorKind::kTimeout, to_string(key) + " did not reach " + std::to_string(replicas) +
                                                 " ready replicas in time");
        }
    }

    model::FunctionSpec spec_{
        .name = "ScaleWorkload",
        .args = {{"replicas", model::ArgType::kInt, true, "how many Pods there shall be"},
                 {"namespace", model::ArgType::kString, false, "the subject's if empty"},
                 {"name", model::ArgType::kString, false, "the subject's if empty"},
                 {"kind", model::ArgType::kString, false,
                  "StatefulSet or Deployment; the subject's if empty"},
                 {"waitForReady", model::ArgType::kBool, false, "until as many Pods are ready", "true"}},
        .outputs = {"originalReplicaCount"},
        .description = "scales a StatefulSet or Deployment"};
};

}  // namespace

const run::Function& scale_workload() {
    static const ScaleWorkload function;
    return function;
}

}  // namespace fencepost::functions
