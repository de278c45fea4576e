#include "binding/controller.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"

namespace fencepost::binding {
namespace {

constexpr std::chrono::milliseconds kFirstPause{250};
constexpr std::chrono::milliseconds kLongestPause{30'000};

// BND-W01 and BND-W02 against what the cluster serves, which a linter cannot know.
void check_types(cluster::Cluster& cluster, Candidate& candidate) {
    const auto served = cluster.types();
    std::vector<std::string> plurals;
    for (const auto& one : served) plurals.push_back(one.type.resource);
    const auto check = [&](const model::Requirement& requirement, std::string_view list) {
        const std::string pointer = model::child("/spec/resources/" + std::string(list), requirement.index);
        for (const auto& pattern : requirement.types) {
            if (pattern.resource.empty()) continue;
            std::set<std::string> groups;
            for (const auto& one : served) {
                if (one.type.resource == pattern.resource &&
                    (pattern.group.empty() || one.type.group == pattern.group)) {
                    groups.insert(one.type.group);
                }
            }
            if (groups.empty()) {
                const std::string near = model::nearest(pattern.resource, plurals);
                candidate.problems.push_back({.severity = model::Severity::kWarning,
                                              .pointer = pointer,
                                              .rule = "BND-W01",
                                              .message = "no type '" + pattern.resource +
                                                         (pattern.group.empty() ? "" : "." + pattern.group) +
                                                         "' is served",
                                              .hint = near.empty() ? "" : "did you mean '" + near + "'?"});
            } else if (groups.size() > 1) {
                std::string names;
                for (const auto& group : groups)
                    names += (names.empty() ? "" : ", ") + (group.empty() ? "core" : group);
                candidate.problems.push_back(
                    {.severity = model::Severity::kWarning,
                     .pointer = pointer,
                     .rule = "BND-W02",
                     .message = "'" + pattern.resource + "' is in several groups: " + names,
                     .hint = "say which group"});
            }
        }
    };
    for (const auto& requirement : candidate.binding.match_all) check(requirement, "matchAll");
    for (const auto& requirement : candidate.binding.match_any) check(requirement, "matchAny");
}

}  // namespace

Value status_of(cluster::Cluster& cluster, const Value& object, const std::string& controller_namespace) {
    Candidate candidate = read_candidate(object, controller_namespace);
    check_blueprint(cluster, candidate, controller_namespace);
    // What the spelling of a plural suggests gives way to what the cluster knows.
    std::erase_if(candidate.problems,
                  [](const model::Problem& problem) { return problem.rule == "BND-W01"; });
    check_types(cluster, candidate);
    Value errors;
    Value warnings;
    for (const auto& problem : candidate.problems) {
        (problem.severity == model::Severity::kError ? errors : warnings).push_back(to_text(problem));
    }
    Value status;
    status["validation"] = candidate.is_valid() ? "Success" : "Failed";
    status["error"] = errors;
    status["warnings"] = warnings;
    status["observedGeneration"] = candidate.binding.generation;
    return status;
}

struct BindingController::Impl {
    struct Work {
        std::set<cluster::ObjectKey> bindings;
        bool all = false;
        [[nodiscard]] bool empty() const { return bindings.empty() && !all; }
    };

    Impl(cluster::Cluster& cluster_in, Log& log_in, Clock& clock_in, std::string ns_in)
        : cluster(cluster_in), log(log_in), clock(clock_in), ns(std::move(ns_in)) {
        wake = source.token().on_cancel([this] { work.lock().notify_all(); });
        tasks.spawn([this] {
            follow(cluster::types::kBlueprintBindings, [](Work& queue, const Value& object) {
                queue.bindings.insert({cluster::types::kBlueprintBindings, cluster::namespace_of(object),
                                       cluster::name_of(object)});
            });
        });
        tasks.spawn([this] {
            follow(cluster::types::kBlueprints, [](Work& queue, const Value&) { queue.all = true; });
        });
        tasks.spawn([this] { judge(); });
    }

    ~Impl() {
        source.cancel(CancelReason::kShutdown);
        tasks.join();
    }

