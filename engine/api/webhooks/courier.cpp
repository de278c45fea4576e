#include "api/webhooks/courier.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "run/journal.h"
#include "run/record.h"

namespace fencepost::api {
namespace {

namespace types = cluster::types;

constexpr std::chrono::milliseconds kFirstPause{500};
constexpr std::chrono::seconds kLongestPause{60};
constexpr std::chrono::hours kGiveUpAfter{24};
constexpr std::chrono::seconds kSendLimit{10};
constexpr std::chrono::seconds kRetryPause{1};

cluster::ObjectKey key_of(const Value& action_set) {
    return {types::kActionSets, cluster::namespace_of(action_set), cluster::name_of(action_set)};
}

bool has_finalizer(const Value& object, const std::string& finalizer) {
    const List& all = object.get("metadata", "finalizers").list_or_empty();
    return std::find(all.begin(), all.end(), Value(finalizer)) != all.end();
}

}  // namespace

WebhookDispatcher::Courier::Courier(Services& services, Webhook hook)
    : services_(services), hook_(std::move(hook)) {
    threads_.spawn([this] { run(&Courier::hold); });
    threads_.spawn([this] { run(&Courier::tell); });
}

WebhookDispatcher::Courier::~Courier() {
    stop_.cancel(CancelReason::kShutdown);
    threads_.join();
}

void WebhookDispatcher::Courier::run(Work work) {
    while (!stop_.token().is_cancelled()) {
        try {
            follow(work);
        } catch (const Cancelled&) {
            return;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kGone)
                services_.log.error("a webhook's watch broke",
                                    {{"webhook", hook_.name}, {"error", error.what()}});
            if (!stop_.token().wait_for(kRetryPause)) return;
        }
    }
}

void WebhookDispatcher::Courier::follow(Work work) {
    const auto watch = services_.cluster.watch(types::kActionSets, {.ns = services_.controller_namespace,
                                                                    .label_selector = "",
                                                                    .field_selector = "",
                                                                    .resource_version = "",
                                                                    .allow_bookmarks = false});
    for (;;) {
        const auto event = watch->next(stop_.token());
        if (!event || event->type == cluster::WatchEvent::Type::kBookmark) continue;
        if (event->type != cluster::WatchEvent::Type::kDeleted) (this->*work)(event->object);
    }
}

bool WebhookDispatcher::Courier::is_concerned(const Value& action_set) const {
    if (!action_set.get("metadata", "annotations", hook_.finalizer()).is_nil())
        return false;  // told of it all
    const std::string ended = action_set.get("status", "endTime").string_or("");
    if (!ended.empty() && parse_rfc3339(ended) < hook_.created) return false;
    if (hook_.ns.empty()) return true;
    const List& actions = action_set.get("spec", "actions").list_or_empty();
    return std::any_of(actions.begin(), actions.end(), [this](const Value& action) {
        return action.get("object", "namespace").string_or("") == hook_.ns;
    });
}

void WebhookDispatcher::Courier::tell(const Value& action_set) {
    if (!is_concerned(action_set)) return;
    std::int64_t& sent = sent_[cluster::uid_of(action_set)];
    for (const Value& entry : run::journal_of(action_set)) {
        const std::int64_t number = entry["seq"].int_or(0);
        if (number <= sent) continue;
        const bool is_old = parse_rfc3339(entry["time"].string_or("")) < hook_.created;
        if (!is_old && hook_.wants(entry["type"].string_or(""))) deliver(action_set, entry);
        sent = number;
    }
    if (!run::is_terminal(action_set)) return;
    let_go(action_set);
    sent_.erase(cluster::uid_of(action_set));
}

// Not to be deleted before its end was told. One that is being deleted already is kept by its run as long as
// that lasts.
void WebhookDispatcher::Courier::hold(const Value& action_set) {
    const std::string finalizer = hook_.finalizer();
    if (!is_concerned(action_set) || has_finalizer(action_set, finalizer)) return;
    try {
        cluster::update(services_.cluster, key_of(action_set),
                        [&](Value& object) {
                            if (has_finalizer(object, finalizer) || !is_concerned(object) ||
                                !object.get("metadata", "deletionTimestamp").is_nil())
                                return false;
                            object["metadata"]["finalizers"].push_back(finalizer);
                            return true;
                        },
                        stop_.token(), {.field_manager = "fencepost-webhooks"});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
    }
}

void WebhookDispatcher::Courier::let_go(const Value& action_set) {
    const std::string finalizer = hook_.finalizer();
    try {
        cluster::update(services_.cluster, key_of(action_set),
                        [&](Value& object) {
                            if (cluster::uid_of(object) != cluster::uid_of(action_set)) return false;
                            object["metadata"]["annotations"][finalizer] = "told";
                            if (has_finalizer(object, finalizer))
                                std::erase(object["metadata"]["finalizers"].writable_list(),
                                           Value(finalizer));
                            return true;
                        },
                        stop_.token(), {.field_manager = "fencepost-webhooks"});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
    }
}

void WebhookDispatcher::Courier::deliver(const Value& action_set, const Value& entry) {
    const std::string id = cloud_event_id(action_set, entry);
    const std::string body = cloud_event(action_set, entry);
    const SystemTime give_up = parse_rfc3339(entry["time"].string_or("")) + kGiveUpAfter;
    std::chrono::milliseconds pause = kFirstPause;
    for (;;) {
        const std::string error = try_once(id, body);
        note(error);
        if (error.empty()) return;
        if (services_.clock.now() >= give_up) {
            services_.log.error("a webhook was not told of an event for a day; it is left out now",
                                {{"webhook", hook_.name}, {"event", id}, {"error", error}});
            return;
        }
        services_.clock.sleep(pause, stop_.token());
        pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestPause);
    }
}

std::string WebhookDispatcher::Courier::try_once(const std::string& id, const std::string& body) {
    try {
        const Value secret =
            services_.cluster.get({types::kSecrets, services_.controller_namespace, hook_.secret_name});
        const Secret key(base64_decode(secret.get("data", "key").string_or("")));
        net::HttpRequest request;
        request.method = "POST";
        request.url = hook_.url;
        request.headers = signed_headers(id, services_.clock.now(), body, key);
        request.body = body;
        request.deadline = services_.clock.steady_now() + kSendLimit;
        const int status = services_.run.http->request(request, stop_.token()).status;
        return status >= 200 && status < 300 ? "" : "it answered " + std::to_string(status);
    } catch (const Error& error) {
        return error.what();
    }
}

// For people: told when it changes, not with every try.
void WebhookDispatcher::Courier::note(const std::string& error) {
    if (error == noted_) return;
    if (!error.empty())
        services_.log.warning("a webhook did not take an event; it is sent again",
                              {{"webhook", hook_.name}, {"error", error}});
    const cluster::ObjectKey key{kWebhooks, services_.controller_namespace, hook_.name};
    try {
        Value patch;
        patch["status"]["lastError"] = error.empty() ? Value() : Value(error);
        patch["status"][error.empty() ? "lastDeliveryAt" : "failingSince"] =
            format_rfc3339(services_.clock.now());
        if (error.empty()) patch["status"]["failingSince"] = Value();
        services_.cluster.patch(key, cluster::PatchType::kMerge, patch,
                                {.field_manager = "fencepost-webhooks"});
        noted_ = error;
    } catch (const Error& failure) {
        if (failure.kind() != ErrorKind::kNotFound) throw;
    }
}

}  // namespace fencepost::api
