#include "template/exec.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "value/format.h"

namespace fencepost::tmpl {

namespace {

constexpr std::size_t kStepsBetweenClockReads = 4096;
constexpr std::size_t kBytesPerStep = 256;                      // what a function makes is work, too
constexpr int kMaxNesting = 100;                                // of lists and maps
constexpr std::size_t kStackReserve = std::size_t{112} * 1024;  // for functions, formatting and unwinding

// What is left of this thread's stack: {{template}} may recurse as deep as the stack allows, and an action's
// thread has a small one.
std::size_t stack_left() {
    thread_local const char* const lowest = [] {
        pthread_attr_t attributes;
        void* address = nullptr;
        std::size_t size = 0;
        if (pthread_getattr_np(pthread_self(), &attributes) != 0) return static_cast<const char*>(nullptr);
        pthread_attr_getstack(&attributes, &address, &size);
        pthread_attr_destroy(&attributes);
        return static_cast<const char*>(address);
    }();
    const auto* here = static_cast<const char*>(__builtin_frame_address(0));
    return lowest == nullptr ? kStackReserve + 1 : static_cast<std::size_t>(here - lowest);
}

// What a value would take if nothing in it were shared. Throws a length above `limit`, and nesting that what
// recurses over values (formatting, JSON, destruction) could not bear.
std::size_t bytes_of(const Value& value, std::size_t limit, int depth) {
    if (depth > kMaxNesting)
        throw Error(ErrorKind::kExhausted,
                    "values are nested deeper than " + std::to_string(kMaxNesting) + " levels");
    std::size_t bytes = sizeof(Value);
    const auto add = [&](const Value& member) {
        bytes += bytes_of(member, limit - std::min(limit, bytes), depth + 1);
        if (bytes > limit) throw Error(ErrorKind::kExhausted, "values take too many bytes");
    };
    switch (value.kind()) {
        case Kind::kString:
            return bytes + value.as_string().size();
        case Kind::kBytes:
            return bytes + value.as_bytes().data.size();
        case Kind::kList:
            for (const Value& item : value.as_list()) add(item);
            return bytes;
        case Kind::kMap:
            for (const Member& member : value.as_map()) {
                bytes += member.key.size();
                add(member.value);
            }
            return bytes;
        default:
            return bytes;
    }
}

// The zero value of a map's element type, for missingkey=zero; nullptr is interface {}.
Value zero_of(const GoType* type) {
    if (type == nullptr) return {};
    switch (type->kind) {
        case Kind::kBool:
            return Value(false);
        case Kind::kInt:
            return Value(std::int64_t{0}, *type);
        case Kind::kUint:
            return Value(std::uint64_t{0}, *type);
        case Kind::kFloat:
            return Value(0.0, *type);
        case Kind::kString:
            return Value("");
        case Kind::kBytes:
            return Value(Bytes{});
        default:
            return Value::typed_nil(*type);
    }
}

bool has_field(const GoType& type, std::string_view name) {
    return std::any_of(type.fields.begin(), type.fields.end(),
                       [&](const GoField& field) { return field.name == name; });
}

// A struct's field, also one that an embedded struct brings; nullptr where there is none.
const Value* find_field(const Value& value, std::string_view name) {
    const GoType& type = *value.go_type();
    const auto& values = value.as_fields().values;
    for (std::size_t i = 0; i < values.size() && i < type.fields.size(); ++i) {
        if (type.fields[i].name == name) return &values[i];
    }
    for (std::size_t i = 0; i < values.size() && i < type.fields.size(); ++i) {
        if (!type.fields[i].is_embedded || values[i].kind() != Kind::kStruct) continue;
        if (const Value* found = find_field(values[i], name)) return found;
    }
    return nullptr;
}

bool can_be_nil(Param param) { return param == Param::kAny || param >= Param::kStrings; }

// Whether a value has the Go type of a parameter.
bool fits(const Value& value, Param param) {
    const GoType* type = value.go_type();
    switch (param) {
        case Param::kString:
            return value.is_string() && type == nullptr;
        case Param::kBool:
            return value.is_bool() && type == nullptr;
        case Param::kInt:
            return type == &go::kInt;
        case Param::kMap:
            return value.is_map() ? type == nullptr : type == &go::kAnyMap;
        case Param::kList:
            return value.is_list() ? type == nullptr : type == &go::kAnyList;
        default:
            return go_type_name(value) == go_name(param);
    }
}

// What a parameter gets where there is no value: the nil of its type.
const Value& nil_of(Param param) {
    static const Value kMap = Value::typed_nil(go::kAnyMap);
    static const Value kList = Value::typed_nil(go::kAnyList);
    static const Value kNothing;
    return param == Param::kMap ? kMap : param == Param::kList ? kList : kNothing;
}

// An interface that holds nothing is no value at all once it is looked into.
Operand looked_into(Operand operand) {
    if (operand.value != nullptr && operand.value->is_nil() && operand.value->go_type() == nullptr) return {};
    operand.is_interface = false;
    return operand;
}

}  // namespace

bool is_true(const Operand& operand) {
    if (operand.value == nullptr) return false;
    const Value& value = *operand.value;
    switch (value.kind()) {
        case Kind::kNil:
            return false;
        case Kind::kBool:
            return value.as_bool();
        case Kind::kInt:
            return value.as_int() != 0;
        case Kind::kUint:
            return value.as_uint() != 0;
        case Kind::kFloat:
            return value.as_double() != 0;
        case Kind::kString:
            return !value.as_string().empty();
        case Kind::kBytes:
            return !value.as_bytes().data.empty();
        case Kind::kList:
            return !value.as_list().empty();
        case Kind::kMap:
            return !value.as_map().empty();
        case Kind::kStruct:
            if (value.go_type() == &go::kComplex128)
                return value.as_fields().values[0].as_double() != 0 ||
                       value.as_fields().values[1].as_double() != 0;
            return true;
        case Kind::kTime:
            return true;
    }
    return false;
}

std::string static_type(const Operand& operand) {
    if (operand.is_interface || operand.value == nullptr) return "interface {}";
    return std::string(go_type_name(*operand.value));
}

Execution::Execution(std::string_view name, std::string_view text, const Trees& trees,
                     const RenderOptions& options, std::string& output)
    : name_(name),
      template_name_(name),
      text_(text),
      trees_(trees),
      options_(options),
      output_(output),
      output_start_(output.size()),
      deadline_(std::chrono::steady_clock::now() + options.max_time) {}

void Execution::fail(const std::string& message) const {
    if (node_ == nullptr)
        throw Error(ErrorKind::kInvalid, "template: " + std::string(template_name_) + ": " + message);
    const std::string_view before = text_.substr(0, node_->position);
    const std::size_t newline = before.rfind('\n');
    const std::size_t column =
        newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    throw Error(ErrorKind::kInvalid, "template: " + std::string(name_) + ":" + std::to_string(line) + ":" +
                                         std::to_string(column) + ": executing " + go_quote(template_name_) +
                                         " at <" + node_->text() + ">: " + message);
}

void Execution::over_budget(const std::string& message) const {
    try {
        fail(message);
    } catch (const Error& e) {
        throw Error(ErrorKind::kExhausted, e.message());
    }
}

void Execution::too_deep() const {
    over_budget("exceeded maximum template depth (" + std::to_string(depth_) + ")");
}

void Execution::step() {
    if (++steps_ > options_.max_steps)
        over_budget("exceeded " + std::to_string(options_.max_steps) + " steps");
    if (steps_ < next_clock_read_) return;
    next_clock_read_ = steps_ + kStepsBetweenClockReads;
    if (std::chrono::steady_clock::now() > deadline_) {
        over_budget("took longer than " + std::to_string(options_.max_time.count()) + " ms");
    }
}

const Value& Execution::keep(Value value) {
    std::size_t bytes = 0;
    try {
        bytes = bytes_of(value, options_.max_kept_bytes - kept_bytes_, 0);
    } catch (const Error& e) {
        over_budget(e.message());
    }
    kept_bytes_ += bytes;
    if (kept_bytes_ > options_.max_kept_bytes)
        over_budget("values take more than " + std::to_string(options_.max_kept_bytes) + " bytes");
    steps_ += bytes / kBytesPerStep;
    return arena_.push({std::move(value), bytes}).value;
}

void Execution::forget(std::size_t mark) {
    while (arena_.size() > std::max(mark, pinned_)) {
        kept_bytes_ -= arena_.back().bytes;
        arena_.pop();
    }
}

void Execution::write(std::string_view text) {
    if (output_.size() - output_start_ + text.size() > options_.max_output_bytes) {
        over_budget("output is larger than " + std::to_string(options_.max_output_bytes) + " bytes");
    }
    output_ += text;
}

void Execution::run(const Value& data) {
    const auto found = trees_.by_name.find(name_);
    if (found == trees_.by_name.end()) fail(go_quote(name_) + " is an incomplete or empty template");
    // What a function changes must be this render's alone.
    const Operand dot = looked_into({trees_.changes_maps ? &keep(data.deep_copy()) : &data, false});
    pinned_ = arena_.size();
    variables_.push({"$", dot});
    walk_list(dot, *found->second);
}

Execution::Flow Execution::walk_list(const Operand& dot, const ListNode& list) {
    for (const NodePtr& node : list.nodes) {
        if (const Flow flow = walk(dot, *node); flow != Flow::kNext) return flow;
    }
    return Flow::kNext;
}

Execution::Flow Execution::walk(const Operand& dot, const Node& node) {
    step();
    at(node);
    if (stack_left() < kStackReserve) too_deep();
    switch (node.kind) {
        case NodeKind::kText:
            write(static_cast<const TextNode&>(node).literal);
            return Flow::kNext;
        case NodeKind::kAction: {
            const auto& action = static_cast<const ActionNode&>(node);
            const std::size_t mark = arena_.size();
            const Operand value = pipeline(dot, *action.pipe);
            if (action.pipe->declarations.empty()) {
                print(node, value);
                forget(mark);
            }
            return Flow::kNext;
        }
        case NodeKind::kIf:
        case NodeKind::kWith:
            return walk_if_or_with(dot, static_cast<const BranchNode&>(node));
        case NodeKind::kRange:
            return walk_range(dot, static_cast<const BranchNode&>(node));
        case NodeKind::kTemplate:
            walk_template(dot, static_cast<const TemplateNode&>(node));
            return Flow::kNext;
        case NodeKind::kBreak:
            return Flow::kBreak;
        case NodeKind::kContinue:
            return Flow::kContinue;
        case NodeKind::kList:
            return walk_list(dot, static_cast<const ListNode&>(node));
        default:
            fail("unknown node: " + node.text());
    }
}

Execution::Flow Execution::walk_if_or_with(const Operand& dot, const BranchNode& node) {
    const std::size_t scope = variables_.size();
    const Operand value = pipeline(dot, *node.pipe);
    Flow flow = Flow::kNext;
    if (is_true(value))
        flow = walk_list(node.kind == NodeKind::kWith ? value : dot, *node.body);
    else if (node.otherwise)
        flow = walk_list(dot, *node.otherwise);
    variables_.shrink_to(scope);
    return flow;
}

Execution::Flow Execution::iterate(const BranchNode& node, const Operand& index, const Operand& element,
                                   std::size_t mark) {
    step();
    const auto& declared = node.pipe->declarations;
    if (!declared.empty()) {
        const Operand& first = declared.size() > 1 ? index : element;
        if (node.pipe->is_assignment) {
            set_variable(declared[0]->names[0], first);
            if (declared.size() > 1) set_variable(declared[1]->names[0], element);
        } else {
            variables_[variables_.size() - declared.size()].operand = first;
            if (declared.size() > 1) variables_.back().operand = element;
        }
    }
    const Flow flow = walk_list(element, *node.body);
    variables_.shrink_to(mark);
    return flow == Flow::kBreak ? Flow::kBreak : Flow::kNext;
}

Execution::Flow Execution::walk_range(const Operand& dot, const BranchNode& node) {
    const std::size_t scope = variables_.size();
    const Operand value = pipeline(dot, *node.pipe);

    const std::size_t mark = variables_.size();
    const auto refuse = [&] {
        fail("range can't iterate over " +
             (value.value == nullptr ? std::string("<invalid reflect.Value>") : go_format_v(*value.value)));
    };
    bool any = false;
    if (value.value != nullptr) {
        switch (value.value->kind()) {
            case Kind::kList: {
                const bool interfaces = value.value->go_type() == nullptr;
                const Value kept = *value.value;
                const List& list = kept.as_list();
                for (std::size_t i = 0; i < list.size(); ++i) {
                    any = true;
                    const Value& index = node.pipe->declarations.size() > 1
                                             ? keep(Value(static_cast<std::int64_t>(i), go::kInt))
                                             : list[i];
                    if (iterate(node, {&index, false}, {&list[i], interfaces}, mark) == Flow::kBreak) break;
                }
                break;
            }
            case Kind::kBytes: {
                const std::string bytes = value.value->as_bytes().data;
                for (std::size_t i = 0; i < bytes.size(); ++i) {
                    any = true;
                    const Value& index = keep(Value(static_cast<std::int64_t>(i), go::kInt));
                    const Value& byte =
                        keep(Value(std::uint64_t{static_cast<unsigned char>(bytes[i])}, go::kUint8));
                    if (iterate(node, {&index, false}, {&byte, false}, mark) == Flow::kBreak) break;
                }
                break;
            }
            case Kind::kMap: {
                const bool interfaces = value.value->go_type() == nullptr;
                const Value kept = *value.value;
                // As in Go, a loop goes over what was there when it began.
                Map before;
                if (trees_.changes_maps) before = kept.as_map();
                for (const Member& member : trees_.changes_maps ? before : kept.as_map()) {
                    any = true;
                    const Value& key = keep(Value(member.key));
                    if (iterate(node, {&key, false}, {&member.value, interfaces}, mark) == Flow::kBreak)
                        break;
                }
                break;
            }
            case Kind::kInt:
            case Kind::kUint: {
                if (node.pipe->declarations.size() > 1)
                    fail("can't use " + go_format_v(*value.value) +
                         " to iterate over more than one variable");
                const std::int64_t count = value.value->as_int();
                const GoType* type = value.value->go_type();
                for (std::int64_t i = 0; i < count; ++i) {
                    any = true;
                    const std::size_t kept = arena_.size();
                    const Value& number = keep(type != nullptr ? Value(i, *type) : Value(i));
                    const Flow flow = iterate(node, {&number, false}, {&number, false}, mark);
                    forget(kept);
                    if (flow == Flow::kBreak) break;
                }
                break;
            }
            case Kind::kNil:
                if (value.value->go_type() == nullptr) refuse();
                break;
            default:
                refuse();
        }
    }
    Flow flow = Flow::kNext;
    if (!any && node.otherwise) flow = walk_list(dot, *node.otherwise);
    variables_.shrink_to(scope);
    return flow;
}

void Execution::walk_template(const Operand& dot, const TemplateNode& node) {
    const auto found = trees_.by_name.find(node.name);
    if (found == trees_.by_name.end()) fail("template " + go_quote(node.name) + " not defined");
    if (depth_ >= options_.max_depth) too_deep();
    const Operand argument_value = node.pipe ? pipeline(dot, *node.pipe) : Operand{};
    ++depth_;
    const std::string_view outer = template_name_;
    // The parser has seen to it that a template names none of its callers' variables.
    const std::size_t scope = variables_.size();
    variables_.push({"$", argument_value});
    template_name_ = found->first;
    walk_list(argument_value, *found->second);
    template_name_ = outer;
    variables_.shrink_to(scope);
    --depth_;
}

void Execution::print(const Node& node, const Operand& operand) {
    at(node);
    if (operand.value == nullptr) return write("<no value>");
    if (operand.value->is_string()) return write(operand.value->as_string());
    const std::size_t before = output_.size();
    append_go_format_v(output_, *operand.value);
    if (output_.size() - output_start_ > options_.max_output_bytes) {
        output_.resize(before);
        over_budget("output is larger than " + std::to_string(options_.max_output_bytes) + " bytes");
    }
}

const Operand& Execution::variable(std::string_view name) const {
    for (std::size_t i = variables_.size(); i-- > 0;) {
        if (variables_[i].name == name) return variables_[i].operand;
    }
    fail("undefined variable: " + std::string(name));
}

void Execution::set_variable(std::string_view name, const Operand& operand) {
    for (std::size_t i = variables_.size(); i-- > 0;) {
        if (variables_[i].name == name) {
            variables_[i].operand = operand;
            pinned_ = arena_.size();
            return;
        }
    }
    fail("undefined variable: " + std::string(name));
}

Operand Execution::pipeline(const Operand& dot, const PipeNode& pipe) {
    at(pipe);
    Operand value;
    bool first = true;
    for (const auto& stage : pipe.commands) {
        value = looked_into(command(dot, *stage, first ? nullptr : &value));
        first = false;
    }
    for (const auto& declared : pipe.declarations) {
        if (pipe.is_assignment)
            set_variable(declared->names[0], value);
        else
            variables_.push({declared->names[0], value});
    }
    return value;
}

void Execution::refuse_arguments(const CommandNode& command, const Operand* final_value) const {
    if (command.arguments.size() > 1 || final_value != nullptr)
        fail("can't give argument to non-function " + command.arguments[0]->text());
}

Operand Execution::ideal(const NumberNode& number) {
    at(number);
    if (number.is_complex)
        return {&keep(Value::of_struct(go::kComplex128, {{Value(number.real), Value(number.imaginary)}})),
                false};
    if (number.ideal.is_nil()) fail(number.spelling + " overflows int");
    return {&number.ideal, false};
}

Operand Execution::command(const Operand& dot, const CommandNode& command, const Operand* final_value) {
    step();
    const Node& first = *command.arguments[0];
    switch (first.kind) {
        case NodeKind::kField: {
            at(first);
            const auto& node = static_cast<const FieldNode&>(first);
            return field_chain(dot, dot, first, node.names, 0, &command, final_value);
        }
        case NodeKind::kChain: {
            at(first);
            const auto& chain = static_cast<const ChainNode&>(first);
            if (chain.base->kind == NodeKind::kNil)
                fail("indirection through explicit nil in " + chain.text());
            const Operand base = argument(dot, Param::kReflect, *chain.base);
            return field_chain(dot, base, first, chain.names, 0, &command, final_value);
        }
        case NodeKind::kIdentifier:
            return function(dot, static_cast<const IdentifierNode&>(first), command, &command, final_value);
        case NodeKind::kPipe:
            refuse_arguments(command, final_value);
            return pipeline(dot, static_cast<const PipeNode&>(first));
        case NodeKind::kVariable: {
            at(first);
            const auto& node = static_cast<const VariableNode&>(first);
            const Operand& value = variable(node.names[0]);
            if (node.names.size() == 1) {
                refuse_arguments(command, final_value);
                return value;
            }
            return field_chain(dot, value, first, node.names, 1, &command, final_value);
        }
        default:
            break;
    }
    at(first);
    refuse_arguments(command, final_value);
    switch (first.kind) {
        case NodeKind::kBool:
            return {&static_cast<const BoolNode&>(first).value, false};
        case NodeKind::kDot:
            return dot;
        case NodeKind::kNil:
            fail("nil is not a command");
        case NodeKind::kNumber:
            return ideal(static_cast<const NumberNode&>(first));
        case NodeKind::kString:
            return {&static_cast<const StringNode&>(first).literal, false};
        default:
            fail("can't evaluate command " + go_quote(first.text()));
    }
}

Operand Execution::field_chain(const Operand& dot, const Operand& receiver, const Node& node,
                               const std::vector<std::string>& names, std::size_t first,
                               const CommandNode* command, const Operand* final_value) {
    Operand value = receiver;
    for (std::size_t i = first; i + 1 < names.size(); ++i)
        value = field(dot, names[i], node, nullptr, nullptr, value);
    return field(dot, names.back(), node, command, final_value, value);
}

Operand Execution::field(const Operand& dot, const std::string& name, const Node& node,
                         const CommandNode* command, const Operand* final_value, const Operand& receiver) {
    if (receiver.value == nullptr) {
        if (options_.missing_key == MissingKey::kError) fail("nil data; no entry for key " + go_quote(name));
        return {};
    }
    const Value& value = *receiver.value;
    const GoType* type = value.go_type();
    if (value.is_nil() && type == nullptr) fail("nil pointer evaluating interface {}." + name);
    const bool has_arguments =
        (command != nullptr && command->arguments.size() > 1) || final_value != nullptr;
    if (value.is_map()) {
        if (has_arguments) fail(name + " is not a method but has arguments");
        if (const Value* member = value.as_map().find(name)) return {&steady(*member), type == nullptr};
        switch (options_.missing_key) {
            case MissingKey::kDefault:
                return {};
            case MissingKey::kZero:
                return {&keep(zero_of(type != nullptr ? type->element : nullptr)), type == nullptr};
            case MissingKey::kError:
                fail("map has no entry for key " + go_quote(name));
        }
    }
    if (!value.is_nil()) {
        if (const FunctionEntry* method = find_method(value, name))
            return call(dot, *method, &value, node, command, final_value);
    }
    if (value.kind() == Kind::kStruct) {
        if (const Value* member = find_field(value, name)) {
            if (name[0] >= 'a' && name[0] <= 'z')
                fail(name + " is an unexported field of struct type " + std::string(go_type_name(value)));
            if (has_arguments) fail(name + " has arguments but cannot be invoked as function");
            return {member, false};
        }
    } else if (value.kind() == Kind::kTime && (name == "wall" || name == "ext" || name == "loc")) {
        fail(name + " is an unexported field of struct type time.Time");
    } else if (value.is_nil() && type->is_pointer) {
        if (has_field(*type, name)) fail("nil pointer evaluating " + std::string(type->name) + "." + name);
    } else if (value.is_nil() && type->kind == Kind::kMap) {
        if (has_arguments) fail(name + " is not a method but has arguments");
        if (options_.missing_key == MissingKey::kError) fail("map has no entry for key " + go_quote(name));
        if (options_.missing_key == MissingKey::kZero)
            return {&keep(zero_of(type->element)), type->element == nullptr};
        return {};
    }
    fail("can't evaluate field " + name + " in type " + static_type(receiver));
}

Operand Execution::function(const Operand& dot, const IdentifierNode& node, const Node& call_node,
                            const CommandNode* command, const Operand* final_value) {
    at(node);
    const FunctionEntry& entry = *node.function;
    if (entry.special == FunctionEntry::Special::kNone)
        return call(dot, entry, nullptr, call_node, command, final_value);
    require_count(entry, command, final_value, nullptr);
    if (entry.special == FunctionEntry::Special::kCall)
        refuse_call(dot, node, call_node, command, final_value);
    return short_circuit(dot, entry, command, final_value);
}

// Throws where there are too few arguments or too many; gives how many there are, the receiver among them.
std::size_t Execution::require_count(const FunctionEntry& entry, const CommandNode* command,
                                     const Operand* final_value, const Value* receiver) const {
    const std::size_t hidden = receiver != nullptr ? 1 : 0;
    const std::size_t given =
        hidden + (command != nullptr ? command->arguments.size() - 1 : 0) + (final_value != nullptr ? 1 : 0);
    const std::size_t fixed = entry.params.size() - (entry.is_variadic ? 1 : 0);
    if (entry.is_variadic ? given < fixed : given != fixed)
        fail("wrong number of args for " + std::string(entry.name) + ": want " +
             (entry.is_variadic ? "at least " : "") + std::to_string(fixed - hidden) + " got " +
             std::to_string(given - hidden - (entry.is_variadic && final_value != nullptr ? 1 : 0)));
    return given;
}

Operand Execution::call(const Operand& dot, const FunctionEntry& entry, const Value* receiver,
                        const Node& call_node, const CommandNode* command, const Operand* final_value) {
    const std::size_t given = require_count(entry, command, final_value, receiver);
    const auto param_of = [&](std::size_t index) {
        return entry.params[std::min(index, entry.params.size() - 1)];
    };
    // Few functions are called with more arguments than this.
    std::array<const Value*, 8> few;
    std::vector<const Value*> many;
    if (given > few.size()) many.resize(given);
    const Value** const arguments = given > few.size() ? many.data() : few.data();
    std::size_t count = 0;
    const auto push = [&](const Operand& operand, Param param) {
        arguments[count++] =
            operand.value == nullptr && param != Param::kReflect ? &nil_of(param) : operand.value;
    };
    if (receiver != nullptr) push({receiver, false}, Param::kReflect);
    for (std::size_t i = 1; command != nullptr && i < command->arguments.size(); ++i) {
        const Param param = param_of(count);
        push(argument(dot, param, *command->arguments[i]), param);
    }
    if (final_value != nullptr) {
        const Param param = param_of(count);
        push(param == Param::kReflect ? *final_value : validate(*final_value, param), param);
    }
    Value made;
    try {
        made = entry.call({arguments, count});
    } catch (const Error& e) {
        at(call_node);
        if (e.kind() == ErrorKind::kExhausted)
            over_budget("calling " + std::string(entry.name) + ": " + e.message());
        fail("error calling " + std::string(entry.name) + ": " + e.message());
    }
    const Value& result = keep(std::move(made));
    if (entry.changes_maps) pinned_ = arena_.size();  // the map may hold what was made for it
    return {&result, entry.returns_any};
}

// A member that stays where it is, also if a function changes the map that it is in.
const Value& Execution::steady(const Value& member) {
    if (!trees_.changes_maps) return member;
    return arena_.push({member, 0}).value;
}

// No value here is a function, so `call` can only complain, naming what it was given.
void Execution::refuse_call(const Operand& dot, const IdentifierNode& node, const Node& call_node,
                            const CommandNode* command, const Operand* final_value) {
    std::vector<Operand> given;
    for (std::size_t i = 1; command != nullptr && i < command->arguments.size(); ++i)
        given.push_back(argument(dot, Param::kReflect, *command->arguments[i]));
    const bool is_written = !given.empty();
    const Operand callee = is_written ? given.front() : *final_value;
    at(call_node);
    const std::string failure = "error calling " + node.name + ": ";
    if (callee.value == nullptr || (callee.value->is_nil() && callee.value->go_type() == nullptr))
        fail(failure + "call of nil");
    const std::string type(go_type_name(*callee.value));
    const std::string piped = callee.value->is_string() ? callee.value->as_string() : "<" + type + " Value>";
    fail(failure + "non-function " + (is_written ? command->arguments[1]->text() : piped) + " of type " +
         type);
}

Operand Execution::short_circuit(const Operand& dot, const FunctionEntry& entry, const CommandNode* command,
                                 const Operand* final_value) {
    Operand value;
    const bool stop_at = entry.special == FunctionEntry::Special::kOr;
    for (std::size_t i = 1; command != nullptr && i < command->arguments.size(); ++i) {
        value = argument(dot, Param::kReflect, *command->arguments[i]);
        if (is_true(value) == stop_at) return value;
    }
    return final_value != nullptr ? *final_value : value;
}

Operand Execution::argument(const Operand& dot, Param param, const Node& node) {
    at(node);
    switch (node.kind) {
        case NodeKind::kDot:
            return validate(dot, param);
        case NodeKind::kNil:
            if (can_be_nil(param) || param == Param::kReflect) return {};
            fail("cannot assign nil to " + std::string(go_name(param)));
        case NodeKind::kField: {
            const auto& field_node = static_cast<const FieldNode&>(node);
            return validate(field_chain(dot, dot, node, field_node.names, 0, nullptr, nullptr), param);
        }
        case NodeKind::kVariable: {
            const auto& variable_node = static_cast<const VariableNode&>(node);
            const Operand& value = variable(variable_node.names[0]);
            if (variable_node.names.size() == 1) return validate(value, param);
            return validate(field_chain(dot, value, node, variable_node.names, 1, nullptr, nullptr), param);
        }
        case NodeKind::kPipe:
            return validate(pipeline(dot, static_cast<const PipeNode&>(node)), param);
        case NodeKind::kIdentifier:
            return validate(function(dot, static_cast<const IdentifierNode&>(node), node, nullptr, nullptr),
                            param);
        case NodeKind::kChain: {
            const auto& chain = static_cast<const ChainNode&>(node);
            if (chain.base->kind == NodeKind::kNil)
                fail("indirection through explicit nil in " + chain.text());
            const Operand base = argument(dot, Param::kReflect, *chain.base);
            return validate(field_chain(dot, base, node, chain.names, 0, nullptr, nullptr), param);
        }
        default:
            return constant_argument(param, node);
    }
}

Operand Execution::constant_argument(Param param, const Node& node) {
    const NumberNode* number =
        node.kind == NodeKind::kNumber ? &static_cast<const NumberNode&>(node) : nullptr;
    switch (param) {
        case Param::kAny:
        case Param::kReflect:
            if (number != nullptr) return ideal(*number);
            if (node.kind == NodeKind::kBool) return {&static_cast<const BoolNode&>(node).value, false};
            return {&static_cast<const StringNode&>(node).literal, false};
        case Param::kBool:
            if (node.kind != NodeKind::kBool) fail("expected bool; found " + node.text());
            return {&static_cast<const BoolNode&>(node).value, false};
        case Param::kString:
            if (node.kind != NodeKind::kString) fail("expected string; found " + node.text());
            return {&static_cast<const StringNode&>(node).literal, false};
        case Param::kUint32:
            if (number == nullptr || !number->as_uint)
                fail("expected unsigned integer; found " + node.text());
            return {&keep(Value(*number->as_uint & 0xFFFFFFFFU)), false};
        case Param::kInt:
        case Param::kInt64:
        case Param::kInt32:
        case Param::kDuration:
            if (number == nullptr || !number->as_int) fail("expected integer; found " + node.text());
            return {&keep(param == Param::kInt     ? Value(*number->as_int, go::kInt)
                          : param == Param::kInt32 ? Value(*number->as_int, go::kInt32)
                                                   : Value(*number->as_int)),
                    false};
        case Param::kFloat64:
            if (number == nullptr || !number->as_float) fail("expected float; found " + node.text());
            return {&keep(Value(*number->as_float)), false};
        default:
            fail("can't handle " + node.text() + " for arg of type " + std::string(go_name(param)));
    }
}

Operand Execution::validate(const Operand& operand, Param param) {
    if (param == Param::kReflect) return operand;
    if (operand.value == nullptr) {
        if (can_be_nil(param)) return operand;
        fail("invalid value; expected " + std::string(go_name(param)));
    }
    if (param == Param::kAny || fits(*operand.value, param)) return operand;
    const std::string wrong = "wrong type for value; expected " + std::string(go_name(param)) + "; got ";
    if (operand.value->is_nil() && operand.value->go_type() == nullptr) fail(wrong + "interface {}");
    fail(wrong + std::string(go_type_name(*operand.value)));
}

}  // namespace fencepost::tmpl
