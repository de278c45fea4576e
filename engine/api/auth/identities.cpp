#include "api/auth/identities.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "value/json.h"

namespace fencepost::api {
namespace {

constexpr std::string_view kTokenPrefix = "fencepost-";

struct stat stat_of(const std::filesystem::path& file) {
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0) throw errno_error("cannot read " + file.string(), errno);
    return status;
}

std::string version_of(const std::filesystem::path& file) {
    const struct stat status = stat_of(file);
    return std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec) + "/" +
           std::to_string(status.st_size) + "/" + std::to_string(status.st_ino);
}

Identity identity_from(const Value& value) {
    Identity identity;
    identity.name = value["name"].as_string();
    for (const Value& grant : value["grants"].as_list()) {
        const std::string& role = grant["role"].as_string();
        const auto known = role_of(role);
        if (!known) throw Error(ErrorKind::kInvalid, "there is no role '" + role + "'");
        identity.grants.push_back({grant["namespace"].as_string(), *known});
    }
    identity.salt = hex_decode(value["salt"].string_or(""));
    identity.hash = hex_decode(value["hash"].string_or(""));
    identity.created_at = value["createdAt"].string_or("");
    return identity;
}

Value to_value(const Identity& identity) {
    Value value;
    value["name"] = identity.name;
    value["grants"] = List{};
    for (const Grant& grant : identity.grants)
        value["grants"].push_back(Map{{"namespace", grant.ns}, {"role", to_string(grant.role)}});
    if (!identity.hash.empty()) {
        value["salt"] = hex_encode(identity.salt);
        value["hash"] = hex_encode(identity.hash);
    }
    value["createdAt"] = identity.created_at;
    return value;
}

std::string hash_of(std::string_view salt, std::string_view token) {
    const auto digest = sha256(std::string(salt) + std::string(token));
    return {digest.begin(), digest.end()};
}

}  // namespace

std::vector<Identity> read_identities(const std::filesystem::path& file) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return {};
    if ((stat_of(file).st_mode & 077U) != 0) {
        throw Error(ErrorKind::kForbidden, "others may read the token file " + file.string(),
                    "chmod 600 " + file.string());
    }
    try {
        std::vector<Identity> identities;
        const Value document = parse_json(read_file(file));
        for (const Value& value : document["identities"].as_list())
            identities.push_back(identity_from(value));
        return identities;
    } catch (Error& error) {
        error.add_trace("token file " + file.string());
        throw;
    }
}

void write_identities(const std::filesystem::path& file, const std::vector<Identity>& identities) {
    Value document;
    document["identities"] = List{};
    for (const Identity& identity : identities) document["identities"].push_back(to_value(identity));
    write_file_durably(file, to_json(document, {.escape_html = false, .indent = "  "}) + "\n", 0600);
}

void update_identities(const std::filesystem::path& file,
                       const std::function<void(std::vector<Identity>&)>& change) {
    // The folder is locked, not the file: that one is replaced.
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    const UniqueFd lock = open_file(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (::flock(lock.get(), LOCK_EX) != 0) {
        if (errno != EINTR) throw errno_error("lock " + folder.string(), errno);
    }
    std::vector<Identity> identities = read_identities(file);
    change(identities);
    write_identities(file, identities);
}

std::string make_token() { return std::string(kTokenPrefix) + hex_encode(random_bytes(32)); }

void set_token(Identity& identity, std::string_view token) {
    identity.salt = random_bytes(16);
    identity.hash = hash_of(identity.salt, token);
}

bool has_token(const Identity& identity, std::string_view token) {
    if (identity.hash.empty()) return false;
    const std::string wanted = hash_of(identity.salt, token);
    unsigned char difference = wanted.size() == identity.hash.size() ? 0 : 1;
    for (std::size_t i = 0; i < std::min(wanted.size(), identity.hash.size()); ++i)
        difference = static_cast<unsigned char>(difference | (wanted[i] ^ identity.hash[i]));
    return difference == 0;
}

Identities::Identities(std::filesystem::path file, Log& log) : file_(std::move(file)), log_(log) {
    auto state = state_.lock();
    state->version = version_of(file_);
    state->identities = read_identities(file_);
}

std::vector<Identity> Identities::current() {
    auto state = state_.lock();
    std::string version;
    try {
        version = version_of(file_);
        if (version == state->version) return state->identities;
        state->identities = read_identities(file_);
        log_.info("the token file was read again", {{"file", file_.string()}});
    } catch (const Error& error) {
        if (!state->identities.empty() || version != state->version)
            log_.error("the token file cannot be used; nobody is let in", {{"error", error.what()}});
        state->identities.clear();
    }
    state->version = version;
    return state->identities;
}

std::optional<Access> Identities::with_token(std::string_view token) {
    std::optional<Access> found;
    for (const Identity& identity : current()) {
        if (has_token(identity, token)) found = Access(identity.name, identity.grants);
    }
    return found;
}

std::optional<Access> Identities::with_certificate(std::string_view common_name) {
    for (const Identity& identity : current()) {
        if (identity.hash.empty() && !common_name.empty() && identity.name == common_name)
            return Access(identity.name, identity.grants);
    }
    return std::nullopt;
}

}  // namespace fencepost::api
