#include "model/decode.h"

#include <limits>

#include "base/error.h"

namespace fencepost::model {

void Node::fail(std::string_view problem) const {
    std::string message = path_.empty() ? "the object" : path_;
    message += ": ";
    message += problem;
    throw Error(ErrorKind::kInvalid, std::move(message));
}

void Node::expected(std::string_view what) const {
    // YAML has numbers; that ours are int64 or float64 is nobody's business here.
    fail("expected " + std::string(what) + ", got " +
         (value_->is_number() ? "number" : std::string(to_string(value_->kind()))));
}

Node Node::operator[](std::string_view key) const {
    if (!value_->is_map() && !value_->is_nil()) expected("map");
    std::string path = path_;
    if (!path.empty()) path += '.';
    path += key;
    return Node((*value_)[key], std::move(path));
}

std::string Node::text() const {
    if (value_->is_nil()) return {};
    if (!value_->is_string()) expected("string");
    return value_->as_string();
}

bool Node::flag() const {
    if (value_->is_nil()) return false;
    if (!value_->is_bool()) expected("bool");
    return value_->as_bool();
}

int Node::number() const {
    if (value_->is_nil()) return 0;
    if (value_->kind() != Kind::kInt) expected("whole number");
    const std::int64_t number = value_->as_int();
    if (number < 0 || number > std::numeric_limits<int>::max())
        fail(std::to_string(number) + " is out of range");
    return static_cast<int>(number);
}

std::vector<std::string> Node::texts() const {
    std::vector<std::string> result;
    for (const Node& item : items()) result.push_back(item.text());
    return result;
}

std::map<std::string, std::string> Node::text_map() const {
    return map_of<std::string>([](const Node& member) { return member.text(); });
}

const Value& Node::map_or_nil() const {
    if (!value_->is_map() && !value_->is_nil()) expected("map");
    return *value_;
}

std::vector<Node> Node::items() const {
    if (!value_->is_list() && !value_->is_nil()) expected("list");
    std::vector<Node> result;
    std::size_t index = 0;
    for (const Value& item : value_->list_or_empty()) {
        result.emplace_back(item, path_ + "[" + std::to_string(index++) + "]");
    }
    return result;
}

std::vector<std::pair<std::string, Node>> Node::members() const {
    if (!value_->is_map() && !value_->is_nil()) expected("map");
    std::vector<std::pair<std::string, Node>> result;
    for (const auto& [key, member] : value_->map_or_empty()) {
        result.emplace_back(key, Node(member, path_ + (path_.empty() ? "" : ".") + key));
    }
    return result;
}

}  // namespace fencepost::model
