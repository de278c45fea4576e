// Location: where artifacts go. One interface, a backend each for a folder (file), S3, later Azure and GCS;
// one conformance suite (tests/unit/location) that each backend passes.
//
// Keys are relative to the location's prefix: UTF-8, '/'-separated, no "..", no NUL, no leading '/', at most
// 1,024 bytes; anything else is Error{kInvalid}. An object is there whole or not at all. Errors: kNotFound
// (also: the bucket is gone, said in the message), kForbidden (credentials), kUnavailable after the retries,
// kExhausted (disk full), kDataLoss (checksum). Thread safety: all members may be called from any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/secret.h"
#include "net/http_client.h"
#include "value/value.h"

namespace fencepost::location {

// Fills the buffer and returns how much; 0 is the end of the stream. Throws to abort: then no object appears.
using Source = std::function<std::size_t(char* buffer, std::size_t size)>;
using Sink = std::function<void(std::string_view bytes)>;

struct ObjectStat {
    std::string key;
    std::uint64_t size = 0;
    std::string etag;
    SystemTime modified;
};

struct PutOptions {
    std::optional<std::uint64_t> size;  // where known, small objects go in one request
    bool only_if_absent = false;        // kAlreadyExists otherwise; backends without it throw kUnsupported
    bool is_short_lived = false;        // no object lock: it is removed soon
    std::optional<std::array<unsigned char, 32>> sha256;  // of put_bytes, where the caller has it already
};

// What became of an object that was removed.
struct Removal {
    bool is_held = false;                      // an object lock refuses it: it is still there
    std::optional<SystemTime> retained_until;  // its bytes stay in the store until then, there or hidden
    // What people are told of it: "the store's object lock retains 'a/b' until ..."; "" where it is gone.
    [[nodiscard]] std::string note(std::string_view key) const;
};

// What an object lock holds of a location.
struct Protection {
    std::uint64_t objects = 0;   // that are there
    std::uint64_t extended = 0;  // of those: so many got more time
    std::uint64_t freed = 0;     // that were removed earlier and that the lock has let go since: gone now
    std::uint64_t retained = 0;  // that were removed, and that the lock still holds
    std::uint64_t retained_bytes = 0;
    std::optional<SystemTime> retained_until;  // the last of them
};

class Location {
  public:
    virtual ~Location() = default;
    [[nodiscard]] virtual std::string description()
        const = 0;  // "s3://bucket/prefix": for messages, without secrets
    virtual ObjectStat put(std::string_view key, const Source& source, const PutOptions& options,
                           const CancelToken& cancel) = 0;
    virtual ObjectStat put_bytes(std::string_view key, std::string_view bytes, const PutOptions& options,
                                 const CancelToken& cancel) = 0;
    // length 0 = to the end.
    virtual void get(std::string_view key, const Sink& sink, const CancelToken& cancel,
                     std::uint64_t offset = 0, std::uint64_t length = 0) = 0;
    [[nodiscard]] virtual std::string get_bytes(std::string_view key, const CancelToken& cancel,
                                                std::uint64_t offset = 0, std::uint64_t length = 0) = 0;
    [[nodiscard]] virtual std::optional<ObjectStat> stat(std::string_view key, const CancelToken& cancel) = 0;
    // All objects whose key starts with the prefix, in key order, page by page.
    virtual void list(std::string_view prefix, const std::function<void(const ObjectStat&)>& visit,
                      const CancelToken& cancel) = 0;
    // Absent is fine. In a bucket with an object lock the object is hidden, and its bytes stay for a time.
    virtual Removal remove(std::string_view key, const CancelToken& cancel) = 0;
    // Keeps what is there under the object lock for the profile's protection_period from now on, and frees
    // what was removed and is no longer held. To be called again within an eighth of that period, at any
    // time. kFailedPrecondition where the profile has none or the bucket no object lock.
    virtual Protection protect(const CancelToken& cancel) = 0;
    // Whether the profile has a protection_period; kFailedPrecondition where the bucket has no object lock
    // then.
    [[nodiscard]] virtual bool check_protection(const CancelToken& cancel) = 0;
};

// A Profile resolved to what a location needs: the shape of `toJson .Profile` (kanister.md 2.2), decoded
// without case, plus Fencepost's own members (caBundle, repository key, file store).
struct ResolvedProfile {
    std::string type;  // s3Compliant, filestore; gcs and azure are kUnsupported here
    std::string bucket, endpoint, prefix, region;
    std::string file_path;  // of a file store: the folder
    std::string access_key_id;
    Secret secret_access_key;
    Secret session_token;
    bool skip_ssl_verify = false;
    std::string ca_bundle_pem;
    Secret repository_key;  // set: artifacts are snapshots in a restic repository under the prefix
    // What is written is under an object lock (S3, compliance mode) for at least so long; 0: under none.
    std::chrono::seconds protection_period{0};

    [[nodiscard]] static ResolvedProfile from_json(const Value& profile);
};

// The client is borrowed and must outlive the location.
[[nodiscard]] std::unique_ptr<Location> open_location(const ResolvedProfile& profile, net::HttpClient& http,
                                                      Clock& clock);
[[nodiscard]] std::unique_ptr<Location> open_file_location(std::string folder);

// Removes the object and what lies below it as a folder ("a" and "a/b", never "ab"). What is to be told of
// it: what an object lock retains.
std::vector<std::string> remove_with_below(Location& location, const std::string& key,
                                           const CancelToken& cancel);

// Joins as kando does: collapses "//", resolves "." and ".."; kInvalid if it would leave the root.
[[nodiscard]] std::string join_key(std::string_view prefix, std::string_view path);

}  // namespace fencepost::location
