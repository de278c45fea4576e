// Opening a repository with its password, or making a new one.
//
// Making: a key file first, then the config, if it is still absent. Of several that do it at once, all take
// the key file whose name is smallest; the first config stays, and each one then removes its own key file if
// that does not open it. One that dies between the two leaves a key file, which the next one takes over.
// Errors: kNotFound (no repository), kForbidden (wrong password), kDataLoss.
#pragma once

#include "base/cancel.h"
#include "base/clock.h"
#include "base/secret.h"
#include "location/location.h"
#include "location/restic/crypto.h"
#include "location/restic/documents.h"

namespace fencepost::location::restic {

struct Opened {
    MasterKey key;
    Config config;
};

[[nodiscard]] Opened open_or_create(Location& location, Clock& clock, const Secret& password, bool create,
                                    const CancelToken& cancel);

}  // namespace fencepost::location::restic
