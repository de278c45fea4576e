#include "cli/plan_checks.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/cancel.h"
#include "base/error.h"
#include "binding/explain.h"
#include "binding/resolve.h"
#include "cli/manifest_cluster.h"
#include "cluster/idempotent.h"
#include "lint/blueprint.h"
#include "lint/lint.h"
#include "location/location.h"
#include "model/image.h"
#include "model/image_map.h"
#include "model/place.h"
#include "run/launch.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

namespace types = cluster::types;
using model::child;
using State = PlanCheck::State;

cluster::ObjectKey subject_of(run::World& world, const model::ObjectReference& object) {
    const auto type =
        world.cluster.find_type(object.group, object.api_version,
                                object.resource.empty() ? ascii_lower(object.kind) : object.resource);
    if (!type) throw Error(ErrorKind::kNotFound, "there is no type " + object.resource + object.kind);
    return {type->type, type->is_namespaced ? object.ns : "", object.name};
}

}  // namespace

std::string_view to_string(State state) noexcept {
    switch (state) {
        case State::kFine:
            return "ok";
        case State::kWarning:
            return "warning";
        case State::kError:
            return "error";
        case State::kSkipped:
            return "skipped";
    }
    return "";
}

bool is_unknown(std::string_view text) {
    return text.find('<') != std::string_view::npos || text.find("{{") != std::string_view::npos;
}

std::string phase_pointer(const std::string& action, std::size_t index, std::size_t count) {
    const std::string at = child("/actions", action);
    return index < count ? child(at + "/phases", index) : at + "/deferPhase";
}

PlanChecks::PlanChecks(Prospect& prospect) : prospect_(prospect), world_(prospect.world()) {}

void PlanChecks::check_objects(model::Problems& problems) {
    const model::Action& action = prospect_.definition();
    const Value& params = prospect_.launch_params();
    const run::Renderer renderer;
    std::vector<const model::Phase*> phases;
    for (const model::Phase& phase : action.phases) phases.push_back(&phase);
    if (action.defer_phase) phases.push_back(&*action.defer_phase);
    for (std::size_t i = 0; i < phases.size(); ++i) {
        const std::string pointer = phase_pointer(prospect_.action().name, i, action.phases.size());
        for (const auto& [name, reference] : phases[i]->objects) {
            const std::string place = child(pointer + "/objects", name);
            const std::string kind = ascii_lower(reference.kind);
            if (kind != "secret" && kind != "configmap") continue;
            try {
                const auto rendered = run::render_references(renderer, {{name, reference}}, params).at(name);
                const auto found = cluster::find_object(
                    world_.cluster,
                    {kind == "secret" ? types::kSecrets : types::kConfigMaps, rendered.ns, rendered.name});
                if (found) {
                    fetched_[phases[i]->name][name] = *found;
                    continue;
                }
                problems.at_key(model::Severity::kError, place, "missing-object",
                                "there is no " + reference.kind + " " + rendered.ns + "/" + rendered.name,
                                "the phase '" + phases[i]->name + "' would fail");
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::kInvalid) throw;
                problems.at_key(model::Severity::kError, place, "render", error.what());
            }
        }
    }
    for (std::size_t i = 0; i < phases.size(); ++i)
        check_keys(*phases[i], phase_pointer(prospect_.action().name, i, action.phases.size()), problems);
}

