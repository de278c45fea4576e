// The objects of a base backup, by name: for what reads and writes them within this folder. Pure.
#pragma once

#include <string>

#include "archive/store.h"

namespace fencepost::archive {

inline constexpr std::string_view kTar = "base.tar.zst", kRecord = "backup.json", kKeepMark = "keep";

[[nodiscard]] inline std::string base_key(const Store& store, const std::string& name,
                                          std::string_view object) {
    return store.key("base/" + name + "/" + std::string(object));
}

}  // namespace fencepost::archive
