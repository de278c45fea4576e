#include "cluster/local/pods/volume_controller.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "cluster/local/pods/folder_copies.h"
#include "cluster/local/pods/object_mirror.h"
#include "cluster/local/pods/pod_status.h"

namespace fencepost::cluster::local {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kClaimFinalizer = "kubernetes.io/pvc-protection";
constexpr std::string_view kContentFinalizer =
    "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
constexpr std::string_view kDriver = "fencepost.io/folder";
constexpr std::string_view kSnapshotApi = "snapshot.storage.k8s.io/v1";
constexpr std::chrono::seconds kLookAgain{5};  // for what has no event: a copy that failed, an unready source

bool is_leaving(const Value& object) { return !object.get("metadata", "deletionTimestamp").is_nil(); }

bool has_finalizer(const Value& object, std::string_view name) {
    const List& all = object.get("metadata", "finalizers").list_or_empty();
    return std::any_of(all.begin(), all.end(), [&](const Value& one) { return one.string_or("") == name; });
}

bool uses_claim(const Value& pod, const std::string& claim) {
    for (const Value& volume : pod.get("spec", "volumes").list_or_empty()) {
        if (volume.get("persistentVolumeClaim", "claimName").string_or("") == claim) return true;
    }
    return false;
}

bool is_ended(const Value& pod) {
    const std::string phase = pod.get("status", "phase").string_or("");
    return phase == "Succeeded" || phase == "Failed";
}

std::int64_t unix_nanoseconds(SystemTime time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

// A handle names a folder: nothing that leads elsewhere.
bool is_plain_name(const std::string& name) {
    return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos &&
           name.find('\0') == std::string::npos;
}

}  // namespace

struct VolumeController::Impl {
    Impl(Cluster& objects, const LocalOptions& options, Clock& the_clock, Log& the_log)
        : cluster(objects),
          data_dir(options.data_dir),
          clock(the_clock),
          log(the_log),
          claims(objects, types::kPersistentVolumeClaims,
                 [this](const Value& claim, bool is_gone) {
                     if (is_gone) gone_claims.lock()->push_back(claim);
                     look();
                 }),
          snapshots(objects, types::kVolumeSnapshots, [this](const Value&, bool) { look(); }),
          contents(objects, types::kVolumeSnapshotContents, [this](const Value&, bool) { look(); }),
          pods(objects, types::kPods,
               [this](const Value& pod, bool) {
                   if (pod.is_nil() || !pod.get("spec", "volumes").list_or_empty().empty()) look();
               }),
          copies(the_clock, stop.token(), [this] { look(); }) {
        fs::create_directories(data_dir / "volumes" / ".trash");
        fs::create_directories(data_dir / "snapshots");
        for (const char* name : {"volumes", "snapshots"})
            fs::permissions(data_dir / name, fs::perms::owner_all);
        for (ObjectMirror* mirror : {&claims, &snapshots, &contents, &pods}) {
            threads.spawn([this, mirror] { mirror->run(stop.token(), log); });
        }
        threads.spawn([this] { run(); });
    }
    ~Impl() {
        stop.cancel(CancelReason::kShutdown);
        look();
        threads.join();
    }

    void look() {
        auto flag = has_news.lock();
        *flag = true;
        flag.notify_all();
    }
    void run();
    void pass();
    template <typename Work>
    void attempt(const Value& object, Work work);

    // --- claims
    void settle_claim(const Value& claim);
    bool provision(const Value& claim, const fs::path& folder);
    std::optional<fs::path> source_of(const Value& claim);
    void leave_claim(const Value& claim);
    [[nodiscard]] fs::path claim_folder(const Value& claim) const {
        return data_dir / "volumes" / namespace_of(claim) / uid_of(claim);
    }
    // --- snapshots
    void settle_snapshot(const Value& snapshot);
    void settle_content(const Value& content);
    void create_content(const Value& snapshot, const std::string& name);
    std::string deletion_policy(const Value& snapshot);
    void bind(const Value& snapshot, const Value& content);
    [[nodiscard]] fs::path snapshot_folder(const std::string& handle) const {
        return data_dir / "snapshots" / handle;
    }

