#include "base/ascii.h"
#include "base/error.h"
#include "cli/manifests.h"
#include "cli/merge_patch.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

std::string apply_one(Server& server, Value object, const std::string& default_namespace) {
    const auto type = server.type_of(object);
    const std::string name = cluster::name_of(object);
    if (type.is_namespaced && cluster::namespace_of(object).empty())
        object["metadata"]["namespace"] = default_namespace;
    const std::string ns = type.is_namespaced ? cluster::namespace_of(object) : "";
    settle_string_data(object);
    if (name.empty()) {
        const Value created = server.send("POST", object_path(type, ns, ""), object);
        return ascii_lower(type.kind) + "/" + cluster::name_of(created) + " created";
    }
    object["metadata"]["annotations"].erase(kLastApplied);
    const std::string applied = to_json(object);
    object["metadata"]["annotations"][kLastApplied] = applied;

    const std::string title = ascii_lower(type.kind) + "/" + name;
    const std::string path = object_path(type, ns, name);
    const auto live = server.find(path);
    if (!live) {
        server.send("POST", object_path(type, ns, "") + "?fieldManager=fencepost", object);
        return title + " created";
    }
    Value last;
    if (const std::string text = live->get("metadata", "annotations", kLastApplied).string_or("");
        !text.empty()) {
        last = parse_json(text);
    }
    const Value patch = three_way_patch(last, object, *live);
    if (patch.is_nil()) return title + " unchanged";
    const Value changed =
        server.send("PATCH", path + "?fieldManager=fencepost", patch, "application/merge-patch+json");
    const bool same = cluster::resource_version_of(changed) == cluster::resource_version_of(*live);
    return title + (same ? " unchanged" : " configured");
}

}  // namespace

int apply(Server& server, const ApplyOptions& options) {
    int failures = 0;
    for (Manifest& manifest : read_manifests(options.files)) {
        try {
            print(apply_one(server, std::move(manifest.object), options.ns) + "\n");
        } catch (const Unreachable&) {
            throw;
        } catch (const Error& error) {
            ++failures;
            print_error(manifest.origin + ": " + paint("error: ", Colour::kRed, 2) + error.what() + "\n");
            if (!error.hint().empty()) print_error("  " + error.hint() + "\n");
        }
    }
    return failures == 0 ? kDone : kFailed;
}

}  // namespace fencepost::cli
