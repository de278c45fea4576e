#include "location/restic/keys.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "location/restic/files.h"

namespace fencepost::location::restic {
namespace {

// 32 MiB and a tenth of a second: what restic itself uses at least. More would be most of a push's memory,
// and a repository key is a generated secret, not a word that people remember.
constexpr ScryptCost kNewCost{.n = std::uint64_t{1} << 15U, .r = 8, .p = 1};
constexpr std::size_t kSaltBytes = 64;
constexpr int kMaxKeysTried = 20;  // restic's own bound

class Opener {
  public:
    Opener(Location& location, Clock& clock, const Secret& password, const CancelToken& cancel)
        : location_(location), clock_(clock), password_(password), cancel_(cancel) {}

    Opened open(bool create) {
        if (const auto config = load_config()) return open_with(*config, true);
        if (!create) throw no_repository();
        refuse_ruins();
        const std::optional<MasterKey> made = make();
        const auto config = load_config();
        if (!config) throw no_repository();
        if (made) return {.key = *made, .config = parse_config(Cipher(*made).open(*config))};
        return open_with(*config, false);
    }

  private:
    [[nodiscard]] Error no_repository() const {
        return {ErrorKind::kNotFound, "there is no repository in " + location_.description(),
                "the first push with this profile makes one"};
    }

    // Snapshots without a config are a repository that lost it: a new one in its place would bury them.
    void refuse_ruins() {
        bool has_snapshots = false;
        location_.list(kSnapshots, [&](const ObjectStat&) { has_snapshots = true; }, cancel_);
        if (!has_snapshots) return;
        throw Error(ErrorKind::kDataLoss,
                    "the repository in " + location_.description() + " has snapshots, but no config",
                    "put its object 'config' back, or begin in another place");
    }

    [[nodiscard]] std::optional<std::string> load_config() {
        if (!location_.stat(kConfigKey, cancel_)) return std::nullopt;
        return location_.get_bytes(kConfigKey, cancel_);
    }

    [[nodiscard]] std::vector<std::string> key_names() {
        std::vector<std::string> names;
        location_.list(
            kKeys,
            [&](const ObjectStat& object) {
                if (is_id(std::string_view(object.key).substr(kKeys.size()))) names.push_back(object.key);
            },
            cancel_);
        return names;
    }

    // Nothing where the password is another one, or the file went away.
    [[nodiscard]] std::optional<MasterKey> try_key(const std::string& name) {
        std::string bytes;
        try {
            bytes = location_.get_bytes(name, cancel_);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::kNotFound) return std::nullopt;
            throw;
        }
        const KeyFile file = parse_key_file(bytes);
        Cipher cipher(derive_key(password_, file.salt, file.cost));
        std::string json;
        try {
            json = cipher.open(file.data);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::kDataLoss) return std::nullopt;
            throw;
        }
        return parse_master_key(json);
    }

    [[nodiscard]] Opened open_with(const std::string& sealed_config, bool was_there) {
        std::vector<std::string> names = key_names();
        if (names.empty()) {
            throw Error(ErrorKind::kDataLoss,
                        "the repository in " + location_.description() + " has no keys");
        }
        names.resize(std::min<std::size_t>(names.size(), kMaxKeysTried));
        bool opened = false;
        for (const std::string& name : names) {
            const auto key = try_key(name);
            if (!key) continue;
            opened = true;
            try {
                // A key that was left by an attempt to make the repository at the same time does not open its
                // config.
                return {.key = *key, .config = parse_config(Cipher(*key).open(sealed_config))};
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::kDataLoss) throw;
            }
        }
        if (opened) {
            throw Error(ErrorKind::kDataLoss,
                        "the config of the repository in " + location_.description() + " does not verify");
        }
        throw Error(ErrorKind::kForbidden,
                    "the repository key does not open the repository in " + location_.description(),
                    was_there ? "the profile names another key than the repository was made with"
                              : "somebody else made a repository there at the same moment, with another key");
    }

    // Leaves a config behind, ours or somebody else's; the key is returned if it opens that.
    //
    // A key file is removed only once there is a config that it does not open: until then another one may
    // be about to seal the config with the key that it read there.
    [[nodiscard]] std::optional<MasterKey> make() {
        const std::vector<std::string> before = key_names();
        if (!before.empty()) {
            adopt(before);
            return std::nullopt;
        }
        const MasterKey fresh = MasterKey::random();
        const std::string mine = save_key(fresh);
        const std::vector<std::string> now = key_names();
        if (std::all_of(now.begin(), now.end(), [&](const std::string& name) { return mine <= name; })) {
            save_config(fresh);
        } else {
            adopt(now);
        }
        try {
            static_cast<void>(Cipher(fresh).open(location_.get_bytes(kConfigKey, cancel_)));
            return fresh;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kDataLoss) throw;
            location_.remove(mine, cancel_);
            return std::nullopt;
        }
    }

    // Makes the config with the first of these keys that our password opens, unless there is one.
    void adopt(std::vector<std::string> names) {
        std::sort(names.begin(), names.end());
        for (const std::string& name : names) {
            if (const auto key = try_key(name)) {
                save_config(*key);
                return;
            }
        }
        if (location_.stat(kConfigKey, cancel_)) return;  // its maker removed the others' keys meanwhile
        throw Error(ErrorKind::kForbidden,
                    "a repository is being made in " + location_.description() + " with another key",
                    "two profiles with different repository keys cannot share a prefix");
    }

    [[nodiscard]] std::string save_key(const MasterKey& key) {
        KeyFile file{.cost = kNewCost, .salt = random_bytes(kSaltBytes), .data = {}};
        file.data = Cipher(derive_key(password_, file.salt, file.cost)).seal(encode_master_key(key));
        const std::string json = encode_key_file(file, clock_.now());
        const std::string name = std::string(kKeys) + sha256_hex(json);
        location_.put_bytes(name, json, {}, cancel_);
        return name;
    }

    // Leaves the one that is there already as it is.
    void save_config(const MasterKey& key) {
        const Config config{.id = hex_encode(random_bytes(32)), .polynomial = random_polynomial()};
        const std::string sealed = Cipher(key).seal(encode_config(config));
        try {
            location_.put_bytes(kConfigKey, sealed, {.only_if_absent = true}, cancel_);
            return;
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::kAlreadyExists) return;
            if (error.kind() != ErrorKind::kUnsupported) throw;
        }
        if (location_.stat(kConfigKey, cancel_)) return;  // a store without conditional writes
        location_.put_bytes(kConfigKey, sealed, {}, cancel_);
    }

    Location& location_;
    Clock& clock_;
    const Secret& password_;
    const CancelToken& cancel_;
};

}  // namespace

Opened open_or_create(Location& location, Clock& clock, const Secret& password, bool create,
                      const CancelToken& cancel) {
    if (password.is_empty()) throw Error(ErrorKind::kInvalid, "the repository key is empty");
    return Opener(location, clock, password, cancel).open(create);
}

}  // namespace fencepost::location::restic
