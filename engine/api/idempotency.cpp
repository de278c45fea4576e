#include "api/idempotency.h"

#include "api/action_view.h"
#include "base/encodings.h"
#include "base/error.h"
#include "cluster/idempotent.h"
#include "value/json.h"

namespace fencepost::api {
namespace {

constexpr const char* kRequestDigest = "fencepost.io/request-digest";
constexpr int kMostUses = 1'000;  // of one key, a day apart each

// As it is at first: the answer to a repeated request is the same whatever has happened meanwhile.
net::ServerResponse created(const Creation& creation, Value object) {
    const std::string name = cluster::name_of(object);
    object.erase("status");
    net::ServerResponse response = json_response(creation.view(object), 201);
    response.headers.emplace_back("Location", creation.place + name);
    return response;
}

std::string name_of_use(const std::string& key, const Access& access, int use) {
    return "action-" +
           sha256_hex("fencepost idempotency key\n" + access.name() + "\n" + key + "\n" + std::to_string(use))
               .substr(0, 20);
}

bool is_kept(const Services& services, const Value& object) {
    const std::string created_at = object.get("metadata", "creationTimestamp").string_or("");
    return parse_rfc3339(created_at) + kKeyKept > services.clock.now();
}

net::ServerResponse replay(const Creation& creation, const Value& earlier, const std::string& digest) {
    if (earlier.get("metadata", "annotations", kRequestDigest).string_or("") != digest) {
        throw Problem(422, "the Idempotency-Key was used before with another body",
                      "use a new key for another action");
    }
    net::ServerResponse response = created(creation, earlier);
    response.headers.emplace_back("Idempotency-Replayed", "true");
    return response;
}

}  // namespace

net::ServerResponse create_once(Services& services, const Request& request, const Value& body,
                                const Creation& creation, const std::function<Value()>& make) {
    const std::string key(request.http.header("Idempotency-Key"));
    if (key.size() > kMaxKeyBytes) throw Problem(400, "the Idempotency-Key has more than 255 bytes");
    const auto create = [&](const Value& object) {
        return created(creation,
                       services.cluster.create(creation.type, object, {.field_manager = "fencepost-api"}));
    };
    if (key.empty()) return create(make());

    const std::string digest = sha256_hex(request.http.path + "\n" + to_json(body));
    for (int use = 0; use < kMostUses; ++use) {
        const std::string name = name_of_use(key, request.access, use);
        std::optional<Value> earlier =
            cluster::find_object(services.cluster, {creation.type, creation.ns, name});
        if (!earlier) {
            Value object = make();
            object["metadata"].erase("generateName");
            object["metadata"]["name"] = name;
            object["metadata"]["annotations"][kRequestDigest] = digest;
            try {
                return create(object);
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::kAlreadyExists) throw;
            }
            earlier = cluster::find_object(
                services.cluster, {creation.type, creation.ns, name});  // the same request came twice at once
            if (!earlier)
                throw Problem(409, "the action of this Idempotency-Key was deleted at this moment",
                              "try again");
        }
        if (is_kept(services, *earlier)) return replay(creation, *earlier, digest);
    }
    throw Problem(422, "the Idempotency-Key was used too often", "use a new key for every action");
}

net::ServerResponse create_action_once(Services& services, const Request& request, const Value& body,
                                       const std::function<Value()>& make) {
    return create_once(
        services, request, body,
        {cluster::types::kActionSets, services.controller_namespace, "/v1/actions/", action_view}, make);
}

}  // namespace fencepost::api