    // --- writing
    void set_status(ObjectMirror& mirror, const ResourceType& type, const Value& object, const Value& status);
    void set_error(const Value& snapshot, const std::string& message);
    void add_finalizer(ObjectMirror& mirror, const ResourceType& type, const Value& object,
                       std::string_view name);
    void remove_finalizer(const ResourceType& type, const Value& object, std::string_view name);
    void trash(const fs::path& folder);
    std::optional<Value> find(ObjectMirror& mirror, const std::string& ns, const std::string& name) {
        const auto all = mirror.objects();
        const auto found = all.find({ns, name});
        return found == all.end() ? std::nullopt : std::optional(found->second);
    }

    Cluster& cluster;
    const fs::path data_dir;
    Clock& clock;
    Log& log;
    CancelSource stop;
    Guarded<bool> has_news;
    Guarded<std::vector<Value>> gone_claims;
    ObjectMirror claims, snapshots, contents, pods;
    FolderCopies copies;
    TaskGroup threads;
};

void VolumeController::Impl::run() {
    std::error_code ignored;
    fs::remove_all(data_dir / "volumes" / ".trash", ignored);
    fs::create_directories(data_dir / "volumes" / ".trash", ignored);
    while (!stop.token().is_cancelled()) {
        {
            auto flag = has_news.lock();
            (void)flag.wait_until(std::chrono::steady_clock::now() + kLookAgain, [&] { return *flag; });
            *flag = false;
        }
        const bool is_synced =
            claims.is_synced() && snapshots.is_synced() && contents.is_synced() && pods.is_synced();
        if (is_synced && !stop.token().is_cancelled()) pass();
    }
}

// One object's trouble does not stop the others; it is logged here, at the loop, and tried again.
template <typename Work>
void VolumeController::Impl::attempt(const Value& object, Work work) {
    try {
        work(object);
    } catch (const Cancelled&) {
        return;
    } catch (const Error& e) {
        // Changed or gone since it was looked at: the watch brings what it is now.
        if (e.kind() == ErrorKind::kConflict || e.kind() == ErrorKind::kNotFound) return;
        log.error("cannot settle storage, trying again",
                  {{"object", namespace_of(object) + "/" + name_of(object)}, {"error", e.what()}});
    } catch (const std::exception& e) {
        log.error("cannot settle storage, trying again",
                  {{"object", namespace_of(object) + "/" + name_of(object)}, {"error", e.what()}});
    }
}

void VolumeController::Impl::pass() {
    std::vector<Value> gone;
    gone.swap(*gone_claims.lock());
    for (const Value& claim : gone) attempt(claim, [&](const Value& one) { trash(claim_folder(one)); });
    for (const auto& [name, claim] : claims.objects())
        attempt(claim, [&](const Value& one) { settle_claim(one); });
    for (const auto& [name, snapshot] : snapshots.objects())
        attempt(snapshot, [&](const Value& one) { settle_snapshot(one); });
    for (const auto& [name, content] : contents.objects())
        attempt(content, [&](const Value& one) { settle_content(one); });
}

// --- claims

void VolumeController::Impl::settle_claim(const Value& claim) {
    if (is_leaving(claim)) return leave_claim(claim);
    if (claim.get("status", "phase").string_or("") == "Bound") return;
    if (!has_finalizer(claim, kClaimFinalizer)) {
        add_finalizer(claims, types::kPersistentVolumeClaims, claim, kClaimFinalizer);
    }
    Value status;
    if (provision(claim, claim_folder(claim))) {
        if (claim.get("spec", "volumeName").is_nil()) {
            Value change;
            change["spec"]["volumeName"] = "pvc-" + uid_of(claim);
            cluster.patch({types::kPersistentVolumeClaims, namespace_of(claim), name_of(claim)},
                          PatchType::kMerge, change);
        }
        status["phase"] = "Bound";
        status["accessModes"] = claim.get("spec", "accessModes");
        status["capacity"]["storage"] = claim.get("spec", "resources", "requests", "storage").string_or("0");
    } else {
        status["phase"] = "Pending";
    }
    set_status(claims, types::kPersistentVolumeClaims, claim, status);
}

// True when the claim's folder is there and holds what it was asked to hold.
bool VolumeController::Impl::provision(const Value& claim, const fs::path& folder) {
    if (fs::is_directory(folder)) return true;
    const Value& wanted = claim.get("spec", "dataSource").is_nil() ? claim.get("spec", "dataSourceRef")
                                                                   : claim.get("spec", "dataSource");
    if (wanted.is_nil()) {
        const fs::path made = folder.string() + ".partial";
        fs::create_directories(made);
        // Anyone's, as provisioners of local folders make them: the Pods' users are not known yet.
        if (::chmod(made.c_str(), 0777) != 0) throw errno_error("chmod " + made.string(), errno);
        fs::rename(made, folder);
        return true;
    }
    const auto source = source_of(claim);
    if (!source) return false;
    const FolderCopies::Progress progress = copies.ensure(*source, folder);
    if (progress.state == FolderCopies::State::kFailed) {
        throw Error(ErrorKind::kUnavailable,
                    "the copy for claim '" + name_of(claim) + "' failed: " + progress.error);
    }
    return progress.state == FolderCopies::State::kDone;
}

// The folder that a claim's data source stands for; nullopt while that is not ready.
std::optional<fs::path> VolumeController::Impl::source_of(const Value& claim) {
    const Value& wanted = claim.get("spec", "dataSource").is_nil() ? claim.get("spec", "dataSourceRef")
                                                                   : claim.get("spec", "dataSource");
    const std::string kind = wanted["kind"].string_or(""), name = wanted["name"].string_or("");
    if (kind == "PersistentVolumeClaim") {
        const auto source = find(claims, namespace_of(claim), name);
        if (!source || source->get("status", "phase").string_or("") != "Bound" || is_leaving(*source))
            return std::nullopt;
        return claim_folder(*source);
    }
    if (kind != "VolumeSnapshot") {
        throw Error(ErrorKind::kUnsupported,
                    "claim '" + name_of(claim) + "' has a data source of kind '" + kind +
                        "': only PersistentVolumeClaim and VolumeSnapshot are known");
    }
    const auto snapshot = find(snapshots, namespace_of(claim), name);
    if (!snapshot || !snapshot->get("status", "readyToUse").bool_or(false)) return std::nullopt;
    const auto content =
        find(contents, "", snapshot->get("status", "boundVolumeSnapshotContentName").string_or(""));
    if (!content) return std::nullopt;
    const std::string handle = content->get("status", "snapshotHandle").string_or("");
    if (!is_plain_name(handle)) return std::nullopt;
    return snapshot_folder(handle);
}

void VolumeController::Impl::leave_claim(const Value& claim) {
    if (!has_finalizer(claim, kClaimFinalizer)) return;
    for (const auto& [name, pod] : pods.objects()) {
        if (name.first == namespace_of(claim) && !is_ended(pod) && uses_claim(pod, name_of(claim))) return;
    }
    const fs::path folder = claim_folder(claim);
    if (copies.is_touching(folder)) return;
    trash(folder);
    remove_finalizer(types::kPersistentVolumeClaims, claim, kClaimFinalizer);
}

// --- snapshots

std::string VolumeController::Impl::deletion_policy(const Value& snapshot) {
    const std::string wanted = snapshot.get("spec", "volumeSnapshotClassName").string_or("");
    if (wanted.empty()) return "Delete";
    const Value found = cluster.get({types::kVolumeSnapshotClasses, "", wanted});
    return found["deletionPolicy"].string_or("Delete");
}

void VolumeController::Impl::settle_snapshot(const Value& snapshot) {
    if (is_leaving(snapshot) || snapshot.get("status", "readyToUse").bool_or(false)) return;
    const Value& source = snapshot.get("spec", "source");
    const std::string given = source["volumeSnapshotContentName"].string_or("");
    const std::string name = given.empty() ? "snapcontent-" + uid_of(snapshot) : given;
    const auto content = find(contents, "", name);
    if (content) return bind(snapshot, *content);
    if (!given.empty()) return set_error(snapshot, "VolumeSnapshotContent \"" + given + "\" not found");
    create_content(snapshot, name);
}

void VolumeController::Impl::create_content(const Value& snapshot, const std::string& name) {
    const std::string claim_name = snapshot.get("spec", "source", "persistentVolumeClaimName").string_or("");
    const auto claim = find(claims, namespace_of(snapshot), claim_name);
    if (!claim) return set_error(snapshot, "persistentvolumeclaim \"" + claim_name + "\" not found");
    if (claim->get("status", "phase").string_or("") != "Bound") {
        return set_error(snapshot, "persistentvolumeclaim \"" + claim_name + "\" is not bound yet");
    }
    Value content;
    content["apiVersion"] = kSnapshotApi;
    content["kind"] = "VolumeSnapshotContent";
    content["metadata"]["name"] = name;
    content["metadata"]["finalizers"].push_back(kContentFinalizer);
    // The folder's place: the claim may be gone from the API before the copy is made.
    content["metadata"]["annotations"]["fencepost.io/source-claim"] =
        namespace_of(*claim) + "/" + uid_of(*claim);
    content["metadata"]["annotations"]["fencepost.io/restore-size"] =
        claim->get("status", "capacity", "storage").string_or("0");
    Value& spec = content["spec"];
    try {
        spec["deletionPolicy"] = deletion_policy(snapshot);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        return set_error(snapshot, "VolumeSnapshotClass \"" +
                                       snapshot.get("spec", "volumeSnapshotClassName").string_or("") +
                                       "\" not found");
    }
    spec["driver"] = kDriver;
    spec["source"]["volumeHandle"] = uid_of(*claim);
    if (!snapshot.get("spec", "volumeSnapshotClassName").is_nil()) {
        spec["volumeSnapshotClassName"] = snapshot.get("spec", "volumeSnapshotClassName");
    }
    Value& ref = spec["volumeSnapshotRef"];
    ref["apiVersion"] = kSnapshotApi;
    ref["kind"] = "VolumeSnapshot";
    ref["name"] = name_of(snapshot);
    ref["namespace"] = namespace_of(snapshot);
    ref["uid"] = uid_of(snapshot);
    try {
        cluster.create(types::kVolumeSnapshotContents, content);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kAlreadyExists) throw;
    }
}

