#include "cli/merge_patch.h"

namespace fencepost::cli {

Value three_way_patch(const Value& last_applied, const Value& wanted, const Value& live) {
    Value patch;
    for (const auto& [key, value] : wanted.map_or_empty()) {
        const Value* present = live.find(key);
        if (value.is_map() && present != nullptr && present->is_map()) {
            Value inner = three_way_patch(last_applied[key], value, *present);
            if (!inner.is_nil()) patch[key] = std::move(inner);
        } else if (present == nullptr ? !value.is_nil() : !(*present == value)) {
            patch[key] = value;
        }
    }
    for (const auto& [key, value] : last_applied.map_or_empty()) {
        if (wanted.find(key) == nullptr && live.find(key) != nullptr) patch[key] = nullptr;
    }
    return patch;
}

}  // namespace fencepost::cli
