// Reading typed members out of a Value, for objects.cpp. A Node is a value and the path that leads to it, so
// that every error says where: "spec.actions[0].options.db: expected a string, got a map". Nil and absent
// members read as empty. Errors: Error{kInvalid}. A Node borrows the value it is made of. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "value/value.h"

namespace fencepost::model {

class Node {
  public:
    explicit Node(const Value& value, std::string path = {}) : value_(&value), path_(std::move(path)) {}

    [[nodiscard]] const Value& value() const noexcept { return *value_; }
    [[nodiscard]] bool is_absent() const noexcept { return value_->is_nil(); }
    [[nodiscard]] Node operator[](
        std::string_view key) const;  // throws where this is neither a map nor absent

    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool flag() const;
    [[nodiscard]] int number() const;
    [[nodiscard]] std::vector<std::string> texts() const;
    [[nodiscard]] std::map<std::string, std::string> text_map() const;
    [[nodiscard]] const Value& map_or_nil() const;
    [[nodiscard]] std::vector<Node> items() const;                            // of a list
    [[nodiscard]] std::vector<std::pair<std::string, Node>> members() const;  // of a map

    // {key: read(member)} of a map.
    template <typename T, typename Read>
    [[nodiscard]] std::map<std::string, T> map_of(Read read) const {
        std::map<std::string, T> result;
        for (const auto& [key, member] : members()) result.emplace(key, read(member));
        return result;
    }

    [[noreturn]] void fail(std::string_view problem) const;

  private:
    [[noreturn]] void expected(std::string_view what) const;
    const Value* value_;
    std::string path_;
};

}  // namespace fencepost::model
