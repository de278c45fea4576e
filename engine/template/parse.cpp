#include "template/parse.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "template/function_entry.h"
#include "template/lex.h"
#include "template/number.h"
#include "value/format.h"

namespace fencepost::tmpl {

namespace {

bool is_blank(const ListNode& list) {
    return std::all_of(list.nodes.begin(), list.nodes.end(), [](const NodePtr& node) {
        return node->kind == NodeKind::kText && static_cast<const TextNode&>(*node).literal.find_first_not_of(
                                                    " \t\r\n\v\f") == std::string::npos;
    });
}

class Parser {
  public:
    Parser(std::string_view name, std::string_view text, FunctionSet functions)
        : name_(name), functions_(functions), tokens_(lex(text, error_)) {}

    Trees run() {
        auto root = std::make_unique<ListNode>(peek().position);
        while (peek().kind != TokenKind::kEof) {
            if (peek().kind == TokenKind::kLeftDelimiter && peek_after_spaces(1).kind == TokenKind::kDefine) {
                definition();
                continue;
            }
            NodePtr node = text_or_action();
            if (is_end(*node)) fail("unexpected " + node->text());
            root->nodes.push_back(std::move(node));
        }
        add(std::string(name_), std::move(root));
        return std::move(trees_);
    }

  private:
    // --- tokens. Errors carry the line of the last token that was looked at, as Go's do.
    const Token& token_at(std::size_t index) {
        const std::size_t bounded = std::min(index, tokens_.size() - 1);
        furthest_ = std::max(furthest_, bounded);
        return tokens_[bounded];
    }
    const Token& peek() { return token_at(at_); }
    const Token& peek_after_spaces(std::size_t ahead) {
        std::size_t index = at_ + ahead;
        while (token_at(index).kind == TokenKind::kSpace) ++index;
        return token_at(index);
    }
    const Token& next() {
        const Token& token = token_at(at_);
        if (at_ + 1 < tokens_.size())
            ++at_;
        else
            at_ = tokens_.size() - 1;
        return token;
    }
    const Token& next_non_space() {
        while (peek().kind == TokenKind::kSpace) next();
        return next();
    }
    const Token& peek_non_space() {
        while (peek().kind == TokenKind::kSpace) next();
        return peek();
    }

    [[noreturn]] void fail(const std::string& message) {
        throw Error(ErrorKind::kInvalid, "template: " + std::string(name_) + ":" +
                                             std::to_string(tokens_[furthest_].line) + ": " + message);
    }
    [[noreturn]] void unexpected(const Token& token, std::string_view context) {
        if (token.kind == TokenKind::kError) {
            std::string extra;
            if (action_line_ != 0 && action_line_ != token.line) {
                extra = " in action started at " + std::string(name_) + ":" + std::to_string(action_line_);
                if (token.text.ends_with(" action")) extra.erase(0, std::string_view(" in action").size());
            }
            fail(std::string(token.text) + extra);
        }
        fail("unexpected " + describe(token) + " in " + std::string(context));
    }
    void expect(TokenKind kind, std::string_view context) {
        const Token& token = next_non_space();
        if (token.kind != kind) unexpected(token, context);
    }

    // With room for the fields that often follow.
    static std::vector<std::string> names_of(std::string_view first) {
        constexpr std::size_t kUsual = 4;
        std::vector<std::string> names;
        names.reserve(kUsual);
        names.emplace_back(first);
        return names;
    }

    static bool is_end(const Node& node) {
        return node.kind == NodeKind::kEnd || node.kind == NodeKind::kElse;
    }

    // --- structure
    void definition() {
        next();
        next_non_space();
        const std::string name = template_name("define clause");
        expect(TokenKind::kRightDelimiter, "define clause");
        const auto outer = std::exchange(variables_, {"$"});
        const int outer_ranges = std::exchange(range_depth_, 0);
        const int outer_line = std::exchange(action_line_, 0);
        auto [list, end] = item_list();
        if (end->kind != NodeKind::kEnd) fail("unexpected " + end->text() + " in define clause");
        variables_ = outer;
        range_depth_ = outer_ranges;
        action_line_ = outer_line;
        add(name, std::move(list));
    }

    void add(const std::string& name, std::unique_ptr<ListNode> list) {
        auto& slot = trees_.by_name[name];
        if (slot == nullptr || is_blank(*slot)) {
            slot = std::move(list);
            return;
        }
        if (!is_blank(*list)) fail("template: multiple definition of template " + go_quote(name));
    }

