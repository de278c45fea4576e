#include "protect/restore_point.h"

#include <set>

#include "base/encodings.h"
#include "base/error.h"
#include "base/signature.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"
#include "location/restic/compress.h"
#include "model/objects.h"
#include "protect/child_action.h"
#include "protect/exports.h"
#include "run/record.h"
#include "value/json.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;

constexpr const char* kManager = "fencepost";
constexpr const char* kKeySecret = "fencepost-signing-key";
constexpr const char* kAlgorithm = "ed25519";
constexpr const char* kPieceKey = "manifests";
// A Secret may have 1 MiB, as text of base64.
constexpr std::size_t kPieceBytes = std::size_t{700} * 1024;
constexpr std::size_t kMostManifestBytes = std::size_t{1} << 30U;

struct InstallationKey {
    Secret seed;
    std::string public_key;
};

InstallationKey key_in(const Value& secret) {
    const Secret seed(base64_decode(secret.get("data", "seed").string_or("")));
    return {seed, public_key_of(seed)};
}

// Made where there is none yet.
InstallationKey installation_key(run::World& world) {
    const ObjectKey key{types::kSecrets, world.controller_namespace, kKeySecret};
    try {
        return key_in(world.cluster.get(key));
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
    const Secret seed = random_signing_seed();
    Value secret;
    secret["metadata"]["name"] = key.name;
    secret["metadata"]["namespace"] = key.ns;
    secret["type"] = "fencepost.io/signing-key";
    secret["data"]["seed"] = base64_encode(seed.reveal());
    secret["data"]["publicKey"] = base64_encode(public_key_of(seed));
    try {
        return key_in(world.cluster.create(types::kSecrets, secret, {.field_manager = kManager}));
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kAlreadyExists) throw;
    }
    return key_in(world.cluster.get(key));
}

// In the one way that JSON is written here.
std::string signed_text(Value document) {
    document.erase("signature");
    return to_json(document);
}

bool is_signed_with(const std::string& public_key, const Value& document) {
    const Value& signature = document["signature"];
    return signature["algorithm"] == Value(kAlgorithm) &&
           is_signature_of(public_key, signed_text(document),
                           base64_decode(signature["value"].string_or("")));
}

std::string piece_name(const std::string& content, std::size_t number) {
    return content + "-manifests-" + std::to_string(number);
}

// Creates it, or puts the same in its place.
void put(run::World& world, const cluster::ResourceType& type, const Value& object) {
    if (cluster::create_unless_there(world.cluster, type, object, {.field_manager = kManager})) return;
    (void)cluster::update(world.cluster, {type, cluster::namespace_of(object), cluster::name_of(object)},
                          [&](Value& there) {
                              there["data"] = object["data"];
                              return true;
                          },
                          {}, {.field_manager = kManager});
}

ObjectKey content_key(const std::string& name) { return {types::kRestorePointContents, "", name}; }

void set_bound(run::World& world, const ObjectKey& key, const Value& status) {
    Value patch;
    patch["status"] = status;
    (void)world.cluster.patch(key, cluster::PatchType::kMerge, patch, {.field_manager = kManager});
}

}  // namespace

Value store_manifests(run::World& world, const std::string& name, const List& manifests) {
    const std::string text = to_json(Value(manifests));
    const std::string packed = location::restic::Compressor().compress(text);
    Value stored;
    stored["bytes"] = static_cast<std::int64_t>(text.size());
    stored["sha256"] = sha256_hex(text);
    stored["secrets"] = List{};
    for (std::size_t at = 0; at < packed.size(); at += kPieceBytes) {
        Value secret;
        secret["metadata"]["name"] = piece_name(name, stored["secrets"].writable_list().size());
        secret["metadata"]["namespace"] = world.controller_namespace;
        secret["metadata"]["labels"][kContentLabel] = label_value(name);
        secret["type"] = "fencepost.io/manifests";
        secret["data"][kPieceKey] = base64_encode(std::string_view(packed).substr(at, kPieceBytes));
        put(world, types::kSecrets, secret);
        stored["secrets"].push_back(secret.get("metadata", "name"));
    }
    return stored;
}

