#include "api/webhooks/webhook.h"

#include <algorithm>
#include <array>

#include "api/action_view.h"
#include "base/encodings.h"
#include "cluster/cluster.h"
#include "value/json.h"

namespace fencepost::api {
namespace {

constexpr std::array<std::string_view, 8> kTypes{"action.started",   "action.completed", "action.failed",
                                                 "action.cancelled", "phase.started",    "phase.completed",
                                                 "phase.failed",     "phase.skipped"};

bool fits(std::string_view pattern, std::string_view type) noexcept {
    if (!pattern.ends_with('*')) return pattern == type;
    return type.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

bool is_event_pattern(std::string_view text) noexcept {
    return std::any_of(kTypes.begin(), kTypes.end(),
                       [text](std::string_view type) { return fits(text, type); });
}

Webhook Webhook::from(const Value& object) {
    const Value& spec = object["spec"];
    Webhook hook;
    hook.name = cluster::name_of(object);
    hook.url = spec["url"].string_or("");
    hook.secret_name = spec.get("secretRef", "name").string_or("");
    hook.ns = spec["namespace"].string_or("");
    for (const Value& pattern : spec["events"].list_or_empty()) hook.events.push_back(pattern.string_or(""));
    hook.created =
        parse_rfc3339(object.get("metadata", "creationTimestamp").string_or("1970-01-01T00:00:00Z"));
    return hook;
}

bool Webhook::wants(std::string_view type) const noexcept {
    return std::any_of(events.begin(), events.end(),
                       [type](const std::string& pattern) { return fits(pattern, type); });
}

std::string cloud_event_id(const Value& action_set, const Value& entry) {
    return cluster::uid_of(action_set) + "-" + std::to_string(entry["seq"].int_or(0));
}

std::string cloud_event(const Value& action_set, const Value& entry) {
    const Value view = action_view(action_set);
    const Value& subject = view["subject"];
    Value event;
    event["specversion"] = "1.0";
    event["id"] = cloud_event_id(action_set, entry);
    event["source"] = "/v1/actions/" + cluster::name_of(action_set);
    event["type"] = "io.fencepost." + entry["type"].string_or("");
    event["subject"] = subject["namespace"].string_or("") + "/" + subject["resource"].string_or("") + "/" +
                       subject["name"].string_or("");
    event["time"] = entry["time"];
    event["datacontenttype"] = "application/json";
    Value& data = event["data"];
    data["event"] = entry;
    for (const char* member : {"id", "action", "subject", "blueprint"}) data[member] = view[member];
    if (entry["type"] == Value("action.completed")) data["artifacts"] = view["artifacts"];
    return to_json(event, {.escape_html = false, .indent = ""});
}

net::Headers signed_headers(const std::string& id, SystemTime now, const std::string& body,
                            const Secret& key) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    const std::string timestamp = std::to_string(seconds);
    const auto signature = hmac_sha256(key.reveal(), id + "." + timestamp + "." + body);
    const std::string_view bytes(reinterpret_cast<const char*>(signature.data()), signature.size());
    return {{"Content-Type", "application/cloudevents+json; charset=utf-8"},
            {"webhook-id", id},
            {"webhook-timestamp", timestamp},
            {"webhook-signature", "v1," + base64_encode(bytes)}};
}

}  // namespace fencepost::api
