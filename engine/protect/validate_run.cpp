#include "protect/validate_run.h"

#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"
#include "protect/exports.h"
#include "protect/restore_point.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

constexpr const char* kPassed = "Passed";
constexpr const char* kFailed = "Failed";
constexpr std::int64_t kWhole = 100;

std::int64_t share_of(const Value& spec) {
    const std::int64_t share = spec.get("volumeDataCheckOptions", "verifyFilesPercent").int_or(kWhole);
    if (share >= 0 && share <= kWhole) return share;
    throw Error(ErrorKind::kInvalid,
                "spec.volumeDataCheckOptions.verifyFilesPercent is " + std::to_string(share),
                "it is 0 to 100");
}

struct Artifact {
    std::string what, snapshot;
};

std::vector<Artifact> artifacts_of(const Value& spec) {
    std::vector<Artifact> found;
    for (const Value& resource : spec["resources"].list_or_empty()) {
        for (const Member& artifact : resource["artifacts"].map_or_empty()) {
            if (const std::string id = snapshot_of(artifact.value); !id.empty())
                found.push_back({"artifact " + artifact.key + " of " + resource["resource"].string_or("") +
                                     "/" + resource["name"].string_or(""),
                                 id});
        }
    }
    return found;
}

}  // namespace

ValidateRun::ValidateRun(run::World& world, const Value& object, Tokens tokens)
    : world_(world),
      tokens_(std::move(tokens)),
      status_(world, types::kValidateActions, object),
      scratch_(world, status_, tokens_) {}

void ValidateRun::run() {
    std::string failure;
    const char* state = state::kFailed;
    try {
        status_.begin(tokens_.shutdown);
        if (!status_.record()["end"].is_map()) validate();
        failure = first_failure_;
    } catch (const Cancelled&) {
        tokens_.shutdown.throw_if_cancelled();
        state = state::kCancelled;
        failure = "it was cancelled";
    } catch (const Error& e) {
        failure = text_of(e);
    }
    note_end(failure.empty() ? state::kComplete : state, failure);
    std::string left;
    try {
        scratch_.tidy();
    } catch (const Error& e) {
        if (e.is_transient()) throw;  // it is tried again
        left = text_of(e);
    }
    const Value end = status_.record()["end"];
    failure = end["failure"].string_or("");
    if (!left.empty()) failure += failure.empty() ? left : "; then " + left;
    status_.change_record() = Value();
    status_.end(left.empty() ? end["state"].as_string() : state::kFailed, failure, tokens_.shutdown);
}

// Where an earlier daemon had come as far as this, what it found counts.
void ValidateRun::note_end(const char* state, const std::string& failure) {
    if (status_.record()["end"].is_map()) return;
    status_.change_record()["end"] = Map{{"state", state}, {"failure", failure}};
    status_.flush(tokens_.shutdown);
}

bool ValidateRun::wants_restore() const { return status_.spec()["restore"].is_map(); }

void ValidateRun::validate() {
    (void)share_of(status_.spec());
    const Value content = find_content(world_, status_.spec()["subject"]);
    const Value& spec = content["spec"];
    status_.change()["checks"] = List{};
    status_.change().erase("restore");
    check("signature", [&] {
        verify(world_, content);
        return Value();
    });
    // Without a good signature nothing of it says where to look.
    if (first_failure_.empty()) {
        check("manifests", [&] {
            return Value(static_cast<std::int64_t>(manifests_of(world_, content, tokens_.cancel).size()));
        });
        if (wants_restore() && first_failure_.empty()) scratch_.prepare(content);
        check_volumes(spec);
        check_artifacts(spec);
        if (wants_restore() && first_failure_.empty()) check_restore(content);
    }
    keep_verdict(cluster::name_of(content));
}

void ValidateRun::check_restore(const Value& content) {
    Value found;
    check("restore", [&] {
        found["rtoSeconds"] = scratch_.restore(content);
        return Value();
    });
    for (const Value& resource : first_failure_.empty() ? scratch_.resources() : List{}) {
        check("verify " + resource["label"].as_string(), [&] {
            Value answered = scratch_.ask(resource);
            const Value rows = std::as_const(answered)["rows"];
            found["rows"] = std::as_const(found)["rows"].int_or(0) + rows.int_or(0);
            const std::string failed = failed_assertions(answered);
            found["resources"].push_back(std::move(answered));
            if (!failed.empty()) throw Error(ErrorKind::kFailedPrecondition, failed);
            return rows;
        });
    }
    found["state"] = first_failure_.empty() ? kPassed : kFailed;
    found["time"] = format_rfc3339(world_.clock.now());
    if (!first_failure_.empty()) found["message"] = first_failure_;
    status_.change()["restore"] = std::move(found);
}

bool ValidateRun::is_over() const {
    return !first_failure_.empty() && status_.spec().get("volumeDataCheckOptions", "failFast").bool_or(false);
}

