// The parse tree of a template: immutable once parsed, shared by threads. Every node prints itself as Go's
// does, since errors quote it; names of fields and functions are resolved here, so that a render looks
// nothing up by text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace fencepost::tmpl {

struct FunctionEntry;

enum class NodeKind {
    kText,
    kAction,
    kPipe,
    kCommand,
    kIdentifier,
    kVariable,
    kDot,
    kNil,
    kField,
    kChain,
    kBool,
    kNumber,
    kString,
    kIf,
    kRange,
    kWith,
    kTemplate,
    kBreak,
    kContinue,
    kList,
    kElse,
    kEnd,
};

struct Node {
    Node(NodeKind node_kind, std::size_t at) : kind(node_kind), position(at) {}
    virtual ~Node() = default;
    [[nodiscard]] virtual std::string text() const = 0;
    const NodeKind kind;
    std::size_t position;  // byte offset in the template's text
};
using NodePtr = std::unique_ptr<Node>;

struct ListNode final : Node {
    explicit ListNode(std::size_t at) : Node(NodeKind::kList, at) {}
    [[nodiscard]] std::string text() const override;
    std::vector<NodePtr> nodes;
};

struct TextNode final : Node {
    TextNode(std::size_t at, std::string value) : Node(NodeKind::kText, at), literal(std::move(value)) {}
    [[nodiscard]] std::string text() const override { return literal; }
    std::string literal;
};

// ".", "nil", "{{break}}", "{{continue}}", "{{else}}", "{{end}}": nothing but what they are.
struct WordNode final : Node {
    WordNode(NodeKind node_kind, std::size_t at) : Node(node_kind, at) {}
    [[nodiscard]] std::string text() const override;
};

struct IdentifierNode final : Node {
    IdentifierNode(std::size_t at, std::string value, const FunctionEntry& entry)
        : Node(NodeKind::kIdentifier, at), name(std::move(value)), function(&entry) {}
    [[nodiscard]] std::string text() const override { return name; }
    std::string name;
    const FunctionEntry* function;
};

// $x.a.b: names[0] is "$x".
struct VariableNode final : Node {
    VariableNode(std::size_t at, std::vector<std::string> value)
        : Node(NodeKind::kVariable, at), names(std::move(value)) {}
    [[nodiscard]] std::string text() const override;
    std::vector<std::string> names;
};

struct FieldNode final : Node {
    FieldNode(std::size_t at, std::vector<std::string> value)
        : Node(NodeKind::kField, at), names(std::move(value)) {}
    [[nodiscard]] std::string text() const override;
    std::vector<std::string> names;
};

// (pipeline).a.b and function.a: fields of what is no field or variable.
struct ChainNode final : Node {
    ChainNode(std::size_t at, NodePtr value) : Node(NodeKind::kChain, at), base(std::move(value)) {}
    [[nodiscard]] std::string text() const override;
    NodePtr base;
    std::vector<std::string> names;
};

struct BoolNode final : Node {
    BoolNode(std::size_t at, bool is_true) : Node(NodeKind::kBool, at), value(is_true) {}
    [[nodiscard]] std::string text() const override { return value.as_bool() ? "true" : "false"; }
    Value value;
};

// An untyped constant: what it can be is decided by who takes it.
struct NumberNode final : Node {
    NumberNode(std::size_t at, std::string spelled)
        : Node(NodeKind::kNumber, at), spelling(std::move(spelled)) {}
    [[nodiscard]] std::string text() const override { return spelling; }
    std::string spelling;
    std::optional<std::int64_t> as_int;
    std::optional<std::uint64_t> as_uint;
    std::optional<double> as_float;
    bool is_complex = false;  // has an imaginary part that is not 0
    double real = 0, imaginary = 0;
    bool is_char = false;
    Value ideal;  // as an argument of any type; nil where it does not fit an int
};

struct StringNode final : Node {
    StringNode(std::size_t at, std::string spelled, std::string value)
        : Node(NodeKind::kString, at), quoted(std::move(spelled)), literal(std::move(value)) {}
    [[nodiscard]] std::string text() const override { return quoted; }
    std::string quoted;
    Value literal;
};

struct CommandNode final : Node {
    explicit CommandNode(std::size_t at) : Node(NodeKind::kCommand, at) {}
    [[nodiscard]] std::string text() const override;
    std::vector<NodePtr> arguments;
};

struct PipeNode final : Node {
    explicit PipeNode(std::size_t at) : Node(NodeKind::kPipe, at) {}
    [[nodiscard]] std::string text() const override;
    bool is_assignment = false;
    std::vector<std::unique_ptr<VariableNode>> declarations;
    std::vector<std::unique_ptr<CommandNode>> commands;
};

struct ActionNode final : Node {
    ActionNode(std::size_t at, std::unique_ptr<PipeNode> value)
        : Node(NodeKind::kAction, at), pipe(std::move(value)) {}
    [[nodiscard]] std::string text() const override { return "{{" + pipe->text() + "}}"; }
    std::unique_ptr<PipeNode> pipe;
};

struct BranchNode final : Node {  // if, range, with
    BranchNode(NodeKind node_kind, std::size_t at) : Node(node_kind, at) {}
    [[nodiscard]] std::string text() const override;
    std::unique_ptr<PipeNode> pipe;
    std::unique_ptr<ListNode> body;
    std::unique_ptr<ListNode> otherwise;  // may be null
};

struct TemplateNode final : Node {
    TemplateNode(std::size_t at, std::string value, std::unique_ptr<PipeNode> argument)
        : Node(NodeKind::kTemplate, at), name(std::move(value)), pipe(std::move(argument)) {}
    [[nodiscard]] std::string text() const override;
    std::string name;
    std::unique_ptr<PipeNode> pipe;  // may be null
};

}  // namespace fencepost::tmpl
