#include "cli/prospect.h"

#include <unistd.h>

#include <filesystem>

#include "api/action_request.h"
#include "api/problem.h"
#include "base/encodings.h"
#include "base/error.h"
#include "cli/action_body.h"
#include "cli/object_name.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "run/launch.h"
#include "run/preview.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

bool is_file(const std::string& blueprint) {
    return blueprint == "-" || blueprint.find('/') != std::string::npos || blueprint.ends_with(".yaml") ||
           blueprint.ends_with(".yml") || blueprint.ends_with(".json") || std::filesystem::exists(blueprint);
}

// The blueprint's own file is one of the manifests; its name is what the action is asked for.
std::string name_of_blueprint(const std::string& file, const std::string& ns,
                              std::vector<Manifest>& manifests) {
    std::string name;
    for (Manifest& manifest : read_manifests({file})) {
        if (manifest.object["kind"].string_or("") == "Blueprint") {
            if (!name.empty())
                throw UsageError(file + " holds more than one Blueprint", "give it with -f, and its name");
            name = cluster::name_of(manifest.object);
            manifest.object["metadata"]["namespace"] = ns;
        }
        manifests.push_back(std::move(manifest));
    }
    if (name.empty()) throw Error(ErrorKind::kInvalid, file + " holds no Blueprint that has a name");
    return name;
}

// KIND/NAME in the namespace of -n, or KIND/NAMESPACE/NAME.
Value subject_of(const RenderOptions& options) {
    if (options.object.empty())
        throw UsageError("what should '" + options.action + "' be rendered for?", "give --object KIND/NAME");
    std::string text = options.object;
    std::string ns = options.ns;
    const std::size_t first = text.find('/');
    const std::size_t last = text.rfind('/');
    if (first != last) {
        ns = text.substr(first + 1, last - first - 1);
        text.erase(first, last - first);
    }
    const ObjectName object = parse_object_name(text);
    Value subject;
    const std::size_t dot = object.kind.find('.');
    subject["kind"] = object.kind.substr(0, dot);
    if (dot != std::string::npos) subject["group"] = object.kind.substr(dot + 1);
    subject["name"] = object.name;
    subject["namespace"] = ns;
    return subject;
}

run::PreviewInputs inputs_of(const RenderOptions& options, Clock& clock) {
    run::PreviewInputs inputs;
    inputs.time = options.time.empty() ? format_rfc3339(clock.now()) : options.time;
    for (const auto& [phase, outputs] : options.case_outputs.map_or_empty()) {
        for (const auto& [key, value] : outputs.map_or_empty()) inputs.outputs[phase][key] = value;
    }
    for (const auto& [path, value] : key_values(options.outputs, "--phase-output")) {
        const std::size_t dot = path.find('.');
        if (dot == std::string::npos || dot == 0)
            throw UsageError("--phase-output " + path + " names no phase",
                             "write --phase-output PHASE.KEY=VALUE");
        inputs.outputs[path.substr(0, dot)][path.substr(dot + 1)] = Value(value);
    }
    return inputs;
}

}  // namespace

Prospect::Prospect(Server& server, const RenderOptions& options, const run::Catalog& catalog)
    : options_(options),
      controller_namespace_(server.index()["namespace"].string_or("default")),
      catalog_(catalog),
      manifests_(read_objects()),
      objects_(manifests_, server),
      hidden_(objects_),
      cluster_(options_.shows_secrets ? static_cast<cluster::Cluster&>(objects_) : hidden_),
      log_(STDERR_FILENO, Log::Format::kText, LogLevel::kError),
      http_(net::make_http_client()),
      world_{cluster_, clock_, *http_, log_, controller_namespace_},
      action_(find_action()),
      blueprint_object_(run::fetch_blueprint(world_, controller_namespace_, action_)),
      blueprint_(model::Blueprint::from(blueprint_object_)) {}

std::vector<Manifest> Prospect::read_objects() {
    std::vector<Manifest> manifests;
    if (!options_.files.empty()) manifests = read_manifests(options_.files);
    for (const Value& object : options_.objects) manifests.push_back({options_.params, object});
    blueprint_name_ = options_.blueprint;
    if (!options_.blueprint.empty() && is_file(options_.blueprint)) {
        blueprint_file_ = options_.blueprint;
        blueprint_name_ = name_of_blueprint(options_.blueprint, controller_namespace_, manifests);
    }
    return manifests;
}