// .Phases.p.Secrets.s.Data.key: is it in the Secret?
void PlanChecks::check_keys(const model::Phase& phase, const std::string& pointer,
                            model::Problems& problems) {
    for (const lint::Text& text : lint::strings_of(phase.args, pointer + "/args")) {
        for (const lint::FieldUse& use : lint::fields_in(text.text)) {
            const auto& path = use.path;
            const bool is_data = path.size() >= 6 && path[0] == "Phases" && path[4] == "Data" &&
                                 (path[2] == "Secrets" || path[2] == "ConfigMaps");
            if (!is_data || use.is_indexed) continue;
            const auto found = fetched_.find(path[1]);
            if (found == fetched_.end() || !found->second.contains(path[3])) continue;
            const Value& object = found->second.at(path[3]);
            if (object["data"].find(path[5]) != nullptr) continue;
            std::vector<std::string> keys;
            for (const auto& [key, value] : object["data"].map_or_empty()) keys.push_back(key);
            const std::string near = model::nearest(path[5], keys);
            problems.add({.severity = model::Severity::kError,
                          .pointer = text.pointer,
                          .rule = "missing-key",
                          .message = cluster::namespace_of(object) + "/" + cluster::name_of(object) +
                                     " has no key '" + path[5] + "'",
                          .hint = near.empty() ? "" : "did you mean '" + near + "'?",
                          .spot = model::spot_at(text.text, use.offset)});
        }
    }
}

void PlanChecks::check_phases(const Value& view, model::Problems& problems) {
    const std::size_t told = problems.all().size();
    const std::size_t count = prospect_.definition().phases.size();
    const List& phases = view["phases"].list_or_empty();
    for (std::size_t i = 0; i < phases.size(); ++i) {
        const std::string pointer = phase_pointer(prospect_.action().name, i, count);
        if (phases[i]["error"].is_string()) {
            const auto& all = problems.all();
            const bool is_told = std::any_of(
                all.begin(), all.begin() + static_cast<std::ptrdiff_t>(told),
                [&](const model::Problem& one) { return one.pointer.starts_with(pointer + "/"); });
            if (!is_told) problems.error(pointer, "render", phases[i]["error"].as_string());
        } else if (!phases[i]["isSkipped"].bool_or(false)) {
            check_phase(phases[i], pointer, problems);
        }
    }
    if (view["artifactsError"].is_string())
        problems.error(child("/actions", prospect_.action().name) + "/outputArtifacts", "render",
                       view["artifactsError"].as_string());
}

void PlanChecks::check_phase(const Value& phase, const std::string& pointer, model::Problems& problems) {
    const std::string func = phase["func"].string_or("");
    const Value& args = phase["args"];
    const std::string at = pointer + "/args";
    const std::string ns = args["namespace"].string_or("");
    if (func == "Wait" || func == "WaitV2") {
        check_condition_objects(args, at, problems);
    } else if (func == "Fence" && args["labelSelector"].is_string() && !is_unknown(ns)) {
        const auto pods = world_.cluster.list(
            types::kPods, {.ns = ns, .label_selector = args["labelSelector"].as_string()});
        if (pods.items.empty())
            problems.warning(at + "/labelSelector", "missing-object",
                             "no Pod in " + ns + " has the labels " + args["labelSelector"].as_string(),
                             "there would be nothing to fence");
    }
}

void PlanChecks::check_condition_objects(const Value& args, const std::string& pointer,
                                         model::Problems& problems) {
    for (const char* list : {"anyOf", "allOf"}) {
        std::size_t index = 0;
        for (const Value& item : args["conditions"][list].list_or_empty()) {
            const std::string at = child(child(pointer + "/conditions", list), index++) + "/objectReference";
            const Value& reference = item["objectReference"];
            const std::string resource = reference["resource"].string_or("");
            if (resource.empty() || resource.find("{{") != std::string::npos) continue;
            if (world_.cluster.find_type(reference["group"].string_or(""),
                                         reference["apiVersion"].string_or(""), resource))
                continue;
            problems.error(at + "/resource", "unknown-resource",
                           "the cluster has no " + resource + " in group '" +
                               reference["group"].string_or("") + "', version '" +
                               reference["apiVersion"].string_or("") + "'",
                           "resource is the lower-case plural, apiVersion the version alone");
        }
    }
}

