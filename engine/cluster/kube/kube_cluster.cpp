#include "cluster/kube/kube_cluster.h"

#include <algorithm>
#include <charconv>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/kube/discovery.h"
#include "cluster/kube/exec.h"
#include "cluster/kube/logs.h"
#include "cluster/kube/watch.h"

namespace fencepost::cluster::kube {
namespace {

constexpr std::int64_t kPage = 500;
constexpr int kMostNames = 8;               // as the API server tries, which refuses then
constexpr std::size_t kMaxNamePrefix = 58;  // the API server's; a suffix of five comes behind it

std::string_view content_type(PatchType type) {
    switch (type) {
        case PatchType::kJson:
            return "application/json-patch+json";
        case PatchType::kMerge:
            return "application/merge-patch+json";
        case PatchType::kStrategicMerge:
            return "application/strategic-merge-patch+json";
        case PatchType::kApply:
            break;
    }
    return "application/apply-patch+yaml";
}

std::string_view propagation_name(DeleteOptions::Propagation propagation) {
    switch (propagation) {
        case DeleteOptions::Propagation::kForeground:
            return "Foreground";
        case DeleteOptions::Propagation::kOrphan:
            return "Orphan";
        case DeleteOptions::Propagation::kBackground:
            break;
    }
    return "Background";
}

std::string api_version(const ResourceType& type) {
    return type.group.empty() ? type.version : type.group + "/" + type.version;
}

std::string path_of(const ObjectKey& key, const std::string& subresource = {}) {
    const std::string path = object_path(key.type, key.ns, key.name);
    return subresource.empty() ? path : path + "/" + subresource;
}

// Everything that was asked for is there: the server has only added to it.
bool contains(const Value& stored, const Value& wanted) {
    if (wanted.is_map() && stored.is_map()) {
        const Map& members = wanted.as_map();
        return std::all_of(members.begin(), members.end(),
                           [&](const Member& member) { return contains(stored[member.key], member.value); });
    }
    if (wanted.is_list() && stored.is_list()) {
        const List& items = wanted.as_list();
        const List& others = stored.as_list();
        return items.size() == others.size() &&
               std::equal(others.begin(), others.end(), items.begin(), contains);
    }
    return stored == wanted;
}

class KubeCluster final : public Cluster {
  public:
    KubeCluster(Connection connection, net::HttpClient& http, Clock& clock, ClientOptions options)
        : namespaces_(options.namespaces),
          client_(std::move(connection), http, clock, std::move(options)),
          discovery_(client_, clock) {}

    Value get(const ObjectKey& key) override { return client_.get(path_of(key)); }

    ObjectList list(const ResourceType& type, const ListOptions& options) override {
        const std::vector<std::string> namespaces = namespaces_of(type, options.ns);
        if (options.limit > 0 || !options.continue_token.empty()) return page_of(type, namespaces, options);
        ObjectList all;
        for (const std::string& ns : namespaces) {
            ListOptions one = options;
            one.ns = ns;
            ObjectList list = whole(type, one);
            std::move(list.items.begin(), list.items.end(), std::back_inserter(all.items));
            all.resource_version += (all.resource_version.empty() ? "" : ",") + list.resource_version;
        }
        return all;
    }

    std::unique_ptr<Watch> watch(const ResourceType& type, const WatchOptions& options) override {
        const std::vector<std::string> namespaces = namespaces_of(type, options.ns);
        if (!options.resource_version.empty())
            return open_watch(client_, type, options, {}, places_of(namespaces, options.resource_version));
        ObjectList present = list(type, {.ns = options.ns,
                                         .label_selector = options.label_selector,
                                         .field_selector = options.field_selector,
                                         .metadata_only = options.metadata_only});
        std::vector<WatchEvent> events;
        for (Value& object : present.items) events.push_back({WatchEvent::Type::kAdded, std::move(object)});
        return open_watch(client_, type, options, std::move(events),
                          places_of(namespaces, present.resource_version));
    }

