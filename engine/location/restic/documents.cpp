#include "location/restic/documents.h"

#include <charconv>

#include "base/encodings.h"
#include "base/error.h"
#include "value/json.h"

namespace fencepost::location::restic {
namespace {

constexpr std::string_view kProgram = "fencepost";

// A document that others wrote: every failure to read it is a broken repository, not a wrong argument.
template <typename Read>
auto reading(std::string_view what, std::string_view json, Read read) -> decltype(read(Value())) {
    try {
        return read(parse_json(json));
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::kUnsupported) throw;
        throw Error(ErrorKind::kDataLoss, "the " + std::string(what) + " cannot be read: " + error.what());
    }
}

template <std::size_t size>
void copy_bytes(std::array<unsigned char, size>& to, const std::string& base64) {
    const std::string bytes = base64_decode(base64);
    if (bytes.size() != size) throw Error(ErrorKind::kInvalid, "a key has another length");
    std::memcpy(to.data(), bytes.data(), size);
}

std::string_view view(const unsigned char* bytes, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(bytes), size};
}

std::uint64_t whole(const Value& value) {
    const std::int64_t number = value.as_int();
    if (number < 0) throw Error(ErrorKind::kInvalid, "a negative number");
    return static_cast<std::uint64_t>(number);
}

std::vector<std::string> strings(const Value& list) {
    std::vector<std::string> all;
    for (const Value& item : list.list_or_empty()) all.push_back(item.as_string());
    return all;
}

List values(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

SystemTime time_of(const Value& document) { return parse_rfc3339(document["time"].as_string()); }

}  // namespace

Config parse_config(std::string_view json) {
    return reading("repository's config", json, [](const Value& value) {
        Config config;
        config.version = static_cast<int>(value["version"].as_int());
        if (config.version != 2) {
            throw Error(ErrorKind::kUnsupported,
                        "the repository has format version " + std::to_string(config.version) + ", not 2",
                        "`restic migrate upgrade_repo_v2` upgrades version 1");
        }
        config.id = value["id"].as_string();
        const std::string& digits = value["chunker_polynomial"].as_string();
        const char* end = digits.data() + digits.size();
        const auto read = std::from_chars(digits.data(), end, config.polynomial, 16);
        if (read.ec != std::errc{} || read.ptr != end || config.polynomial >> 54U != 0 ||
            config.polynomial >> 9U == 0 || !is_irreducible(config.polynomial)) {
            throw Error(ErrorKind::kInvalid, "its chunker polynomial is none");
        }
        return config;
    });
}

std::string encode_config(const Config& config) {
    char digits[17] = {};
    std::to_chars(digits, digits + 16, config.polynomial, 16);
    return to_json(
        Map{{"version", config.version}, {"id", config.id}, {"chunker_polynomial", std::string(digits)}});
}

KeyFile parse_key_file(std::string_view json) {
    return reading("key file", json, [](const Value& value) {
        if (value["kdf"].as_string() != "scrypt") throw Error(ErrorKind::kInvalid, "its kdf is not scrypt");
        return KeyFile{.cost = {.n = whole(value["N"]), .r = whole(value["r"]), .p = whole(value["p"])},
                       .salt = base64_decode(value["salt"].as_string()),
                       .data = base64_decode(value["data"].as_string())};
    });
}

std::string encode_key_file(const KeyFile& key, SystemTime created) {
    return to_json(Map{{"created", format_rfc3339_nano(created)},
                       {"username", kProgram},
                       {"hostname", ""},
                       {"kdf", "scrypt"},
                       {"N", key.cost.n},
                       {"r", key.cost.r},
                       {"p", key.cost.p},
                       {"salt", base64_encode(key.salt)},
                       {"data", base64_encode(key.data)}});
}

MasterKey parse_master_key(std::string_view json) {
    return reading("master key", json, [](const Value& value) {
        MasterKey key;
        copy_bytes(key.encrypt, value["encrypt"].as_string());
        copy_bytes(key.mac_k, value.get("mac", "k").as_string());
        copy_bytes(key.mac_r, value.get("mac", "r").as_string());
        return key;
    });
}

std::string encode_master_key(const MasterKey& key) {
    return to_json(Map{{"mac", Map{{"k", base64_encode(view(key.mac_k.data(), key.mac_k.size()))},
                                   {"r", base64_encode(view(key.mac_r.data(), key.mac_r.size()))}}},
                       {"encrypt", base64_encode(view(key.encrypt.data(), key.encrypt.size()))}});
}

Lock parse_lock(std::string_view json) {
    return reading("lock", json, [](const Value& value) {
        return Lock{.time = time_of(value),
                    .exclusive = value["exclusive"].bool_or(false),
                    .host = value["hostname"].string_or(""),
                    .user = value["username"].string_or(""),
                    .pid = value["pid"].int_or(0)};
    });
}

std::string encode_lock(const Lock& lock) {
    return to_json(Map{{"time", format_rfc3339_nano(lock.time)},
                       {"exclusive", lock.exclusive},
                       {"hostname", lock.host},
                       {"username", lock.user},
                       {"pid", lock.pid}});
}

Snapshot parse_snapshot(std::string_view json) {
    return reading("snapshot", json, [](const Value& value) {
        return Snapshot{.time = time_of(value),
                        .tree = parse_id(value["tree"].as_string()),
                        .paths = strings(value["paths"]),
                        .host = value["hostname"].string_or(""),
                        .user = value["username"].string_or(""),
                        .tags = strings(value["tags"])};
    });
}

std::string encode_snapshot(const Snapshot& snapshot) {
    Map document{{"time", format_rfc3339_nano(snapshot.time)},
                 {"tree", to_hex(snapshot.tree)},
                 {"paths", values(snapshot.paths)},
                 {"hostname", snapshot.host},
                 {"username", snapshot.user},
                 {"program_version", kProgram}};
    if (!snapshot.tags.empty()) document.set("tags", values(snapshot.tags));
    return to_json(document);
}

}  // namespace fencepost::location::restic
