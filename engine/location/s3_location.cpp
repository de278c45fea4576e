#include "location/s3_location.h"

#include <atomic>
#include <charconv>

#include "base/encodings.h"
#include "base/error.h"
#include "location/key.h"
#include "location/s3_client.h"
#include "location/s3_object_lock.h"
#include "location/s3_upload.h"
#include "location/s3_xml.h"
#include "net/retry.h"

namespace fencepost::location {
namespace {

constexpr std::size_t kMaxSinglePut = std::size_t{5} << 30U;

std::string etag_of(const net::HttpResponse& response) {
    std::string etag(response.header("etag"));
    std::erase(etag, '"');
    return etag;
}

std::size_t fill(PartBuffer& buffer, std::size_t wanted, const Source& source, const CancelToken& cancel) {
    while (buffer.size < wanted) {
        cancel.throw_if_cancelled();
        const std::size_t piece = source(buffer.bytes.get() + buffer.size, wanted - buffer.size);
        if (piece == 0) break;
        buffer.size += piece;
    }
    return buffer.size;
}

// "Wed, 21 Oct 2015 07:28:00 GMT"; another form reads as 1970.
SystemTime parse_http_date(std::string_view text) {
    static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.size() != 29) return {};
    const std::size_t month = kMonths.find(text.substr(8, 3));
    if (month == std::string_view::npos) return {};
    const std::string number = std::to_string(month / 3 + 1);
    const std::string iso = std::string(text.substr(12, 4)) + "-" + (number.size() == 1 ? "0" : "") + number +
                            "-" + std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) +
                            "Z";
    try {
        return parse_rfc3339(iso);
    } catch (const Error&) {
        return {};
    }
}

std::uint64_t content_length(const net::HttpResponse& head, std::string_view object) {
    std::uint64_t size = 0;
    const std::string_view text = head.header("content-length");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc{} || end != text.data() + text.size()) {
        throw Error(ErrorKind::kDataLoss, std::string(object) + ": the server does not say how long it is");
    }
    return size;
}

// Compares what came with the checksums that the server keeps, where it keeps one of the whole object.
class DownloadCheck {
  public:
    explicit DownloadCheck(const net::HttpResponse& head)
        : sha256_(whole(head.header("x-amz-checksum-sha256"))),
          crc32_(whole(head.header("x-amz-checksum-crc32"))) {}
    void update(std::string_view bytes) {
        if (!sha256_.empty()) sha256_found_.update(bytes);
        if (!crc32_.empty()) crc32_found_.update(bytes);
    }
    void verify(std::string_view object) {
        const bool good = (sha256_.empty() || sha256_ == base64_encode(as_text(sha256_found_.finish()))) &&
                          (crc32_.empty() || crc32_ == crc32_found_.base64());
        if (good) return;
        throw Error(ErrorKind::kDataLoss,
                    std::string(object) + ": the bytes that came do not have the stored checksum");
    }

  private:
    // "...-3" is a checksum of the checksums of three parts.
    static std::string whole(std::string_view stored) {
        return stored.find('-') == std::string_view::npos ? std::string(stored) : std::string();
    }
    std::string sha256_, crc32_;
    Sha256 sha256_found_;
    Crc32 crc32_found_;
};

class S3Location final : public Location {
  public:
    S3Location(const ResolvedProfile& profile, net::HttpClient& http, Clock& clock)
        : client_(profile, http, clock),
          prefix_(join_key(profile.prefix, "")),
          protection_period_(profile.protection_period) {}

    [[nodiscard]] std::string description() const override {
        return "s3://" + client_.bucket() + (prefix_.empty() ? "" : "/" + prefix_);
    }

    ObjectStat put(std::string_view key, const Source& source, const PutOptions& options,
                   const CancelToken& cancel) override {
        const std::string full = full_key(key);
        PartBuffer first{.bytes = std::make_unique_for_overwrite<char[]>(kPartBytes), .capacity = kPartBytes};
        if (fill(first, kPartBytes, source, cancel) < kPartBytes) {
            check_size(options, first.size);
            return put_bytes(key, first.view(), options, cancel);
        }
        if (options.only_if_absent && stat(key, cancel)) throw exists(key);
        MultipartUpload upload(client_, full, lock_headers(options), cancel);
        std::uint64_t size = first.size;
        upload.add(std::move(first));
        for (int number = 2;; ++number) {
            PartBuffer part = upload.buffer(part_bytes(number));
            const std::size_t got = fill(part, part_bytes(number), source, cancel);
            size += got;
            const bool last = got < part_bytes(number);
            if (got > 0) upload.add(std::move(part));
            if (last) break;
        }
        check_size(options, size);
        ObjectStat done = upload.complete(options.only_if_absent);
        done.key = std::string(key);
        return done;
    }

