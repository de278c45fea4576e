#include "protect/export_run.h"

#include <set>

#include "base/encodings.h"
#include "base/error.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"
#include "protect/restore_point.h"
#include "protect/snapshots.h"
#include "value/json.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;

constexpr const char* kManager = "fencepost";
constexpr const char* kLastStep = "restore point";

std::string claim_of(const Value& volume) { return volume["claim"].string_or(""); }
std::string step_of(const Value& volume) { return "copy of persistentvolumeclaims/" + claim_of(volume); }

const Value& manifest_of_claim(const List& manifests, const std::string& claim) {
    for (const Value& manifest : manifests) {
        if (manifest["kind"] == Value("PersistentVolumeClaim") && cluster::name_of(manifest) == claim)
            return manifest;
    }
    throw Error(ErrorKind::kNotFound, "the restore point holds a copy of the claim " + claim + ", and not it",
                "back the application up again, with the claim");
}

void refuse_block(const Value& manifest) {
    if (manifest.get("spec", "volumeMode") != Value("Block")) return;
    throw Error(ErrorKind::kUnsupported,
                "the claim " + cluster::name_of(manifest) + " is a raw block volume: only files are exported",
                "leave it out of the backup: spec.filters.excludeResources");
}

// The content stands.
void tell_of(run::World& world, ActionStatus& status, const std::string& content, const Value& spec) {
    const std::string name = status.key().name;
    const std::string ns = spec.get("application", "namespace").string_or("");
    status.change()["restorePoint"] = Map{{"name", name}, {"namespace", ns}, {"content", content}};
    status.end_step(kLastStep, "complete");
    // Of an application that is gone there is the content alone, as of any other restore point of it.
    if (cluster::find_object(world.cluster, {types::kNamespaces, "", ns}))
        create_restore_point(world, ns, name, content);
}

}  // namespace

ExportRun::ExportRun(run::World& world, const Value& object, Tokens tokens)
    : world_(world),
      tokens_(std::move(tokens)),
      status_(world, types::kExportActions, object),
      hooks_(world, status_, tokens_) {}

void ExportRun::run() {
    std::string failure;
    bool is_cancelled = false;
    try {
        status_.begin(tokens_.shutdown);
        export_all();
    } catch (const Cancelled&) {
        tokens_.shutdown.throw_if_cancelled();
        is_cancelled = true;
        failure = "it was cancelled";
    } catch (const Error& e) {
        failure = text_of(e);
    }
    // An export that stands is not taken back.
    const bool is_made = status_.status()["restorePoint"].is_map();
    if (!failure.empty() && !is_made) {
        try {
            hooks_.on_failure();
        } catch (const Error& e) {
            status_.add_exception(e.what());
        }
        discard();
    } else if (!failure.empty()) {
        status_.add_exception(failure);
    }
    status_.change_record() = Value();
    status_.end(failure.empty() || is_made ? state::kComplete
                : is_cancelled             ? state::kCancelled
                                           : state::kFailed,
                failure, tokens_.shutdown);
}

void ExportRun::export_all() {
    // An earlier daemon came as far as this, and did not live to say so.
    if (const auto made =
            cluster::find_object(world_.cluster, {types::kRestorePointContents, "", content_name()}))
        return tell_of(world_, status_, content_name(), (*made)["spec"]);
    const Value content = find_content();
    check_names(content);
    hooks_.before();
    tokens_.cancel.throw_if_cancelled();
    exports_.emplace(world_, status_.spec()["profile"], tokens_.cancel);
    status_.change()["location"] = exports_->place();
    const List manifests = manifests_of(world_, content, tokens_.cancel);
    const List& volumes = content.get("spec", "volumes").list_or_empty();
    for (const Value& volume : volumes) refuse_block(manifest_of_claim(manifests, claim_of(volume)));
    // From here on there is something to be discarded, by whoever goes on.
    status_.change_record()["volumes"] = volumes;
    status_.flush(tokens_.shutdown);
    status_.expect_parts(volumes.size());
    for (const Value& volume : volumes) {
        copy_volume(volume, manifests);
        status_.end_part();
    }
    status_.begin_step("objects");
    status_.flush(tokens_.shutdown);
    if (!status_.record()["manifests"].is_map())
        status_.change_record()["manifests"] = exports_->put(content_name(), to_json(Value(manifests)));
    status_.end_step("objects", "complete");
    status_.flush(tokens_.shutdown);
    hooks_.on_success();
    tokens_.cancel.throw_if_cancelled();
    make_restore_point(content);
}

