// Can a location do what backups ask of it? Writes one small object under a name of its own, reads it, finds
// it in a list, tries to write it a second time (which a location with conditional writes refuses: what locks
// and write-once keys rest on), removes it, and asks for the object lock that the profile wants. Nothing is
// left behind unless removing is what fails. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "location/location.h"

namespace fencepost::location {

struct Check {
    std::string name;  // write, read, list, lock, delete, and protect where the profile asks for it
    bool is_ok = false;
    std::string detail;  // why not; "" where it is
};

// In this order, each of them; what rests on one that failed says so. Throws Cancelled alone.
[[nodiscard]] std::vector<Check> check_location(Location& location, const CancelToken& cancel);

}  // namespace fencepost::location
