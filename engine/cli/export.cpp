#include "cli/action_body.h"
#include "cli/protection.h"

namespace fencepost::cli {

int export_point(Server& server, const ExportOptions& options) {
    const Output output(options.output);
    if (options.restore_point.empty() && options.content.empty())
        throw UsageError("what should be exported?", "give a RESTOREPOINT, or --content NAME");
    Value spec;
    std::string ns = options.ns;
    if (options.content.empty()) {
        (void)server.get(object_path(own_type(server, "restorepoints"), ns, options.restore_point));
        spec["subject"] = Map{{"kind", "RestorePoint"}, {"name", options.restore_point}, {"namespace", ns}};
    } else {
        const Value content =
            server.get(object_path(own_type(server, "restorepointcontents"), "", options.content));
        spec["subject"] = Map{{"kind", "RestorePointContent"}, {"name", options.content}};
        // Of an application that is gone, the action is beside the controller.
        ns = content.get("spec", "application", "namespace").string_or("");
        if (ns.empty() || !server.find(object_path(server.type("namespaces"), "", ns)))
            ns = server.index()["namespace"].string_or("default");
    }
    spec["profile"] = profile_reference(options.profile);
    if (!options.expires_in.empty()) spec["expiresAt"] = expiry_of(options.expires_in);
    return start_protection(server, own_type(server, "exportactions"), ns, spec, output, options.detach);
}

}  // namespace fencepost::cli
