#include "model/template_check.h"

#include <algorithm>
#include <utility>

#include "model/place.h"
#include "model/template_error.h"
#include "model/validate_parts.h"

namespace fencepost::model {
namespace {

const std::vector<std::string>& parameters() {
    static const std::vector<std::string> kNames{
        "StatefulSet", "Deployment",     "DeploymentConfig", "PVC",
        "Namespace",   "ArtifactsIn",    "ConfigMaps",       "Secrets",
        "Time",        "Profile",        "Options",          "Object",
        "Phases",      "DeferPhase",     "CurrentPhase",     "PodOverride",
        "PodLabels",   "PodAnnotations", "RepositoryServer"};
    return kNames;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

class Walker {
  public:
    Walker(const std::string& text, const std::string& pointer, const TemplateScope& scope,
           Problems& problems)
        : text_(text), pointer_(pointer), scope_(scope), problems_(problems) {}

    void walk(const tmpl::Node& node, bool is_dot_root) {
        using tmpl::NodeKind;
        switch (node.kind) {
            case NodeKind::kList:
                for (const auto& one : static_cast<const tmpl::ListNode&>(node).nodes)
                    walk(*one, is_dot_root);
                return;
            case NodeKind::kAction:
                return walk(*static_cast<const tmpl::ActionNode&>(node).pipe, is_dot_root);
            case NodeKind::kPipe:
                for (const auto& command : static_cast<const tmpl::PipeNode&>(node).commands)
                    walk(*command, is_dot_root);
                return;
            case NodeKind::kCommand:
                return command(static_cast<const tmpl::CommandNode&>(node), is_dot_root);
            case NodeKind::kField:
                if (is_dot_root) names(node, static_cast<const tmpl::FieldNode&>(node).names, 0);
                return;
            case NodeKind::kVariable: {
                const auto& variable = static_cast<const tmpl::VariableNode&>(node);
                if (variable.names[0] == "$") names(node, variable.names, 1);
                return;
            }
            case NodeKind::kChain:
                return walk(*static_cast<const tmpl::ChainNode&>(node).base, is_dot_root);
            case NodeKind::kIf:
            case NodeKind::kRange:
            case NodeKind::kWith: {
                const auto& branch = static_cast<const tmpl::BranchNode&>(node);
                walk(*branch.pipe, is_dot_root);
                walk(*branch.body, is_dot_root && node.kind == NodeKind::kIf);
                if (branch.otherwise != nullptr) walk(*branch.otherwise, is_dot_root);
                return;
            }
            case NodeKind::kTemplate:
                if (const auto& pipe = static_cast<const tmpl::TemplateNode&>(node).pipe)
                    walk(*pipe, is_dot_root);
                return;
            default:
                return;
        }
    }

  private:
    void command(const tmpl::CommandNode& node, bool is_dot_root) {
        for (const auto& argument : node.arguments) walk(*argument, is_dot_root);
        // index .Phases "my-phase": the only way to a name with a '-'.
        if (node.arguments.size() < 3 || node.arguments[0]->kind != tmpl::NodeKind::kIdentifier) return;
        if (static_cast<const tmpl::IdentifierNode&>(*node.arguments[0]).name != "index") return;
        if (!is_dot_root || node.arguments[1]->kind != tmpl::NodeKind::kField ||
            node.arguments[2]->kind != tmpl::NodeKind::kString)
            return;
        const auto& field = static_cast<const tmpl::FieldNode&>(*node.arguments[1]);
        const auto& key = static_cast<const tmpl::StringNode&>(*node.arguments[2]);
        if (field.names == std::vector<std::string>{"Phases"}) phase(key.literal.as_string(), key.position);
    }

    void report(Severity severity, std::size_t offset, std::string rule, std::string message,
                std::string hint = {}) {
        problems_.add({.severity = severity,
                       .pointer = pointer_,
                       .rule = std::move(rule),
                       .message = std::move(message),
                       .hint = std::move(hint),
                       .spot = spot_at(text_, offset)});
    }

    // .A.B.C: `first` is the index of A among the names; what is before it ("$") has no dot.
    void names(const tmpl::Node& node, const std::vector<std::string>& all, std::size_t first) {
        // Go's parser gives a chain the place of its second link.
        const std::size_t head = (first == 0 ? 1 : 0) + all[0].size();
        const bool is_at_start = text_.compare(node.position, node.text().size(), node.text()) == 0;
        std::size_t offset = is_at_start || node.position < head ? node.position : node.position - head;
        std::vector<std::pair<std::string, std::size_t>> path;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (i < first) {
                offset += all[i].size();
                continue;
            }
            path.emplace_back(all[i], offset + 1);
            offset += 1 + all[i].size();
        }
        if (!path.empty()) parameter(path);
    }

    void parameter(const std::vector<std::pair<std::string, std::size_t>>& path) {
        const auto& [name, offset] = path[0];
        const std::string second = path.size() > 1 ? path[1].first : "";
        if (!contains(parameters(), name)) {
            return report(Severity::kError, offset, "unknown-parameter",
                          "templates have no parameter ." + name, hint_among(name, parameters()));
        }
        if (name == "RepositoryServer") {
            return report(Severity::kWarning, offset, "unknown-parameter",
                          ".RepositoryServer is always empty here", "Kanister removed it after 0.119");
        }
        if (name == "DeferPhase" && second == "Output" && !scope_.has_defer_output) {
            return report(Severity::kError, path[1].second, "later-phase", "the deferPhase has no output yet",
                          "it runs last");
        }
        if (path.size() < 2) return;
        if (name == "Phases") return phases(path);
        if (name == "ArtifactsIn")
            declared(path, scope_.artifacts, "inputArtifactNames", {"KeyValue", "KopiaSnapshot"});
        if (name == "Secrets") declared(path, scope_.secrets, "secretNames", {});
        if (name == "ConfigMaps") declared(path, scope_.config_maps, "configMapNames", {});
        if (name == "Profile") member(path[1], ".Profile", {"Location", "Credential", "SkipSSLVerify"});
    }

    void member(const std::pair<std::string, std::size_t>& name, const std::string& of,
                const std::vector<std::string>& known) {
        if (known.empty() || contains(known, name.first)) return;
        report(Severity::kError, name.second, "unknown-parameter", of + " has no " + name.first,
               hint_among(name.first, known, "it has "));
    }

    void declared(const std::vector<std::pair<std::string, std::size_t>>& path,
                  const std::optional<std::vector<std::string>>& names_there, const std::string& list,
                  const std::vector<std::string>& members) {
        const auto& [name, offset] = path[1];
        if (names_there && !contains(*names_there, name)) {
            const std::string near = nearest(name, *names_there);
            report(Severity::kWarning, offset, "undeclared", "'" + name + "' is not in the action's " + list,
                   near.empty() ? "say there that the action needs it" : "did you mean '" + near + "'?");
        }
        if (path.size() > 2) member(path[2], "." + path[0].first + "." + name, members);
    }

    // The phase's index, or nothing after saying that there is none.
    std::optional<std::size_t> phase(const std::string& name, std::size_t offset) {
        if (scope_.is_launch) {
            report(Severity::kError, offset, "later-phase",
                   "no phase has run when the references to objects are rendered", "use it in args");
            return std::nullopt;
        }
        std::vector<std::string> all;
        for (std::size_t i = 0; i < scope_.phases.size(); ++i) {
            if (scope_.phases[i].name == name) return i;
            all.push_back(scope_.phases[i].name);
        }
        report(Severity::kError, offset, "unknown-phase", "the action has no phase '" + name + "'",
               hint_among(name, all, "it has "));
        return std::nullopt;
    }

    void phases(const std::vector<std::pair<std::string, std::size_t>>& path) {
        const auto index = phase(path[1].first, path[1].second);
        if (!index || path.size() < 3) return;
        const PhaseFacts& facts = scope_.phases[*index];
        const auto& [part, offset] = path[2];
        if (part == "Output") return output(path, *index);
        member(path[2], ".Phases." + facts.name, {"Output", "Secrets", "ConfigMaps"});
        if (part != "Secrets" && part != "ConfigMaps") return;
        if (*index >= scope_.finished && scope_.current != *index) {
            return report(Severity::kError, offset, "later-phase",
                          "the phase '" + facts.name + "' has not begun yet");
        }
        const auto& there = part == "Secrets" ? facts.secrets : facts.config_maps;
        if (path.size() > 3 && !contains(there, path[3].first)) {
            report(Severity::kError, path[3].second, "unknown-object",
                   "the phase '" + facts.name + "' has no " + (part == "Secrets" ? "Secret" : "ConfigMap") +
                       " '" + path[3].first + "' among its objects",
                   hint_among(path[3].first, there, "it has "));
        }
    }

    void output(const std::vector<std::pair<std::string, std::size_t>>& path, std::size_t index) {
        const PhaseFacts& facts = scope_.phases[index];
        if (index >= scope_.finished) {
            return report(Severity::kError, path[2].second, "later-phase",
                          scope_.current == index ? "the phase's own output is not there before it has run"
                                                  : "the phase '" + facts.name + "' runs later");
        }
        if (scope_.is_defer) {
            report(Severity::kWarning, path[2].second, "defer-output",
                   "the deferPhase runs also where the phase '" + facts.name +
                       "' has failed, and then has no such output");
        }
        if (path.size() < 4 || facts.outputs.empty() || contains(facts.outputs, path[3].first)) return;
        report(Severity::kWarning, path[3].second, "unknown-output",
               facts.func + " does not always set the output '" + path[3].first + "'",
               hint_among(path[3].first, facts.outputs, "it sets "));
    }

    const std::string& text_;
    const std::string& pointer_;
    const TemplateScope& scope_;
    Problems& problems_;
};

}  // namespace

void check_template(const std::string& text, const std::string& pointer, const TemplateScope& scope,
                    Problems& problems) {
    if (!has_template(text)) return;
    const auto trees = parse_template(text, pointer, problems);
    if (!trees || scope.dot == TemplateScope::Dot::kElsewhere) return;
    if (const auto root = trees->by_name.find(kTemplateName); root != trees->by_name.end()) {
        Walker(text, pointer, scope, problems).walk(*root->second, true);
    }
}

void check_templates(const Value& value, const std::string& pointer, const TemplateScope& scope,
                     Problems& problems) {
    if (value.is_string()) return check_template(value.as_string(), pointer, scope, problems);
    std::size_t index = 0;
    for (const Value& item : value.list_or_empty())
        check_templates(item, child(pointer, index++), scope, problems);
    for (const auto& [key, member] : value.map_or_empty()) {
        // A key has a place but no inside: its template's problems point at the key.
        if (has_template(key)) {
            Problems of_key;
            check_template(key, child(pointer, key), scope, of_key);
            for (Problem& problem : of_key.take()) {
                problem.part = SourceMap::Part::kKey;
                problem.spot.reset();
                problems.add(std::move(problem));
            }
        }
        check_templates(member, child(pointer, key), scope, problems);
    }
}

}  // namespace fencepost::model
