// What a plain YAML 1.1 scalar means, as sigs.k8s.io/yaml (go-yaml v2) reads it. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost {

[[nodiscard]] Value resolve_yaml_scalar(std::string_view text);
// No YAML may hold it but as an escape in double quotes.
[[nodiscard]] bool is_yaml_control(unsigned rune) noexcept;
// A plain scalar as a map key: bools and numbers turn into their JSON text (yes -> "true").
[[nodiscard]] std::string yaml_key_text(std::string_view text);

}  // namespace fencepost
