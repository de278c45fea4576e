#include "location/s3_object_lock.h"

#include <algorithm>
#include <utility>

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/in_parallel.h"
#include "location/restic/files.h"
#include "location/s3_xml.h"

namespace fencepost::location {
namespace {

constexpr std::size_t kAtOnce = 8;  // requests: each is an answer's way and hardly any work

// A repository's lock files are removed within minutes.
bool is_short_lived(std::string_view key) {
    const std::size_t slash = key.rfind('/');
    return slash != std::string_view::npos && key.substr(0, slash + 1).ends_with(restic::kLocks) &&
           restic::is_id(key.substr(slash + 1));
}

class Protector {
  public:
    Protector(const S3Client& client, std::string root, std::chrono::seconds period,
              const CancelToken& cancel)
        : client_(client), root_(std::move(root)), period_(period), cancel_(cancel) {}

    // The lists have all versions of one key together, the latest first.
    Protection run() {
        check_object_lock(client_, cancel_);
        S3Request request{.query = {{"prefix", root_}, {"versions", ""}}};
        std::vector<S3Version> open;  // the versions of the last key, as far as they have come
        std::vector<std::vector<S3Version>> keys;
        while (true) {
            S3VersionPage page = parse_version_page(client_.send(request, cancel_).body);
            sort_by_key(page.versions);
            for (S3Version& version : page.versions) {
                if (!open.empty() && open.front().key != version.key) keys.push_back(std::exchange(open, {}));
                open.push_back(std::move(version));
            }
            if (!page.is_truncated) keys.push_back(std::move(open));
            in_parallel(keys.size(), kAtOnce, [&](std::size_t i) { look_at(keys[i]); });
            keys.clear();
            if (!page.is_truncated) return *sum_.lock();
            request.query = {{"key-marker", page.next_key}, {"prefix", root_}, {"versions", ""}};
            if (!page.next_id.empty()) request.query.emplace_back("version-id-marker", page.next_id);
        }
    }

  private:
    // Versions and delete markers come as two lists in some servers' answers.
    static void sort_by_key(std::vector<S3Version>& versions) {
        std::stable_sort(versions.begin(), versions.end(), [](const S3Version& a, const S3Version& b) {
            return a.key != b.key ? a.key < b.key : a.is_latest && !b.is_latest;
        });
    }

    void look_at(const std::vector<S3Version>& versions) {
        if (versions.empty()) return;
        Protection found;
        const bool is_there = versions.front().is_latest && !versions.front().is_delete_marker;
        if (is_there) {
            found.objects = 1;
            if (!is_short_lived(versions.front().key) && extend(versions.front())) found.extended = 1;
        }
        for (const S3Version& version : versions) {
            if (version.is_latest || version.is_delete_marker) continue;
            const auto until = locked_until(client_, version.key, cancel_, version.id);
            if (until && *until > client_.clock().now()) {
                ++found.retained;
                found.retained_bytes += version.size;
                found.retained_until = std::max(found.retained_until, until);
            } else {
                remove(version);
                ++found.freed;
            }
        }
        // A marker goes last: without it what it hides would be there again.
        if (found.retained == 0) {
            for (const S3Version& version : versions) {
                if (version.is_delete_marker) remove(version);
            }
        }
        add(found);
    }

    void add(const Protection& found) {
        auto sum = sum_.lock();
        sum->objects += found.objects;
        sum->extended += found.extended;
        sum->freed += found.freed;
        sum->retained += found.retained;
        sum->retained_bytes += found.retained_bytes;
        sum->retained_until = std::max(sum->retained_until, found.retained_until);
    }

    // True where it got more time.
    bool extend(const S3Version& version) {
        const SystemTime now = client_.clock().now();
        const auto until = locked_until(client_, version.key, cancel_, version.id);
        if (until && *until - now >= period_) return false;
        const std::string body = retention_body(kLockMode, format_rfc3339(lock_end(now, period_)));
        try {
            static_cast<void>(
                client_.send({.method = "PUT",
                              .key = version.key,
                              .query = {{"retention", ""}, {"versionId", version.id}},
                              .headers = {{"x-amz-checksum-sha256", base64_encode(as_text(sha256(body)))}},
                              .body = body},
                             cancel_));
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::kNotFound) return false;  // removed meanwhile, not yet locked
            throw;
        }
        return true;
    }

    void remove(const S3Version& version) {
        static_cast<void>(client_.send(
            {.method = "DELETE", .key = version.key, .query = {{"versionId", version.id}}}, cancel_));
    }

    const S3Client& client_;
    const std::string root_;
    const std::chrono::seconds period_;
    const CancelToken& cancel_;
    Guarded<Protection> sum_;
};

}  // namespace

void check_object_lock(const S3Client& client, const CancelToken& cancel) {
    std::string why;
    try {
        const auto answer = client.send({.query = {{"object-lock", ""}}}, cancel);
        if (answer.body.find("<ObjectLockEnabled>Enabled<") != std::string::npos) return;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::kForbidden || error.is_transient()) throw;
        why = std::string(": ") + error.what();
    }
    throw Error(ErrorKind::kFailedPrecondition,
                "the bucket '" + client.bucket() + "' has no object lock" + why,
                "make a bucket with object lock, or take protectionPeriod out of the profile");
}

SystemTime lock_end(SystemTime now, std::chrono::seconds period) noexcept {
    return now + period + period / 4;
}

std::optional<SystemTime> locked_until(const S3Client& client, const std::string& key,
                                       const CancelToken& cancel, const std::string& version) {
    // A HEAD would tell as well, but not every server's of a version that is hidden.
    S3Request request{.key = key, .query = {{"retention", ""}}};
    if (!version.empty()) request.query.emplace_back("versionId", version);
    try {
        return parse_retention(client.send(request, cancel).body);
    } catch (const Error& error) {
        // No such object or lock; a delete marker; a bucket without object lock.
        if (error.kind() != ErrorKind::kNotFound && error.kind() != ErrorKind::kInvalid) throw;
        return std::nullopt;
    }
}

Protection protect_objects(const S3Client& client, const std::string& root, std::chrono::seconds period,
                           const CancelToken& cancel) {
    return Protector(client, root, period, cancel).run();
}

}  // namespace fencepost::location
