#include "api/webhooks/dispatcher.h"

#include <algorithm>

#include "api/webhooks/courier.h"
#include "base/error.h"

namespace fencepost::api {
namespace {

namespace types = cluster::types;

constexpr std::chrono::seconds kRetryPause{1};
constexpr std::string_view kFinalizerPrefix = "webhooks.fencepost.io/";

}  // namespace

WebhookDispatcher::WebhookDispatcher(Services& services) : services_(services) {
    thread_.spawn([this] { run(); });
}

WebhookDispatcher::~WebhookDispatcher() {
    stop_.cancel(CancelReason::kShutdown);
    thread_.join();
}

void WebhookDispatcher::run() {
    while (!stop_.token().is_cancelled()) {
        try {
            follow();
        } catch (const Cancelled&) {
            break;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kGone)
                services_.log.error("the watch of webhooks broke", {{"error", error.what()}});
            if (!stop_.token().wait_for(kRetryPause)) break;
        }
    }
    couriers_.clear();
}

void WebhookDispatcher::follow() {
    const cluster::ObjectList present =
        services_.cluster.list(kWebhooks, {.ns = services_.controller_namespace});
    for (const Value& object : present.items) look_at(object);
    std::erase_if(couriers_, [&](const auto& courier) {
        return std::none_of(present.items.begin(), present.items.end(),
                            [&](const Value& object) { return cluster::name_of(object) == courier.first; });
    });
    release_what_nobody_waits_for();
    const auto watch = services_.cluster.watch(kWebhooks, {.ns = services_.controller_namespace,
                                                           .label_selector = "",
                                                           .field_selector = "",
                                                           .resource_version = present.resource_version,
                                                           .allow_bookmarks = false});
    for (;;) {
        const auto event = watch->next(stop_.token());
        if (!event || event->type == cluster::WatchEvent::Type::kBookmark) continue;
        if (event->type == cluster::WatchEvent::Type::kDeleted) {
            couriers_.erase(cluster::name_of(event->object));
            release_what_nobody_waits_for();
        } else {
            look_at(event->object);
        }
    }
}

// A change of its status is no reason to start over.
void WebhookDispatcher::look_at(const Value& object) {
    const std::string name = cluster::name_of(object);
    const Value identity(Map{{"uid", cluster::uid_of(object)}, {"spec", object["spec"]}});
    const auto known = couriers_.find(name);
    if (known != couriers_.end() && known->second.first == identity) return;
    couriers_.erase(name);
    couriers_.emplace(name, std::pair(identity, std::make_unique<Courier>(services_, Webhook::from(object))));
}

// ActionSets that wait to be told to a webhook that is gone would never be deleted.
void WebhookDispatcher::release_what_nobody_waits_for() {
    const auto is_ours = [this](const Value& finalizer) {
        const std::string text = finalizer.string_or("");
        return text.starts_with(kFinalizerPrefix) &&
               !couriers_.contains(text.substr(kFinalizerPrefix.size()));
    };
    for (const Value& action_set :
         services_.cluster.list(types::kActionSets, {.ns = services_.controller_namespace}).items) {
        const List& finalizers = action_set.get("metadata", "finalizers").list_or_empty();
        if (std::none_of(finalizers.begin(), finalizers.end(), is_ours)) continue;
        try {
            cluster::update(
                services_.cluster,
                {types::kActionSets, cluster::namespace_of(action_set), cluster::name_of(action_set)},
                [&](Value& object) {
                    return std::erase_if(object["metadata"]["finalizers"].writable_list(), is_ours) > 0;
                },
                stop_.token(), {.field_manager = "fencepost-webhooks"});
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kNotFound) throw;
        }
    }
}

}  // namespace fencepost::api
