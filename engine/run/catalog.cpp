#include "run/function.h"

namespace fencepost::run {

std::vector<Need> Function::needs(World& /*world*/, const model::ActionSpec& /*action*/,
                                  const Value& /*args*/) const {
    return {};
}

Catalog::Catalog(std::vector<const Function*> functions) : functions_(std::move(functions)) {
    specs_.reserve(functions_.size());
    for (const Function* function : functions_) specs_.push_back(function->spec());
}

const Function* Catalog::find(std::string_view name) const noexcept {
    for (const Function* function : functions_) {
        if (function->spec().name == name) return function;
    }
    return nullptr;
}

}  // namespace fencepost::run
