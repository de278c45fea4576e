// The JSON documents of a repository, as values: config, keys, locks, snapshots (trees: tree.h). parse_* take
// what others wrote (members that are not known are skipped) and throw kDataLoss; encode_* write what restic
// reads. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "location/restic/blob.h"
#include "location/restic/chunker.h"
#include "location/restic/crypto.h"

namespace fencepost::location::restic {

struct Config {
    int version = 2;
    std::string id;
    Polynomial polynomial = 0;
};
[[nodiscard]] Config parse_config(std::string_view json);  // kUnsupported for a version other than 2
[[nodiscard]] std::string encode_config(const Config& config);

struct KeyFile {
    ScryptCost cost;
    std::string salt;
    std::string data;  // the sealed master key
};
[[nodiscard]] KeyFile parse_key_file(std::string_view json);
[[nodiscard]] std::string encode_key_file(const KeyFile& key, SystemTime created);
[[nodiscard]] MasterKey parse_master_key(std::string_view json);
[[nodiscard]] std::string encode_master_key(const MasterKey& key);

struct Lock {
    SystemTime time;
    bool exclusive = false;
    std::string host, user;
    std::int64_t pid = 0;
};
[[nodiscard]] Lock parse_lock(std::string_view json);
[[nodiscard]] std::string encode_lock(const Lock& lock);

struct Snapshot {
    SystemTime time;
    Digest tree{};
    std::vector<std::string> paths;
    std::string host, user;
    std::vector<std::string> tags;
};
[[nodiscard]] Snapshot parse_snapshot(std::string_view json);
[[nodiscard]] std::string encode_snapshot(const Snapshot& snapshot);

}  // namespace fencepost::location::restic