void ValidateRun::check(const std::string& what, const std::function<Value()>& look) {
    if (is_over()) return;
    Value found;
    found["check"] = what;
    status_.begin_step(what);
    status_.flush(tokens_.shutdown);
    try {
        const Value counted = look();
        found["state"] = kPassed;
        if (!counted.is_nil()) found["counted"] = counted;
        status_.end_step(what, "complete");
    } catch (const Error& e) {
        if (e.is_transient()) throw;  // says nothing of the restore point
        found["state"] = kFailed;
        found["message"] = text_of(e);
        status_.end_step(what, "failed", text_of(e));
        if (first_failure_.empty()) first_failure_ = what + ": " + text_of(e);
    }
    status_.change()["checks"].push_back(std::move(found));
    status_.flush(tokens_.shutdown);
}

void ValidateRun::check_volumes(const Value& spec) {
    std::optional<Exports> exports;  // opened by the first volume that needs it
    for (const Value& volume : spec["volumes"].list_or_empty()) {
        const std::string claim = volume["claim"].string_or("");
        check("volume " + claim, [&] {
            if (spec["export"].is_map()) {
                if (!exports) exports.emplace(world_, spec.get("export", "profile"), tokens_.cancel);
                return Value(
                    static_cast<std::int64_t>(exports->size_of(volume["backupID"].string_or("")).bytes));
            }
            const std::string name = volume["content"].string_or("");
            const auto copy =
                cluster::find_object(world_.cluster, {types::kVolumeSnapshotContents, "", name});
            if (!copy) {
                throw Error(ErrorKind::kDataLoss, "its copy, the VolumeSnapshotContent " + name + ", is gone",
                            "somebody has deleted it: take another restore point");
            }
            if (copy->get("status", "snapshotHandle") != volume["handle"] ||
                !copy->get("status", "readyToUse").bool_or(true)) {
                throw Error(ErrorKind::kDataLoss,
                            "its copy, the VolumeSnapshotContent " + name +
                                ", is not the one that was made, or is not ready to use");
            }
            return Value();
        });
    }
}

void ValidateRun::check_artifacts(const Value& spec) {
    const std::vector<Artifact> artifacts = artifacts_of(spec);
    if (artifacts.empty() || is_over()) return;
    // Rounded up: a share of one dump is that dump.
    const std::size_t read =
        (artifacts.size() * static_cast<std::size_t>(share_of(status_.spec())) + kWhole - 1) / kWhole;
    const auto profile = resolve(world_, spec["profile"]);
    const auto location = location::open_location(profile, world_.http, world_.clock);
    const auto repository =
        location::Repository::open(*location, world_.clock, profile.repository_key, false, tokens_.cancel);
    std::size_t done = 0;
    for (const Artifact& artifact : artifacts) {
        const bool is_read = done++ < read;
        check(artifact.what, [&] {
            std::uint64_t bytes = 0;
            if (is_read)
                bytes = repository->pull(artifact.snapshot, "", [](std::string_view) {}, tokens_.cancel);
            else
                bytes = repository->size_of(artifact.snapshot, tokens_.cancel).bytes;
            return Value(static_cast<std::int64_t>(bytes));
        });
    }
}

// A restore says more than a look: what a restore has found bad, no look makes good.
void ValidateRun::keep_verdict(const std::string& content) {
    const cluster::ObjectKey key{types::kRestorePointContents, "", content};
    const Value now = world_.cluster.get(key);
    Value verdict;
    verdict["state"] = first_failure_.empty() ? kPassed : kFailed;
    verdict["time"] = format_rfc3339(world_.clock.now());
    verdict["message"] =
        first_failure_.empty() ? Value() : Value(first_failure_);  // takes an earlier one away
    const Value& former = now.get("status", "verification", "restore");
    if (const Value& found = std::as_const(status_.change())["restore"]; found.is_map()) {
        for (const Member& member : former.map_or_empty()) verdict["restore"][member.key] = nullptr;
        for (const Member& member : found.as_map()) verdict["restore"][member.key] = member.value;
    } else if (first_failure_.empty() && former["state"] == Value(kFailed)) {
        verdict["state"] = kFailed;
        verdict["message"] = former["message"];
        status_.add_exception("its verification by restore of " + former["time"].string_or("") +
                              " has failed, which still counts (validate it with a restore again)");
    }
    Value patch;
    patch["status"]["verification"] = verdict;
    (void)world_.cluster.patch(key, cluster::PatchType::kMerge, patch, {.field_manager = "fencepost"});
    const Value& point = now.get("status", "restorePointRef");
    if (!point.is_map()) return;
    Value told;
    told["status"]["verification"] = std::as_const(verdict)["state"];
    try {
        (void)world_.cluster.patch(
            {types::kRestorePoints, point["namespace"].string_or(""), point["name"].string_or("")},
            cluster::PatchType::kMerge, told, {.field_manager = "fencepost"});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
}

void refuse_damaged(const Value& content) {
    const Value& verdict = content.get("status", "verification");
    if (verdict["state"] != Value(kFailed)) return;
    throw Error(ErrorKind::kFailedPrecondition,
                "the validation of " + verdict["time"].string_or("") +
                    " has found the restore point damaged: " + verdict["message"].string_or(""),
                "take another one; or mend what is wrong and validate it again: fencepost validate");
}

}  // namespace fencepost::protect
