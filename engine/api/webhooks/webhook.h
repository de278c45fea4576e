// A Webhook: a URL that is told what happens to actions. An object of the kind Webhook in the controller's
// namespace: spec {url, events[], namespace?, secretRef{name}}, status {lastDeliveryAt, lastError}. Pure;
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "cluster/cluster.h"
#include "net/http_client.h"
#include "value/value.h"

namespace fencepost::api {

inline const cluster::ResourceType kWebhooks{"fencepost.io", "v1alpha1", "webhooks"};

// "action.completed", or "action.*" for all that start so.
[[nodiscard]] bool is_event_pattern(std::string_view text) noexcept;

struct Webhook {
    std::string name, url, secret_name;
    std::string ns;                   // of the subjects that it hears of; "" is all
    std::vector<std::string> events;  // patterns
    SystemTime created;               // it hears of what happens from then on
    [[nodiscard]] static Webhook from(const Value& object);
    [[nodiscard]] bool wants(std::string_view type) const noexcept;
    // Its own marks on ActionSets: not to be deleted before it was told; how far it was told.
    [[nodiscard]] std::string finalizer() const { return "webhooks.fencepost.io/" + name; }
};

// A journal entry as a CloudEvent 1.0, in structured JSON; its id is the same however often it is sent.
[[nodiscard]] std::string cloud_event(const Value& action_set, const Value& entry);
[[nodiscard]] std::string cloud_event_id(const Value& action_set, const Value& entry);
// The headers of a delivery: webhook-id, webhook-timestamp, and webhook-signature, which is
// "v1," + base64(HMAC-SHA256(key, id + "." + timestamp + "." + body)) as the Standard Webhooks have it.
[[nodiscard]] net::Headers signed_headers(const std::string& id, SystemTime now, const std::string& body,
                                          const Secret& key);

}  // namespace fencepost::api
