// A stack whose first N items need no heap, and whose items stay where they are. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace fencepost::tmpl {

template <typename T, std::size_t N>
class Stack {
  public:
    T& push(T item) {
        if (size_ < N) return first_[size_++] = std::move(item);
        if (!more_) more_.emplace();
        ++size_;
        return more_->emplace_back(std::move(item));
    }
    // REQUIRES: size() > 0.
    void pop() {
        if (--size_ < N)
            first_[size_] = T{};
        else
            more_->pop_back();
    }
    void shrink_to(std::size_t size) {
        while (size_ > size) pop();
    }
    // REQUIRES: index < size().
    T& operator[](std::size_t index) { return index < N ? first_[index] : (*more_)[index - N]; }
    const T& operator[](std::size_t index) const { return index < N ? first_[index] : (*more_)[index - N]; }
    T& back() { return (*this)[size_ - 1]; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    std::array<T, N> first_{};
    std::optional<std::deque<T>> more_;
    std::size_t size_ = 0;
};

}  // namespace fencepost::tmpl
