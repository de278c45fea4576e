// Cluster: the Kubernetes-shaped world that Fencepost controls. There are two: local/ (SQLite and processes
// on this host) and kube/ (an API server). Everything above cannot tell which one it has.
//
// Objects are Values of the usual shape (apiVersion, kind, metadata, spec, status ...). Semantics are the API
// server's: optimistic concurrency by metadata.resourceVersion, finalizers, generateName, status as a
// subresource where the type has one, watches that resume from a resourceVersion.
//
// Errors: Error whose kind says what an API server's Status would: kNotFound, kAlreadyExists, kConflict,
// kInvalid, kGone (watch or continue token too old), kForbidden, kUnavailable. Waiting calls take a
// CancelToken. Thread safety: all members may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "value/value.h"

namespace fencepost::cluster {

// group "" is core; resource is the lower-case plural.
struct ResourceType {
    std::string group;
    std::string version;
    std::string resource;
    friend auto operator<=>(const ResourceType&, const ResourceType&) = default;
};

// What discovery says about a type.
struct ResourceDescription {
    ResourceType type;
    std::string kind;
    std::string singular;
    std::vector<std::string> short_names;
    bool is_namespaced = true;
    bool has_status_subresource = false;
    bool is_listable = true;  // false of reviews and the like, which are answered and not kept
};

// By kind ("StatefulSet", without case), plural, singular or short name. group and version "" accept any;
// but with a version, group "" is the core group.
[[nodiscard]] bool matches(const ResourceDescription& type, std::string_view group, std::string_view version,
                           std::string_view name);

// "/api/v1/namespaces/ns/pods/name", "/apis/g/v/...": where an API server has it. ns "" for what has none or
// for all of them, name "" for the collection.
[[nodiscard]] std::string object_path(const ResourceType& type, std::string_view ns, std::string_view name);

[[nodiscard]] Error unknown_type(const ResourceType& type);  // as an API server words it

struct ObjectKey {
    ResourceType type;
    std::string ns;  // "" for cluster-scoped
    std::string name;
    friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};
[[nodiscard]] std::string to_string(const ObjectKey& key);  // "pods/app1/pg-0"

struct ListOptions {
    std::string ns;              // "" is all namespaces
    std::string label_selector;  // "app=pg,tier in (a,b),!x"
    std::string field_selector;  // "metadata.name=x,status.phase!=Running"
    std::int64_t limit = 0;
    std::string continue_token;
    // Of each object only `metadata`, without kind and apiVersion: what Secrets hold does not travel.
    bool metadata_only = false;
};

struct ObjectList {
    std::vector<Value> items;
    std::string resource_version;
    std::string continue_token;
};

struct WatchEvent {
    enum class Type { kAdded, kModified, kDeleted, kBookmark };
    Type type = Type::kAdded;
    Value object;  // of a bookmark: only metadata.resourceVersion
};

struct WatchOptions {
    std::string ns;
    std::string label_selector;
    std::string field_selector;
    std::string resource_version;  // "" starts with the present objects as kAdded; else what came after it
    bool allow_bookmarks = false;
    bool metadata_only = false;  // as in ListOptions
};

class Watch {
  public:
    virtual ~Watch() = default;
    // Blocks for the next event; nullopt at the deadline. Throws Cancelled; Error{kGone} where the position
    // is lost: list again and start over.
    [[nodiscard]] virtual std::optional<WatchEvent> next(const CancelToken& cancel,
                                                         Deadline deadline = kNoDeadline) = 0;
};

struct WriteOptions {
    std::string field_manager;
    bool dry_run = false;
    // Need not be durable on return: a crash may lose it (Events). It is seen once it is durable.
    bool may_be_lost = false;
    std::string subresource;  // "" or "status"
};

enum class PatchType { kJson, kMerge, kStrategicMerge, kApply };

struct PatchOptions {
    std::string field_manager;
    bool force = false;  // kApply: take over conflicting fields
    bool dry_run = false;
    std::string subresource;
    // Where set, sees the patched object before it is stored; what it throws refuses the patch. It must be
    // quick.
    std::function<void(const Value& patched)> check;
};

struct DeleteOptions {
    std::optional<std::chrono::seconds> grace_period;
    enum class Propagation { kBackground, kForeground, kOrphan };
    Propagation propagation = Propagation::kBackground;
    std::string precondition_uid;
    std::string precondition_resource_version;
    bool dry_run = false;
};

struct ExecOptions {
    std::string container;  // "" where the pod has one, or its default-container annotation
    std::vector<std::string> command;
    // Where set, fills the buffer and returns how much; 0 closes the command's stdin. Called on a thread of
    // its own; a source that waits must stop at `ended`, which fires with the command's end.
    std::function<std::size_t(char* buffer, std::size_t size, const CancelToken& ended)> stdin_source;
    std::function<void(std::string_view)> on_stdout;  // called on the calling thread, pieces as they come
    std::function<void(std::string_view)> on_stderr;
    Deadline deadline = kNoDeadline;
    std::string pod_uid;  // where set, kNotFound if the pod of that name has another uid
};

struct ExecResult {
    int exit_code = 0;
};

struct LogOptions {
    std::string container;
    bool follow = false;
    bool previous = false;
    bool timestamps = false;
    std::optional<std::int64_t> tail_lines;
    std::optional<SystemTime> since;
    std::optional<std::int64_t> limit_bytes;
};

// What undoes something in a container if nobody else has by its deadline; see supervisor/run.h.
struct Guard {
    std::string id;  // the caller's; [a-z0-9-]+
    std::string ns, pod, pod_uid, container;
    std::vector<std::vector<std::string>> commands;  // argv each, run in order
    SystemTime deadline;                             // the earlier of the two counts
    SteadyTime steady_deadline;
};

class Cluster {
  public:
    virtual ~Cluster() = default;

