// Runs a parsed template over data: one Execution a render, on one thread, with its own budget. A value in
// flight is a pointer into the data, the tree, or the execution's arena, so that fields and pipelines copy
// nothing.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "template/function_entry.h"
#include "template/parse.h"
#include "template/stack.h"
#include "template/template.h"

namespace fencepost::tmpl {

// What Go would hold in a reflect.Value: nothing, or a value with the static type that it was reached by.
struct Operand {
    const Value* value = nullptr;  // null: Go's invalid Value ("no value")
    bool is_interface = false;     // its static type is interface {}: reached through a map or slice of those
};

class Execution {
  public:
    Execution(std::string_view name, std::string_view text, const Trees& trees, const RenderOptions& options,
              std::string& output);
    void run(const Value& data);

  private:
    struct Variable {
        std::string_view name;
        Operand operand;
    };
    enum class Flow { kNext, kBreak, kContinue };

    [[noreturn]] void fail(const std::string& message) const;
    [[noreturn]] void over_budget(const std::string& message) const;
    void at(const Node& node) { node_ = &node; }
    void step();
    const Value& keep(Value value);
    [[noreturn]] void too_deep() const;
    void forget(std::size_t mark);  // what was kept since the arena had `mark` values
    void write(std::string_view text);

    Flow walk(const Operand& dot, const Node& node);
    Flow walk_list(const Operand& dot, const ListNode& list);
    Flow walk_if_or_with(const Operand& dot, const BranchNode& node);
    Flow walk_range(const Operand& dot, const BranchNode& node);
    Flow iterate(const BranchNode& node, const Operand& index, const Operand& element, std::size_t mark);
    void walk_template(const Operand& dot, const TemplateNode& node);
    void print(const Node& node, const Operand& operand);

    Operand pipeline(const Operand& dot, const PipeNode& pipe);
    Operand command(const Operand& dot, const CommandNode& command, const Operand* final_value);
    void refuse_arguments(const CommandNode& command, const Operand* final_value) const;
    Operand field_chain(const Operand& dot, const Operand& receiver, const Node& node,
                        const std::vector<std::string>& names, std::size_t first, const CommandNode* command,
                        const Operand* final_value);
    Operand field(const Operand& dot, const std::string& name, const Node& node, const CommandNode* command,
                  const Operand* final_value, const Operand& receiver);
    Operand function(const Operand& dot, const IdentifierNode& node, const Node& call_node,
                     const CommandNode* command, const Operand* final_value);
    Operand call(const Operand& dot, const FunctionEntry& entry, const Value* receiver, const Node& call_node,
                 const CommandNode* command, const Operand* final_value);
    std::size_t require_count(const FunctionEntry& entry, const CommandNode* command,
                              const Operand* final_value, const Value* receiver) const;
    const Value& steady(const Value& member);
    [[noreturn]] void refuse_call(const Operand& dot, const IdentifierNode& node, const Node& call_node,
                                  const CommandNode* command, const Operand* final_value);
    Operand short_circuit(const Operand& dot, const FunctionEntry& entry, const CommandNode* command,
                          const Operand* final_value);
    Operand argument(const Operand& dot, Param param, const Node& node);
    Operand constant_argument(Param param, const Node& node);
    Operand validate(const Operand& operand, Param param);
    Operand ideal(const NumberNode& number);
    [[nodiscard]] const Operand& variable(std::string_view name) const;
    void set_variable(std::string_view name, const Operand& operand);

    std::string_view name_;
    std::string_view template_name_;
    std::string_view text_;
    const Trees& trees_;
    const RenderOptions& options_;
    std::string& output_;
    const Node* node_ = nullptr;
    Stack<Variable, 4> variables_;
    struct Kept {
        Value value;
        std::size_t bytes = 0;
    };
    Stack<Kept, 6> arena_;
    std::size_t pinned_ = 0;  // so many of the arena's values may be held by outer variables
    std::size_t kept_bytes_ = 0;
    std::size_t steps_ = 0;
    std::size_t next_clock_read_ = 0;
    std::size_t depth_ = 0;
    std::size_t output_start_ = 0;
    std::chrono::steady_clock::time_point deadline_;
};

// Go's text/template.IsTrue.
[[nodiscard]] bool is_true(const Operand& operand);
// The Go name of the static type: "interface {}" for what was reached through one.
[[nodiscard]] std::string static_type(const Operand& operand);

}  // namespace fencepost::tmpl