    ObjectStat put_bytes(std::string_view key, std::string_view bytes, const PutOptions& options,
                         const CancelToken& cancel) override {
        if (bytes.size() > kMaxSinglePut) throw Error(ErrorKind::kTooLarge, "more than 5 GiB in one piece");
        check_size(options, bytes.size());
        const std::string full = full_key(key);
        const Digest digest = options.sha256 ? *options.sha256 : sha256(bytes);
        S3Request request{.method = "PUT",
                          .key = full,
                          .headers = {{"x-amz-checksum-sha256", base64_encode(as_text(digest))},
                                      {"content-type", "application/octet-stream"}},
                          .body = bytes,
                          .body_sha256 = digest};
        if (options.only_if_absent) request.headers.emplace_back("if-none-match", "*");
        for (auto& header : lock_headers(options)) request.headers.push_back(std::move(header));
        net::HttpResponse answer;
        int attempt = 0;
        net::retry({}, client_.clock(), cancel, [&] {
            ++attempt;
            try {
                answer = client_.send_once(request, cancel);
            } catch (const Error& error) {
                // An attempt whose answer was lost may have made the object that is now in the way.
                if (error.kind() != ErrorKind::kAlreadyExists || attempt == 1 ||
                    !is_stored(full, digest, cancel)) {
                    throw;
                }
            }
        });
        return {.key = std::string(key),
                .size = bytes.size(),
                .etag = etag_of(answer),
                .modified = client_.clock().now()};
    }

    // Goes on where a connection broke, as long as each attempt gets further. If-Match: the rest of another
    // object would be worse than an error.
    void get(std::string_view key, const Sink& sink, const CancelToken& cancel, std::uint64_t offset,
             std::uint64_t length) override {
        const std::string full = full_key(key);
        const auto head = find(full, cancel);
        if (!head) throw Error(ErrorKind::kNotFound, "there is no " + name_of(full));
        const std::uint64_t size = content_length(*head, name_of(full));
        const std::uint64_t end = length == 0 ? size : offset + length;
        if (end > size || offset > size) throw too_short(full);
        DownloadCheck check(*head);
        std::uint64_t at = offset;
        S3Request request{.key = full};
        request.sink = [&](std::string_view bytes) {
            at += bytes.size();
            check.update(bytes);
            sink(bytes);
        };
        while (at < end) {
            const std::uint64_t before = at;
            net::retry({}, client_.clock(), cancel, [&] {
                if (at > before) return;  // it got further: a fresh set of attempts for the rest
                request.headers = {{"if-match", std::string(head->header("etag"))}};
                if (at > 0 || end < size) request.headers.push_back(range(at, end));
                static_cast<void>(client_.send_once(request, cancel));
            });
            if (at == before || at > end) throw too_short(full);
        }
        if (offset == 0 && end == size) check.verify(name_of(full));
    }

    [[nodiscard]] std::string get_bytes(std::string_view key, const CancelToken& cancel, std::uint64_t offset,
                                        std::uint64_t length) override {
        const std::string full = full_key(key);
        S3Request request{.key = full};
        const bool whole = offset == 0 && length == 0;
        if (whole) {
            request.headers = {{"x-amz-checksum-mode", "ENABLED"}};
        } else {
            request.headers = {range(offset, length == 0 ? 0 : offset + length)};
        }
        net::HttpResponse answer = client_.send(request, cancel);
        if (whole) {
            DownloadCheck check(answer);
            check.update(answer.body);
            check.verify(name_of(full));
        } else if (answer.status != 206 || (length != 0 && answer.body.size() != length)) {
            throw too_short(full);
        }
        return std::move(answer.body);
    }

    [[nodiscard]] std::optional<ObjectStat> stat(std::string_view key, const CancelToken& cancel) override {
        const std::string full = full_key(key);
        const auto head = find(full, cancel);
        if (!head) return std::nullopt;
        return ObjectStat{.key = std::string(key),
                          .size = content_length(*head, name_of(full)),
                          .etag = etag_of(*head),
                          .modified = parse_http_date(head->header("last-modified"))};
    }

    void list(std::string_view prefix, const std::function<void(const ObjectStat&)>& visit,
              const CancelToken& cancel) override {
        check_key_prefix(prefix);
        const std::string root = prefix_.empty() ? "" : prefix_ + "/";
        S3Request request{.query = {{"list-type", "2"}, {"prefix", root + std::string(prefix)}}};
        while (true) {
            const S3ListPage page = parse_list_page(client_.send(request, cancel).body);
            for (ObjectStat object : page.objects) {
                if (!object.key.starts_with(root)) {
                    throw Error(ErrorKind::kDataLoss,
                                "the server lists '" + object.key + "' below '" + root + "'");
                }
                object.key.erase(0, root.size());
                if (!object.key.empty() && object.key.back() != '/') visit(object);  // no folder markers
            }
            if (!page.is_truncated) return;
            request.query.resize(2);
            request.query.emplace_back("continuation-token", page.next_token);
        }
    }

