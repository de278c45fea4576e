// The rules by family, for lint.cpp: each looks at one document and adds Problems. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lint/blueprint.h"
#include "model/problem.h"
#include "value/yaml.h"

namespace fencepost::lint {

struct Document {
    const std::vector<std::string_view>* lines = nullptr;  // of the whole file
    const YamlDocument* yaml = nullptr;
    std::vector<PhasePlace> phases;  // of a Blueprint
    model::Problems problems;

    [[nodiscard]] const Value& object() const { return yaml->value; }
    [[nodiscard]] std::string kind() const { return object()["kind"].string_or(""); }
    // A problem within a string of the document.
    void within(model::Severity severity, const Text& place, std::size_t offset, std::string rule,
                std::string message, std::string hint);
};

// What YAML 1.1 makes of plain words and numbers; any kind of object.
void check_plain_scalars(Document& document);
// Where a file is no YAML at all: which rule that is, and the place.
[[nodiscard]] model::Diagnostic yaml_problem(const Error& error, const std::vector<std::string_view>& lines,
                                             std::string_view file);

// Of Blueprints:
void check_scripts(Document& document);     // scripts.cpp
void check_conditions(Document& document);  // Wait and its kin: waits.cpp
void check_fields(Document& document);      // what templates take: template_rules.cpp
void check_lifecycle(Document& document);   // hooks, artifacts: lifecycle_rules.cpp
void check_images(Document& document);      // objects.cpp
void check_references(Document& document);  // also of ActionSets

// Across documents: bindings and their blueprints, PersistentVolumeClaims, Profiles, policies' presets.
void check_bindings(std::span<Document> documents);
void check_volumes(std::span<Document> documents);
void check_profiles(std::span<Document> documents);
void check_presets(std::span<Document> documents);  // presets.cpp

}  // namespace fencepost::lint