    Value create(const ResourceType& type, const Value& object, const WriteOptions& options) override {
        Value whole = with_kind(type, object);
        const std::string path = object_path(type, namespace_of(object), "") + query(options);
        // Named here, so that a repeated request does not make a second one.
        const std::string prefix =
            name_of(whole).empty() ? whole.get("metadata", "generateName").string_or("") : "";
        for (int names_left = prefix.empty() ? 1 : kMostNames;;) {
            if (!prefix.empty())
                whole["metadata"]["name"] = prefix.substr(0, kMaxNamePrefix) + random_name_suffix();
            const ApiAnswer answer = client_.ask({.method = "POST", .path = path, .body = whole});
            if (answer.is_success()) return answer.value;
            const Error refused = refusal(answer.status, answer.value);
            if (refused.kind() != ErrorKind::kAlreadyExists) throw refused;
            // The answer to an earlier attempt was lost: it may have made the object.
            if (answer.is_repeated) {
                Value stored = get({type, namespace_of(object), name_of(whole)});
                if (contains(stored, whole)) return stored;
            }
            if (--names_left == 0) throw refused;
        }
    }

    Value replace(const ResourceType& type, const Value& object, const WriteOptions& options) override {
        const ObjectKey key{type, namespace_of(object), name_of(object)};
        return client_.send({.method = "PUT",
                             .path = path_of(key, options.subresource) + query(options),
                             .body = with_kind(type, object)});
    }

    Value patch(const ObjectKey& key, PatchType patch_type, const Value& patch,
                const PatchOptions& options) override {
        if (options.check)
            throw Error(ErrorKind::kUnsupported, "an API server does not let a patch be looked at first");
        const bool is_apply = patch_type == PatchType::kApply;
        return client_.send({.method = "PATCH",
                             .path = path_of(key, options.subresource) +
                                     Query()
                                         .add("fieldManager", options.field_manager)
                                         .add("force", is_apply && options.force ? "true" : "")
                                         .add("dryRun", options.dry_run ? "All" : "")
                                         .text(),
                             .body = patch,
                             .content_type = std::string(content_type(patch_type))});
    }

    Value remove(const ObjectKey& key, const DeleteOptions& options) override {
        Value body;
        body["apiVersion"] = "v1";
        body["kind"] = "DeleteOptions";
        body["propagationPolicy"] = propagation_name(options.propagation);
        if (options.grace_period) body["gracePeriodSeconds"] = options.grace_period->count();
        if (!options.precondition_uid.empty()) body["preconditions"]["uid"] = options.precondition_uid;
        if (!options.precondition_resource_version.empty())
            body["preconditions"]["resourceVersion"] = options.precondition_resource_version;
        if (options.dry_run) body["dryRun"].push_back("All");
        const ApiAnswer answer = client_.ask({.method = "DELETE", .path = path_of(key), .body = body});
        if (!answer.is_success()) {
            Error refused = refusal(answer.status, answer.value);
            if (!answer.is_repeated || refused.kind() != ErrorKind::kNotFound) throw refused;
        } else if (answer.value["kind"] != Value("Status")) {
            return answer.value;
        }
        // It is gone at once, and the server says no more of it than its name.
        Value gone;
        gone["metadata"]["name"] = key.name;
        if (!key.ns.empty()) gone["metadata"]["namespace"] = key.ns;
        if (const Value& uid = answer.value.get("details", "uid"); uid.is_string())
            gone["metadata"]["uid"] = uid;
        return gone;
    }

    std::optional<ResourceDescription> find_type(std::string_view group, std::string_view version,
                                                 std::string_view name) override {
        return discovery_.find(group, version, name);
    }
    std::vector<ResourceDescription> types() override { return discovery_.all(); }

    ExecResult exec(std::string_view ns, std::string_view pod, const ExecOptions& options,
                    const CancelToken& cancel) override {
        return kube::exec(client_, *sockets_, ns, pod, options, cancel);
    }
    void post_guard(const Guard&) override {}
    void relieve_guard(std::string_view, const std::function<void()>& undo, const CancelToken&) override {
        undo();
    }
    void logs(std::string_view ns, std::string_view pod, const LogOptions& options,
              const std::function<void(std::string_view)>& sink, const CancelToken& cancel) override {
        read_logs(client_, ns, pod, options, sink, cancel);
    }

  private:
    // In which ones to look; "" is all at once.
    std::vector<std::string> namespaces_of(const ResourceType& type, const std::string& ns) {
        const bool is_one = !ns.empty() || namespaces_.empty() || !discovery_.at(type).is_namespaced;
        return is_one ? std::vector{ns} : namespaces_;
    }

