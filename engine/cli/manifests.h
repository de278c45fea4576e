// Manifest files: YAML or JSON, many documents, folders, stdin, and List objects taken apart.
#pragma once

#include <string>
#include <vector>

#include "value/value.h"

namespace fencepost::cli {

struct Manifest {
    std::string origin;  // "file.yaml:12"
    Value object;
};

// In the order given; a folder's files by name. Throws Error at file:line:col for what does not parse.
[[nodiscard]] std::vector<Manifest> read_manifests(const std::vector<std::string>& files);
// The files that a list of arguments names: folders become their .yaml, .yml and .json files.
[[nodiscard]] std::vector<std::string> expand_folders(const std::vector<std::string>& files);
[[nodiscard]] std::string read_input(const std::string& file);  // "-" is stdin

}  // namespace fencepost::cli
