#include <map>

#include "base/error.h"
#include "base/human.h"
#include "cli/action_body.h"
#include "cli/protection.h"
#include "cli/terminal.h"
#include "protect/plan.h"

namespace fencepost::cli {
namespace {

std::string type_name(const cluster::ResourceType& type) {
    return type.resource + (type.group.empty() ? "" : "." + type.group);
}

std::string volumes_of(const protect::Governed& governed) {
    if (governed.claims.empty()) return "-";
    const std::string names = joined(governed.claims, ", ");
    if (governed.is_dumped()) return "not copied: " + names;
    if (governed.instances.size() < 2) return names;
    return "of one of " + std::to_string(governed.instances.size()) +
           " instances, which backupPrehook chooses: " + names;
}

void print_plan(const protect::Plan& plan) {
    std::vector<std::vector<std::string>> rows;
    for (const protect::Governed& one : plan.governed) {
        rows.push_back({one.key.type.resource + "/" + one.key.name, one.blueprint,
                        one.binding.empty() ? "-" : one.binding,
                        one.actions.empty() ? "-" : joined(one.actions, ", "), volumes_of(one)});
    }
    if (rows.empty())
        print("No blueprint governs anything in the namespace " + plan.ns + ".\n");
    else
        print(table({"RESOURCE", "BLUEPRINT", "BINDING", "ACTIONS", "VOLUMES"}, rows));
    if (!plan.plain_claims.empty())
        print("\nCopied without hooks (nothing governs them):\n" +
              indent(joined(plan.plain_claims, "\n") + "\n"));
    if (!plan.skipped.empty()) {
        rows.clear();
        for (const auto& [key, reason] : plan.skipped)
            rows.push_back({key.type.resource + "/" + key.name, reason});
        print("\n" + table({"LEFT OUT", "REASON"}, rows));
    }
    std::map<std::string, int> counts;
    for (const cluster::ObjectKey& key : plan.objects) ++counts[type_name(key.type)];
    rows.clear();
    for (const auto& [type, count] : counts) rows.push_back({type, std::to_string(count)});
    print("\n" + table({"CAPTURED", "OBJECTS"}, rows));
    for (const std::string& warning : plan.warnings)
        print("\n" + paint("warning: ", Colour::kYellow) + warning + "\n");
}

int show_plan(Server& server, const std::string& ns, const Value& filters, const Output& output) {
    model::Problems problems;
    const auto filter = protect::ResourceFilter::read(filters, "", problems);
    problems.throw_errors("the filters");
    const protect::Plan plan =
        protect::make_plan(server.cluster(), server.index()["namespace"].string_or("default"), ns, filter);
    if (output.is_table()) {
        print_plan(plan);
        return kDone;
    }
    std::vector<std::string> names;
    for (const cluster::ObjectKey& key : plan.objects) names.push_back(type_name(key.type) + "/" + key.name);
    print(output.text(plan.to_value(), names));
    return kDone;
}

}  // namespace

int backup(Server& server, const BackupOptions& options) {
    const Output output(options.output);
    const Value filters = filters_from(server, options.filters);
    if (options.is_plan) return show_plan(server, options.ns, filters, output);
    Value spec;
    spec["subject"] = Map{{"name", options.ns}, {"namespace", options.ns}};
    if (!filters.is_nil()) spec["filters"] = filters;
    if (!options.profile.empty()) spec["profile"] = profile_reference(options.profile);
    if (!options.expires_in.empty()) spec["expiresAt"] = expiry_of(options.expires_in);
    return start_protection(server, own_type(server, "backupactions"), options.ns, spec, output,
                            options.detach);
}

}  // namespace fencepost::cli
