// References to container images, as the distribution specification writes them:
// [host[:port]/]path[:tag][@algorithm:hex]. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace fencepost::model {

// Why it is no reference, for people; "" where it is one.
[[nodiscard]] std::string problem_of_image(std::string_view reference);
// "16" of "postgres:16"; "" where there is none. A digest is no tag.
[[nodiscard]] std::string_view tag_of_image(std::string_view reference) noexcept;
[[nodiscard]] bool has_digest(std::string_view reference) noexcept;

struct ImageUse {
    std::string pointer;  // below the arguments: "/image", "/podOverride/containers/0/image"
    std::string image;
};
// Of the arguments of a function that makes Pods.
[[nodiscard]] std::vector<ImageUse> images_of(const Value& args);

}  // namespace fencepost::model