// What POST /v1/actions would make of the request.
model::ActionSpec Prospect::find_action() {
    RunOptions request;
    request.action = options_.action;
    request.profile = options_.profile;
    request.from = options_.from;
    request.options = options_.options;
    request.blueprint = blueprint_name_;
    const api::RunAccess nothing_runs;
    api::Services services{cluster_, nothing_runs, clock_, log_, controller_namespace_};
    try {
        const Value action_set = api::action_set_from(action_body(request, subject_of(options_)),
                                                      api::Access::unrestricted("render"), services);
        reason_ = action_set.get("metadata", "annotations", api::kBlueprintReason).string_or("");
        model::ActionSpec action = model::ActionSet::from(action_set).actions.at(0);
        for (const auto& [name, artifact] : options_.artifacts.map_or_empty())
            action.artifacts[name] = model::Artifact::from(artifact);
        return action;
    } catch (const api::Problem& problem) {
        std::string message;
        for (const api::Cause& cause : problem.causes()) {
            message += (message.empty() ? "" : "\n  ") + cause.detail +
                       (cause.hint.empty() ? "" : " (" + cause.hint + ")");
        }
        throw Error(ErrorKind::kInvalid, message.empty() ? problem.detail() : message, problem.hint());
    }
}

const model::Action& Prospect::definition() const { return run::find_action(blueprint_, action_.name); }

const Value& Prospect::launch_params() {
    if (!launch_params_) {
        launch_params_ =
            run::template_params(run::launch(world_, action_, format_rfc3339(clock_.now())), {}, nullptr);
    }
    return *launch_params_;
}

Value Prospect::preview() {
    Value view = run::preview(world_, catalog_, definition(), action_, inputs_of(options_, clock_));
    view["action"] = action_.name;
    view["blueprint"] = action_.blueprint;
    view["object"] = options_.object;
    view["reason"] = reason_;
    if (options_.phase.empty()) return view;
    List chosen;
    std::vector<std::string> names;
    for (const Value& phase : view["phases"].list_or_empty()) {
        names.push_back(phase["name"].string_or(""));
        if (names.back() == options_.phase) chosen.push_back(phase);
    }
    if (chosen.empty()) {
        const std::string near = model::nearest(options_.phase, names);
        throw UsageError("the action '" + action_.name + "' has no phase '" + options_.phase + "'",
                         near.empty() ? "" : "did you mean '" + near + "'?");
    }
    view["phases"] = std::move(chosen);
    view.erase("artifacts");
    view.erase("artifactsError");
    return view;
}

std::string Prospect::shown(const Value& view, int fd) {
    std::string text = paint(view["action"].string_or("") + " of " + view["object"].string_or("") +
                                 " by the blueprint " + view["blueprint"].string_or(""),
                             Colour::kBold, fd) +
                       " (" + view["reason"].string_or("") + ")\n";
    for (const Value& phase : view["phases"].list_or_empty()) {
        const bool is_skipped = phase["isSkipped"].bool_or(false);
        text +=
            "\n" +
            paint((phase["isDefer"].bool_or(false) ? "deferPhase " : "phase ") + phase["name"].string_or(""),
                  Colour::kBold, fd) +
            ": " + phase["func"].string_or("") +
            (is_skipped ? "; skipped, its `if` is " + phase["if"].string_or("") : "") + "\n";
        if (phase["error"].is_string())
            text += paint("  error: ", Colour::kRed, fd) + phase["error"].as_string() + "\n";
        if (phase["args"].is_map()) text += indent(to_yaml(phase["args"]));
    }
    if (view["artifacts"].is_map())
        text +=
            "\n" + paint("output artifacts", Colour::kBold, fd) + "\n" + indent(to_yaml(view["artifacts"]));
    if (view["artifactsError"].is_string())
        text += paint("\nerror: ", Colour::kRed, fd) + view["artifactsError"].as_string() + "\n";
    return text;
}

}  // namespace fencepost::cli
