#include "base/error.h"
#include "cli/json_schema.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "model/diagnostic.h"
#include "value/json.h"

namespace fencepost::cli {

int schema(const SchemaOptions& options, const World& world) {
    const std::span<const model::FunctionSpec> functions = world.catalog->specs();
    const JsonFormat format{.escape_html = false, .indent = "  "};
    if (options.kind.empty()) {
        print(to_json(json_schema(functions), format) + "\n");
        return kDone;
    }
    for (const std::string& kind : schema_kinds()) {
        if (kind != options.kind) continue;
        print(to_json(json_schema(kind, functions), format) + "\n");
        return kDone;
    }
    const std::string near = model::nearest(options.kind, schema_kinds());
    throw UsageError("there is no schema of '" + options.kind + "'",
                     near.empty() ? "there are Blueprint, ActionSet, Profile and BlueprintBinding"
                                  : "did you mean '" + near + "'?");
}

}  // namespace fencepost::cli
