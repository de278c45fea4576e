#include "location/file_location.h"
#include "location/location.h"
#include "location/s3_location.h"

namespace fencepost::location {

std::unique_ptr<Location> open_location(const ResolvedProfile& profile, net::HttpClient& http, Clock& clock) {
    if (profile.type == "filestore") return open_file_location(profile.file_path, profile.prefix);
    return open_s3_location(profile, http, clock);
}

}  // namespace fencepost::location