// A snapshot and its content belong together once the content is ready.
void VolumeController::Impl::bind(const Value& snapshot, const Value& content) {
    const Value& ref = content.get("spec", "volumeSnapshotRef");
    const bool is_for_it = ref["name"].string_or("") == name_of(snapshot) &&
                           ref["namespace"].string_or("") == namespace_of(snapshot);
    const std::string owner = ref["uid"].string_or("");
    if (!is_for_it || (!owner.empty() && owner != uid_of(snapshot))) {
        return set_error(snapshot,
                         "VolumeSnapshotContent \"" + name_of(content) + "\" belongs to another snapshot");
    }
    if (owner.empty()) {
        Value change;
        change["spec"]["volumeSnapshotRef"]["uid"] = uid_of(snapshot);
        cluster.patch({types::kVolumeSnapshotContents, "", name_of(content)}, PatchType::kMerge, change);
    }
    Value status;
    status["boundVolumeSnapshotContentName"] = name_of(content);
    status["readyToUse"] = content.get("status", "readyToUse").bool_or(false);
    status["error"] = content.get("status", "error");  // null where all is well: an earlier one goes
    if (const std::int64_t made = content.get("status", "creationTime").int_or(0); made != 0) {
        const std::chrono::nanoseconds since_epoch(made);
        status["creationTime"] =
            format_rfc3339(SystemTime(std::chrono::duration_cast<SystemTime::duration>(since_epoch)));
    }
    if (const std::int64_t size = content.get("status", "restoreSize").int_or(-1); size >= 0) {
        status["restoreSize"] = std::to_string(size);
    }
    set_status(snapshots, types::kVolumeSnapshots, snapshot, status);
}

