// A restore point: the RestorePointContent, which holds all that a restore needs and outlives the
// application's namespace, and the RestorePoint beside the application that names it. The content is signed
// with the installation's key; manifests are too large for it and stand in Secrets beside the controller, as
// their texts may be secret: compressed, in pieces. Blocking; any thread. Errors: kDataLoss for what is not
// as it was written; what the cluster throws.
#pragma once

#include <string>
#include <vector>

#include "run/function.h"

namespace fencepost::protect {

inline constexpr const char* kExpiresAt =
    "fencepost.io/expires-at";  // on a content: spec.expiresAt once more
inline constexpr const char* kContentLabel =
    "fencepost.io/restore-point-content";  // on the Secrets of its manifests

// --- manifests

// Writes them, over what an earlier attempt left; `name` is the content's to be. Returns what
// load_manifests() wants: {secrets: [name ...], bytes, sha256}.
[[nodiscard]] Value store_manifests(run::World& world, const std::string& name, const List& manifests);
[[nodiscard]] List load_manifests(run::World& world, const Value& stored);
void remove_manifests(run::World& world, const std::string& name);

// Of a content, without what it has skipped; wherever they are: in its Secrets, or in the location that it
// was exported to.
[[nodiscard]] List manifests_of(run::World& world, const Value& content, const CancelToken& cancel);

// --- signatures: `signature` of a map is of all else that it holds

// With this installation's, in place of what stood there.
[[nodiscard]] Value signed_here(run::World& world, Value document);
// Whose it is: the fingerprint of the public key that it carries, "SHA256:" and 64 hex digits. That tells a
// document that was changed, and leaves to the caller whether that key is one to trust. `what` names the
// document. Throws kDataLoss.
[[nodiscard]] std::string signer_of(const Value& document, const std::string& what);

// --- the content

// Signs the spec and creates the content, unless it is there.
void create_content(run::World& world, const std::string& name, const Value& labels, Value spec);
// Creates the RestorePoint of that name in the application's namespace, and binds the two.
void create_restore_point(run::World& world, const std::string& ns, const std::string& name,
                          const std::string& content);
// Its content as it stands there. `reference` as below.
[[nodiscard]] Value find_content(run::World& world, const Value& reference);
// Its content, whose signature is good. `reference` is a RestorePoint's or a RestorePointContent's: {kind,
// name, namespace}.
[[nodiscard]] Value open_content(run::World& world, const Value& reference);
// Throws kDataLoss where it is not what this installation wrote.
void verify(run::World& world, const Value& content);
// Of the claim of that name, among the content's spec.volumes; nil where it holds none.
[[nodiscard]] Value copy_of(const Value& content, const std::string& claim);
// The name of the blueprint as it was when the restore point was made. Where today's of that name is another
// one, the old one is made again under a name of its own.
[[nodiscard]] std::string stored_blueprint(run::World& world, const Value& content, const std::string& name);

// --- a resource of a plan, and of a content's spec.resources: {group, apiVersion, kind, resource, name}

[[nodiscard]] std::string label_of(const Value& resource);  // "secrets/app1-db"
// As ActionSet.spec.actions[].object.
[[nodiscard]] Value reference_to(const Value& resource);

// The id in an artifact's kopiaSnapshot, by itself or as kando prints it; "" where it has none.
[[nodiscard]] std::string snapshot_of(const Value& artifact);

}  // namespace fencepost::protect
