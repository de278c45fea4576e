#include "api/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "api/action_view.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"

namespace fencepost::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array<double, 9> kBounds{0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200};
constexpr std::chrono::seconds kRewatchDelay{1};

struct Histogram {
    std::array<std::uint64_t, kBounds.size() + 1> counts{};
    double sum = 0;
    void observe(double seconds) {
        std::size_t i = 0;
        while (i < kBounds.size() && seconds > kBounds[i]) ++i;
        ++counts[i];
        sum += seconds;
    }
};

struct RequestCount {
    std::uint64_t count = 0;
    double seconds = 0;
};

struct Known {
    std::string state;
    double started = 0;  // while it is running, in seconds since 1970
    std::set<std::string> counted_phases;
};

// Whose last success is told: an action, and what it was for.
using Protected = std::array<std::string, 4>;  // action, kind or resource, namespace, name

// The last verification by restore of an application.
struct Verification {
    double ended = 0;  // in seconds since 1970
    double rto = 0;    // seconds; 0 where the restore failed
    bool has_passed = false;
};

struct Counts {
    std::map<std::string, Known> actions;                             // by ActionSet uid
    std::map<std::pair<std::string, std::string>, Histogram> phases;  // by action and phase
    std::map<std::array<std::string, 3>, RequestCount> requests;      // by method, route, code
    std::map<Protected, double> successes;                            // the last one's end
    std::map<std::string, Verification> verifications;                // by the application's namespace
    // What policies have restored last: when that was backed up, by the policy's uid and the application.
    std::map<std::string, std::map<std::string, double>> standbys;
};

void add_label(ClientMetric& metric, std::string name, std::string value) {
    ClientMetric::Label label;
    label.name = std::move(name);
    label.value = std::move(value);
    metric.label.push_back(std::move(label));
}

MetricFamily family(std::string name, std::string help, MetricType type) {
    MetricFamily result;
    result.name = std::move(name);
    result.help = std::move(help);
    result.type = type;
    return result;
}

MetricFamily gauge(std::string name, std::string help, double value) {
    MetricFamily result = family(std::move(name), std::move(help), MetricType::Gauge);
    result.metric.emplace_back().gauge.value = value;
    return result;
}

ClientMetric to_metric(const Histogram& histogram) {
    ClientMetric metric;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        below += histogram.counts[i];
        ClientMetric::Bucket bucket;
        bucket.cumulative_count = below;
        bucket.upper_bound = i < kBounds.size() ? kBounds[i] : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back(bucket);
    }
    metric.histogram.sample_count = below;
    metric.histogram.sample_sum = histogram.sum;
    return metric;
}

double seconds_between(const Value& from, const Value& to) {
    const auto duration = parse_rfc3339(to.as_string()) - parse_rfc3339(from.as_string());
    return std::max(0.0, std::chrono::duration<double>(duration).count());
}

double seconds_of(const Value& time) {
    return std::chrono::duration<double>(parse_rfc3339(time.as_string()).time_since_epoch()).count();
}

void learn(Counts& counts, const Value& action_set) {
    const Value view = action_view(action_set);
    Known& known = counts.actions[cluster::uid_of(action_set)];
    known.state = view["state"].string_or("pending");
    known.started =
        known.state == "running" && view["startedAt"].is_string() ? seconds_of(view["startedAt"]) : 0;
    if (known.state == "complete" && view["endedAt"].is_string()) {
        const Value& subject = view["subject"];
        double& last = counts.successes[{view["action"].string_or(""),
                                         subject["kind"].string_or(subject["resource"].string_or("")),
                                         subject["namespace"].string_or(""), subject["name"].string_or("")}];
        last = std::max(last, seconds_of(view["endedAt"]));
    }
    for (const Value& phase : view["phases"].list_or_empty()) {
        if (!phase["startedAt"].is_string() || !phase["endedAt"].is_string()) continue;
        const std::string name = phase["name"].string_or("");
        if (!known.counted_phases.insert(phase["action"].string_or("") + "/" + name).second) continue;
        counts.phases[{phase["action"].string_or(view["action"].string_or("")), name}].observe(
            seconds_between(phase["startedAt"], phase["endedAt"]));
    }
}

void learn_verification(Counts& counts, const Value& action) {
    const Value& status = action["status"];
    const Value& restore = status["restore"];
    if (!restore["state"].is_string() || !status["endTime"].is_string()) return;
    Verification& last = counts.verifications[cluster::namespace_of(action)];
    const double ended = seconds_of(status["endTime"]);
    if (ended < last.ended) return;
    const Value& rto = restore["rtoSeconds"];
    last = {ended, rto.is_number() ? rto.as_double() : 0, restore["state"] == Value("Passed")};
}

