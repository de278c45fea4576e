#include "cluster/json_patch.h"

#include <charconv>
#include <string>
#include <vector>

#include "base/error.h"

namespace fencepost::cluster {
namespace {

constexpr std::size_t kMaxOperations = 10'000;  // as an API server

using Pointer = std::vector<std::string>;

Pointer parse_pointer(const Value& text) {
    if (!text.is_string()) throw Error(ErrorKind::kInvalid, "path is missing or no string");
    std::string_view rest = text.as_string();
    Pointer pointer;
    if (rest.empty()) return pointer;
    if (rest.front() != '/')
        throw Error(ErrorKind::kInvalid, "'" + text.as_string() + "' is no JSON pointer");
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const auto slash = std::min(rest.find('/'), rest.size());
        std::string segment;
        for (std::size_t i = 0; i < slash; ++i) {
            const bool is_escape =
                rest[i] == '~' && i + 1 < slash && (rest[i + 1] == '0' || rest[i + 1] == '1');
            segment += !is_escape ? rest[i] : rest[i + 1] == '0' ? '~' : '/';
            if (is_escape) ++i;
        }
        pointer.push_back(std::move(segment));
        rest.remove_prefix(slash);
    }
    return pointer;
}

std::size_t index_of(const std::string& segment, std::size_t limit) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(segment.data(), segment.data() + segment.size(), index);
    if (error != std::errc() || end != segment.data() + segment.size() || index >= limit ||
        (segment.size() > 1 && segment[0] == '0')) {
        throw Error(ErrorKind::kInvalid, "there is no list item '" + segment + "'");
    }
    return index;
}

const Value& read(const Value& target, const Pointer& pointer) {
    const Value* at = &target;
    for (const std::string& segment : pointer) {
        if (at->is_list()) {
            at = &at->as_list()[index_of(segment, at->as_list().size())];
        } else {
            at = at->is_map() ? at->find(segment) : nullptr;
            if (at == nullptr) throw Error(ErrorKind::kInvalid, "there is no member '" + segment + "'");
        }
    }
    return *at;
}

// The container of the last segment, for change.
Value& parent_of(Value& target, const Pointer& pointer) {
    Value* at = &target;
    for (std::size_t i = 0; i + 1 < pointer.size(); ++i) {
        if (at->is_list()) {
            List& list = at->writable_list();
            at = &list[index_of(pointer[i], list.size())];
        } else {
            if (!at->is_map() || at->find(pointer[i]) == nullptr) {
                throw Error(ErrorKind::kInvalid, "there is no member '" + pointer[i] + "'");
            }
            at = &(*at)[pointer[i]];
        }
    }
    if (!at->is_map() && !at->is_list())
        throw Error(ErrorKind::kInvalid, "the parent is neither object nor list");
    return *at;
}

void add(Value& target, const Pointer& pointer, const Value& value) {
    if (pointer.empty()) {
        target = value;
        return;
    }
    Value& parent = parent_of(target, pointer);
    if (parent.is_map()) {
        parent[pointer.back()] = value;
        return;
    }
    List& list = parent.writable_list();
    const std::size_t index = pointer.back() == "-" ? list.size() : index_of(pointer.back(), list.size() + 1);
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(index), value);
}

void remove(Value& target, const Pointer& pointer) {
    if (pointer.empty()) throw Error(ErrorKind::kInvalid, "the whole object cannot be removed");
    Value& parent = parent_of(target, pointer);
    if (parent.is_map()) {
        if (!parent.erase(pointer.back()))
            throw Error(ErrorKind::kInvalid, "there is no member '" + pointer.back() + "'");
        return;
    }
    List& list = parent.writable_list();
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(index_of(pointer.back(), list.size())));
}

void apply(Value& target, const Value& operation) {
    const std::string op = operation["op"].string_or("");
    const Pointer path = parse_pointer(operation["path"]);
    if (op == "add") {
        add(target, path, operation["value"]);
    } else if (op == "remove") {
        remove(target, path);
    } else if (op == "replace") {
        (void)read(target, path);
        if (!path.empty()) remove(target, path);
        add(target, path, operation["value"]);
    } else if (op == "move" || op == "copy") {
        const Pointer from = parse_pointer(operation["from"]);
        const Value value = read(target, from);
        if (op == "move") remove(target, from);
        add(target, path, value);
    } else if (op == "test") {
        if (!(read(target, path) == operation["value"])) throw Error(ErrorKind::kInvalid, "the test failed");
    } else {
        throw Error(ErrorKind::kInvalid, "unknown operation '" + op + "'");
    }
}

}  // namespace

Value json_patch(Value target, const Value& operations) {
    if (!operations.is_list()) throw Error(ErrorKind::kInvalid, "a JSON patch is a list of operations");
    const List& list = operations.as_list();
    if (list.size() > kMaxOperations)
        throw Error(ErrorKind::kTooLarge, "a JSON patch has at most 10,000 operations");
    for (std::size_t i = 0; i < list.size(); ++i) {
        try {
            apply(target, list[i]);
        } catch (Error& e) {
            e.add_trace("JSON patch operation " + std::to_string(i) + " (" + list[i]["op"].string_or("?") +
                        " " + list[i]["path"].string_or("") + ")");
            throw;
        }
    }
    return target;
}

}  // namespace fencepost::cluster
