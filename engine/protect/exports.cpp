#include "protect/exports.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "model/objects.h"
#include "run/launch.h"
#include "value/json.h"

namespace fencepost::protect {
namespace {

constexpr const char* kFolder = "fencepost-exports";
constexpr const char* kTextPath = "/restore-point.json";
constexpr const char* kFormat = "fencepost.io/restore-point/1";
constexpr std::size_t kMostTextBytes = std::size_t{1} << 30U;
constexpr std::uint64_t kMostIndexBytes = std::uint64_t{1} << 20U;

std::string points() { return std::string(kFolder) + "/points/"; }
std::string index_key(const std::string& ns, const std::string& name) {
    return points() + ns + "/" + name + ".json";
}

Value with_namespace(const run::World& world, const Value& reference) {
    Value profile;
    profile["name"] = reference["name"].string_or("");
    const std::string ns = reference["namespace"].string_or("");
    profile["namespace"] = ns.empty() ? world.controller_namespace : ns;
    return profile;
}

location::Source source_of(const std::string& text) {
    return [&text, at = std::size_t{0}](char* buffer, std::size_t size) mutable {
        const std::size_t count = text.copy(buffer, size, at);
        at += count;
        return count;
    };
}

}  // namespace

Value address_of(const location::ResolvedProfile& profile) {
    Value address;
    for (const auto& [member, text] :
         {std::pair{"type", &profile.type}, std::pair{"bucket", &profile.bucket},
          std::pair{"endpoint", &profile.endpoint}, std::pair{"prefix", &profile.prefix},
          std::pair{"path", &profile.file_path}}) {
        if (!text->empty()) address[member] = *text;
    }
    return address;
}

location::ResolvedProfile resolve(run::World& world, const Value& reference) {
    const Value profile = with_namespace(world, reference);
    if (profile["name"].string_or("").empty()) {
        throw Error(ErrorKind::kInvalid, "spec.profile names no Profile",
                    "profile: {name: store}; it says where exports are kept");
    }
    return run::resolve_profile(world, model::ObjectReference::from(profile));
}

Exports::Exports(run::World& world, const Value& profile, CancelToken cancel)
    : world_(world),
      cancel_(std::move(cancel)),
      profile_(with_namespace(world, profile)),
      resolved_(resolve(world, profile)) {
    if (resolved_.repository_key.is_empty()) {
        throw Error(ErrorKind::kFailedPrecondition,
                    "the Profile " + profile_["name"].string_or("") +
                        " has no repositoryKey: exports hold Secrets and are always encrypted",
                    "give it one: repositoryKey: {name: SECRET, namespace: NAMESPACE}, a Secret with the key "
                    "password");
    }
    location_ = location::open_location(resolved_, world_.http, world_.clock);
}

// Functions take the bucket's name off the front of a prefix, which may begin with it by itself.
std::string Exports::repository_prefix() const {
    const std::string prefix = location::join_key(resolved_.prefix, std::string(kFolder) + "/repository");
    return resolved_.bucket.empty() ? prefix : resolved_.bucket + "/" + prefix;
}

location::Repository& Exports::repository(bool creates) {
    if (repository_) return *repository_;
    location::ResolvedProfile there = resolved_;
    there.prefix = location::join_key(resolved_.prefix, std::string(kFolder) + "/repository");
    repository_location_ = location::open_location(there, world_.http, world_.clock);
    repository_ = location::Repository::open(*repository_location_, world_.clock, resolved_.repository_key,
                                             creates, cancel_);
    return *repository_;
}

location::Repository& Exports::existing() {
    try {
        return repository(false);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
        throw Error(ErrorKind::kUnavailable, e.what(),
                    "something was exported there: is what should be there mounted?");
    }
}

Value Exports::put(const std::string& owner, const std::string& text) {
    const auto pushed = repository(true).push(
        source_of(text), {.path = kTextPath, .host = "fencepost", .tags = {owner}}, cancel_);
    return Map{{"snapshot", pushed.snapshot_id},
               {"bytes", static_cast<std::int64_t>(text.size())},
               {"sha256", sha256_hex(text)}};
}

std::string Exports::get(const Value& stored) {
    std::string text;
    const auto take = [&text](std::string_view bytes) {
        if (text.size() + bytes.size() > kMostTextBytes)
            throw Error(ErrorKind::kTooLarge, "a part of the restore point has more than 1 GiB");
        text += bytes;
    };
    try {
        (void)existing().pull(stored["snapshot"].string_or(""), kTextPath, take, cancel_);
    } catch (Error& e) {
        e.add_trace("the exports at " + place());
        throw;
    }
    if (stored["sha256"] == Value(sha256_hex(text))) return text;
    throw Error(ErrorKind::kDataLoss,
                "what lies at " + place() + " is not what was exported: somebody has changed it",
                "take another restore point");
}

location::SnapshotSize Exports::size_of(const std::string& snapshot) {
    return existing().size_of(snapshot, cancel_);
}

std::set<std::string> Exports::snapshots() {
    std::set<std::string> ids;
    try {
        for (const location::SnapshotRecord& record : repository(false).snapshots(cancel_))
            ids.insert(record.id);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
    return ids;
}

void Exports::write_index(const Value& index) {
    Value written = index;
    written["format"] = kFormat;
    const std::string text = to_json(written, {.indent = "  "}) + "\n";
    (void)location_->put_bytes(
        index_key(index.get("application", "namespace").as_string(), index["name"].as_string()), text,
        {.size = text.size()}, cancel_);
}

void Exports::remove_index(const std::string& ns, const std::string& name) {
    location_->remove(index_key(ns, name), cancel_);
}

List Exports::indexes(const std::string& ns) {
    List found;
    std::vector<location::ObjectStat> there;
    location_->list(
        points() + (ns.empty() ? "" : ns + "/"),
        [&there](const location::ObjectStat& object) { there.push_back(object); }, cancel_);
    for (const location::ObjectStat& object : there) {
        try {
            if (object.size > kMostIndexBytes)
                found.push_back(Map{{"name", object.key}, {"error", "it is too large"}});
            else
                found.push_back(read_index(object.key));
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;  // it has just been retired
        }
    }
    return found;
}

std::optional<Value> Exports::index(const std::string& ns, const std::string& name) {
    const std::string key = index_key(ns, name);
    const auto there = location_->stat(key, cancel_);
    if (!there || there->size > kMostIndexBytes) return std::nullopt;
    return read_index(key);
}

Value Exports::read_index(const std::string& key) {
    const std::string text = location_->get_bytes(key, cancel_);
    try {
        Value index = parse_json(text);
        const bool is_at_its_place = index_key(index.get("application", "namespace").string_or(""),
                                               index["name"].string_or("")) == key;
        if (index["format"] != Value(kFormat) || !is_at_its_place)
            throw Error(ErrorKind::kInvalid, "it is no index of a restore point, or of another version");
        index.erase("format");
        return index;
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kInvalid && e.kind() != ErrorKind::kTooLarge) throw;
        return Map{{"name", key}, {"error", e.what()}};
    }
}

void Exports::forget(const std::string& owner, const std::set<std::string>& hosts,
                     const std::set<std::string>& kept) {
    std::set<std::string> ids;
    try {
        for (const location::SnapshotRecord& record : repository(false).snapshots(cancel_)) {
            const bool is_owned =
                std::find(record.tags.begin(), record.tags.end(), owner) != record.tags.end();
            if ((is_owned || hosts.contains(record.host)) && !kept.contains(record.id)) ids.insert(record.id);
        }
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
    forget(ids);
}

void Exports::forget(const std::set<std::string>& snapshots) {
    for (const std::string& id : snapshots) {
        if (id.empty()) continue;
        location::Repository& there = existing();
        try {
            (void)there.forget(id, cancel_);
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;  // an earlier attempt has
        }
    }
}

void Exports::prune() {
    try {
        prune_unless_busy(repository(false), cancel_);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;
    }
}

void prune_unless_busy(location::Repository& repository, const CancelToken& cancel) {
    try {
        (void)repository.prune(std::chrono::seconds(0), cancel);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kFailedPrecondition) throw;
    }
}

}  // namespace fencepost::protect
