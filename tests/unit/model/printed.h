// Diagnostics as golden files have them: a line each, and its hint below it.
#pragma once

#include <string>
#include <vector>

#include "model/diagnostic.h"

namespace fencepost::model {

inline std::string printed(const std::vector<Diagnostic>& diagnostics) {
    std::string text;
    for (const Diagnostic& one : diagnostics) {
        text += to_text(one) + "\n";
        if (!one.hint.empty()) text += "    " + one.hint + "\n";
    }
    return text;
}

}  // namespace fencepost::model
