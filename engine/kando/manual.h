// kando(1), made from the texts that --help shows. Pure.
#pragma once

#include <string_view>

#include "base/manual.h"

namespace fencepost::kando {

[[nodiscard]] Manual manual(std::string_view version);

}  // namespace fencepost::kando
