#include "cli/action_body.h"
#include "cli/protection.h"

namespace fencepost::cli {

int export_point(Server& server, const ExportOptions& options) {
    const Output output(options.output);
    const PointReference point = point_reference(server, options.point, "exported");
    Value spec;
    spec["subject"] = point.subject;
    spec["profile"] = profile_reference(options.profile);
    if (!options.expires_in.empty()) spec["expiresAt"] = expiry_of(options.expires_in);
    return start_protection(server, own_type(server, "exportactions"), point.ns, spec, output,
                            options.detach);
}

}  // namespace fencepost::cli