Value ExportRun::find_content() {
    Value content = open_content(world_, status_.spec()["subject"]);
    const std::string name = cluster::name_of(content);
    if (content.get("spec", "export").is_map()) {
        throw Error(ErrorKind::kInvalid, "the restore point is an export itself",
                    "export the one that it was made of: " +
                        content.get("spec", "export", "of").string_or("the one of the backup"));
    }
    if (!status_.record()["content"].is_nil() && status_.record()["content"] != Value(name))
        throw Error(ErrorKind::kFailedPrecondition, "the restore point was replaced during its export");
    status_.change_record()["content"] = name;
    status_.change_record()["application"] = content.get("spec", "application", "namespace");
    return content;
}

// Told before anything is copied.
void ExportRun::check_names(const Value& content) {
    const ObjectKey key{types::kRestorePoints, content.get("spec", "application", "namespace").string_or(""),
                        status_.key().name};
    const auto there = cluster::find_object(world_.cluster, key);
    if (!there || there->get("spec", "restorePointContentRef", "name") == Value(content_name())) return;
    throw Error(ErrorKind::kAlreadyExists,
                "there is a RestorePoint " + key.ns + "/" + key.name +
                    " already: the export's is named after "
                    "its ExportAction",
                "give the ExportAction another name, or a generateName");
}

std::string ExportRun::content_name() const {
    return status_.key().ns + "-" + status_.key().name + "-" + status_.uid().substr(0, 8);
}

VolumeMove ExportRun::move_of(const Value& volume) const {
    return {.name = child_name(status_, step_of(volume)),
            .parent = status_.uid(),
            .ns = world_.controller_namespace,
            .claim = child_name(status_, "volume/" + claim_of(volume))};
}

// Beside the controller: the application's namespace may be gone, full or closed.
void ExportRun::offer(const Value& volume, const List& manifests) {
    const VolumeMove move = move_of(volume);
    offer_copy(world_, move.ns, move.claim, move.parent, volume);
    const Value& captured = manifest_of_claim(manifests, claim_of(volume))["spec"];
    Value claim;
    claim["metadata"]["name"] = move.claim;
    claim["metadata"]["namespace"] = move.ns;
    claim["metadata"]["labels"][kParentLabel] = move.parent;
    for (const char* member : {"accessModes", "resources", "storageClassName"}) {
        if (!captured[member].is_nil()) claim["spec"][member] = captured[member];
    }
    claim["spec"]["dataSource"] =
        Map{{"apiGroup", types::kVolumeSnapshots.group}, {"kind", "VolumeSnapshot"}, {"name", move.claim}};
    make_room(claim, volume["restoreSize"].string_or(""));
    cluster::create_unless_there(world_.cluster, types::kPersistentVolumeClaims, claim,
                                 {.field_manager = kManager});
}

// The copy itself stays.
void ExportRun::withdraw(const Value& volume) {
    const VolumeMove move = move_of(volume);
    cluster::remove_if_there(world_.cluster, {types::kPersistentVolumeClaims, move.ns, move.claim});
    withdraw_offer(world_, move.ns, move.claim);
}

void ExportRun::copy_volume(const Value& volume, const List& manifests) {
    const std::string claim = claim_of(volume);
    if (status_.record().get("copied", claim).is_map()) return;
    tokens_.cancel.throw_if_cancelled();
    offer(volume, manifests);
    const ChildEnd end =
        run_step(world_, status_, step_of(volume), copy_to(world_, *exports_, move_of(volume)), tokens_);
    if (!end.is_complete) {
        tokens_.cancel.throw_if_cancelled();
        throw Error(ErrorKind::kFailedPrecondition, step_of(volume) + " failed: " + end.error);
    }
    Value copied = moved(end);
    withdraw(volume);
    Value told = copied;
    told["claim"] = claim;
    status_.change()["volumes"].push_back(std::move(told));
    status_.change_record()["copied"][claim] = std::move(copied);
    status_.flush(tokens_.shutdown);
}

