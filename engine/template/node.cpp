#include "template/node.h"

#include "value/format.h"

namespace fencepost::tmpl {

namespace {

std::string joined(const std::vector<std::string>& names, std::string_view before) {
    std::string text;
    for (const std::string& name : names) {
        text += before;
        text += name;
    }
    return text;
}

}  // namespace

std::string ListNode::text() const {
    std::string text;
    for (const NodePtr& node : nodes) text += node->text();
    return text;
}

std::string WordNode::text() const {
    switch (kind) {
        case NodeKind::kDot:
            return ".";
        case NodeKind::kNil:
            return "nil";
        case NodeKind::kBreak:
            return "{{break}}";
        case NodeKind::kContinue:
            return "{{continue}}";
        case NodeKind::kElse:
            return "{{else}}";
        default:
            return "{{end}}";
    }
}

std::string VariableNode::text() const { return joined(names, ".").substr(1); }
std::string FieldNode::text() const { return joined(names, "."); }

std::string ChainNode::text() const {
    const std::string inner = base->text();
    return (base->kind == NodeKind::kPipe ? "(" + inner + ")" : inner) + joined(names, ".");
}

std::string CommandNode::text() const {
    std::string text;
    for (const NodePtr& argument : arguments) {
        if (!text.empty()) text += ' ';
        text += argument->kind == NodeKind::kPipe ? "(" + argument->text() + ")" : argument->text();
    }
    return text;
}

std::string PipeNode::text() const {
    std::string text;
    for (const auto& variable : declarations) text += (text.empty() ? "" : ", ") + variable->text();
    if (!text.empty()) text += is_assignment ? " = " : " := ";
    for (std::size_t i = 0; i < commands.size(); ++i) text += (i > 0 ? " | " : "") + commands[i]->text();
    return text;
}

std::string BranchNode::text() const {
    const char* name = kind == NodeKind::kIf ? "if" : kind == NodeKind::kRange ? "range" : "with";
    std::string text = std::string("{{") + name + " " + pipe->text() + "}}" + body->text();
    if (otherwise) text += "{{else}}" + otherwise->text();
    return text + "{{end}}";
}

std::string TemplateNode::text() const {
    return "{{template " + go_quote(name) + (pipe ? " " + pipe->text() : "") + "}}";
}

}  // namespace fencepost::tmpl
