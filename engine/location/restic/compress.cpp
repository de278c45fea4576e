#include "location/restic/compress.h"

#define ZSTD_STATIC_LINKING_ONLY  // ZSTD_c_literalCompressionMode
#include <zstd.h>

#include <algorithm>
#include <new>

#include "base/error.h"

namespace fencepost::location::restic {
namespace {

// The push has to keep up with pg_dump. Level 1 with a hash table that fits the first-level cache, longer
// steps where nothing matches, and Huffman-coded literals all the same (zstd leaves those out where it takes
// steps, which would cost a third of the ratio): on the rows of a dump as small as plain level 1 at 1.3 times
// its speed.
constexpr int kLevel = 1;
constexpr int kHashLog = 13;
constexpr int kStepLength = 2;
constexpr int kMaxWindowLog = 27;  // 128 MiB, zstd's own limit for decoders
constexpr std::size_t kStep = std::size_t{256} * 1024;

[[noreturn]] void broken(const char* why) {
    throw Error(ErrorKind::kDataLoss, std::string("compressed data cannot be read: ") + why);
}

}  // namespace

std::size_t compressed_bound(std::size_t plain) noexcept { return ZSTD_compressBound(plain); }

Compressor::Compressor() : context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kLevel);
    // A zstd whose experimental parameters are others keeps plain level 1.
    if (ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_literalCompressionMode, ZSTD_ps_enable)) != 0)
        return;
    ZSTD_CCtx_setParameter(context_, ZSTD_c_strategy, ZSTD_fast);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_hashLog, kHashLog);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_targetLength, kStepLength);
}
Compressor::~Compressor() { ZSTD_freeCCtx(context_); }

std::size_t Compressor::compress(std::string_view plain, char* out, std::size_t capacity) {
    const std::size_t size = ZSTD_compress2(context_, out, capacity, plain.data(), plain.size());
    return ZSTD_isError(size) != 0 ? 0 : size;
}

std::string Compressor::compress(std::string_view plain) {
    std::string out(compressed_bound(plain.size()), '\0');
    const std::size_t size = compress(plain, out.data(), out.size());
    if (size == 0) throw Error(ErrorKind::kInternal, "zstd failed");
    out.resize(size);
    return out;
}

Decompressor::Decompressor() : context_(ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kMaxWindowLog);
}
Decompressor::~Decompressor() { ZSTD_freeDCtx(context_); }

std::string Decompressor::decompress_exactly(std::string_view compressed, std::size_t size) {
    std::string plain(size, '\0');
    const std::size_t got =
        ZSTD_decompressDCtx(context_, plain.data(), size, compressed.data(), compressed.size());
    if (ZSTD_isError(got) != 0) broken(ZSTD_getErrorName(got));
    if (got != size) broken("it has another length than announced");
    return plain;
}

std::string Decompressor::decompress_at_most(std::string_view compressed, std::size_t most) {
    ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
    ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
    std::string plain;
    std::size_t length = 0;
    std::size_t left = 1;
    while (in.pos < in.size || left != 0) {
        plain.resize(length + std::clamp(length, kStep, std::size_t{8} << 20U));
        ZSTD_outBuffer out{plain.data() + length, plain.size() - length, 0};
        const std::size_t before = in.pos;
        left = ZSTD_decompressStream(context_, &out, &in);
        if (ZSTD_isError(left) != 0) broken(ZSTD_getErrorName(left));
        length += out.pos;
        if (length > most) throw Error(ErrorKind::kTooLarge, "compressed data is larger than it may be");
        if (out.pos == 0 && in.pos == before) broken("it is cut off");
    }
    plain.resize(length);
    return plain;
}

}  // namespace fencepost::location::restic
