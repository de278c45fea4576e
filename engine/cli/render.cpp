#include <unistd.h>

#include <filesystem>

#include "api/action_request.h"
#include "api/problem.h"
#include "base/encodings.h"
#include "base/error.h"
#include "cli/action_body.h"
#include "cli/manifest_cluster.h"
#include "cli/object_name.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "run/launch.h"
#include "run/preview.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

constexpr const char* kControllerNamespace = "default";

bool is_file(const std::string& blueprint) {
    return blueprint == "-" || blueprint.find('/') != std::string::npos || blueprint.ends_with(".yaml") ||
           blueprint.ends_with(".yml") || blueprint.ends_with(".json") || std::filesystem::exists(blueprint);
}

// The blueprint's own file is one of the manifests; its name is what the action is asked for.
std::string name_of_blueprint(const std::string& file, std::vector<Manifest>& manifests) {
    std::string name;
    for (Manifest& manifest : read_manifests({file})) {
        if (manifest.object["kind"].string_or("") == "Blueprint") {
            if (!name.empty())
                throw UsageError(file + " holds more than one Blueprint", "give it with -f, and its name");
            name = cluster::name_of(manifest.object);
        }
        manifests.push_back(std::move(manifest));
    }
    if (name.empty()) throw Error(ErrorKind::kInvalid, file + " holds no Blueprint that has a name");
    return name;
}

Value subject_of(const RenderOptions& options) {
    const ObjectName object = parse_object_name(options.object);
    Value subject;
    const std::size_t dot = object.kind.find('.');
    subject["kind"] = object.kind.substr(0, dot);
    if (dot != std::string::npos) subject["group"] = object.kind.substr(dot + 1);
    subject["name"] = object.name;
    subject["namespace"] = options.ns;
    return subject;
}

// What POST /v1/actions would make of the request.
model::ActionSpec action_of(const Value& body, cluster::Cluster& cluster, Clock& clock, Log& log,
                            std::string& reason) {
    const api::RunAccess nothing_runs;
    api::Services services{cluster, nothing_runs, clock, log, kControllerNamespace};
    try {
        const Value action_set = api::action_set_from(body, api::Access::unrestricted("render"), services);
        reason = action_set.get("metadata", "annotations", api::kBlueprintReason).string_or("");
        return model::ActionSet::from(action_set).actions.at(0);
    } catch (const api::Problem& problem) {
        std::string message;
        for (const api::Cause& cause : problem.causes()) {
            message += (message.empty() ? "" : "\n  ") + cause.detail +
                       (cause.hint.empty() ? "" : " (" + cause.hint + ")");
        }
        throw Error(ErrorKind::kInvalid, message.empty() ? problem.detail() : message, problem.hint());
    }
}

run::PreviewInputs inputs_of(const RenderOptions& options, Clock& clock) {
    run::PreviewInputs inputs;
    inputs.time = format_rfc3339(clock.now());
    for (const auto& [path, value] : key_values(options.outputs, "--phase-output")) {
        const std::size_t dot = path.find('.');
        if (dot == std::string::npos || dot == 0)
            throw UsageError("--phase-output " + path + " names no phase",
                             "write --phase-output PHASE.KEY=VALUE");
        inputs.outputs[path.substr(0, dot)][path.substr(dot + 1)] = value;
    }
    return inputs;
}

void print_preview(const Value& view) {
    print(paint(view["action"].string_or("") + " of " + view["object"].string_or("") + " by the blueprint " +
                    view["blueprint"].string_or(""),
                Colour::kBold) +
          " (" + view["reason"].string_or("") + ")\n");
    for (const Value& phase : view["phases"].list_or_empty()) {
        print(
            "\n" +
            paint((phase["isDefer"].bool_or(false) ? "deferPhase " : "phase ") + phase["name"].string_or(""),
                  Colour::kBold) +
            ": " + phase["func"].string_or("") +
            (phase["isSkipped"].bool_or(false) ? "; skipped, its `if` is " + phase["if"].string_or("") : "") +
            "\n");
        if (phase["error"].is_string())
            print(paint("  error: ", Colour::kRed) + phase["error"].as_string() + "\n");
        if (phase["args"].is_map()) print(indent(to_yaml(phase["args"])));
    }
    if (view["artifacts"].is_map())
        print("\n" + paint("output artifacts", Colour::kBold) + "\n" + indent(to_yaml(view["artifacts"])));
    if (view["artifactsError"].is_string())
        print(paint("\nerror: ", Colour::kRed) + view["artifactsError"].as_string() + "\n");
}

}  // namespace

int render(Server& server, const RenderOptions& options, const run::Catalog& catalog) {
    const Output output(options.output);
    std::vector<Manifest> manifests;
    if (!options.files.empty()) manifests = read_manifests(options.files);
    RunOptions request;
    request.action = options.action;
    request.profile = options.profile;
    request.from = options.from;
    request.options = options.options;
    request.blueprint = options.blueprint.empty() || !is_file(options.blueprint)
                            ? options.blueprint
                            : name_of_blueprint(options.blueprint, manifests);
    ManifestCluster all(manifests, server);
    cluster::HiddenSecrets hidden(all);
    cluster::Cluster& cluster = options.shows_secrets ? static_cast<cluster::Cluster&>(all) : hidden;
    SystemClock clock;
    Log log(STDERR_FILENO, Log::Format::kText, LogLevel::kError);
    const auto no_http = net::make_http_client();
    run::World world{cluster, clock, *no_http, log, kControllerNamespace};

    std::string reason;
    const model::ActionSpec action =
        action_of(action_body(request, subject_of(options)), cluster, clock, log, reason);
    const auto blueprint = model::Blueprint::from(run::fetch_blueprint(world, kControllerNamespace, action));
    Value view = run::preview(world, catalog, run::find_action(blueprint, action.name), action,
                              inputs_of(options, clock));
    view["action"] = action.name;
    view["blueprint"] = action.blueprint;
    view["object"] = options.object;
    view["reason"] = reason;
    if (output.is_table()) {
        print_preview(view);
    } else {
        std::vector<std::string> names;
        for (const Value& phase : view["phases"].list_or_empty())
            names.push_back("phase/" + phase["name"].string_or(""));
        print(output.text(view, names));
    }
    return run::has_errors(view) ? kFailed : kDone;
}

}  // namespace fencepost::cli
