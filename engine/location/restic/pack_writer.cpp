#include "location/restic/pack_writer.h"

#include <array>
#include <atomic>
#include <exception>

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "location/restic/buffer.h"
#include "location/restic/index.h"
#include "location/restic/pack.h"

namespace fencepost::location::restic {
namespace {

struct OpenPack {
    std::unique_ptr<Buffer> bytes;
    std::size_t size = 0;
    std::vector<Blob> blobs;
};

std::size_t header_room(std::size_t blobs) noexcept {
    return blobs * kMaxHeaderEntry + kSealBytes + kHeaderLengthBytes;
}

}  // namespace

struct PackWriter::Impl {
    struct Shared {
        std::array<OpenPack, 2> open;  // by BlobType
        std::vector<std::unique_ptr<Buffer>> free;
        int in_flight = 0;
        std::exception_ptr failure;
        std::vector<PackBlobs> finished;  // uploaded, and in no index file yet
        std::size_t finished_blobs = 0;
    };

    const Files& files;
    CancelSource cancel;
    std::atomic<std::uint64_t> stored{0};
    Guarded<Shared> shared;
    TaskGroup uploads;  // last: its threads use what stands above

    Impl(const Files& of, const CancelToken& token) : files(of), cancel(token) {}

    using Locked = Guarded<Shared>::Locked;

    static void check(Locked& state) {
        if (state->failure) std::rethrow_exception(state->failure);
    }

    void fail(std::exception_ptr failure) {
        {
            auto state = shared.lock();
            if (!state->failure) state->failure = std::move(failure);
            state.notify_all();
        }
        cancel.cancel(CancelReason::kUser);
    }

    // A buffer that holds `size` bytes.
    static std::unique_ptr<Buffer> take_buffer(Locked& state, std::size_t size) {
        const std::size_t usual = kPackBytes + header_room(kPackBytes / kSealBytes / 64);
        if (size > usual) return std::make_unique<Buffer>(size);
        if (state->free.empty()) return std::make_unique<Buffer>(usual);
        auto buffer = std::move(state->free.back());
        state->free.pop_back();
        return buffer;
    }

    static void wait_for_room(Locked& state) {
        state.wait([&] { return state->in_flight < kUploadsInFlight || state->failure; });
        check(state);
    }

    // Hands the pack to a thread of its own. REQUIRES room for one more.
    void send(Locked& state, OpenPack& slot) {
        auto pack = std::make_shared<OpenPack>(std::move(slot));
        slot = {};
        ++state->in_flight;
        uploads.spawn([this, pack] { upload(*pack); });
    }

    void upload(OpenPack& pack) {
        try {
            const std::string header = Cipher(files.key()).seal(encode_header(pack.blobs));
            const std::string tail = header + encode_length(header.size());
            if (pack.size + tail.size() > pack.bytes->capacity()) {
                throw Error(ErrorKind::kInternal, "a pack has no room for its header");
            }
            tail.copy(pack.bytes->data() + pack.size, tail.size());
            const std::string_view whole(pack.bytes->data(), pack.size + tail.size());
            const Digest id = sha256(whole);
            files.location().put_bytes(pack_key(id), whole, {.size = whole.size(), .sha256 = id},
                                       cancel.token());
            stored += whole.size();
            uploaded({.pack = id, .blobs = std::move(pack.blobs)}, std::move(pack.bytes));
        } catch (...) {
            fail(std::current_exception());
        }
        auto state = shared.lock();
        --state->in_flight;
        state.notify_all();
    }

    void uploaded(PackBlobs pack, std::unique_ptr<Buffer> buffer) {
        std::vector<PackBlobs> full;
        {
            auto state = shared.lock();
            if (buffer->capacity() <= 2 * kPackBytes) state->free.push_back(std::move(buffer));
            state->finished_blobs += pack.blobs.size();
            state->finished.push_back(std::move(pack));
            if (state->finished_blobs >= kMaxIndexBlobs) {
                full.swap(state->finished);
                state->finished_blobs = 0;
            }
        }
        if (!full.empty()) save_index(full);
    }

    void save_index(const std::vector<PackBlobs>& packs) {
        stored += files.save(kIndexes, encode_index(packs), cancel.token()).bytes;
    }
};

PackWriter::PackWriter(const Files& files, const CancelToken& cancel)
    : impl_(std::make_unique<Impl>(files, cancel)) {}

PackWriter::~PackWriter() {
    impl_->cancel.cancel(CancelReason::kUser);
    impl_->uploads.join();
}

void PackWriter::add(BlobType type, const Digest& id, std::string_view sealed, std::uint32_t raw_length) {
    auto state = impl_->shared.lock();
    Impl::check(state);
    OpenPack* pack = &state->open[static_cast<std::size_t>(type)];
    const auto is_full = [&] {
        return pack->bytes &&
               pack->size + sealed.size() + header_room(pack->blobs.size() + 1) > pack->bytes->capacity();
    };
    while (is_full()) {
        Impl::wait_for_room(state);  // meanwhile another thread may have sent it
        if (is_full()) impl_->send(state, *pack);
    }
    if (!pack->bytes) pack->bytes = Impl::take_buffer(state, sealed.size() + header_room(1));
    sealed.copy(pack->bytes->data() + pack->size, sealed.size());
    pack->blobs.push_back({.type = type,
                           .id = id,
                           .offset = static_cast<std::uint32_t>(pack->size),
                           .length = static_cast<std::uint32_t>(sealed.size()),
                           .raw_length = raw_length});
    pack->size += sealed.size();
}

void PackWriter::finish() {
    std::vector<PackBlobs> rest;
    {
        auto state = impl_->shared.lock();
        Impl::check(state);
        for (OpenPack& pack : state->open) {
            if (!pack.bytes) continue;
            Impl::wait_for_room(state);
            impl_->send(state, pack);
        }
        state.wait([&] { return state->in_flight == 0; });
        Impl::check(state);
        rest.swap(state->finished);
        state->finished_blobs = 0;
    }
    if (!rest.empty()) impl_->save_index(rest);
}

std::uint64_t PackWriter::stored_bytes() const { return impl_->stored; }

}  // namespace fencepost::location::restic
