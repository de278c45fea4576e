#include "cluster/requester.h"

namespace fencepost::cluster {

bool has_requester(const ResourceDescription& type) {
    return type.type.group == "fencepost.io" && type.kind.ends_with("Action");
}

std::string requester_of(const Value& object) {
    return object.get("metadata", "annotations", kRequestedBy).string_or("");
}

void set_requester(Value& object, const std::string& who) {
    if (!who.empty())
        object["metadata"]["annotations"][kRequestedBy] = who;
    else if (!requester_of(object).empty())
        object["metadata"]["annotations"].erase(kRequestedBy);
}

}  // namespace fencepost::cluster
