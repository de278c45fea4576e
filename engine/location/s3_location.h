// A bucket, or a prefix in it, as a Location. What is sent is signed with its SHA-256 and stored with a
// checksum; what is read is compared with the stored one. Broken downloads go on where they broke.
// Thread-safe.
#pragma once

#include <memory>

#include "location/location.h"

namespace fencepost::location {

[[nodiscard]] std::unique_ptr<Location> open_s3_location(const ResolvedProfile& profile,
                                                         net::HttpClient& http, Clock& clock);

}  // namespace fencepost::location