    // Of several namespaces the versions of all, as list() tells them, with commas between.
    static std::vector<WatchedPlace> places_of(const std::vector<std::string>& namespaces,
                                               const std::string& versions) {
        std::vector<WatchedPlace> places;
        std::size_t at = 0;
        for (const std::string& ns : namespaces) {
            const std::size_t end = std::min(versions.find(',', at), versions.size());
            if (at > versions.size()) throw Error(ErrorKind::kGone, "a watch of other namespaces than these");
            places.push_back({ns, versions.substr(at, end - at)});
            at = end + 1;
        }
        return places;
    }

    // All of it, but not in one piece. Where the pages took so long that the server has forgotten the first
    // one's moment, it comes in one piece after all.
    ObjectList whole(const ResourceType& type, const ListOptions& options) {
        ListOptions next = options;
        next.limit = kPage;
        ObjectList all = page(type, next);
        try {
            while (!all.continue_token.empty()) {
                next.continue_token = all.continue_token;
                ObjectList more = page(type, next);
                std::move(more.items.begin(), more.items.end(), std::back_inserter(all.items));
                all.continue_token = more.continue_token;
            }
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kGone) throw;
            return page(type, options);
        }
        return all;
    }

    // Of several namespaces one after the other: the token tells in which one it goes on.
    ObjectList page_of(const ResourceType& type, const std::vector<std::string>& namespaces,
                       ListOptions options) {
        if (namespaces.size() == 1) {
            options.ns = namespaces.front();
            return page(type, options);
        }
        std::size_t index = 0;
        const std::size_t colon = options.continue_token.find(':');
        if (colon != std::string::npos) {
            const char* end = options.continue_token.data() + colon;
            (void)std::from_chars(options.continue_token.data(), end, index);
            options.continue_token.erase(0, colon + 1);
        }
        if (index >= namespaces.size())
            throw Error(ErrorKind::kGone, "the continue token is of other namespaces than these");
        options.ns = namespaces[index];
        ObjectList list = page(type, options);
        if (list.continue_token.empty()) ++index;
        list.continue_token =
            index < namespaces.size() ? std::to_string(index) + ":" + list.continue_token : "";
        return list;
    }

    ObjectList page(const ResourceType& type, const ListOptions& options) {
        Value answer =
            client_.send({.path = object_path(type, options.ns, "") +
                                  Query()
                                      .add("labelSelector", options.label_selector)
                                      .add("fieldSelector", options.field_selector)
                                      .add("limit", options.limit > 0 ? std::to_string(options.limit) : "")
                                      .add("continue", options.continue_token)
                                      .text(),
                          .accept = accepted_form(options.metadata_only, true)});
        ObjectList list;
        list.resource_version = resource_version_of(answer);
        list.continue_token = answer.get("metadata", "continue").string_or("");
        // The items of the built-in types say not what they are; the list does.
        std::string kind = answer["kind"].string_or("");
        if (kind.ends_with("List")) kind.resize(kind.size() - 4);
        const Value version = answer["apiVersion"];
        for (Value& item : answer["items"].writable_list()) {
            if (options.metadata_only) {
                list.items.push_back(metadata_of(item));
                continue;
            }
            if (item["kind"].is_nil()) item["kind"] = kind;
            if (item["apiVersion"].is_nil()) item["apiVersion"] = version;
            list.items.push_back(std::move(item));
        }
        return list;
    }

    Value with_kind(const ResourceType& type, Value object) {
        if (object["apiVersion"].is_nil()) object["apiVersion"] = api_version(type);
        if (object["kind"].is_nil()) object["kind"] = discovery_.at(type).kind;
        return object;
    }

    static std::string query(const WriteOptions& options) {
        return Query()
            .add("fieldManager", options.field_manager)
            .add("dryRun", options.dry_run ? "All" : "")
            .text();
    }

    const std::vector<std::string> namespaces_;  // none: all
    ApiClient client_;
    Discovery discovery_;
    const std::unique_ptr<net::WebSocketClient> sockets_ = net::make_websocket_client();
};

}  // namespace

std::unique_ptr<Cluster> open_kube_cluster(Connection connection, net::HttpClient& http, Clock& clock,
                                           ClientOptions options) {
    return std::make_unique<KubeCluster>(std::move(connection), http, clock, std::move(options));
}

}  // namespace fencepost::cluster::kube
