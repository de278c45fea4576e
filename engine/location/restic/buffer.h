// A large piece of memory straight from the kernel, which takes back what trim() gives up: a push holds a few
// of these for hours, and one unusually large chunk must not stay resident. Used by one thread at a time.
#pragma once

#include <cstddef>

namespace fencepost::location::restic {

class Buffer {
  public:
    explicit Buffer(std::size_t capacity);
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer();
    [[nodiscard]] char* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    void trim(std::size_t keep) noexcept;  // the bytes behind the first `keep` become zero

  private:
    char* data_;
    std::size_t capacity_;
};

}  // namespace fencepost::location::restic
