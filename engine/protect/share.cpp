#include "protect/share.h"

#include "base/encodings.h"
#include "base/error.h"
#include "run/render.h"

namespace fencepost::protect {

std::string share_of(cluster::Cluster& cluster, const Value& resource, const Value& blueprint) {
    const Value& text = blueprint.get("actions", "backup", "sharedBy");
    if (!text.is_string()) return "";
    const auto member = [&](const char* name) { return resource[name].string_or(""); };
    try {
        Value params;
        params["Object"] = cluster.get({{member("group"), member("apiVersion"), member("resource")},
                                        member("namespace"),
                                        member("name")});
        return sha256_hex(member("blueprint") + "\n" + run::Renderer().text(text.as_string(), params));
    } catch (Error& e) {
        e.add_trace("sharedBy of the blueprint " + member("blueprint") + " for " + member("resource") + "/" +
                    member("name"));
        throw;
    }
}

}  // namespace fencepost::protect