void learn_standby(Counts& counts, const Value& policy) {
    std::map<std::string, double> standby;
    for (const auto& [application, last] : policy.get("status", "restored").map_or_empty())
        standby[application] = seconds_of(last["actionTime"]);
    counts.standbys[cluster::uid_of(policy)] = std::move(standby);
}

MetricFamily by_application(std::string name, std::string help,
                            const std::map<std::string, Verification>& verifications,
                            double (*value_of)(const Verification&)) {
    MetricFamily result = family(std::move(name), std::move(help), MetricType::Gauge);
    for (const auto& [application, last] : verifications) {
        ClientMetric& metric = result.metric.emplace_back();
        add_label(metric, "application", application);
        metric.gauge.value = value_of(last);
    }
    return result;
}

}  // namespace

struct Metrics::Impl {
    Services& services;
    std::function<std::uint64_t()> store_bytes;
    Guarded<Counts> counts;
    CancelSource stop;
    TaskGroup thread;

    Impl(Services& all, std::function<std::uint64_t()> bytes)
        : services(all), store_bytes(std::move(bytes)) {}

    using Look = void (Impl::*)();
    void keep_watching(Look watch, const char* what) {
        std::string told;  // once: a type that is not served, or not allowed, stays so for long
        while (!stop.token().is_cancelled()) {
            try {
                (this->*watch)();
            } catch (const Cancelled&) {
                return;
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::kGone && std::exchange(told, error.what()) != error.what()) {
                    services.log.warning(std::string("metrics: the watch of ") + what + " ended",
                                         {{"error", error.what()}});
                }
                (void)stop.token().wait_for(kRewatchDelay);
            }
        }
    }

    void watch_action_sets() {
        counts.lock()->actions.clear();
        cluster::WatchOptions options;
        options.ns = services.controller_namespace;
        const auto events = services.cluster.watch(cluster::types::kActionSets, options);
        while (const auto event = events->next(stop.token())) {
            if (event->type == cluster::WatchEvent::Type::kBookmark) continue;
            auto locked = counts.lock();
            if (event->type == cluster::WatchEvent::Type::kDeleted)
                locked->actions.erase(cluster::uid_of(event->object));
            else
                learn_unless_unreadable(*locked, event->object, learn);
        }
    }

    // What was verified stays told when the action is deleted.
    void watch_verifications() {
        const auto events = services.cluster.watch(cluster::types::kValidateActions, {});
        while (const auto event = events->next(stop.token())) {
            if (event->type != cluster::WatchEvent::Type::kBookmark)
                learn_unless_unreadable(*counts.lock(), event->object, learn_verification);
        }
    }

    void watch_policies() {
        counts.lock()->standbys.clear();
        const auto events = services.cluster.watch(cluster::types::kPolicies, {});
        while (const auto event = events->next(stop.token())) {
            if (event->type == cluster::WatchEvent::Type::kBookmark) continue;
            auto locked = counts.lock();
            if (event->type == cluster::WatchEvent::Type::kDeleted)
                locked->standbys.erase(cluster::uid_of(event->object));
            else
                learn_unless_unreadable(*locked, event->object, learn_standby);
        }
    }

    static void learn_unless_unreadable(Counts& all, const Value& object,
                                        void (*learn)(Counts&, const Value&)) {
        try {
            learn(all, object);
        } catch (const Error&) {
            // Somebody has written times that are none: one object less to count.
        }
    }

    std::vector<MetricFamily> collect() {
        std::vector<MetricFamily> families;
        auto actions = family("fencepost_actions", "Actions on record, by state.", MetricType::Gauge);
        auto phases = family("fencepost_phase_duration_seconds", "How long phases took, from start to end.",
                             MetricType::Histogram);
        auto requests =
            family("fencepost_http_requests_total", "HTTP requests that were answered.", MetricType::Counter);
        auto successes = family("fencepost_last_success_timestamp_seconds",
                                "When an action last completed for an object.", MetricType::Gauge);
        auto standbys =
            family("fencepost_standby_data_timestamp_seconds",
                   "When the data was backed up that a policy has restored last.", MetricType::Gauge);
        std::map<std::string, Verification> verifications;
        double oldest = 0;  // start of a running action
        auto seconds = family("fencepost_http_request_seconds_total", "Time spent on HTTP requests.",
                              MetricType::Counter);
        {
            auto locked = counts.lock();
            verifications = locked->verifications;
            std::map<std::string, int> states{
                {"pending", 0}, {"running", 0}, {"complete", 0}, {"failed", 0}, {"cancelled", 0}};
            for (const auto& [uid, known] : locked->actions) {
                ++states[known.state];
                if (known.started > 0 && (oldest == 0 || known.started < oldest)) oldest = known.started;
            }
            for (const auto& [whose, when] : locked->successes) {
                ClientMetric& metric = successes.metric.emplace_back();
                constexpr std::array kLabels{"action", "kind", "subject_namespace", "subject"};
                for (std::size_t i = 0; i < kLabels.size(); ++i) add_label(metric, kLabels[i], whose[i]);
                metric.gauge.value = when;
            }
            std::map<std::string, double> newest;  // of several policies that restore one application
            for (const auto& [uid, standby] : locked->standbys) {
                for (const auto& [application, when] : standby)
                    newest[application] = std::max(newest[application], when);
            }
            for (const auto& [application, when] : newest) {
                ClientMetric& metric = standbys.metric.emplace_back();
                add_label(metric, "application", application);
                metric.gauge.value = when;
            }
            for (const auto& [state, count] : states) {
                ClientMetric& metric = actions.metric.emplace_back();
                add_label(metric, "state", state);
                metric.gauge.value = count;
            }
            for (const auto& [key, histogram] : locked->phases) {
                ClientMetric metric = to_metric(histogram);
                add_label(metric, "action", key.first);
                add_label(metric, "phase", key.second);
                phases.metric.push_back(std::move(metric));
            }
            for (const auto& [key, count] : locked->requests) {
                ClientMetric metric;
                add_label(metric, "method", key[0]);
                add_label(metric, "route", key[1]);
                add_label(metric, "code", key[2]);
                metric.counter.value = static_cast<double>(count.count);
                requests.metric.push_back(metric);
                metric.counter.value = count.seconds;
                seconds.metric.push_back(std::move(metric));
            }
        }
        families.push_back(std::move(actions));
        if (!phases.metric.empty()) families.push_back(std::move(phases));
        if (!requests.metric.empty()) {
            families.push_back(std::move(requests));
            families.push_back(std::move(seconds));
        }
        if (!successes.metric.empty()) families.push_back(std::move(successes));
        if (!standbys.metric.empty()) families.push_back(std::move(standbys));
        if (!verifications.empty()) {
            families.push_back(by_application(
                "fencepost_verification_passed", "Whether the last verification by restore has passed.",
                verifications, [](const Verification& last) { return last.has_passed ? 1.0 : 0.0; }));
            families.push_back(by_application("fencepost_verification_end_timestamp_seconds",
                                              "When that was.", verifications,
                                              [](const Verification& last) { return last.ended; }));
            families.push_back(by_application(
                "fencepost_verification_rto_seconds", "How long its restore took; 0 where that failed.",
                verifications, [](const Verification& last) { return last.rto; }));
        }
        const double now = std::chrono::duration<double>(services.clock.now().time_since_epoch()).count();
        families.push_back(gauge("fencepost_oldest_running_action_seconds",
                                 "For how long the oldest of the running actions has run.",
                                 oldest > 0 ? std::max(0.0, now - oldest) : 0));
        const List open = services.run.obligations(false);
        double overdue = 0;
        for (const Value& obligation : open) {
            if (obligation["deadline"].is_string())
                overdue = std::max(overdue, now - seconds_of(obligation["deadline"]));
        }
        families.push_back(gauge("fencepost_obligations_open",
                                 "Fences and pauses that are still to be undone.",
                                 static_cast<double>(open.size())));
        families.push_back(gauge("fencepost_obligations_overdue_seconds",
                                 "How long ago the time limit of the most overdue of them was.", overdue));
        if (store_bytes) {
            families.push_back(gauge("fencepost_store_bytes",
                                     "Size of the embedded cluster's database on disk.",
                                     static_cast<double>(store_bytes())));
        }
        return families;
    }
};

Metrics::Metrics(Services& services, std::function<std::uint64_t()> store_bytes)
    : impl_(std::make_unique<Impl>(services, std::move(store_bytes))) {
    Impl* impl = impl_.get();
    impl->thread.spawn([impl] { impl->keep_watching(&Impl::watch_action_sets, "ActionSets"); });
    impl->thread.spawn([impl] { impl->keep_watching(&Impl::watch_verifications, "ValidateActions"); });
    impl->thread.spawn([impl] { impl->keep_watching(&Impl::watch_policies, "Policies"); });
}

Metrics::~Metrics() {
    impl_->stop.cancel(CancelReason::kShutdown);
    impl_->thread.join();
}

void Metrics::count_request(std::string_view method, std::string_view route, int status,
                            std::chrono::nanoseconds took) {
    auto counts = impl_->counts.lock();
    RequestCount& count = counts->requests[{std::string(method), std::string(route), std::to_string(status)}];
    ++count.count;
    count.seconds += std::chrono::duration<double>(took).count();
}

std::string Metrics::text() {
    std::ostringstream output;
    prometheus::TextSerializer().Serialize(output, impl_->collect());
    return output.str();
}

}  // namespace fencepost::api
