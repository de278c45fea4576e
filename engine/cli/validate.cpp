#include "cli/protection.h"

namespace fencepost::cli {
namespace {

// spec.restore.
Value restore_of(Server& server, const ValidateOptions& options) {
    Value restore{Map{}};
    for (const std::string& sql : options.assertions) restore["assertions"].push_back(Map{{"sql", sql}});
    if (options.skips_rows) restore["countRows"] = false;
    if (const Value filters = filters_from(server, options.filters); !filters.is_nil())
        restore["filters"] = filters;
    return restore;
}

}  // namespace

int validate_point(Server& server, const ValidateOptions& options) {
    const Output output(options.output);
    const PointReference point = point_reference(server, options.point, "validated");
    Value spec;
    spec["subject"] = point.subject;
    if (options.percent != 100) spec["volumeDataCheckOptions"]["verifyFilesPercent"] = options.percent;
    if (options.is_fail_fast) spec["volumeDataCheckOptions"]["failFast"] = true;
    if (options.is_restored) spec["restore"] = restore_of(server, options);
    return start_protection(server, own_type(server, "validateactions"), point.ns, spec, output,
                            options.detach);
}

}  // namespace fencepost::cli