List load_manifests(run::World& world, const Value& stored) {
    std::string packed;
    for (const Value& name : stored["secrets"].list_or_empty()) {
        const Value secret =
            world.cluster.get({types::kSecrets, world.controller_namespace, name.string_or("")});
        packed += base64_decode(secret.get("data", kPieceKey).string_or(""));
    }
    const auto size = static_cast<std::size_t>(stored["bytes"].int_or(0));
    if (size > kMostManifestBytes) throw Error(ErrorKind::kTooLarge, "the manifests have more than 1 GiB");
    std::string text;
    try {
        text = location::restic::Decompressor().decompress_exactly(packed, size);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kDataLoss) throw;
    }
    if (stored["sha256"] == Value(sha256_hex(text))) return parse_json(text).as_list();
    throw Error(ErrorKind::kDataLoss,
                "the manifests of the restore point are not what was written: somebody has changed their "
                "Secrets in namespace " +
                    world.controller_namespace,
                "take another restore point");
}

void remove_manifests(run::World& world, const std::string& name) {
    const cluster::ListOptions ours{.ns = world.controller_namespace,
                                    .label_selector = std::string(kContentLabel) + "=" + label_value(name),
                                    .metadata_only = true};
    for (const Value& secret : world.cluster.list(types::kSecrets, ours).items)
        (void)world.cluster.remove({types::kSecrets, world.controller_namespace, cluster::name_of(secret)});
}

List manifests_of(run::World& world, const Value& content, const CancelToken& cancel) {
    const Value& spec = content["spec"];
    if (spec["export"].is_map())
        return parse_json(Exports(world, spec.get("export", "profile"), cancel).get(spec["manifests"]))
            .as_list();
    // They were stored before a prehook chose among the claims.
    std::set<std::string> skipped;
    for (const Value& claim : spec["skipped"].list_or_empty()) skipped.insert(claim["name"].string_or(""));
    List manifests = load_manifests(world, spec["manifests"]);
    std::erase_if(manifests, [&](const Value& manifest) {
        return manifest["kind"] == Value("PersistentVolumeClaim") &&
               skipped.contains(cluster::name_of(manifest));
    });
    return manifests;
}

Value signed_here(run::World& world, Value document) {
    const InstallationKey key = installation_key(world);
    Value signature;
    signature["algorithm"] = kAlgorithm;
    signature["publicKey"] = base64_encode(key.public_key);
    signature["value"] = base64_encode(sign(key.seed, signed_text(document)));
    document["signature"] = std::move(signature);
    return document;
}

std::string signer_of(const Value& document, const std::string& what) {
    try {
        const std::string key = base64_decode(document.get("signature", "publicKey").string_or(""));
        if (is_signed_with(key, document)) return "SHA256:" + sha256_hex(key);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kInvalid) throw;  // of a key or a signature that is none
    }
    throw Error(ErrorKind::kDataLoss, "the signature of " + what + " is not good: somebody has changed it",
                "do not trust it: take another restore point");
}

void create_content(run::World& world, const std::string& name, const Value& labels, Value spec) {
    spec = signed_here(world, std::move(spec));
    Value content;
    content["metadata"]["name"] = name;
    content["metadata"]["labels"] = labels;
    if (std::as_const(spec)["expiresAt"].is_string())
        content["metadata"]["annotations"][kExpiresAt] = spec["expiresAt"];
    // Its data goes with it: see retirement.h.
    content["metadata"]["finalizers"].push_back(run::kFinalizer);
    content["spec"] = std::move(spec);
    content["status"]["state"] = "Unbound";
    cluster::create_unless_there(world.cluster, types::kRestorePointContents, content,
                                 {.field_manager = kManager});
}

namespace {

// The content stands already, and is not taken back because a disk was full for a moment.
void create_patiently(run::World& world, const Value& point) {
    constexpr int kAttempts = 20;
    for (int attempt = 1;; ++attempt) {
        try {
            cluster::create_unless_there(world.cluster, types::kRestorePoints, point,
                                         {.field_manager = kManager});
            return;
        } catch (const Error& e) {
            const bool is_final = e.kind() == ErrorKind::kNotFound || e.kind() == ErrorKind::kInvalid ||
                                  e.kind() == ErrorKind::kForbidden;
            if (is_final || attempt == kAttempts) throw;
        }
        world.clock.sleep(std::chrono::milliseconds(200), {});
    }
}

}  // namespace