void VolumeController::Impl::settle_content(const Value& content) {
    const std::string given = content.get("spec", "source", "snapshotHandle").string_or("");
    const std::string handle = given.empty() ? uid_of(content) : given;
    if (!is_plain_name(handle))
        throw Error(ErrorKind::kInvalid, "snapshotHandle \"" + handle + "\" is no handle of this cluster");
    const fs::path folder = snapshot_folder(handle);
    const std::string policy = content.get("spec", "deletionPolicy").string_or("Delete");
    if (is_leaving(content)) {
        if (!has_finalizer(content, kContentFinalizer) || copies.is_touching(folder)) return;
        if (policy == "Delete") trash(folder);
        return remove_finalizer(types::kVolumeSnapshotContents, content, kContentFinalizer);
    }
    const Value& ref = content.get("spec", "volumeSnapshotRef");
    const auto snapshot = find(snapshots, ref["namespace"].string_or(""), ref["name"].string_or(""));
    const std::string owner = ref["uid"].string_or("");
    if (policy == "Delete" && !owner.empty() && (!snapshot || uid_of(*snapshot) != owner)) {
        cluster.remove({types::kVolumeSnapshotContents, "", name_of(content)},
                       {.precondition_uid = uid_of(content)});
        return;
    }
    if (content.get("status", "readyToUse").bool_or(false)) return;
    if (!has_finalizer(content, kContentFinalizer)) {
        add_finalizer(contents, types::kVolumeSnapshotContents, content, kContentFinalizer);
    }
    Value status;
    status["snapshotHandle"] = handle;
    status["readyToUse"] = false;
    const Value& annotations = content.get("metadata", "annotations");
    FolderCopies::Progress progress;
    if (given.empty()) {
        progress = copies.ensure(
            data_dir / "volumes" / annotations["fencepost.io/source-claim"].string_or("?"), folder);
    } else if (fs::is_directory(folder)) {
        progress.state = FolderCopies::State::kDone;
    } else {
        progress = {FolderCopies::State::kFailed, "there is no snapshot with the handle " + handle, {}};
    }
    if (progress.state == FolderCopies::State::kDone) {
        status["readyToUse"] = true;
        status["creationTime"] = unix_nanoseconds(progress.begun.value_or(clock.now()));
        if (const Value& size = annotations["fencepost.io/restore-size"]; size.is_string()) {
            status["restoreSize"] = parse_quantity(size.as_string());
        }
        status["error"] = nullptr;
    } else if (progress.state == FolderCopies::State::kFailed) {
        status["error"]["message"] = progress.error;
        status["error"]["time"] = format_rfc3339(clock.now());
    }
    set_status(contents, types::kVolumeSnapshotContents, content, status);
}