    struct ItemList {
        std::unique_ptr<ListNode> list;
        NodePtr end;
    };
    ItemList item_list() {
        if (++block_depth_ > kMaxBlockDepth)
            fail("blocks are nested deeper than " + std::to_string(kMaxBlockDepth) + " levels");
        auto list = std::make_unique<ListNode>(peek_non_space().position);
        while (peek_non_space().kind != TokenKind::kEof) {
            NodePtr node = text_or_action();
            if (is_end(*node)) {
                --block_depth_;
                return {std::move(list), std::move(node)};
            }
            list->nodes.push_back(std::move(node));
        }
        fail("unexpected EOF");
    }

    NodePtr text_or_action() {
        const Token& token = next_non_space();
        if (token.kind == TokenKind::kText)
            return std::make_unique<TextNode>(token.position, std::string(token.text));
        if (token.kind != TokenKind::kLeftDelimiter) unexpected(token, "input");
        action_line_ = token.line;
        NodePtr node = action();
        action_line_ = 0;
        return node;
    }

    NodePtr action() {
        const Token token = peek_non_space();
        switch (token.kind) {
            case TokenKind::kBlock:
                next();
                return block();
            case TokenKind::kBreak:
                next();
                return loop_control(token, NodeKind::kBreak, "{{break}}");
            case TokenKind::kContinue:
                next();
                return loop_control(token, NodeKind::kContinue, "{{continue}}");
            case TokenKind::kElse:
                next();
                return else_control();
            case TokenKind::kEnd: {
                next();
                const Token& close = next_non_space();
                if (close.kind != TokenKind::kRightDelimiter) unexpected(close, "end");
                return std::make_unique<WordNode>(NodeKind::kEnd, close.position);
            }
            case TokenKind::kIf:
                next();
                return branch(NodeKind::kIf, "if");
            case TokenKind::kRange:
                next();
                return branch(NodeKind::kRange, "range");
            case TokenKind::kWith:
                next();
                return branch(NodeKind::kWith, "with");
            case TokenKind::kTemplate:
                next();
                return template_call();
            default:
                break;
        }
        return std::make_unique<ActionNode>(token.position, pipeline("command", TokenKind::kRightDelimiter));
    }

    NodePtr loop_control(const Token& token, NodeKind kind, std::string_view name) {
        const Token& close = next_non_space();
        if (close.kind != TokenKind::kRightDelimiter) unexpected(close, name);
        if (range_depth_ == 0) fail(std::string(name) + " outside {{range}}");
        return std::make_unique<WordNode>(kind, token.position);
    }

    NodePtr else_control() {
        const Token following = peek_non_space();
        if (following.kind == TokenKind::kIf || following.kind == TokenKind::kWith) {
            return std::make_unique<WordNode>(NodeKind::kElse, following.position);
        }
        const Token& close = next_non_space();
        if (close.kind != TokenKind::kRightDelimiter) unexpected(close, "else");
        return std::make_unique<WordNode>(NodeKind::kElse, close.position);
    }

    NodePtr branch(NodeKind kind, std::string_view context) {
        const std::size_t scope = variables_.size();
        auto node = std::make_unique<BranchNode>(kind, 0);
        node->pipe = pipeline(context, TokenKind::kRightDelimiter);
        node->position = node->pipe->position;
        if (kind == NodeKind::kRange) ++range_depth_;
        auto [body, end] = item_list();
        if (kind == NodeKind::kRange) --range_depth_;
        node->body = std::move(body);
        if (end->kind == NodeKind::kElse) node->otherwise = else_branch(kind, *end);
        variables_.resize(scope);
        return node;
    }

    // {{else if x}} is an {{if x}} of its own inside the else, which needs no {{end}} of its own.
    std::unique_ptr<ListNode> else_branch(NodeKind kind, const Node& end) {
        const bool chains = (kind == NodeKind::kIf && peek().kind == TokenKind::kIf) ||
                            (kind == NodeKind::kWith && peek().kind == TokenKind::kWith);
        if (chains) {
            if (++block_depth_ > kMaxBlockDepth)
                fail("blocks are nested deeper than " + std::to_string(kMaxBlockDepth) + " levels");
            next();
            auto list = std::make_unique<ListNode>(end.position);
            list->nodes.push_back(branch(kind, kind == NodeKind::kIf ? "if" : "with"));
            --block_depth_;
            return list;
        }
        auto [list, last] = item_list();
        if (last->kind != NodeKind::kEnd) fail("expected end; found " + last->text());
        return std::move(list);
    }

