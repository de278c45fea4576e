// The folder of the checkout, without a slash at its end. In a file of its own: a definition that every test
// is compiled with would have ccache know none of them in the next checkout.
#pragma once

#include <string>

namespace fencepost {

[[nodiscard]] std::string source_dir();

}  // namespace fencepost
