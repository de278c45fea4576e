#include "cli/action_body.h"
#include "cli/follow.h"
#include "cli/object_name.h"
#include "cli/verbs.h"

namespace fencepost::cli {
namespace {

Value subject_of(Server& server, const RunOptions& options) {
    if (options.object.empty()) return {};
    const ObjectName object = parse_object_name(options.object);
    const auto type = server.type(object.kind);
    Value subject;
    subject["group"] = type.type.group;
    subject["apiVersion"] = type.type.version;
    subject["resource"] = type.type.resource;
    subject["name"] = object.name;
    if (type.is_namespaced) subject["namespace"] = options.ns;
    return subject;
}

}  // namespace

int run_action(Server& server, const RunOptions& options) {
    const Output output(options.output);
    const Value body = action_body(options, subject_of(server, options));
    // Nobody can ask a cluster for a log that is gone by then.
    return follow_new_action(server, server.send("POST", "/v1/actions", body), output, options.detach,
                             options.is_from_scratch ? OnFailure::kShowLog : OnFailure::kNameLog);
}

}  // namespace fencepost::cli
