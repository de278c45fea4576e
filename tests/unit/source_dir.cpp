#include "tests/unit/source_dir.h"

namespace fencepost {

std::string source_dir() { return FENCEPOST_SOURCE_DIR; }

}  // namespace fencepost
