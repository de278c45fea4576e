#include "api/idempotency.h"

#include "api/action_lookup.h"
#include "api/action_view.h"
#include "base/encodings.h"
#include "base/error.h"
#include "value/json.h"

namespace fencepost::api {
namespace {

constexpr const char* kRequestDigest = "fencepost.io/request-digest";
constexpr int kMostUses = 1'000;  // of one key, a day apart each

// As it is at first: the answer to a repeated request is the same whatever has happened meanwhile.
net::ServerResponse created(Value action_set) {
    const std::string name = cluster::name_of(action_set);
    action_set.erase("status");
    net::ServerResponse response = json_response(action_view(action_set), 201);
    response.headers.emplace_back("Location", "/v1/actions/" + name);
    return response;
}

std::string name_of_use(const std::string& key, const Access& access, int use) {
    return "action-" +
           sha256_hex("fencepost idempotency key\n" + access.name() + "\n" + key + "\n" + std::to_string(use))
               .substr(0, 20);
}

std::optional<Value> find(Services& services, const std::string& name) {
    try {
        return services.cluster.get(action_key(services, name));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
        return std::nullopt;
    }
}

bool is_kept(const Services& services, const Value& action_set) {
    const std::string created_at = action_set.get("metadata", "creationTimestamp").string_or("");
    return parse_rfc3339(created_at) + kKeyKept > services.clock.now();
}

net::ServerResponse replay(const Value& earlier, const std::string& digest) {
    if (earlier.get("metadata", "annotations", kRequestDigest).string_or("") != digest) {
        throw Problem(422, "the Idempotency-Key was used before with another body",
                      "use a new key for another action");
    }
    net::ServerResponse response = created(earlier);
    response.headers.emplace_back("Idempotency-Replayed", "true");
    return response;
}

}  // namespace

net::ServerResponse create_action_once(Services& services, const Request& request, const Value& body,
                                       const std::function<Value()>& make) {
    const std::string key(request.http.header("Idempotency-Key"));
    if (key.size() > kMaxKeyBytes) throw Problem(400, "the Idempotency-Key has more than 255 bytes");
    const auto create = [&](const Value& action_set) {
        return created(services.cluster.create(cluster::types::kActionSets, action_set,
                                               {.field_manager = "fencepost-api"}));
    };
    if (key.empty()) return create(make());

    const std::string digest = sha256_hex(request.http.path + "\n" + to_json(body));
    for (int use = 0; use < kMostUses; ++use) {
        const std::string name = name_of_use(key, request.access, use);
        std::optional<Value> earlier = find(services, name);
        if (!earlier) {
            Value action_set = make();
            action_set["metadata"].erase("generateName");
            action_set["metadata"]["name"] = name;
            action_set["metadata"]["annotations"][kRequestDigest] = digest;
            try {
                return create(action_set);
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::kAlreadyExists) throw;
            }
            earlier = find(services, name);  // the same request came twice at once
            if (!earlier)
                throw Problem(409, "the action of this Idempotency-Key was deleted at this moment",
                              "try again");
        }
        if (is_kept(services, *earlier)) return replay(*earlier, digest);
    }
    throw Problem(422, "the Idempotency-Key was used too often", "use a new key for every action");
}

}  // namespace fencepost::api
