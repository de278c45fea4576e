#include <algorithm>
#include <functional>

#include "base/error.h"
#include "cli/case_file.h"
#include "cli/diagnostics.h"
#include "cli/findings.h"
#include "cli/output.h"
#include "cli/plan_checks.h"
#include "cli/plan_needs.h"
#include "cli/shellcheck.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "lint/lint.h"
#include "model/place.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

using State = PlanCheck::State;

// The blueprint's text: its file, or what `get -o yaml` shows of the cluster's.
lint::Source source_of(const Prospect& prospect) {
    if (!prospect.blueprint_file().empty() && prospect.blueprint_file() != "-")
        return {prospect.blueprint_file(), read_input(prospect.blueprint_file())};
    return {"blueprint/" + prospect.action().blueprint, to_yaml(prospect.blueprint())};
}

const YamlDocument* blueprint_in(const std::vector<YamlDocument>& documents) {
    for (const YamlDocument& document : documents) {
        if (document.value["kind"].string_or("") == "Blueprint") return &document;
    }
    return nullptr;
}

PlanCheck counted(const std::string& what, const std::vector<model::Diagnostic>& found,
                  const std::string& when_fine) {
    if (found.empty()) return {what, State::kFine, when_fine};
    const auto errors = std::count_if(found.begin(), found.end(), [](const model::Diagnostic& one) {
        return one.severity == model::Severity::kError;
    });
    return {what, errors > 0 ? State::kError : State::kWarning,
            std::to_string(errors) + " errors, " + std::to_string(std::ssize(found) - errors) + " warnings"};
}

Value view_of(const Value& preview, const std::vector<PlanCheck>& checks,
              const std::vector<model::Diagnostic>& diagnostics) {
    Value view = to_json_findings(diagnostics);
    for (const char* member : {"action", "object", "blueprint", "reason"}) view[member] = preview[member];
    for (const PlanCheck& check : checks) {
        Value item;
        item["check"] = check.what;
        item["state"] = to_string(check.state);
        item["detail"] = check.detail;
        view["checks"].push_back(std::move(item));
    }
    return view;
}

// What the caller may not see does not end the plan.
std::vector<PlanCheck> unless_forbidden(const std::string& what,
                                        const std::function<std::vector<PlanCheck>()>& look) {
    try {
        return look();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kForbidden) throw;
        return {{what, State::kWarning, "could not be looked at: " + error.message()}};
    }
}

}  // namespace

int plan(Server& server, const RenderOptions& given, const run::Catalog& catalog) {
    const Output output(given.output);
    const RenderOptions options = given.params.empty() ? given : with_case(given, given.params).options;
    if (options.action.empty()) throw UsageError("which action?", "give --action, or --params with one");
    Prospect prospect(server, options, catalog);
    const Value preview = prospect.preview();
    const lint::Source source = source_of(prospect);
    std::vector<model::Diagnostic> diagnostics = lint::lint(source, catalog.specs(), shellcheck);
    std::vector<PlanCheck> checks{counted("lint", diagnostics, "nothing to say")};

    PlanChecks looks(prospect);
    model::Problems problems;
    looks.check_objects(problems);
    looks.check_phases(preview, problems);
    PlanNeeds needs(prospect, catalog, preview);
    needs.check_objects(problems);
    const PlanCheck permissions = needs.check_permissions(server, problems);
    const std::vector<PlanCheck> images = looks.check_images(preview, server, problems);
    const auto documents = parse_yaml(source.text, source.file);
    std::vector<model::Diagnostic> placed;
    if (const YamlDocument* blueprint = blueprint_in(documents))
        placed = model::to_diagnostics(problems.take(), *blueprint, source.text, source.file);
    checks.push_back(counted("phases", placed, "all render, and what they name is there"));
    diagnostics.insert(diagnostics.end(), placed.begin(), placed.end());
    checks.insert(checks.end(), images.begin(), images.end());
    checks.push_back(permissions);
    for (PlanCheck& check : unless_forbidden("bindings", [&] { return looks.check_bindings(); }))
        checks.push_back(std::move(check));
    for (PlanCheck& check : unless_forbidden("volumes", [&] { return looks.check_volumes(); }))
        checks.push_back(std::move(check));
    checks.push_back(looks.check_location(server));

    const bool has_errors = model::has_errors(diagnostics) ||
                            std::any_of(checks.begin(), checks.end(),
                                        [](const PlanCheck& check) { return check.state == State::kError; });
    if (!output.is_table()) {
        print(output.text(view_of(preview, checks, diagnostics), {"plan/" + options.action}));
        return has_errors ? kFailed : kDone;
    }
    for (const model::Diagnostic& one : diagnostics) print(to_text_with_excerpt(one, source.text, 1));
    std::vector<std::vector<std::string>> rows;
    for (const PlanCheck& check : checks)
        rows.push_back({check.what, std::string(to_string(check.state)), check.detail});
    print(table({"CHECK", "STATE", "DETAIL"}, rows));
    return has_errors ? kFailed : kDone;
}

}  // namespace fencepost::cli
