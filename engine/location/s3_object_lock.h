// S3 Object Lock, compliance mode: nobody removes or shortens what it holds, the bucket's owner included.
// Such a bucket keeps versions: what is removed is hidden by a delete marker, and its bytes stay until its
// lock ends.
//
// An object is locked for the protection period and a quarter of it. While it is there, a look every eighth
// of the period finds it before less than the period is left, and locks it anew; so most looks change
// nothing, and whatever is there is held for at least the period. Any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "location/location.h"
#include "location/s3_client.h"

namespace fencepost::location {

inline constexpr const char* kLockMode = "COMPLIANCE";

// Of what is written or locked anew at this time.
[[nodiscard]] SystemTime lock_end(SystemTime now, std::chrono::seconds period) noexcept;

// Until when this version, or the latest, is held; nullopt: it is not, or there is no such object.
[[nodiscard]] std::optional<SystemTime> locked_until(const S3Client& client, const std::string& key,
                                                     const CancelToken& cancel,
                                                     const std::string& version = {});

// kFailedPrecondition where the bucket has no object lock.
void check_object_lock(const S3Client& client, const CancelToken& cancel);

// Location::protect() of all whose key begins with `root`.
[[nodiscard]] Protection protect_objects(const S3Client& client, const std::string& root,
                                         std::chrono::seconds period, const CancelToken& cancel);

}  // namespace fencepost::location
