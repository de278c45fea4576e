#include "run/preview.h"

#include <cctype>

#include "base/error.h"
#include "run/launch.h"
#include "run/render.h"

namespace fencepost::run {
namespace {

// The keys that the action's templates take from outputs: what follows "Output." and "Output \"".
void collect_output_keys(const Value& value, const std::string& phase,
                         std::map<std::string, std::string>& keys) {
    for (const Value& item : value.list_or_empty()) collect_output_keys(item, phase, keys);
    for (const auto& [key, item] : value.map_or_empty()) {
        collect_output_keys(Value(key), phase, keys);
        collect_output_keys(item, phase, keys);
    }
    if (!value.is_string()) return;
    const std::string& text = value.as_string();
    for (const std::string& start : {"Phases." + phase + ".Output", std::string("DeferPhase.Output")}) {
        for (std::size_t at = text.find(start); at != std::string::npos; at = text.find(start, at)) {
            at += start.size();
            std::size_t begin = text.find_first_not_of(' ', at);
            if (begin == std::string::npos || (text[begin] != '.' && text[begin] != '"')) continue;
            ++begin;
            std::size_t end = begin;
            while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 ||
                                         text[end] == '_' || text[end] == '-'))
                ++end;
            const std::string key = text.substr(begin, end - begin);
            if (!key.empty()) keys.emplace(key, "<" + phase + "." + key + ">");
        }
    }
}

Value texts_of(const model::Action& action) {
    Value all{List{}};
    const auto add = [&](const model::Phase& phase) {
        all.push_back(phase.args);
        all.push_back(Value(phase.condition));
    };
    for (const model::Phase& phase : action.phases) add(phase);
    if (action.defer_phase) add(*action.defer_phase);
    for (const auto& [name, artifact] : action.output_artifacts) all.push_back(artifact.to_value());
    return all;
}

class Preview {
  public:
    Preview(World& world, const Catalog& catalog, const model::Action& definition,
            const model::ActionSpec& action, const PreviewInputs& inputs)
        : world_(world),
          catalog_(catalog),
          definition_(definition),
          inputs_(inputs),
          launch_(launch(world, action, inputs.time)),
          launch_params_(template_params(launch_, {}, nullptr)),
          texts_(texts_of(definition)) {}

    Value make() {
        Value view;
        view["phases"] = List{};
        for (const model::Phase& phase : definition_.phases) {
            PhaseParams& own = phases_[phase.name];
            Value item = phase_view(phase, own, nullptr);
            if (!item.get("isSkipped").bool_or(false)) own.output = outputs_of(phase);
            view["phases"].push_back(std::move(item));
        }
        if (definition_.defer_phase) {
            Value item = phase_view(*definition_.defer_phase, defer_, &defer_);
            item["isDefer"] = true;
            view["phases"].push_back(std::move(item));
            defer_.output = outputs_of(*definition_.defer_phase);
        }
        try {
            const Value params = template_params(launch_, phases_, &defer_);
            for (const auto& [name, artifact] : definition_.output_artifacts)
                view["artifacts"][name] =
                    renderer_.value(artifact.to_value(), params, "artifact '" + name + "'");
        } catch (const Error& error) {
            view["artifactsError"] = error.what();
        }
        return view;
    }

  private:
    Value phase_view(const model::Phase& phase, PhaseParams& own, const PhaseParams* defer) {
        Value view;
        view["name"] = phase.name;
        view["func"] = phase.func;
        try {
            PhaseParams fetched =
                fetch_phase_objects(world_, render_references(renderer_, phase.objects, launch_params_));
            own.secrets = std::move(fetched.secrets);
            own.config_maps = std::move(fetched.config_maps);
            std::map<std::string, PhaseParams> seen = phases_;
            if (defer != nullptr) seen[phase.name] = *defer;
            const Value params = template_params(launch_, seen, defer);
            if (!phase.condition.empty()) {
                const std::string condition = renderer_.text(phase.condition, params);
                view["if"] = condition;
                if (!says_true(condition)) {
                    view["isSkipped"] = true;
                    return view;
                }
            }
            const Function& function = *catalog_.find(phase.func);
            const Value args = function.renders_own_args() ? phase.args : renderer_.value(phase.args, params);
            check_args(function, args);
            view["args"] = args;
        } catch (const Error& error) {
            view["error"] = error.what();
        }
        return view;
    }

    Value outputs_of(const model::Phase& phase) const {
        std::map<std::string, std::string> outputs;
        for (const std::string_view key : catalog_.find(phase.func)->spec().outputs)
            outputs.emplace(key, "<" + phase.name + "." + std::string(key) + ">");
        collect_output_keys(texts_, phase.name, outputs);
        Value value{Map{}};
        for (const auto& [key, text] : outputs) value[key] = text;
        if (const auto given = inputs_.outputs.find(phase.name); given != inputs_.outputs.end()) {
            for (const auto& [key, one] : given->second) value[key] = one;
        }
        return value;
    }

    World& world_;
    const Catalog& catalog_;
    const model::Action& definition_;
    const PreviewInputs& inputs_;
    const LaunchParams launch_;
    const Value launch_params_;
    const Value texts_;
    const Renderer renderer_;
    std::map<std::string, PhaseParams> phases_;
    PhaseParams defer_;
};

}  // namespace

Value preview(World& world, const Catalog& catalog, const model::Action& definition,
              const model::ActionSpec& action, const PreviewInputs& inputs) {
    check_functions(catalog, definition);
    return Preview(world, catalog, definition, action, inputs).make();
}

bool has_errors(const Value& preview) noexcept {
    if (preview["artifactsError"].is_string()) return true;
    for (const Value& phase : preview["phases"].list_or_empty()) {
        if (phase["error"].is_string()) return true;
    }
    return false;
}

}  // namespace fencepost::run
