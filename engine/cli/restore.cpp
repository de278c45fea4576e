#include "base/encodings.h"
#include "base/error.h"
#include "cli/action_body.h"
#include "cli/manifests.h"
#include "cli/protection.h"
#include "value/yaml.h"

namespace fencepost::cli {
namespace {

List read_transforms(const std::string& file) {
    const Value transforms = parse_yaml_value(read_input(file), file);
    if (!transforms.is_list())
        throw Error(ErrorKind::kInvalid, file + " holds no list of transforms",
                    "write a list of {subject, name, json}, as in a RestoreAction's spec.transforms");
    return transforms.as_list();
}

void check_time(const std::string& text) {
    try {
        if (!text.empty()) (void)parse_rfc3339(text);
    } catch (const Error&) {
        throw UsageError("--point-in-time " + text + " is no time", "as in 2026-11-22T07:30:00Z");
    }
}

// What is restored, and where to.
struct Restored {
    Value subject;
    std::string ns;
};

// Also sees to it that it is there, before anything is made for it.
Restored find_subject(Server& server, const RestoreOptions& options) {
    if (options.restore_point.empty() && options.content.empty())
        throw UsageError("what should be restored?", "give a RESTOREPOINT, or --content NAME");
    // Where it came from is where it goes to, unless --into says otherwise.
    const std::string asked = options.into.empty() ? options.ns : options.into;
    if (options.content.empty()) {
        const std::string ns = options.ns.empty() ? "default" : options.ns;
        (void)server.get(object_path(own_type(server, "restorepoints"), ns, options.restore_point));
        return {Map{{"kind", "RestorePoint"}, {"name", options.restore_point}, {"namespace", ns}},
                asked.empty() ? ns : asked};
    }
    const Value content =
        server.get(object_path(own_type(server, "restorepointcontents"), "", options.content));
    const std::string application = content.get("spec", "application", "namespace").string_or("");
    if (asked.empty() && application.empty())
        throw UsageError("the RestorePointContent " + options.content + " names no namespace",
                         "give --into NAMESPACE");
    return {Map{{"kind", "RestorePointContent"}, {"name", options.content}},
            asked.empty() ? application : asked};
}

}  // namespace

int restore(Server& server, const RestoreOptions& options) {
    const Output output(options.output);
    check_time(options.point_in_time);
    const Restored restored = find_subject(server, options);
    Value spec;
    spec["subject"] = restored.subject;
    if (const Value filters = filters_from(server, options.filters); !filters.is_nil())
        spec["filters"] = filters;
    if (options.overwrites) spec["overwriteExisting"] = true;
    if (options.is_data_only) spec["dataOnly"] = true;
    if (options.makes_clones) spec["volumeClones"] = true;
    if (!options.point_in_time.empty()) spec["pointInTime"] = options.point_in_time;
    if (options.skips_wait) spec["skipWaitForWorkloadReady"] = true;
    if (!options.transforms.empty()) spec["transforms"] = read_transforms(options.transforms);
    if (!options.blueprints.empty()) spec["blueprintSource"] = options.blueprints;
    if (!options.profile.empty()) spec["profile"] = profile_reference(options.profile);
    const auto type = own_type(server, "restoreactions");
    ensure_namespace(server, restored.ns);
    return start_protection(server, type, restored.ns, spec, output, options.detach);
}

}  // namespace fencepost::cli
