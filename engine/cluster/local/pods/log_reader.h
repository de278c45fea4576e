// Reads a container's CRI log files back: the bytes as the container wrote them, across rotation, or with the
// time of each line in front. One thread a call; safe while the supervisor writes.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "cluster/cluster.h"

namespace fencepost::cluster::local {

// `is_over` says that nothing more will be written: following ends when that is so and all was read.
void read_container_log(const std::filesystem::path& path, const LogOptions& options,
                        const std::function<void(std::string_view)>& sink,
                        const std::function<bool()>& is_over, const CancelToken& cancel);

}  // namespace fencepost::cluster::local
