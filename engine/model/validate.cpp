#include "model/validate.h"

#include <algorithm>
#include <utility>

#include "model/place.h"
#include "model/policy_preset.h"
#include "model/validate_parts.h"

namespace fencepost::model {
namespace {

struct OwnKind {
    std::string_view kind;
    std::string_view api_version;
    bool is_of_many = false;  // its group has kinds that are not validated
};
constexpr OwnKind kOwnKinds[] = {{"Blueprint", "cr.kanister.io/v1alpha1"},
                                 {"ActionSet", "cr.kanister.io/v1alpha1"},
                                 {"Profile", "cr.kanister.io/v1alpha1"},
                                 {"BlueprintBinding", "config.kio.kasten.io/v1alpha1"},
                                 {"TransformSet", "fencepost.io/v1alpha1", true}};
// Kasten's are read as ours are.
constexpr std::string_view kPolicyVersions[] = {"fencepost.io/v1alpha1", "config.kio.kasten.io/v1alpha1"};

bool is_policy(const Value& object) {
    const Value& kind = object["kind"];
    return (kind == Value("Policy") || kind == Value("PolicyPreset")) &&
           std::find(std::begin(kPolicyVersions), std::end(kPolicyVersions),
                     object["apiVersion"].string_or("")) != std::end(kPolicyVersions);
}

// The kind if it is one of ours; says what is wrong with kind and apiVersion where they are nearly ours.
std::string_view own_kind(const Value& object, Problems& problems) {
    if (!object.is_map()) {
        problems.error("", "wrong-type", "the document must be an object with apiVersion and kind");
        return {};
    }
    if (!problems.require_text(object["kind"], object["kind"].is_nil() ? "" : "/kind", "kind")) return {};
    const std::string kind = object["kind"].as_string();
    const std::string api_version = object["apiVersion"].string_or("");
    std::vector<std::string> names;
    for (const OwnKind& own : kOwnKinds) {
        names.emplace_back(own.kind);
        if (own.kind != kind) continue;
        if (own.api_version == api_version) return own.kind;
        const std::string_view group = own.api_version.substr(0, own.api_version.find('/'));
        // Others have kinds of the same name (Kasten's own Profile): an apiVersion that is not near is
        // theirs.
        const bool is_meant = api_version.empty() || api_version.starts_with(group) ||
                              !nearest(api_version, {std::string(own.api_version)}).empty();
        if (!is_meant) return {};
        problems.error(api_version.empty() ? "/kind" : "/apiVersion", "wrong-api-version",
                       "a " + kind + " has the apiVersion " + std::string(own.api_version) +
                           (api_version.empty() ? "" : ", not " + api_version));
        return own.kind;
    }
    const bool is_our_group =
        std::any_of(std::begin(kOwnKinds), std::end(kOwnKinds),
                    [&](const OwnKind& own) { return own.api_version == api_version && !own.is_of_many; });
    if (is_our_group) {
        problems.error("/kind", "unknown-kind", api_version + " has no kind '" + kind + "'",
                       hint_among(kind, names));
    }
    return {};
}

void validate_policy(const Value& object, Problems& problems) {
    check_metadata(object, problems);
    if (object["kind"] == Value("Policy"))
        (void)Policy::read(object, problems);
    else
        check_preset(object, problems);
}

}  // namespace

std::vector<Problem> problems_of(const Value& object, std::span<const FunctionSpec> functions) {
    Problems problems;
    if (is_policy(object)) {
        validate_policy(object, problems);
        return problems.take();
    }
    const std::string_view kind = own_kind(object, problems);
    if (kind == "Blueprint") validate_blueprint(object, functions, problems);
    if (kind == "ActionSet") validate_action_set(object, problems);
    if (kind == "Profile") validate_profile(object, problems);
    if (kind == "BlueprintBinding") validate_binding(object, problems);
    if (kind == "TransformSet") validate_transform_set(object, problems);
    return problems.take();
}

namespace {

std::vector<Diagnostic> diagnose(const YamlDocument& document, std::string_view source, std::string_view file,
                                 std::span<const FunctionSpec> functions) {
    return to_diagnostics(problems_of(document.value, functions), document, source, file);
}

}  // namespace

std::vector<Diagnostic> validate(const YamlDocument& document, std::string_view file,
                                 std::span<const FunctionSpec> functions) {
    return diagnose(document, {}, file, functions);
}

std::vector<Diagnostic> validate_text(std::string_view text, std::string_view file,
                                      std::span<const FunctionSpec> functions) {
    std::vector<Diagnostic> diagnostics;
    try {
        for (const YamlDocument& document : parse_yaml(text, file)) {
            for (Diagnostic& one : diagnose(document, text, file, functions))
                diagnostics.push_back(std::move(one));
        }
    } catch (const Error& error) {
        diagnostics.push_back({.severity = Severity::kError,
                               .position = error.position().value_or(Position{.file = std::string(file)}),
                               .rule = "yaml",
                               .message = error.message(),
                               .hint = error.hint()});
    }
    return diagnostics;
}

}  // namespace fencepost::model
