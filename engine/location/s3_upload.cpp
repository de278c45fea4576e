#include "location/s3_upload.h"

#include <algorithm>
#include <exception>

#include "aws/xml.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "location/s3_xml.h"

namespace fencepost::location {
namespace {

constexpr int kPartsPerSize = 1'000;
constexpr std::chrono::seconds kAbortTime{15};
constexpr int kAborts = 4;
constexpr std::chrono::milliseconds kFirstAbortWait{200};

}  // namespace

std::size_t part_bytes(int part_number) noexcept {
    return kPartBytes << static_cast<unsigned>((part_number - 1) / kPartsPerSize);
}

struct MultipartUpload::Impl {
    struct SentPart {
        S3Part part;
        Crc32 crc;
        std::uint64_t size = 0;
    };
    struct Shared {
        int in_flight = 0;
        std::exception_ptr failure;
        std::vector<SentPart> parts;
        std::vector<PartBuffer> free;
    };

    const S3Client& client;
    std::string key;
    CancelSource cancel;
    std::string id;
    std::uint64_t size = 0;
    int parts_added = 0;
    bool completed = false;
    Guarded<Shared> shared;
    TaskGroup senders;  // last: its threads use what stands above

    Impl(const S3Client& of_client, std::string of_key, const CancelToken& token)
        : client(of_client), key(std::move(of_key)), cancel(token) {}

    void wait_for_room(int most) {
        auto state = shared.lock();
        state.wait([&] { return state->in_flight <= most; });
        if (state->failure) std::rethrow_exception(state->failure);
    }

    void send_part(int number, PartBuffer part) {
        std::exception_ptr failure;
        SentPart sent{.part = {.number = number}, .size = part.size};
        S3Part& done = sent.part;
        try {
            sent.crc.update(part.view());
            done.crc32 = sent.crc.base64();
            const auto answer =
                client.send({.method = "PUT",
                             .key = key,
                             .query = {{"partNumber", std::to_string(number)}, {"uploadId", id}},
                             .headers = {{"x-amz-checksum-crc32", done.crc32}},
                             .body = part.view()},
                            cancel.token());
            done.etag = answer.header("etag");
            std::erase(done.etag, '"');
            if (done.etag.empty()) {
                throw Error(ErrorKind::kDataLoss, "the server took part " + std::to_string(number) + " of '" +
                                                      key + "' without an ETag");
            }
            if (answer.header("x-amz-checksum-crc32").empty()) done.crc32.clear();
        } catch (...) {
            failure = std::current_exception();
        }
        bool first_failure = false;
        {
            auto state = shared.lock();
            --state->in_flight;
            first_failure = failure && !state->failure;
            if (first_failure) state->failure = failure;
            if (!failure) state->parts.push_back(std::move(sent));
            state->free.push_back(std::move(part));
            state.notify_all();
        }
        if (first_failure) cancel.cancel(CancelReason::kUser);  // the others need not go on
    }

    // S3 may still take in a part whose connection was broken off, and keeps it although the abort was
    // answered (AbortMultipartUpload in its API reference): after such a part it is asked until it knows no
    // such upload.
    void abort_until_gone(const CancelToken& token) {
        const auto ask = [&] {
            static_cast<void>(
                client.send({.method = "DELETE", .key = key, .query = {{"uploadId", id}}}, token));
        };
        ask();
        if (!shared.lock()->failure) return;
        auto wait = kFirstAbortWait;
        for (int again = 1; again < kAborts && token.wait_for(wait); ++again) {
            ask();
            wait *= 2;
        }
    }

