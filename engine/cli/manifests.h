// Manifest files: YAML or JSON, many documents, folders, stdin, and List objects taken apart.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "value/value.h"

namespace fencepost::cli {

// The manifest that an object was applied from. kubectl's own annotation, so that both can take turns.
inline constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

struct Manifest {
    std::string origin;  // "file.yaml:12"
    Value object;
};

// In the order given; a folder's files by name. Throws Error at file:line:col for what does not parse.
[[nodiscard]] std::vector<Manifest> read_manifests(const std::vector<std::string>& files);
// The files that a list of arguments names: folders become their .yaml, .yml and .json files.
[[nodiscard]] std::vector<std::string> expand_folders(const std::vector<std::string>& files);
// A Secret's stringData is write-only: turns it into data, the form that is stored. Leaves other objects
// alone.
void settle_string_data(Value& object);
[[nodiscard]] bool is_manifest(const std::filesystem::path& path);  // by its ending; cases of `test` are none
[[nodiscard]] std::string read_input(const std::string& file);      // "-" is stdin

}  // namespace fencepost::cli
