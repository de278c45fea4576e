#include "cli/protection.h"

namespace fencepost::cli {

int validate_point(Server& server, const ValidateOptions& options) {
    const Output output(options.output);
    const PointReference point = point_reference(server, options.point, "validated");
    Value spec;
    spec["subject"] = point.subject;
    if (options.percent != 100) spec["volumeDataCheckOptions"]["verifyFilesPercent"] = options.percent;
    if (options.is_fail_fast) spec["volumeDataCheckOptions"]["failFast"] = true;
    return start_protection(server, own_type(server, "validateactions"), point.ns, spec, output,
                            options.detach);
}

}  // namespace fencepost::cli
