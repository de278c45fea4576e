// The fields that a template takes, found in its parse tree: for blueprint.h.
#include <algorithm>

#include "lint/blueprint.h"
#include "model/problem.h"
#include "model/template_error.h"

namespace fencepost::lint {
namespace {

using tmpl::NodeKind;

class FieldFinder {
  public:
    explicit FieldFinder(const std::string& text) : text_(text) {}

    std::vector<FieldUse> take() { return std::move(uses_); }

    // Whether the dot is the parameters at this node.
    void walk(const tmpl::Node& node, bool is_root) {
        switch (node.kind) {
            case NodeKind::kList:
                for (const auto& one : static_cast<const tmpl::ListNode&>(node).nodes) walk(*one, is_root);
                return;
            case NodeKind::kAction:
                return pipe(*static_cast<const tmpl::ActionNode&>(node).pipe, is_root, {});
            case NodeKind::kIf:
            case NodeKind::kRange:
            case NodeKind::kWith:
                return branch(static_cast<const tmpl::BranchNode&>(node), is_root);
            case NodeKind::kTemplate:
                if (const auto& argument = static_cast<const tmpl::TemplateNode&>(node).pipe)
                    pipe(*argument, is_root, {});
                return;
            default:
                return;
        }
    }

  private:
    void branch(const tmpl::BranchNode& node, bool is_root) {
        const bool tests = node.kind != NodeKind::kRange;
        is_tested_ = tests;
        pipe(*node.pipe, is_root, {});
        is_tested_ = false;
        const bool was_guarded = is_guarded_;
        is_guarded_ = is_guarded_ || tests;
        walk(*node.body, is_root && node.kind == NodeKind::kIf);
        if (node.otherwise != nullptr) walk(*node.otherwise, is_root);
        is_guarded_ = was_guarded;
    }

    static std::string function_of(const tmpl::CommandNode& command) {
        const auto& first = *command.arguments.front();
        return first.kind == NodeKind::kIdentifier ? static_cast<const tmpl::IdentifierNode&>(first).name
                                                   : "";
    }

    // `outer`: the functions that the whole pipe's value goes through.
    void pipe(const tmpl::PipeNode& node, bool is_root, const std::vector<std::string>& outer) {
        for (std::size_t i = 0; i < node.commands.size(); ++i) {
            std::vector<std::string> later;
            for (std::size_t j = i + 1; j < node.commands.size(); ++j)
                later.push_back(function_of(*node.commands[j]));
            later.insert(later.end(), outer.begin(), outer.end());
            command(*node.commands[i], is_root, later);
        }
    }

    void command(const tmpl::CommandNode& node, bool is_root, const std::vector<std::string>& later) {
        const std::string function = function_of(node);
        if (function == "index" && indexed(node, is_root, later)) return;
        std::vector<std::string> functions;
        if (!function.empty()) functions.push_back(function);
        functions.insert(functions.end(), later.begin(), later.end());
        for (std::size_t i = 0; i < node.arguments.size(); ++i) {
            // `default fallback given`: only what is given goes through it.
            const bool is_fallback = function == "default" && i != 2;
            argument(*node.arguments[i], is_root, is_fallback ? later : functions);
        }
    }

    void argument(const tmpl::Node& node, bool is_root, const std::vector<std::string>& functions) {
        if (node.kind == NodeKind::kPipe)
            return pipe(static_cast<const tmpl::PipeNode&>(node), is_root, functions);
        if (node.kind == NodeKind::kChain)
            return argument(*static_cast<const tmpl::ChainNode&>(node).base, is_root, functions);
        if (const auto path = path_of(node, is_root); !path.empty()) add(node, path, functions, false);
    }

    // index .Phases "my-phase" "Output": a path like any other.
    bool indexed(const tmpl::CommandNode& node, bool is_root, const std::vector<std::string>& later) {
        if (node.arguments.size() < 2) return false;
        auto path = path_of(*node.arguments[1], is_root);
        if (path.empty()) return false;
        for (std::size_t i = 2; i < node.arguments.size(); ++i) {
            if (node.arguments[i]->kind != NodeKind::kString) break;
            path.push_back(static_cast<const tmpl::StringNode&>(*node.arguments[i]).literal.as_string());
        }
        add(*node.arguments[1], path, later, true);
        return true;
    }

    static std::vector<std::string> path_of(const tmpl::Node& node, bool is_root) {
        if (node.kind == NodeKind::kField && is_root) return static_cast<const tmpl::FieldNode&>(node).names;
        if (node.kind != NodeKind::kVariable) return {};
        const auto& names = static_cast<const tmpl::VariableNode&>(node).names;
        if (names[0] != "$") return {};
        return {names.begin() + 1, names.end()};
    }

    void add(const tmpl::Node& node, std::vector<std::string> path, std::vector<std::string> functions,
             bool is_indexed) {
        // Go's parser gives a chain the place of its second link.
        std::size_t offset = node.position;
        const std::string text = node.text();
        if (text_.compare(offset, text.size(), text) != 0) {
            const std::size_t found = text_.rfind(text, offset);
            if (found != std::string::npos) offset = found;
        }
        uses_.push_back({.path = std::move(path),
                         .offset = offset,
                         .functions = std::move(functions),
                         .is_indexed = is_indexed,
                         .is_tested = is_tested_,
                         .is_guarded = is_guarded_});
    }

    const std::string& text_;
    std::vector<FieldUse> uses_;
    bool is_tested_ = false;
    bool is_guarded_ = false;
};

}  // namespace

std::vector<FieldUse> fields_in(const std::string& text) {
    if (text.find("{{") == std::string::npos) return {};
    model::Problems unused;  // validate has told them
    const auto trees = model::parse_template(text, "", unused);
    if (!trees) return {};
    const auto root = trees->by_name.find(model::kTemplateName);
    if (root == trees->by_name.end()) return {};
    FieldFinder finder(text);
    finder.walk(*root->second, true);
    return finder.take();
}

}  // namespace fencepost::lint