    // What is left of an upload costs its owner money until it is aborted.
    void abort() noexcept {
        try {
            CancelSource within;
            const CancelToken token = within.token();
            Guarded<bool> finished{false};
            TaskGroup watch;
            watch.spawn([&] {
                auto state = finished.lock();
                const bool in_time =
                    state.wait_until(std::chrono::steady_clock::now() + kAbortTime, [&] { return *state; });
                if (!in_time) state.unlocked([&] { within.cancel(CancelReason::kDeadline); });
            });
            try {
                abort_until_gone(token);
            } catch (...) {  // gone; or the caller hears of what broke the upload, and a bucket's lifecycle
                             // rule sweeps the rest
            }
            auto state = finished.lock();
            *state = true;
            state.notify_all();
        } catch (...) {
        }
    }
};

MultipartUpload::MultipartUpload(const S3Client& client, std::string key, net::Headers headers,
                                 const CancelToken& cancel)
    : impl_(std::make_unique<Impl>(client, std::move(key), cancel)) {
    headers.emplace_back("x-amz-checksum-algorithm", "CRC32");
    headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
    const auto answer = client.send(
        {.method = "POST", .key = impl_->key, .query = {{"uploads", ""}}, .headers = std::move(headers)},
        cancel);
    impl_->id = parse_upload_id(answer.body);
}

MultipartUpload::~MultipartUpload() {
    if (!impl_->completed) impl_->cancel.cancel(CancelReason::kUser);
    impl_->senders.join();
    if (!impl_->completed && !impl_->id.empty()) impl_->abort();
}

PartBuffer MultipartUpload::buffer(std::size_t capacity) {
    {
        auto state = impl_->shared.lock();
        while (!state->free.empty()) {
            PartBuffer used = std::move(state->free.back());
            state->free.pop_back();
            if (used.capacity < capacity) continue;
            used.size = 0;
            return used;
        }
    }
    return {.bytes = std::make_unique_for_overwrite<char[]>(capacity), .capacity = capacity};
}

void MultipartUpload::add(PartBuffer part) {
    if (impl_->parts_added == kMaxParts) {
        throw Error(ErrorKind::kTooLarge, "'" + impl_->key + "' has more than 10,000 parts");
    }
    impl_->size += part.size;
    impl_->wait_for_room(kPartsInFlight - 1);
    const int number = ++impl_->parts_added;
    ++impl_->shared.lock()->in_flight;
    auto shared_part = std::make_shared<PartBuffer>(std::move(part));
    impl_->senders.spawn(
        [impl = impl_.get(), number, shared_part] { impl->send_part(number, std::move(*shared_part)); });
}

ObjectStat MultipartUpload::complete(bool only_if_absent) {
    impl_->wait_for_room(0);
    std::vector<Impl::SentPart> sent = std::move(impl_->shared.lock()->parts);
    std::sort(sent.begin(), sent.end(),
              [](const auto& a, const auto& b) { return a.part.number < b.part.number; });
    std::vector<S3Part> parts;
    Crc32 crc;
    bool with_checksum = true;
    for (const Impl::SentPart& each : sent) {
        parts.push_back(each.part);
        crc.append(each.crc, each.size);
        with_checksum = with_checksum && !each.part.crc32.empty();
    }
    const std::string body = complete_upload_body(parts);
    net::Headers headers = {{"content-type", "application/xml"}};
    if (with_checksum) {
        headers.emplace_back("x-amz-checksum-crc32", crc.base64());
        headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
    }
    if (only_if_absent) headers.emplace_back("if-none-match", "*");
    const auto answer = impl_->client.send({.method = "POST",
                                            .key = impl_->key,
                                            .query = {{"uploadId", impl_->id}},
                                            .headers = headers,
                                            .body = body},
                                           impl_->cancel.token());
    const aws::XmlNode result = aws::parse_xml(answer.body);
    std::string etag = result.child_text("ETag");
    std::erase(etag, '"');
    if (result.name != "CompleteMultipartUploadResult" || etag.empty()) {
        throw Error(ErrorKind::kDataLoss, "the server did not confirm the upload of '" + impl_->key + "'");
    }
    impl_->completed = true;
    return {.key = impl_->key, .size = impl_->size, .etag = etag, .modified = impl_->client.clock().now()};
}

}  // namespace fencepost::location