// Of every phase that runs, as it would be asked for. Lint has looked at those that are written out.
std::vector<PlanCheck> PlanChecks::check_images(const Value& view, Server& server,
                                                model::Problems& problems) {
    std::vector<PlanCheck> checks;
    const Value& index = server.index();
    const model::ImageMap map = model::ImageMap::parse(index["imageMap"].string_or(""));
    const model::Action& action = prospect_.definition();
    const List& phases = view["phases"].list_or_empty();
    for (std::size_t i = 0; i < phases.size(); ++i) {
        const std::string pointer = phase_pointer(prospect_.action().name, i, action.phases.size());
        const model::Phase& written = i < action.phases.size() ? action.phases[i] : *action.defer_phase;
        for (const model::ImageUse& use : model::images_of(phases[i]["args"])) {
            const std::string runs = map.of(use.image);
            PlanCheck check{"images", State::kFine,
                            use.image + (runs == use.image ? "" : ", in whose place runs " + runs) +
                                " (phase '" + written.name + "')"};
            const std::string place = pointer + "/args" + use.pointer;
            const std::string wrong = is_unknown(use.image) ? "" : model::problem_of_image(use.image);
            const bool is_fixed =
                is_unknown(use.image) || model::has_digest(use.image) ||
                (model::tag_of_image(use.image) != "latest" && !model::tag_of_image(use.image).empty());
            if (!wrong.empty()) {
                check.state = State::kError;
                problems.error(place, "image", "'" + use.image + "' is no image: " + wrong);
            } else if (!is_fixed) {
                check.state = State::kWarning;
                if (model::value_at(written.args, use.pointer) != Value(use.image))
                    problems.warning(place, "image-tag", "the image '" + use.image + "' has no fixed tag",
                                     "name a version, so that a restore finds what the backup ran with");
            }
            checks.push_back(std::move(check));
        }
    }
    if (!checks.empty() && index["cluster"].string_or("") == "embedded")
        checks.push_back({"images", State::kFine,
                          "the server's embedded cluster pulls none: commands are its host's programs"});
    return checks;
}

std::vector<PlanCheck> PlanChecks::check_bindings() {
    const Value told = binding::explain(world_.cluster, subject_of(world_, prospect_.action().object),
                                        world_.controller_namespace);
    std::vector<PlanCheck> checks;
    for (const Value& warning : told["warnings"].list_or_empty())
        checks.push_back({"bindings", State::kWarning, warning.string_or("")});
    if (checks.empty()) checks.push_back({"bindings", State::kFine, told["reason"].string_or("")});
    return checks;
}

// The volumes of the database clusters in the object's namespace, as lint looks at manifests.
std::vector<PlanCheck> PlanChecks::check_volumes() {
    std::vector<lint::Source> sources;
    for (Value claim :
         world_.cluster.list(types::kPersistentVolumeClaims, {.ns = prospect_.action().object.ns}).items) {
        claim["apiVersion"] = "v1";
        claim["kind"] = "PersistentVolumeClaim";
        sources.push_back({cluster::name_of(claim), to_yaml(claim)});
    }
    std::vector<PlanCheck> checks;
    for (const model::Diagnostic& one : lint::lint(sources, {})) {
        if (one.rule != "mixed-instances" && one.rule != "all-volumes-excluded") continue;
        checks.push_back({"volumes", State::kWarning, one.message + " [" + one.rule + "]"});
    }
    if (checks.empty())
        checks.push_back({"volumes", State::kFine,
                          std::to_string(sources.size()) + " PersistentVolumeClaims in the namespace"});
    return checks;
}

// Lists what is under a prefix that nobody uses: reads, and little.
PlanCheck PlanChecks::check_location(Server& server) {
    const auto& profile = prospect_.action().profile;
    if (!profile) return {"location", State::kSkipped, "the action has no profile"};
    ManifestCluster open(prospect_.manifests(), server);
    run::World world{open, world_.clock, world_.http, world_.log, world_.controller_namespace};
    try {
        const auto resolved = run::resolve_profile(world, *profile);
        const auto location = location::open_location(resolved, world_.http, world_.clock);
        location->list("fencepost-plan/", [](const location::ObjectStat&) {}, CancelToken{});
        return {"location", State::kFine, location->description() + " answers"};
    } catch (const Error& error) {
        return {"location", State::kError, error.what()};
    }
}

}  // namespace fencepost::cli