    // --- objects
    [[nodiscard]] virtual Value get(const ObjectKey& key) = 0;
    [[nodiscard]] virtual ObjectList list(const ResourceType& type, const ListOptions& options = {}) = 0;
    [[nodiscard]] virtual std::unique_ptr<Watch> watch(const ResourceType& type,
                                                       const WatchOptions& options) = 0;
    // Name, namespace and apiVersion/kind come from the object; the stored object comes back. Durable on
    // return.
    virtual Value create(const ResourceType& type, const Value& object, const WriteOptions& options = {}) = 0;
    virtual Value replace(const ResourceType& type, const Value& object,
                          const WriteOptions& options = {}) = 0;
    virtual Value patch(const ObjectKey& key, PatchType patch_type, const Value& patch,
                        const PatchOptions& options = {}) = 0;
    // The object as it was last seen; with finalizers left it stays, with deletionTimestamp set.
    virtual Value remove(const ObjectKey& key, const DeleteOptions& options = {}) = 0;

    // --- types
    // See matches(); of several the one that the cluster prefers.
    [[nodiscard]] virtual std::optional<ResourceDescription> find_type(std::string_view group,
                                                                       std::string_view version,
                                                                       std::string_view name) = 0;
    [[nodiscard]] virtual std::vector<ResourceDescription> types() = 0;

    // --- pods
    // Runs until the command ends, the deadline (Error kTimeout) or cancellation; both end the command.
    // A connection that breaks is Error{kUnavailable}: not the same as an exit.
    virtual ExecResult exec(std::string_view ns, std::string_view pod, const ExecOptions& options,
                            const CancelToken& cancel) = 0;
    // Once it returns, the guard stands, and outlives this process and all that it stores. Where one of that
    // id stands already, it stays. kNotFound: the container does not run. A cluster without processes has
    // nothing to guard.
    virtual void post_guard(const Guard& guard) = 0;
    // Does the guard's work in its place: `undo` runs while the guard holds still, and once it has returned
    // the guard is dismissed and acts no more. If `undo` throws, the guard stands on. Where no guard stands,
    // `undo` just runs. Throws Cancelled, kTimeout and what `undo` throws.
    virtual void relieve_guard(std::string_view id, const std::function<void()>& undo,
                               const CancelToken& cancel) = 0;
    // Gives the bytes of the log, and with follow the new ones until the container ends. Throws kNotFound.
    virtual void logs(std::string_view ns, std::string_view pod, const LogOptions& options,
                      const std::function<void(std::string_view)>& sink, const CancelToken& cancel) = 0;
};

// --- small conveniences on objects, used everywhere
[[nodiscard]] std::string name_of(const Value& object);
[[nodiscard]] std::string namespace_of(const Value& object);
[[nodiscard]] std::string uid_of(const Value& object);
[[nodiscard]] std::string resource_version_of(const Value& object);
[[nodiscard]] Value metadata_of(
    const Value& object);  // an object of nothing else (ListOptions::metadata_only)

// GET, change, replace; again on kConflict with backoff, without end but for the token. `change` returns
// false to leave the object as it is. Returns the object as stored.
Value update(Cluster& cluster, const ObjectKey& key, const std::function<bool(Value& object)>& change,
             const CancelToken& cancel, const WriteOptions& options = {});

// The types that Fencepost names itself.
namespace types {
extern const ResourceType kActionSets, kBlueprints, kProfiles;  // cr.kanister.io/v1alpha1
extern const ResourceType kBlueprintBindings;                   // config.kio.kasten.io/v1alpha1
// fencepost.io/v1alpha1
extern const ResourceType kObligations;
extern const ResourceType kBackupActions, kRestoreActions, kExportActions, kImportActions, kValidateActions,
    kRunActions, kCancelActions, kPolicies, kPolicyPresets;
extern const ResourceType kRestorePoints, kRestorePointContents;  // the contents are in no namespace
extern const ResourceType kNamespaces, kPods, kSecrets, kConfigMaps, kPersistentVolumeClaims, kEvents,
    kServices;
extern const ResourceType kStatefulSets, kDeployments, kReplicaSets;
extern const ResourceType kVolumeSnapshots, kVolumeSnapshotContents, kVolumeSnapshotClasses;
extern const ResourceType kCustomResourceDefinitions;
}  // namespace types

}  // namespace fencepost::cluster
