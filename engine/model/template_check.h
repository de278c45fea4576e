// Templates in a blueprint, before anybody runs it: is the syntax right, and can what they name be there? The
// parse tree is walked for .Phases.x.Output.y and its like; names that only a run can know (.Options,
// .Object) are left alone, and so is everything below a {{range}} or {{with}}, where dot is something else.
// Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/problem.h"

namespace fencepost::model {

// What other phases' templates may take from a phase.
struct PhaseFacts {
    std::string name;
    std::string func;
    std::vector<std::string> outputs;  // that its function always sets; empty: whatever its markers say
    std::vector<std::string> secrets, config_maps;
};

// What is there at the time when a template is rendered.
struct TemplateScope {
    enum class Dot { kParameters, kElsewhere };  // kElsewhere: only the syntax can be checked
    Dot dot = Dot::kParameters;
    std::vector<PhaseFacts> phases;      // of the action, in order
    std::size_t finished = 0;            // so many of them have outputs
    std::optional<std::size_t> current;  // and this one has its Secrets and ConfigMaps
    bool is_launch = false;              // references to objects are rendered before any phase
    bool is_defer = false;               // runs also when phases failed
    bool has_defer_output = false;
    std::optional<std::vector<std::string>> artifacts, secrets, config_maps;  // as the action declares them
};

void check_template(const std::string& text, const std::string& pointer, const TemplateScope& scope,
                    Problems& problems);
// Every string of a value, keys too.
void check_templates(const Value& value, const std::string& pointer, const TemplateScope& scope,
                     Problems& problems);

}  // namespace fencepost::model
