#include "archive/store.h"

#include <charconv>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::archive {
namespace {

constexpr std::string_view kSystem = "system.json";

std::uint64_t number(const Value& value) {
    const std::string text = value.string_or("");
    std::uint64_t result = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
    return error == std::errc{} && end == text.data() + text.size() ? result : 0;
}

// As a string: JSON's numbers are too small for it in many readers.
std::string to_text(const Identity& identity) {
    return to_json(Map{{"systemIdentifier", std::to_string(identity.system)},
                       {"walSegmentBytes", identity.segment_bytes}}) +
           "\n";
}

}  // namespace

void check_plain(const location::ResolvedProfile& profile) {
    if (profile.repository_key.is_empty()) return;
    throw Error(
        ErrorKind::kUnsupported,
        "the profile has a repository key, but WAL and base backups are not kept in a repository",
        "they would not be encrypted: take a profile without a key, and the encryption of the bucket or the "
        "disk");
}

Store::Store(location::Location& location, std::string_view prefix)
    : location_(location), prefix_(location::join_key("", prefix)) {}

std::string Store::description() const {
    return location_.description() + (prefix_.empty() ? "" : "/" + prefix_);
}

std::string Store::key(std::string_view path) const {
    return prefix_.empty() ? std::string(path) : prefix_ + "/" + std::string(path);
}

std::string Store::path(std::string_view key) const {
    return std::string(key.substr(prefix_.empty() ? 0 : prefix_.size() + 1));
}

std::string Store::wal_key(const WalName& name) const {
    return key("wal/" + timeline_name(name.timeline) + "/" + name.text + ".zst");
}

std::optional<Identity> Store::identity(const CancelToken& cancel) const {
    std::string text;
    try {
        text = location_.get_bytes(key(kSystem), cancel);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
        // It may also be the bucket or the folder that is gone: then this throws.
        if (location_.stat(key(kSystem), cancel)) throw;
        return std::nullopt;
    }
    try {
        const Value value = parse_json(text);
        const Identity identity{
            .system = number(value["systemIdentifier"]),
            .segment_bytes = static_cast<std::uint64_t>(value["walSegmentBytes"].int_or(0))};
        if (identity.system != 0 && is_segment_size(identity.segment_bytes)) return identity;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kInvalid) throw;
    }
    throw Error(ErrorKind::kDataLoss, description() + "/" + std::string(kSystem) + " cannot be read",
                "it tells whose archive this is; every WAL segment in the archive knows it too");
}

Identity Store::existing_identity(const CancelToken& cancel) const {
    if (const auto known = identity(cancel)) return *known;
    throw Error(ErrorKind::kNotFound, "there is no archive at " + description(),
                "are location and prefix those that archive_command was given?");
}

void Store::check_system(const Identity& known, std::uint64_t system) const {
    if (known.system == system) return;
    throw Error(ErrorKind::kFailedPrecondition,
                "the archive at " + description() + " is of the cluster with the system identifier " +
                    std::to_string(known.system) + ", this one has " + std::to_string(system),
                "give each cluster an archive of its own, by its location or by --prefix");
}

void Store::claim(const Identity& mine, const CancelToken& cancel) const {
    auto known = identity(cancel);
    if (!known && put_new(key(kSystem), to_text(mine), cancel)) return;
    if (!known) known = existing_identity(cancel);  // somebody was faster
    check_system(*known, mine.system);
    if (known->segment_bytes == mine.segment_bytes) return;
    throw Error(ErrorKind::kFailedPrecondition,
                "the archive at " + description() + " has segments of " +
                    std::to_string(known->segment_bytes) + " bytes, the cluster now writes such of " +
                    std::to_string(mine.segment_bytes),
                "names tell places only with one size: give archive_command a new --prefix");
}

bool Store::put_new(const std::string& key, const std::function<location::Source()>& source,
                    const CancelToken& cancel) const {
    try {
        static_cast<void>(location_.put(key, source(), {.only_if_absent = true}, cancel));
        return true;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::kAlreadyExists) return false;
        if (error.kind() != ErrorKind::kUnsupported) throw;
    }
    // A store without conditional writes: it has to be enough that one server archives here.
    if (location_.stat(key, cancel)) return false;
    static_cast<void>(location_.put(key, source(), {}, cancel));
    return true;
}

bool Store::put_new(const std::string& key, std::string_view bytes, const CancelToken& cancel) const {
    return put_new(
        key,
        [bytes] {
            return [rest = bytes](char* buffer, std::size_t size) mutable {
                const std::size_t piece = rest.copy(buffer, size);
                rest.remove_prefix(piece);
                return piece;
            };
        },
        cancel);
}

bool Store::remove(const std::string& key, const CancelToken& cancel) const {
    try {
        return !location_.remove(key, cancel).is_held;
    } catch (const Error& error) {
        // Wrong credentials would have failed at the listing that named the key.
        if (error.kind() == ErrorKind::kForbidden) return false;
        throw;
    }
}

}  // namespace fencepost::archive
