// One item of a BlueprintBinding's matchAll or matchAny, read for binding.cpp: the grammar, its errors
// BND-E02 to BND-E04, and the three lenient shapes. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "model/binding.h"

namespace fencepost::model {

// Appends what the item says; one lenient item may say several things. `list` is "matchAll" or "matchAny".
void read_requirement(const Value& item, std::string_view list, std::size_t index,
                      std::vector<Requirement>& out, Problems& problems);

}  // namespace fencepost::model
