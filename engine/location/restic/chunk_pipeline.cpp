#include "location/restic/chunk_pipeline.h"

#include <algorithm>
#include <deque>
#include <exception>

#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "location/restic/buffer.h"

namespace fencepost::location::restic {
namespace {

constexpr int kWorkers = 2;
constexpr std::size_t kMostWaiting = 1;
// Of chunks that wait or are worked on; a larger chunk is alone. Chunks have 1.5 MiB as a rule, so that this
// rarely makes anybody wait, but several of 8 MiB at once would be all of a push's memory.
constexpr std::size_t kMostBytes = std::size_t{5} << 20U;
constexpr std::size_t kReadBytes = std::size_t{256} * 1024;
constexpr std::size_t kKeepBytes = std::size_t{1} << 20U;  // of a buffer that is used again

struct Chunk {
    std::size_t number = 0;
    std::unique_ptr<Buffer> bytes;
    std::size_t size = 0;
};

class Pipeline {
  public:
    explicit Pipeline(BlobStore& store) : store_(store) {
        for (int i = 0; i < kWorkers; ++i) workers_.spawn([this] { work(); });
    }
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    ~Pipeline() {
        close();
        workers_.join();
    }

    [[nodiscard]] std::unique_ptr<Buffer> take_buffer() {
        auto state = shared_.lock();
        check(state);
        if (state->free.empty()) return std::make_unique<Buffer>(Chunker::kMaxBytes + kReadBytes);
        auto buffer = std::move(state->free.back());
        state->free.pop_back();
        return buffer;
    }

    void put(std::unique_ptr<Buffer> bytes, std::size_t size) {
        auto state = shared_.lock();
        state.wait([&] {
            const bool fits = state->bytes_held == 0 || state->bytes_held + size <= kMostBytes;
            return (state->waiting.size() < kMostWaiting && fits) || state->failure;
        });
        check(state);
        state->bytes_held += size;
        const std::size_t number = state->content.chunks.size();
        state->content.chunks.emplace_back();
        state->content.bytes += size;
        state->waiting.push_back({.number = number, .bytes = std::move(bytes), .size = size});
        state.notify_all();
    }

    [[nodiscard]] StreamContent finish() {
        close();
        workers_.join();
        auto state = shared_.lock();
        check(state);
        return std::move(state->content);
    }

  private:
    struct Shared {
        std::deque<Chunk> waiting;
        std::size_t bytes_held = 0;  // of chunks that wait or are worked on
        std::vector<std::unique_ptr<Buffer>> free;
        StreamContent content;
        std::exception_ptr failure;
        bool closed = false;
    };

    static void check(Guarded<Shared>::Locked& state) {
        if (state->failure) std::rethrow_exception(state->failure);
    }

    void close() {
        auto state = shared_.lock();
        state->closed = true;
        state.notify_all();
    }

    void work() noexcept {
        try {
            BlobStore::Tools tools(store_.key());
            while (auto chunk = next()) {
                const auto stored = store_.put(BlobType::kData, {chunk->bytes->data(), chunk->size}, tools);
                chunk->bytes->trim(kKeepBytes);
                auto state = shared_.lock();
                state->content.chunks[chunk->number] = stored.id;
                if (stored.is_new) ++state->content.new_chunks;
                state->bytes_held -= chunk->size;
                state->free.push_back(std::move(chunk->bytes));
                state.notify_all();
            }
        } catch (...) {
            auto state = shared_.lock();
            if (!state->failure) state->failure = std::current_exception();
            state.notify_all();
        }
    }

    [[nodiscard]] std::optional<Chunk> next() {
        auto state = shared_.lock();
        state.wait([&] { return !state->waiting.empty() || state->closed || state->failure; });
        if (state->failure || state->waiting.empty()) return std::nullopt;
        Chunk chunk = std::move(state->waiting.front());
        state->waiting.pop_front();
        state.notify_all();
        return chunk;
    }

    BlobStore& store_;
    Guarded<Shared> shared_;
    TaskGroup workers_;  // last: its threads use what stands above
};

}  // namespace

StreamContent store_stream(const Source& source, const Chunker& chunker, BlobStore& store,
                           const std::function<void(std::uint64_t bytes)>& on_progress,
                           const CancelToken& cancel) {
    Pipeline pipeline(store);
    auto buffer = pipeline.take_buffer();
    std::uint64_t total = 0;
    std::size_t size = 0;  // bytes in the buffer, of one chunk and perhaps of the next
    std::size_t seen = 0;  // of which the chunker looked at
    while (true) {
        cancel.throw_if_cancelled();
        const std::size_t end = chunker.find_end(buffer->data(), size, seen);
        if (end != 0) {
            auto following = pipeline.take_buffer();
            std::memcpy(following->data(), buffer->data() + end, size - end);
            pipeline.put(std::move(buffer), end);
            buffer = std::move(following);
            size -= end;
            seen = 0;
            continue;
        }
        seen = size;
        const std::size_t room = std::min(kReadBytes, buffer->capacity() - size);
        const std::size_t piece = source(buffer->data() + size, room);
        if (piece == 0) break;
        size += piece;
        total += piece;
        if (on_progress) on_progress(total);
    }
    if (size > 0) pipeline.put(std::move(buffer), size);
    return pipeline.finish();
}

}  // namespace fencepost::location::restic