    NodePtr block() {
        const std::size_t position = peek_non_space().position;
        const std::string name = template_name("block clause");
        auto pipe = pipeline("block clause", TokenKind::kRightDelimiter);
        const std::size_t head_end = furthest_;
        const auto outer = std::exchange(variables_, {"$"});
        const int outer_ranges = std::exchange(range_depth_, 0);
        const int outer_line = std::exchange(action_line_, 0);
        auto [list, end] = item_list();
        if (end->kind != NodeKind::kEnd) {
            furthest_ = head_end;  // Go tells this one at the block's own head
            fail("unexpected " + end->text() + " in block clause");
        }
        variables_ = outer;
        range_depth_ = outer_ranges;
        action_line_ = outer_line;
        add(name, std::move(list));
        return std::make_unique<TemplateNode>(position, name, std::move(pipe));
    }

    NodePtr template_call() {
        const std::size_t position = peek_non_space().position;
        const std::string name = template_name("template clause");
        std::unique_ptr<PipeNode> pipe;
        if (peek_non_space().kind == TokenKind::kRightDelimiter)
            next();
        else
            pipe = pipeline("template clause", TokenKind::kRightDelimiter);
        return std::make_unique<TemplateNode>(position, name, std::move(pipe));
    }

    std::string template_name(std::string_view context) {
        const Token& token = next_non_space();
        if (token.kind != TokenKind::kString && token.kind != TokenKind::kRawString)
            unexpected(token, context);
        return unquoted(token);
    }

    std::string unquoted(const Token& token) {
        try {
            return unquote(token.text);
        } catch (const Error& e) {
            fail(e.message());
        }
    }

    // --- expressions
    std::unique_ptr<PipeNode> pipeline(std::string_view context, TokenKind end) {
        auto pipe = std::make_unique<PipeNode>(peek_non_space().position);
        while (declaration(*pipe, context)) {
        }
        for (;;) {
            const Token& token = peek_non_space();
            if (token.kind == end) {
                next();
                check(*pipe, context);
                return pipe;
            }
            switch (token.kind) {
                case TokenKind::kBool:
                case TokenKind::kCharConstant:
                case TokenKind::kComplex:
                case TokenKind::kDot:
                case TokenKind::kField:
                case TokenKind::kIdentifier:
                case TokenKind::kNumber:
                case TokenKind::kNil:
                case TokenKind::kRawString:
                case TokenKind::kString:
                case TokenKind::kVariable:
                case TokenKind::kLeftParen:
                    pipe->commands.push_back(command());
                    break;
                default:
                    unexpected(next(), context);
            }
        }
    }

    // Reads "$x :=", "$x =" or "$i," where one stands there; true if another declaration may follow.
    bool declaration(PipeNode& pipe, std::string_view context) {
        const Token variable = peek_non_space();
        if (variable.kind != TokenKind::kVariable) return false;
        const Token following = peek_after_spaces(1);
        const auto take = [&] {
            next();
            next_non_space();
            pipe.declarations.push_back(
                std::make_unique<VariableNode>(variable.position, names_of(variable.text)));
            variables_.push_back(variable.text);
        };
        if (following.kind == TokenKind::kAssign || following.kind == TokenKind::kDeclare) {
            take();
            pipe.is_assignment = following.kind == TokenKind::kAssign;
            return false;
        }
        if (following.kind != TokenKind::kCharacter || following.text != ",") return false;
        take();
        if (context != "range" || pipe.declarations.size() >= 2)
            fail("too many declarations in " + std::string(context));
        const TokenKind then = peek_non_space().kind;
        if (then != TokenKind::kVariable && then != TokenKind::kRightDelimiter &&
            then != TokenKind::kRightParen) {
            fail("range can only initialize variables");
        }
        return true;
    }

    void check(const PipeNode& pipe, std::string_view context) {
        if (pipe.commands.empty()) fail("missing value for " + std::string(context));
        for (std::size_t i = 1; i < pipe.commands.size(); ++i) {
            switch (pipe.commands[i]->arguments[0]->kind) {
                case NodeKind::kBool:
                case NodeKind::kDot:
                case NodeKind::kNil:
                case NodeKind::kNumber:
                case NodeKind::kString:
                    fail("non executable command in pipeline stage " + std::to_string(i + 1));
                default:
                    break;
            }
        }
    }