// --- writing

void VolumeController::Impl::set_status(ObjectMirror& mirror, const ResourceType& type, const Value& object,
                                        const Value& status) {
    Value changes = status_patch(object["status"], status);
    if (changes.is_nil()) return;
    // The time of an error that is still the same is no news.
    const Value& message = status.get("error", "message");
    const bool is_same_error = !message.is_nil() && object.get("status", "error", "message") == message;
    if (is_same_error) changes.erase("error");
    if (changes.map_or_empty().empty()) return;
    Value change;
    change["metadata"]["uid"] = uid_of(object);
    change["status"] = std::move(changes);
    mirror.put(cluster.patch({type, namespace_of(object), name_of(object)}, PatchType::kMerge, change,
                             {.subresource = "status"}));
    look();
}

void VolumeController::Impl::set_error(const Value& snapshot, const std::string& message) {
    Value status;
    status["readyToUse"] = false;
    status["error"]["message"] = message;
    status["error"]["time"] = format_rfc3339(clock.now());
    set_status(snapshots, types::kVolumeSnapshots, snapshot, status);
}

void VolumeController::Impl::add_finalizer(ObjectMirror& mirror, const ResourceType& type,
                                           const Value& object, std::string_view name) {
    mirror.put(update(
        cluster, {type, namespace_of(object), name_of(object)},
        [&](Value& stored) {
            if (uid_of(stored) != uid_of(object) || is_leaving(stored) || has_finalizer(stored, name))
                return false;
            stored["metadata"]["finalizers"].push_back(name);
            return true;
        },
        stop.token()));
}

void VolumeController::Impl::remove_finalizer(const ResourceType& type, const Value& object,
                                              std::string_view name) {
    update(
        cluster, {type, namespace_of(object), name_of(object)},
        [&](Value& stored) {
            if (uid_of(stored) != uid_of(object) || !has_finalizer(stored, name)) return false;
            std::erase_if(stored["metadata"]["finalizers"].writable_list(),
                          [&](const Value& one) { return one.string_or("") == name; });
            return true;
        },
        stop.token());
}

// Renamed away first: what is half deleted is never found under its name.
void VolumeController::Impl::trash(const fs::path& folder) {
    const fs::path away =
        data_dir / "volumes" / ".trash" / (folder.filename().string() + "-" + random_name_suffix(6));
    std::error_code failed;
    fs::remove_all(folder.string() + ".partial", failed);
    fs::rename(folder, away, failed);
    if (failed && failed != std::errc::no_such_file_or_directory) {
        throw errno_error("rename " + folder.string(), failed.value());
    }
    fs::remove_all(away, failed);
}

VolumeController::VolumeController(Cluster& objects, const LocalOptions& options, Clock& clock, Log& log)
    : impl_(std::make_unique<Impl>(objects, options, clock, log)) {}
VolumeController::~VolumeController() = default;

}  // namespace fencepost::cluster::local