Value ExportRun::exported_spec(const Value& content) {
    Value spec = content["spec"];
    for (const char* member : {"signature", "expiresAt"}) spec.erase(member);
    if (status_.spec()["expiresAt"].is_string()) spec["expiresAt"] = status_.spec()["expiresAt"];
    if (status_.spec()["scheduledTime"].is_string()) spec["scheduledTime"] = status_.spec()["scheduledTime"];
    spec["manifests"] = status_.record()["manifests"];
    spec["volumes"] = List{};
    for (const Value& volume : content.get("spec", "volumes").list_or_empty()) {
        Value kept = status_.record().get("copied", claim_of(volume));
        kept["claim"] = volume["claim"];
        for (const char* member : {"restoreSize", "creationTime"}) {
            if (!volume[member].is_nil()) kept[member] = volume[member];
        }
        spec["volumes"].push_back(std::move(kept));
    }
    // So that another installation finds the profile that reaches them.
    if (spec.get("profile").is_map())
        spec["artifactLocation"] = address_of(resolve(world_, spec.get("profile")));
    Value& exported = spec["export"];
    exported["content"] = content_name();
    exported["of"] = cluster::name_of(content);
    exported["restorePoint"] = status_.key().name;
    exported["profile"] = exports_->profile();
    exported["location"] = exports_->place();
    exported["address"] = address_of(resolve(world_, exports_->profile()));
    exported["exportTime"] = status_.status()["startTime"];
    exported["exportAction"] =
        Map{{"name", status_.key().name}, {"namespace", status_.key().ns}, {"uid", status_.uid()}};
    return signed_here(world_, std::move(spec));
}

// What can be read of it without the repository's key.
Value ExportRun::index_of(const Value& spec, const Value& stored) {
    Value index;
    index["name"] = content_name();
    index["restorePoint"] = status_.key().name;
    for (const char* member : {"application", "actionTime", "scheduledTime", "expiresAt", "objects"}) {
        if (!spec[member].is_nil()) index[member] = spec[member];
    }
    index["exportTime"] = spec.get("export", "exportTime");
    index["volumes"] = static_cast<std::int64_t>(spec["volumes"].list_or_empty().size());
    std::int64_t bytes = spec.get("manifests", "bytes").int_or(0);
    for (const Value& volume : spec["volumes"].list_or_empty()) bytes += volume["bytes"].int_or(0);
    index["bytes"] = bytes;
    index["content"] = stored;
    return signed_here(world_, std::move(index));
}

void ExportRun::make_restore_point(const Value& content) {
    status_.begin_step(kLastStep);
    const Value spec = exported_spec(content);
    if (!status_.record()["stored"].is_map()) {
        status_.change_record()["stored"] = exports_->put(content_name(), to_json(spec));
        status_.flush(tokens_.shutdown);
    }
    const Value& record = status_.record();
    std::set<std::string> kept{record.get("stored", "snapshot").string_or(""),
                               record.get("manifests", "snapshot").string_or("")};
    std::set<std::string> hosts;
    for (const Value& volume : content.get("spec", "volumes").list_or_empty()) {
        kept.insert(record.get("copied", claim_of(volume), "backupID").string_or(""));
        const VolumeMove move = move_of(volume);
        hosts.insert(host_of(move.ns, move.claim));
    }
    // Of attempts that a daemon did not live to write down.
    exports_->forget(content_name(), hosts, kept);
    exports_->write_index(index_of(spec, record["stored"]));
    Value labels = content.get("metadata", "labels");
    labels[kExportProfile] = label_value(exports_->profile()["name"].as_string());
    create_content(world_, content_name(), labels, spec);
    tell_of(world_, status_, content_name(), spec);
}

void ExportRun::discard() {
    if (!status_.record()["volumes"].is_list()) return;  // nothing was begun
    const List volumes = status_.record()["volumes"].as_list();
    std::set<std::string> hosts;
    try {
        for (const Value& volume : volumes) {
            withdraw(volume);
            const VolumeMove move = move_of(volume);
            hosts.insert(host_of(move.ns, move.claim));
        }
        // With a token of its own: the user's wish to cancel is no reason to leave half of it.
        Exports exports(world_, status_.spec()["profile"], tokens_.shutdown);
        exports.remove_index(status_.record()["application"].string_or(""), content_name());
        exports.forget(content_name(), hosts, {});
    } catch (const Error& e) {
        status_.add_exception("what was copied already could not be removed: " + text_of(e));
    }
}

}  // namespace fencepost::protect
