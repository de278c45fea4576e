// The subresource scale of workloads: how many replicas are wanted, without the rest of the object.
#include "api/facade/facade.h"
#include "base/error.h"
#include "cluster/json_patch.h"
#include "cluster/strategic_merge.h"

namespace fencepost::api::facade {
namespace {

// matchLabels as a label selector's text.
std::string selector_text(const Value& object) {
    std::string text;
    for (const auto& [key, value] : object.get("spec", "selector", "matchLabels").map_or_empty())
        text += (text.empty() ? "" : ",") + key + "=" + value.string_or("");
    return text;
}

Value scale_of(const Value& object) {
    Value scale;
    scale["kind"] = "Scale";
    scale["apiVersion"] = "autoscaling/v1";
    for (const char* member : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
        scale["metadata"][member] = object["metadata"][member];
    scale["spec"]["replicas"] = object.get("spec", "replicas").int_or(1);
    scale["status"]["replicas"] = object.get("status", "replicas").int_or(0);
    scale["status"]["selector"] = selector_text(object);
    return scale;
}

Value patched(const Value& scale, const net::ServerRequest& request) {
    const Value patch = parse_body(request);
    return patch_type(request) == cluster::PatchType::kJson ? cluster::json_patch(scale, patch)
                                                            : cluster::json_merge(scale, patch);
}

}  // namespace

net::ServerResponse scale(cluster::Cluster& cluster, const Target& target,
                          const net::ServerRequest& request) {
    const Value object = cluster.get(target.key());
    const Value present = scale_of(object);
    if (request.method == "GET" || request.method == "HEAD") return json_response(present);
    if (request.method != "PUT" && request.method != "PATCH")
        throw Error(ErrorKind::kUnsupported,
                    "the server does not allow this method on the requested resource");
    const Value wanted = request.method == "PUT" ? parse_body(request) : patched(present, request);
    const Value& replicas = wanted.get("spec", "replicas");
    if (replicas.kind() != Kind::kInt || replicas.as_int() < 0)
        throw Problem(422, "spec.replicas: must be a whole number that is not negative");
    Value patch;
    patch["spec"]["replicas"] = replicas;
    // Whoever read a version wants to change that one.
    if (const std::string version = cluster::resource_version_of(wanted); !version.empty())
        patch["metadata"]["resourceVersion"] = version;
    cluster::PatchOptions options;
    options.dry_run = is_dry_run(request);
    return json_response(scale_of(cluster.patch(target.key(), cluster::PatchType::kMerge, patch, options)));
}

}  // namespace fencepost::api::facade
