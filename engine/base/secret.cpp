#include "base/secret.h"

#include <string.h>

#include <utility>

namespace fencepost {

Secret::Secret(std::string value) : value_(std::move(value)) {}
Secret::Secret(Secret&& other) noexcept { value_.swap(other.value_); }
Secret& Secret::operator=(Secret other) noexcept {
    value_.swap(other.value_);
    return *this;
}
Secret::~Secret() { explicit_bzero(value_.data(), value_.size()); }

}  // namespace fencepost
