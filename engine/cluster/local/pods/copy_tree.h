// Copies a folder as a volume's copy has to be: contents by reflink where the file system can, else in the
// kernel, with holes kept; owners, modes, times, extended attributes, symlinks, hard links and FIFOs as they
// were. Sockets are left out. A file that vanishes or shrinks meanwhile (the source may be live) is copied as
// far as it was there.
//
//     copy_folder_whole(source, target, cancel);   // target is there and whole and on disk, or not there
//
// Errors: Error of the file system (kExhausted for a full disk); Cancelled. Thread-safe for different
// targets.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/cancel.h"

namespace fencepost::cluster::local {

// By way of "<target>.partial", which a call that was interrupted leaves and the next one clears away.
void copy_folder_whole(const std::filesystem::path& source, const std::filesystem::path& target,
                       const CancelToken& cancel);

}  // namespace fencepost::cluster::local
