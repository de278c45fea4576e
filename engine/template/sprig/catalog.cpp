#include <algorithm>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "template/exec.h"
#include "template/sprig/sprig.h"
#include "value/format.h"

namespace fencepost::tmpl {

namespace sprig {

void fail(const std::string& message) { throw Error(ErrorKind::kInvalid, message); }

void append(std::string& out, std::string_view text) {
    if (out.size() + text.size() > kMaxTextBytes)
        throw Error(ErrorKind::kExhausted,
                    "the result is larger than " + std::to_string(kMaxTextBytes) + " bytes");
    out += text;
}

bool is_untyped_nil(const Value& value) { return value.is_nil() && value.go_type() == nullptr; }

std::string strval(const Value& value) {
    if (value.is_string()) return value.as_string();
    if (value.kind() == Kind::kBytes) return value.as_bytes().data;
    return go_format_v(value);
}

bool is_empty(const Value& value) { return !is_true({&value, false}) && value.kind() != Kind::kStruct; }

}  // namespace sprig

namespace {

using Catalog = std::unordered_map<std::string_view, const FunctionEntry*>;

const Catalog& catalog() {
    static const Catalog by_name = [] {
        Catalog all;
        for (const sprig::Table table :
             {sprig::strings(), sprig::lists(), sprig::dicts(), sprig::encodings(), sprig::numbers(),
              sprig::dates(), sprig::defaults(), sprig::reflection(), sprig::patterns(), sprig::paths(),
              sprig::urls(), sprig::crypto(), sprig::versions()}) {
            for (const FunctionEntry& entry : table) all.emplace(entry.name, &entry);
        }
        return all;
    }();
    return by_name;
}

}  // namespace

const FunctionEntry* find_sprig(std::string_view name) noexcept {
    const auto found = catalog().find(name);
    return found == catalog().end() ? nullptr : found->second;
}

std::vector<std::string> sprig_names() {
    std::vector<std::string> names;
    for (const auto& [name, entry] : catalog()) names.emplace_back(name);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace fencepost::tmpl
