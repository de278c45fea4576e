#include "protect/volume_clone.h"

#include "cluster/cluster.h"

namespace fencepost::protect {
namespace {

constexpr std::size_t kLongest = 230;  // of the claim's name; an object's may have 253 characters
constexpr std::size_t kDigits = 8;
constexpr const char* kCloneOf = "fencepost.io/clone-of";

}  // namespace

bool wants_clones(const Value& spec) { return spec["volumeClones"].bool_or(false); }

Value clone_of(const Value& claim, const std::string& uid) {
    const std::string name = cluster::name_of(claim);
    Value clone = claim;
    clone["metadata"] = Map{{"name", name.substr(0, kLongest) + "-clone-" + uid.substr(0, kDigits)},
                            {"annotations", Map{{kCloneOf, name}}}};
    return clone;
}

}  // namespace fencepost::protect
