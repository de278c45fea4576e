#include <algorithm>

#include "base/ascii.h"
#include "base/error.h"
#include "cli/json_schema.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "cluster/local/type_table.h"
#include "model/diagnostic.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

// As the verbs that ask a server take a type: by kind, plural, singular or short name, whatever the case.
std::string kind_of(const std::string& name) {
    const std::vector<std::string>& kinds = schema_kinds();
    const std::size_t dot = name.find('.');
    const std::string group = dot == std::string::npos ? "" : name.substr(dot + 1);
    const auto type = cluster::local::TypeTable().find(group, "", name.substr(0, dot));
    if (type && std::find(kinds.begin(), kinds.end(), type->kind) != kinds.end()) return type->kind;
    std::string near;
    for (const std::string& kind : kinds) {
        if (near.empty() && !model::nearest(ascii_lower(name), {ascii_lower(kind)}).empty()) near = kind;
    }
    throw UsageError("there is no schema of '" + name + "'",
                     near.empty() ? "there are Blueprint, ActionSet, Profile and BlueprintBinding"
                                  : "did you mean '" + near + "'?");
}

}  // namespace

int schema(const SchemaOptions& options, const World& world) {
    const std::span<const model::FunctionSpec> functions = world.catalog->specs();
    const JsonFormat format{.escape_html = false, .indent = "  "};
    if (options.kind.empty()) {
        print(to_json(json_schema(functions), format) + "\n");
        return kDone;
    }
    print(to_json(json_schema(kind_of(options.kind), functions), format) + "\n");
    return kDone;
}

}  // namespace fencepost::cli
