#include <memory>

#include "base/encodings.h"
#include "base/error.h"
#include "functions/functions.h"
#include "functions/object_ref.h"
#include "run/args.h"
#include "run/render.h"
#include "template/template.h"
#include "value/format.h"
#include "value/json_path.h"

namespace fencepost::functions {

namespace {

// Wait evaluates a Go template in which { $.path } fragments are replaced by what JSONPath finds; WaitV2
// applies a Go template to the object itself. Both hold when the text that comes out is "true".
enum class Flavour { kJsonPath, kGoTemplate };

std::string replace_paths(const std::string& condition, const Value& object) {
    std::string result;
    for (std::size_t at = 0; at < condition.size();) {
        const std::size_t open = condition.find('{', at);
        if (open == std::string::npos) return result + condition.substr(at);
        std::size_t inside = open + 1;
        while (inside < condition.size() && condition[inside] == ' ') ++inside;
        const std::size_t close = condition.find('}', inside);
        if (condition.compare(inside, 1, "$") != 0 || condition.compare(inside, 2, "$.") != 0 ||
            close == std::string::npos) {
            result += condition.substr(at, open + 1 - at);
            at = open + 1;
            continue;
        }
        result += condition.substr(at, open - at);
        std::string path = condition.substr(inside, close - inside);
        while (!path.empty() && path.back() == ' ') path.pop_back();
        bool first = true;
        for (const Value& value : JsonPath(path).find(object)) {
            if (!first) result += ' ';
            first = false;
            append_go_format_v(result, value);
        }
        at = close + 1;
    }
    return result;
}

class Condition {
  public:
    Condition(const Value& item, Flavour flavour, std::string place)
        : item_(item), flavour_(flavour), place_(std::move(place)) {
        text_ = item["condition"].string_or("");
        if (text_.empty()) throw Error(ErrorKind::kInvalid, place_ + " has no condition");
        try {
            // A mistake in the text can never become true: say so now, not at the timeout.
            const std::string probe = flavour_ == Flavour::kJsonPath ? replace_paths(text_, Value{}) : text_;
            template_ = tmpl::Template::parse("config", probe, functions());
        } catch (Error& e) {
            e.add_trace(place_);
            throw;
        }
    }

    [[nodiscard]] bool holds(run::RunContext& run) const {
        const Value reference = run.render(item_["objectReference"]);
        const cluster::ObjectKey key = object_key(run.world().cluster, reference, run.action().object.ns);
        const Value object = run.world().cluster.get(key);
        if (flavour_ == Flavour::kGoTemplate)
            return run::says_true(template_->render(object, {.missing_key = tmpl::MissingKey::kDefault}));
        const auto parsed = tmpl::Template::parse("config", replace_paths(text_, object), functions());
        return run::says_true(parsed->render(run.params(), {.missing_key = tmpl::MissingKey::kZero}));
    }

    [[nodiscard]] const std::string& place() const { return place_; }

  private:
    [[nodiscard]] tmpl::FunctionSet functions() const {
        return flavour_ == Flavour::kJsonPath ? tmpl::FunctionSet::kKanister : tmpl::FunctionSet::kBuiltins;
    }
    Value item_;
    Flavour flavour_;
    std::string place_;
    std::string text_;
    std::shared_ptr<const tmpl::Template> template_;
};

class Wait final : public run::Function {
  public:
    Wait(std::string_view name, Flavour flavour) : flavour_(flavour) {
        spec_ = {.name = name,
                 .args = {{"timeout", model::ArgType::kString, true, "Go duration"},
                          {"conditions", model::ArgType::kMap, true,
                           "anyOf and allOf: lists of {condition, objectReference}"}},
                 .outputs = {},
                 .description = "waits until conditions on objects hold"};
    }
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool renders_own_args() const override { return true; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const auto timeout = parse_duration(run.render(args["timeout"]).string_or(""));
        const std::vector<Condition> any = conditions(args, "anyOf");
        const std::vector<Condition> all = conditions(args, "allOf");
        if (any.empty() && all.empty())
            throw Error(ErrorKind::kInvalid, "argument 'conditions' holds neither anyOf nor allOf");
        const Deadline limit = std::min(run.deadline(), run.world().clock.steady_now() + timeout);
        std::string last_error;
        std::chrono::milliseconds delay{100};
        while (!is_met(run, any, all, last_error)) {
            if (run.world().clock.steady_now() + delay >= limit) {
                throw Error(ErrorKind::kTimeout, "Failed to wait for the condition to be met" +
                                                     (last_error.empty() ? "" : ": " + last_error));
            }
            run.world().clock.sleep(delay, run.cancel());
            delay = std::min(delay * 2, std::chrono::milliseconds{10'000});
        }
        return {};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& action,
                                               const Value& args) const override {
        std::vector<run::Need> needs;
        for (const std::string list : {"anyOf", "allOf"}) {
            std::size_t index = 0;
            for (const Value& item : args.get("conditions", list).list_or_empty()) {
                const std::string argument =
                    "/conditions/" + list + "/" + std::to_string(index++) + "/objectReference";
                try {
                    const auto key = object_key(world.cluster, item["objectReference"], action.object.ns);
                    needs.push_back({.verb = "get",
                                     .type = key.type,
                                     .ns = key.ns,
                                     .name = key.name,
                                     .object = run::Need::Object::kAwaited,
                                     .argument = argument});
                } catch (const Error& error) {
                    // A reference that names no object, or not yet: the condition never holds, or is not
                    // known.
                    if (error.kind() != ErrorKind::kInvalid) throw;
                }
            }
        }
        return needs;
    }

  private:
    [[nodiscard]] std::vector<Condition> conditions(const Value& args, std::string_view list) const {
        std::vector<Condition> result;
        for (const Value& item : args.get("conditions", list).list_or_empty()) {
            result.emplace_back(
                item, flavour_,
                "conditions." + std::string(list) + "[" + std::to_string(result.size()) + "]");
        }
        return result;
    }

    // An error in one condition means "not yet" for that one alone.
    static bool holds(run::RunContext& run, const Condition& condition, std::string& last_error) {
        try {
            return condition.holds(run);
        } catch (const Error& e) {
            last_error = condition.place() + ": " + e.what();
            return false;
        }
    }

    static bool is_met(run::RunContext& run, const std::vector<Condition>& any,
                       const std::vector<Condition>& all, std::string& last_error) {
        for (const Condition& condition : any) {
            if (holds(run, condition, last_error)) return true;
        }
        for (const Condition& condition : all) {
            if (!holds(run, condition, last_error)) return false;
        }
        return !all.empty();
    }

    Flavour flavour_;
    model::FunctionSpec spec_;
};

}  // namespace

const run::Function& wait() {
    static const Wait function("Wait", Flavour::kJsonPath);
    return function;
}

const run::Function& wait_v2() {
    static const Wait function("WaitV2", Flavour::kGoTemplate);
    return function;
}

}  // namespace fencepost::functions
