// The two reasons to stop: the user's wish and the daemon's end.
#pragma once

#include "base/cancel.h"

namespace fencepost::protect {

struct Tokens {
    CancelToken cancel;    // fires for both
    CancelToken shutdown;  // fires for the daemon's end alone: what is cancelled by a user is still tidied up
};

}  // namespace fencepost::protect
