#include "location/restic/buffer.h"

#include <sys/mman.h>

#include <new>

namespace fencepost::location::restic {
namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

Buffer::Buffer(std::size_t capacity) : data_(nullptr), capacity_((capacity + kPage - 1) / kPage * kPage) {
    void* mapped = ::mmap(nullptr, capacity_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<char*>(mapped);
}

Buffer::~Buffer() { ::munmap(data_, capacity_); }

void Buffer::trim(std::size_t keep) noexcept {
    const std::size_t from = (keep + kPage - 1) / kPage * kPage;
    if (from < capacity_) ::madvise(data_ + from, capacity_ - from, MADV_DONTNEED);
}

}  // namespace fencepost::location::restic
