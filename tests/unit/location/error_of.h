// The Error that some work must throw; the test fails where it throws none.
#pragma once

#include <catch2/catch.hpp>

#include <functional>

#include "base/error.h"

namespace fencepost::testing {

inline Error error_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        return error;
    }
    FAIL("nothing was thrown");
    return {ErrorKind::kInternal, ""};
}

}  // namespace fencepost::testing