void create_restore_point(run::World& world, const std::string& ns, const std::string& name,
                          const std::string& content) {
    const Value holds = world.cluster.get(content_key(content));
    Value point;
    point["metadata"]["name"] = name;
    point["metadata"]["namespace"] = ns;
    point["metadata"]["labels"] = holds.get("metadata", "labels");
    point["spec"]["restorePointContentRef"]["name"] = content;
    point["status"]["state"] = "Bound";
    for (const char* member : {"actionTime", "scheduledTime", "expiresAt"}) {
        if (holds["spec"][member].is_string()) point["status"][member] = holds["spec"][member];
    }
    if (holds.get("spec", "export").is_map())
        point["status"]["location"] = holds.get("spec", "export", "location");
    create_patiently(world, point);
    Value status;
    status["state"] = "Bound";
    status["restorePointRef"]["name"] = name;
    status["restorePointRef"]["namespace"] = ns;
    set_bound(world, content_key(content), status);
}

Value find_content(run::World& world, const Value& reference) {
    const std::string kind = reference["kind"].string_or("RestorePoint");
    std::string name = reference["name"].string_or("");
    if (kind == "RestorePoint") {
        const Value point =
            world.cluster.get({types::kRestorePoints, reference["namespace"].string_or(""), name});
        name = point.get("spec", "restorePointContentRef", "name").string_or("");
    } else if (kind != "RestorePointContent") {
        throw Error(ErrorKind::kInvalid,
                    "spec.subject.kind is '" + kind + "': it is RestorePoint or RestorePointContent");
    }
    return world.cluster.get(content_key(name));
}

Value open_content(run::World& world, const Value& reference) {
    Value content = find_content(world, reference);
    verify(world, content);
    return content;
}

void verify(run::World& world, const Value& content) {
    const Value& spec = content["spec"];
    const Value& signature = spec["signature"];
    const InstallationKey key = installation_key(world);
    if (is_signed_with(key.public_key, spec)) return;
    const bool is_ours = signature["publicKey"] == Value(base64_encode(key.public_key));
    throw Error(ErrorKind::kDataLoss,
                "the signature of the RestorePointContent " + cluster::name_of(content) + " is not good: " +
                    (is_ours ? "somebody has changed it" : "another installation has made it"),
                is_ours ? "take another restore point" : "import it from its location");
}

Value copy_of(const Value& content, const std::string& claim) {
    for (const Value& volume : content.get("spec", "volumes").list_or_empty()) {
        if (volume["claim"] == Value(claim)) return volume;
    }
    return {};
}

std::string stored_blueprint(run::World& world, const Value& content, const std::string& name) {
    const Value& stored = content.get("spec", "blueprints", name);
    const std::string digest = stored["digest"].string_or("");
    const auto live =
        cluster::find_object(world.cluster, {types::kBlueprints, world.controller_namespace, name});
    if (live && model::Blueprint::from(*live).digest == digest) return name;
    constexpr std::size_t kDigits = 10;
    const std::string old = name + "-" + digest.substr(0, kDigits);
    Value blueprint;
    blueprint["metadata"]["name"] = old;
    blueprint["metadata"]["namespace"] = world.controller_namespace;
    blueprint["actions"] = stored["actions"];
    cluster::create_unless_there(world.cluster, types::kBlueprints, blueprint, {.field_manager = kManager});
    return old;
}

std::string label_of(const Value& resource) {
    return resource["resource"].string_or("") + "/" + resource["name"].string_or("");
}

Value reference_to(const Value& resource) {
    Value object;
    for (const char* member : {"group", "apiVersion", "kind", "resource", "name", "namespace"}) {
        if (resource[member].is_string()) object[member] = resource[member];
    }
    return object;
}

std::string snapshot_of(const Value& artifact) {
    const std::string text = artifact["kopiaSnapshot"].string_or("");
    if (!text.starts_with('{')) return text;
    try {
        return parse_json(text)["id"].string_or("");
    } catch (const Error&) {
        return text;
    }
}

}  // namespace fencepost::protect
