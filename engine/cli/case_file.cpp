#include "cli/case_file.h"

#include <filesystem>

#include "base/error.h"
#include "cli/manifests.h"
#include "model/place.h"
#include "model/problem.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

namespace fs = std::filesystem;
using model::child;

void check(const Value& value, model::Problems& problems) {
    problems.only(value, "",
                  {"action", "object", "namespace", "blueprint", "objects", "profile", "options", "artifacts",
                   "outputs", "time", "fails"});
    for (const char* member : {"action", "object", "namespace", "blueprint", "profile", "time"})
        problems.check(value[member], child("", member), Kind::kString);
    problems.check(value["objects"], "/objects", Kind::kList);
    problems.check(value["fails"], "/fails", Kind::kBool);
    problems.text_map(value["options"], "/options");
    problems.check(value["artifacts"], "/artifacts", Kind::kMap);
    if (!problems.check(value["outputs"], "/outputs", Kind::kMap)) return;
    for (const auto& [phase, outputs] : value["outputs"].map_or_empty())
        problems.check(outputs, child("/outputs", phase), Kind::kMap);
}

YamlDocument read_case(const std::string& file) {
    const std::string text = read_input(file);
    auto documents = parse_yaml(text, file);
    if (documents.size() != 1 || !documents[0].value.is_map())
        throw Error(ErrorKind::kInvalid, file + " is no case file: it must hold one map");
    model::Problems problems;
    check(documents[0].value, problems);
    for (model::Diagnostic& one : model::to_diagnostics(problems.take(), documents[0], text, file))
        throw Error(ErrorKind::kInvalid, one.message, one.hint).at(one.position);
    return std::move(documents[0]);
}

void take(const Value& value, std::string& member) {
    if (member.empty()) member = value.string_or("");
}

}  // namespace

Case with_case(const RenderOptions& options, const std::string& file) {
    const Value value = read_case(file).value;
    const fs::path folder = fs::path(file == "-" ? "." : file).parent_path();
    RenderOptions result = options;
    take(value["action"], result.action);
    take(value["object"], result.object);
    take(value["profile"], result.profile);
    take(value["time"], result.time);
    if (value["namespace"].is_string()) result.ns = value["namespace"].as_string();
    if (result.blueprint.empty() && value["blueprint"].is_string()) {
        const fs::path beside = folder / value["blueprint"].as_string();
        result.blueprint = fs::exists(beside) ? beside.string() : value["blueprint"].as_string();
    }
    for (const Value& object : value["objects"].list_or_empty()) {
        if (object.is_string()) {
            result.files.push_back((folder / object.as_string()).string());
        } else {
            result.objects.push_back(object);
        }
    }
    for (const auto& [key, text] : value["options"].map_or_empty())
        result.options.insert(result.options.begin(), key + "=" + text.as_string());
    result.case_outputs = value["outputs"];
    result.artifacts = value["artifacts"];
    return {std::move(result), value["fails"].bool_or(false)};
}

}  // namespace fencepost::cli