    // The reconnect loop of one watch.
    void follow(const cluster::ResourceType& type, void (*add)(Work&, const Value&)) {
        const CancelToken token = source.token();
        auto pause = kFirstPause;
        try {
            while (true) {
                try {
                    const auto watch = cluster.watch(type, {.metadata_only = true});
                    // What went away while nobody watched sends no event.
                    enqueue([](Work& queue) { queue.all = true; });
                    while (const auto event = watch->next(token)) {
                        pause = kFirstPause;
                        if (event->type == cluster::WatchEvent::Type::kBookmark) continue;
                        enqueue([&](Work& queue) { add(queue, event->object); });
                    }
                } catch (const Error& error) {
                    if (error.kind() != ErrorKind::kGone) report("watching " + type.resource, error);
                }
                clock.sleep(pause, token);
                pause = std::min(pause * 2, kLongestPause);
            }
        } catch (const Cancelled&) {
            return;
        }
    }

    template <typename Add>
    void enqueue(Add add) {
        auto queue = work.lock();
        add(*queue);
        queue.notify_all();
    }

    // One thread judges, so that a verdict never overwrites a newer one.
    void judge() {
        const CancelToken token = source.token();
        auto pause = kFirstPause;
        try {
            while (true) {
                const Work taken = take(token);
                try {
                    for (const auto& key : taken.all ? all_bindings() : taken.bindings) judge(key);
                    pause = kFirstPause;
                } catch (const Error& error) {
                    report("judging bindings", error);
                    put_back(taken);
                    clock.sleep(pause, token);
                    pause = std::min(pause * 2, kLongestPause);
                }
            }
        } catch (const Cancelled&) {
            return;
        }
    }

    Work take(const CancelToken& token) {
        auto queue = work.lock();
        queue.wait([&] { return token.is_cancelled() || !queue->empty(); });
        token.throw_if_cancelled();
        return std::exchange(*queue, Work{});
    }

    void put_back(const Work& taken) {
        enqueue([&](Work& queue) {
            queue.all = queue.all || taken.all;
            queue.bindings.insert(taken.bindings.begin(), taken.bindings.end());
        });
    }

    std::set<cluster::ObjectKey> all_bindings() {
        std::set<cluster::ObjectKey> keys;
        for (const Value& object :
             cluster.list(cluster::types::kBlueprintBindings, {.metadata_only = true}).items) {
            keys.insert({cluster::types::kBlueprintBindings, cluster::namespace_of(object),
                         cluster::name_of(object)});
        }
        return keys;
    }

    void judge(const cluster::ObjectKey& key) {
        const auto object = find_object(cluster, key);
        if (!object) return;
        const Value status = status_of(cluster, *object, ns);
        const auto differs = [&](const char* member) {
            return (*object)["status"][member] != status[member];
        };
        if (!differs("validation") && !differs("error") && !differs("warnings") &&
            !differs("observedGeneration"))
            return;
        Value patch;
        patch["status"] = status;
        // Somebody else's definition of the type may have no subresource for it.
        const auto type = cluster.find_type(key.type.group, key.type.version, key.type.resource);
        const std::string where = type && type->has_status_subresource ? "status" : "";
        try {
            cluster.patch(key, cluster::PatchType::kMerge, patch,
                          {.field_manager = "fencepost", .subresource = where});
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kNotFound) throw;  // deleted meanwhile: nothing to judge
        }
    }

    void report(const std::string& what, const Error& error) {
        log.warning(what + " failed; trying again", {{"error", error.what()}});
    }

    cluster::Cluster& cluster;
    Log& log;
    Clock& clock;
    const std::string ns;
    CancelSource source;
    Guarded<Work> work;
    CancelCallback wake;
    TaskGroup tasks;
};

BindingController::BindingController(cluster::Cluster& cluster, Log& log, Clock& clock,
                                     std::string controller_namespace)
    : impl_(std::make_unique<Impl>(cluster, log, clock, std::move(controller_namespace))) {}

BindingController::~BindingController() = default;

}  // namespace fencepost::binding
