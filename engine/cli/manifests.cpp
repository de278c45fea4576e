#include "cli/manifests.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "value/yaml.h"

namespace fencepost::cli {
bool is_manifest(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    if (name.ends_with(".case.yaml") || name.ends_with(".expected.yaml")) return false;
    const std::string ending = path.extension().string();
    return ending == ".yaml" || ending == ".yml" || ending == ".json";
}

std::vector<std::string> expand_folders(const std::vector<std::string>& files) {
    std::vector<std::string> result;
    for (const std::string& file : files) {
        if (file == "-" || !std::filesystem::is_directory(file)) {
            result.push_back(file);
            continue;
        }
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(file)) {
            if (entry.is_regular_file() && is_manifest(entry.path())) found.push_back(entry.path().string());
        }
        if (found.empty())
            throw Error(ErrorKind::kNotFound, "the folder " + file + " holds no .yaml, .yml or .json file");
        std::sort(found.begin(), found.end());
        result.insert(result.end(), found.begin(), found.end());
    }
    return result;
}

std::string read_input(const std::string& file) {
    if (file != "-") return read_file(file, kMaxYamlBytes);
    std::string text;
    std::string buffer(std::size_t{64} * 1024, '\0');
    while (const std::size_t size = read_some(STDIN_FILENO, buffer.data(), buffer.size())) {
        text.append(buffer, 0, size);
        if (text.size() > kMaxYamlBytes) throw Error(ErrorKind::kTooLarge, "stdin holds more than 8 MiB");
    }
    return text;
}

std::vector<Manifest> read_manifests(const std::vector<std::string>& files) {
    std::vector<Manifest> manifests;
    for (const std::string& file : expand_folders(files)) {
        const std::string name = file == "-" ? "stdin" : file;
        for (YamlDocument& document : parse_yaml(read_input(file), name)) {
            const std::string origin = name + ":" + std::to_string(document.first_line);
            if (!document.value.is_map())
                throw Error(ErrorKind::kInvalid, origin + ": the document is no object");
            const bool is_list =
                document.value["kind"].string_or("") == "List" && document.value["items"].is_list();
            if (!is_list) {
                manifests.push_back({origin, std::move(document.value)});
                continue;
            }
            for (const Value& item : document.value["items"].list_or_empty())
                manifests.push_back({origin, item});
        }
    }
    if (manifests.empty()) throw Error(ErrorKind::kInvalid, "there is no object in what was given");
    return manifests;
}

void settle_string_data(Value& object) {
    if (object["kind"].string_or("") != "Secret" || !object["stringData"].is_map()) return;
    const Value texts = object["stringData"];
    for (const auto& [key, value] : texts.as_map()) object["data"][key] = base64_encode(value.as_string());
    object.erase("stringData");
}

}  // namespace fencepost::cli
