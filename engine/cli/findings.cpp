#include "cli/findings.h"

#include "lint/rule.h"

namespace fencepost::cli {
namespace {

std::string_view level_of(model::Severity severity) {
    switch (severity) {
        case model::Severity::kError:
            return "error";
        case model::Severity::kWarning:
            return "warning";
        case model::Severity::kInfo:
            return "info";
    }
    return "";
}

// SARIF calls an information a note.
std::string_view sarif_level_of(model::Severity severity) {
    return severity == model::Severity::kInfo ? "note" : level_of(severity);
}

std::int64_t count(const std::vector<model::Diagnostic>& diagnostics, model::Severity severity) {
    std::int64_t number = 0;
    for (const model::Diagnostic& one : diagnostics) number += one.severity == severity ? 1 : 0;
    return number;
}

Value sarif_rules() {
    Value list = List{};
    for (const lint::Rule& rule : lint::rules()) {
        Value item;
        item["id"] = rule.id;
        item["shortDescription"]["text"] = rule.summary;
        item["fullDescription"]["text"] = rule.why;
        item["defaultConfiguration"]["level"] = sarif_level_of(rule.severity);
        list.push_back(std::move(item));
    }
    return list;
}

Value sarif_result(const model::Diagnostic& one) {
    Value result;
    result["ruleId"] = one.rule;
    result["level"] = sarif_level_of(one.severity);
    result["message"]["text"] = one.message + (one.hint.empty() ? "" : "; " + one.hint);
    Value place;
    place["artifactLocation"]["uri"] = one.position.file;
    if (one.position.line > 0) place["region"]["startLine"] = one.position.line;
    if (one.position.column > 0) place["region"]["startColumn"] = one.position.column;
    Value location;
    location["physicalLocation"] = std::move(place);
    result["locations"].push_back(std::move(location));
    return result;
}

}  // namespace

Value to_json_findings(const std::vector<model::Diagnostic>& diagnostics) {
    Value view;
    view["diagnostics"] = List{};
    for (const model::Diagnostic& one : diagnostics) {
        Value item;
        item["file"] = one.position.file;
        item["line"] = one.position.line;
        item["column"] = one.position.column;
        item["severity"] = level_of(one.severity);
        item["rule"] = one.rule;
        item["message"] = one.message;
        if (!one.hint.empty()) item["hint"] = one.hint;
        if (one.fix) {
            item["fix"]["was"] = one.fix->was;
            item["fix"]["now"] = one.fix->now;
        }
        view["diagnostics"].push_back(std::move(item));
    }
    view["errors"] = count(diagnostics, model::Severity::kError);
    view["warnings"] = count(diagnostics, model::Severity::kWarning);
    return view;
}

Value to_sarif(const std::vector<model::Diagnostic>& diagnostics, const std::string& version) {
    Value run;
    run["tool"]["driver"]["name"] = "fencepost";
    run["tool"]["driver"]["version"] = version;
    run["tool"]["driver"]["rules"] = sarif_rules();
    run["columnKind"] = "utf16CodeUnits";
    run["results"] = List{};
    for (const model::Diagnostic& one : diagnostics) run["results"].push_back(sarif_result(one));
    Value sarif;
    sarif["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
    sarif["version"] = "2.1.0";
    sarif["runs"].push_back(std::move(run));
    return sarif;
}

}  // namespace fencepost::cli