    std::unique_ptr<CommandNode> command() {
        auto command = std::make_unique<CommandNode>(peek_non_space().position);
        for (;;) {
            peek_non_space();
            if (NodePtr argument = operand()) command->arguments.push_back(std::move(argument));
            const Token& token = peek();
            if (token.kind == TokenKind::kSpace) {
                next();
                continue;
            }
            if (token.kind == TokenKind::kPipe)
                next();
            else if (token.kind != TokenKind::kRightDelimiter && token.kind != TokenKind::kRightParen)
                unexpected(next(), "operand");
            break;
        }
        if (command->arguments.empty()) fail("empty command");
        return command;
    }

    NodePtr operand() {
        NodePtr node = term();
        if (!node || peek().kind != TokenKind::kField) return node;
        const std::size_t position = peek().position;
        std::vector<std::string> names;
        while (peek().kind == TokenKind::kField) names.emplace_back(next().text.substr(1));
        switch (node->kind) {
            case NodeKind::kField: {
                auto& field = static_cast<FieldNode&>(*node);
                field.names.insert(field.names.end(), names.begin(), names.end());
                field.position = position;
                return node;
            }
            case NodeKind::kVariable: {
                auto& variable = static_cast<VariableNode&>(*node);
                variable.names.insert(variable.names.end(), names.begin(), names.end());
                variable.position = position;
                return node;
            }
            case NodeKind::kBool:
            case NodeKind::kString:
            case NodeKind::kNumber:
            case NodeKind::kNil:
            case NodeKind::kDot:
                fail("unexpected . after term " + go_quote(node->text()));
            default:
                break;
        }
        auto chain = std::make_unique<ChainNode>(position, std::move(node));
        chain->names = std::move(names);
        return chain;
    }

    NodePtr term() {
        const Token token = peek_non_space();
        switch (token.kind) {
            case TokenKind::kIdentifier: {
                next();
                const FunctionEntry* function =
                    functions_ == FunctionSet::kKanister ? find_sprig(token.text) : nullptr;
                if (function == nullptr) function = find_builtin(token.text);
                if (function == nullptr) fail("function " + go_quote(token.text) + " not defined");
                trees_.changes_maps = trees_.changes_maps || function->changes_maps;
                return std::make_unique<IdentifierNode>(token.position, std::string(token.text), *function);
            }
            case TokenKind::kDot:
                next();
                return std::make_unique<WordNode>(NodeKind::kDot, token.position);
            case TokenKind::kNil:
                next();
                return std::make_unique<WordNode>(NodeKind::kNil, token.position);
            case TokenKind::kVariable:
                next();
                return use_variable(token);
            case TokenKind::kField:
                next();
                return std::make_unique<FieldNode>(token.position, names_of(token.text.substr(1)));
            case TokenKind::kBool:
                next();
                return std::make_unique<BoolNode>(token.position, token.text == "true");
            case TokenKind::kCharConstant:
            case TokenKind::kComplex:
            case TokenKind::kNumber:
                next();
                try {
                    return parse_number(token);
                } catch (const Error& e) {
                    fail(e.message());
                }
            case TokenKind::kLeftParen: {
                next();
                if (++paren_depth_ > kMaxExpressionDepth) fail("max expression depth exceeded");
                NodePtr pipe = pipeline("parenthesized pipeline", TokenKind::kRightParen);
                --paren_depth_;
                return pipe;
            }
            case TokenKind::kString:
            case TokenKind::kRawString:
                next();
                return std::make_unique<StringNode>(token.position, std::string(token.text), unquoted(token));
            default:
                return nullptr;
        }
    }

    NodePtr use_variable(const Token& token) {
        if (std::find(variables_.begin(), variables_.end(), token.text) == variables_.end())
            fail("undefined variable " + go_quote(token.text));
        return std::make_unique<VariableNode>(token.position, names_of(token.text));
    }

    std::string_view name_;
    FunctionSet functions_;
    std::string error_;  // a token's text
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    std::size_t furthest_ = 0;
    int action_line_ = 0;
    int range_depth_ = 0;
    int paren_depth_ = 0;
    int block_depth_ = 0;
    std::vector<std::string_view> variables_{"$"};
    Trees trees_;
};

}  // namespace

Trees parse_trees(std::string_view name, std::string_view text, FunctionSet functions) {
    return Parser(name, text, functions).run();
}

}  // namespace fencepost::tmpl
