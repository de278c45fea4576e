#include "archive/zstd_stream.h"

#include <zstd.h>

#include <new>

#include "base/error.h"

namespace fencepost::archive {
namespace {

// An archiver has to keep up with the server, and a base backup with the disk.
constexpr int kLevel = 1;

struct ContextCloser {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};

class Compression {
  public:
    Compression(location::Source plain, std::optional<std::uint64_t> plain_bytes)
        : plain_(std::move(plain)), context_(ZSTD_createCCtx()), buffer_(ZSTD_CStreamInSize(), '\0') {
        if (!context_) throw std::bad_alloc();
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
        if (plain_bytes) ZSTD_CCtx_setPledgedSrcSize(context_.get(), *plain_bytes);
    }

    std::size_t read(char* target, std::size_t size) {
        ZSTD_outBuffer out{target, size, 0};
        while (out.pos == 0 && !is_done_) {
            if (in_.pos == in_.size && !is_at_end_) {
                in_ = {buffer_.data(), plain_(buffer_.data(), buffer_.size()), 0};
                is_at_end_ = in_.size == 0;
            }
            const std::size_t left =
                ZSTD_compressStream2(context_.get(), &out, &in_, is_at_end_ ? ZSTD_e_end : ZSTD_e_continue);
            if (ZSTD_isError(left) != 0)
                throw Error(ErrorKind::kInternal, std::string("zstd: ") + ZSTD_getErrorName(left));
            is_done_ = is_at_end_ && left == 0;
        }
        return out.pos;
    }

  private:
    location::Source plain_;
    std::unique_ptr<ZSTD_CCtx, ContextCloser> context_;
    std::string buffer_;
    ZSTD_inBuffer in_{nullptr, 0, 0};
    bool is_at_end_ = false, is_done_ = false;
};

[[noreturn]] void broken(const std::string& why) {
    throw Error(ErrorKind::kDataLoss, "the stored object is damaged: " + why);
}

}  // namespace

location::Source compressing(location::Source plain, std::optional<std::uint64_t> plain_bytes) {
    return [stream = std::make_shared<Compression>(std::move(plain), plain_bytes)](
               char* buffer, std::size_t size) { return stream->read(buffer, size); };
}

Decompression::Decompression(location::Sink plain, std::uint64_t most)
    : plain_(std::move(plain)),
      left_(most),
      context_(ZSTD_createDCtx()),
      buffer_(ZSTD_DStreamOutSize(), '\0') {
    if (context_ == nullptr) throw std::bad_alloc();
}
Decompression::~Decompression() { ZSTD_freeDCtx(context_); }

void Decompression::feed(std::string_view compressed) {
    ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
    bool is_full = false;  // the decoder may hold more than it could give
    while (in.pos < in.size || is_full) {
        ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
        const std::size_t wanted = ZSTD_decompressStream(context_, &out, &in);
        if (ZSTD_isError(wanted) != 0) broken(ZSTD_getErrorName(wanted));
        if (out.pos > left_) broken("it holds more than it may");
        left_ -= out.pos;
        if (out.pos > 0) plain_({buffer_.data(), out.pos});
        is_between_frames_ = wanted == 0;
        is_full = out.pos == out.size && !is_between_frames_;
    }
}

void Decompression::finish() const {
    if (!is_between_frames_) broken("it is cut off");
}

}  // namespace fencepost::archive
