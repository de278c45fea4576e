#include "cli/action_body.h"
#include "cli/protection.h"
#include "cli/terminal.h"

namespace fencepost::cli {
namespace {

int list(Server& server, const cluster::ResourceDescription& type, const std::string& ns, Value spec,
         const Output& output) {
    spec["list"] = true;
    const Value action = ask_protection(server, type, ns, spec);
    const Value& available = action.get("status", "available");
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> names;
    for (const Value& one : available.list_or_empty()) {
        const std::string name = one["restorePoint"].string_or(one["name"].string_or(""));
        names.push_back(name);
        rows.push_back({name, one.get("application", "namespace").string_or("-"),
                        one["actionTime"].string_or("-"), std::to_string(one["objects"].int_or(0)),
                        std::to_string(one["volumes"].int_or(0)), std::to_string(one["bytes"].int_or(0)),
                        one["error"].is_string() ? "not to be trusted: " + one["error"].as_string()
                                                 : one["signedBy"].string_or("-")});
    }
    if (!output.is_table())
        print(output.text(available, names));
    else if (rows.empty())
        print("There are no restore points at " + action.get("status", "location").string_or("") + ".\n");
    else
        print(
            table({"NAME", "APPLICATION", "ACTION TIME", "OBJECTS", "VOLUMES", "BYTES", "SIGNED BY"}, rows));
    for (const Value& exception : action.get("status", "exceptions").list_or_empty())
        print_error(paint("warning: ", Colour::kYellow, 2) + exception["message"].string_or("") + "\n");
    return kDone;
}

}  // namespace

int import_point(Server& server, const ImportOptions& options) {
    const Output output(options.output);
    if (!options.is_list && options.restore_point.empty() && !options.is_latest)
        throw UsageError("what should be imported?",
                         "give a RESTOREPOINT, --latest, or --list to see what is there");
    const std::string ns = server.index()["namespace"].string_or("default");
    const auto type = own_type(server, "importactions");
    Value spec;
    spec["profile"] = profile_reference(options.profile);
    if (!options.application.empty()) spec["application"] = options.application;
    if (options.is_list) return list(server, type, ns, std::move(spec), output);
    if (!options.restore_point.empty()) spec["restorePoint"] = options.restore_point;
    if (options.is_latest) spec["latest"] = true;
    if (!options.trusted_key.empty()) spec["trustedKey"] = options.trusted_key;
    return start_protection(server, type, ns, spec, output, options.detach);
}

}  // namespace fencepost::cli