    Removal remove(std::string_view key, const CancelToken& cancel) override {
        const std::string full = full_key(key);
        Removal removal;
        if (protection_period_.count() > 0) removal.retained_until = locked_until(client_, full, cancel);
        try {
            static_cast<void>(client_.send({.method = "DELETE", .key = full}, cancel));
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::kNotFound) {
                check_bucket(cancel);
                return removal;
            }
            // What is locked is refused as AccessDenied or InvalidRequest, as the server likes it.
            if (error.kind() != ErrorKind::kForbidden && error.kind() != ErrorKind::kInvalid) throw;
            removal.retained_until = locked_until(client_, full, cancel);
            if (!removal.retained_until) throw;
            removal.is_held = true;
        }
        return removal;
    }

    Protection protect(const CancelToken& cancel) override {
        if (protection_period_.count() == 0) {
            throw Error(ErrorKind::kFailedPrecondition,
                        description() + ": the profile has no protectionPeriod");
        }
        return protect_objects(client_, prefix_.empty() ? "" : prefix_ + "/", protection_period_, cancel);
    }

    [[nodiscard]] bool check_protection(const CancelToken& cancel) override {
        if (protection_period_.count() == 0) return false;
        check_object_lock(client_, cancel);
        return true;
    }

  private:
    [[nodiscard]] std::string full_key(std::string_view key) const {
        check_key(key);
        return prefix_.empty() ? std::string(key) : prefix_ + "/" + std::string(key);
    }

    static void check_size(const PutOptions& options, std::uint64_t size) {
        if (options.size && *options.size != size) {
            throw Error(ErrorKind::kInvalid, std::to_string(size) + " bytes came, announced were " +
                                                 std::to_string(*options.size));
        }
    }

    [[nodiscard]] net::Headers lock_headers(const PutOptions& options) const {
        if (protection_period_.count() == 0 || options.is_short_lived) return {};
        return {{"x-amz-object-lock-mode", kLockMode},
                {"x-amz-object-lock-retain-until-date",
                 format_rfc3339(lock_end(client_.clock().now(), protection_period_))}};
    }

    [[nodiscard]] Error exists(std::string_view key) const {
        return {ErrorKind::kAlreadyExists, "'" + std::string(key) + "' is already in " + description()};
    }

    [[nodiscard]] bool is_stored(const std::string& full, const Digest& digest, const CancelToken& cancel) {
        const auto answer = client_.send_once(
            {.method = "HEAD", .key = full, .headers = {{"x-amz-checksum-mode", "ENABLED"}}}, cancel);
        return answer.header("x-amz-checksum-sha256") == base64_encode(as_text(digest));
    }

    [[nodiscard]] std::string name_of(const std::string& full) const {
        return "s3://" + client_.bucket() + "/" + full;
    }
    [[nodiscard]] Error too_short(const std::string& full) const {
        return {ErrorKind::kDataLoss, name_of(full) + " ends before the part that was asked for"};
    }
    // The bytes [from, end); end 0 is the object's.
    [[nodiscard]] static std::pair<std::string, std::string> range(std::uint64_t from, std::uint64_t end) {
        return {"range", "bytes=" + std::to_string(from) + "-" + (end == 0 ? "" : std::to_string(end - 1))};
    }

    // A 404 to HEAD has no body: whether it is the object or the bucket takes a second look, once.
    [[nodiscard]] std::optional<net::HttpResponse> find(const std::string& full, const CancelToken& cancel) {
        try {
            return client_.send(
                {.method = "HEAD", .key = full, .headers = {{"x-amz-checksum-mode", "ENABLED"}}}, cancel);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kNotFound) throw;
        }
        check_bucket(cancel);
        return std::nullopt;
    }
    void check_bucket(const CancelToken& cancel) {
        if (bucket_seen_.load()) return;
        static_cast<void>(client_.send({.query = {{"list-type", "2"}, {"max-keys", "1"}}}, cancel));
        bucket_seen_.store(true);
    }

    S3Client client_;
    std::string prefix_;
    std::chrono::seconds protection_period_;
    std::atomic<bool> bucket_seen_{false};
};

}  // namespace

std::unique_ptr<Location> open_s3_location(const ResolvedProfile& profile, net::HttpClient& http,
                                           Clock& clock) {
    return std::make_unique<S3Location>(profile, http, clock);
}

}  // namespace fencepost::location
