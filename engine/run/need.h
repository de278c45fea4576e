// Need: one thing that a Function would ask of the cluster, told before it runs, so that a plan can look
// whether it is there and may be done. A name or namespace that only a run can know holds "<phase.key>", as
// preview.h writes it. Plain data.
#pragma once

#include <string>

#include "cluster/cluster.h"

namespace fencepost::run {

struct Need {
    enum class Object {
        kAny,      // nothing is known of it
        kThere,    // it must be there when the phase begins
        kAbsent,   // it is made, which fails where it is there already
        kAwaited,  // it may come later, while the phase waits
    };

    std::string verb;  // as RBAC has them: get, list, create, update, patch, delete; "": none is needed
    cluster::ResourceType type;
    std::string subresource;  // "exec", "log"
    std::string ns;           // "" where the type has none
    std::string name;         // "": any
    Object object = Object::kAny;
    std::string argument = {};   // what names it: a JSON pointer below the arguments, "/pod"
    std::string container = {};  // of a Pod that must be there; "": the only one
};

}  // namespace fencepost::run
