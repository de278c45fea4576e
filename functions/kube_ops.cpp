#include "base/error.h"
#include "functions/functions.h"
#include "functions/object_ref.h"
#include "functions/poll.h"
#include "run/args.h"
#include "value/yaml.h"

namespace fencepost::functions {

namespace {

Value reference_of(const cluster::ObjectKey& key) {
    Map reference;
    reference.set("apiVersion", key.type.version);
    reference.set("group", key.type.group);
    reference.set("kind", "");
    reference.set("name", key.name);
    reference.set("namespace", key.ns);
    reference.set("resource", key.type.resource);
    return Value(std::move(reference));
}

class KubeOps final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::string operation = run::string_arg(args, "operation");
        const std::string ns = run::string_arg(args, "namespace", "default");
        if (operation == "create") return {create(run, run::string_arg(args, "spec"), ns)};
        if (operation == "delete") return {remove(run, args["objectReference"], ns)};
        if (operation == "patch")
            return {patch(run, args["objectReference"], run::string_arg(args, "spec"), ns)};
        if (operation == "get") return {get(run, args["objectReference"], ns)};
        throw Error(ErrorKind::kInvalid, "invalid operation '" + operation + "'",
                    "it is create, delete, patch or get");
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        const std::string operation = run::string_arg(args, "operation");
        const std::string ns = run::string_arg(args, "namespace", "default");
        if (operation == "create") return create_needs(world.cluster, run::string_arg(args, "spec"), ns);
        const cluster::ObjectKey key = object_key(world.cluster, args["objectReference"], ns);
        const auto need = [&](std::string verb, run::Need::Object object) {
            return run::Need{.verb = std::move(verb),
                             .type = key.type,
                             .ns = key.ns,
                             .name = key.name,
                             .object = object,
                             .argument = "/objectReference/name"};
        };
        if (operation == "delete")
            return {need("delete", run::Need::Object::kThere), need("get", run::Need::Object::kAny)};
        return {need(operation == "get" ? "get" : "patch", run::Need::Object::kThere)};
    }

  private:
    static std::vector<run::Need> create_needs(cluster::Cluster& cluster, const std::string& spec,
                                               const std::string& ns) {
        std::vector<run::Need> needs;
        for (const YamlDocument& document : parse_yaml(spec, "spec")) {
            const auto type = type_of(cluster, document.value);
            const std::string own = cluster::namespace_of(document.value);
            needs.push_back({.verb = "create",
                             .type = type.type,
                             .ns = !type.is_namespaced ? ""
                                   : own.empty()       ? ns
                                                       : own,
                             .name = cluster::name_of(document.value),
                             .object = run::Need::Object::kAbsent,
                             .argument = "/spec"});
        }
        return needs;
    }

    static Value create(run::RunContext& run, const std::string& spec, const std::string& ns) {
        Value last;
        for (const YamlDocument& document : parse_yaml(spec, "spec")) {
            run.cancel().throw_if_cancelled();
            Value object = document.value;
            const auto type = type_of(run.world().cluster, object);
            if (type.is_namespaced && cluster::namespace_of(object).empty())
                object["metadata"]["namespace"] = ns;
            last = reference_of(create_one(run, type.type, object));
        }
        if (last.is_nil()) throw Error(ErrorKind::kInvalid, "argument 'spec' holds no object");
        return last;
    }

    static cluster::ObjectKey create_one(run::RunContext& run, const cluster::ResourceType& type,
                                         const Value& object) {
        try {
            const Value stored =
                run.world().cluster.create(type, object, {.field_manager = "kanister-create"});
            return {type, cluster::namespace_of(stored), cluster::name_of(stored)};
        } catch (const Error& e) {
            // The daemon that died here had made it already.
            if (!run.is_resumed() || e.kind() != ErrorKind::kAlreadyExists) throw;
            return {type, cluster::namespace_of(object), cluster::name_of(object)};
        }
    }

    static cluster::ResourceDescription type_of(cluster::Cluster& cluster, const Value& object) {
        const std::string api_version = object["apiVersion"].string_or("");
        const std::size_t slash = api_version.find('/');
        const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
        const std::string version = slash == std::string::npos ? api_version : api_version.substr(slash + 1);
        const std::string kind = object["kind"].string_or("");
        if (api_version.empty() || kind.empty())
            throw Error(ErrorKind::kInvalid, "argument 'spec' holds an object without apiVersion or kind");
        auto type = cluster.find_type(group, version, kind);
        if (!type) throw Error(ErrorKind::kInvalid, "there is no kind '" + kind + "' in " + api_version);
        return *type;
    }

    static Value remove(run::RunContext& run, const Value& reference, const std::string& ns) {
        cluster::Cluster& cluster = run.world().cluster;
        const cluster::ObjectKey key = object_key(cluster, reference, ns);
        std::string uid;
        try {
            uid = cluster::uid_of(cluster.remove(key));
        } catch (const Error& e) {
            if (!run.is_resumed() || e.kind() != ErrorKind::kNotFound) throw;
            return reference_of(key);
        }
        wait_until_gone(run, key, uid);
        return reference_of(key);
    }

    static Value patch(run::RunContext& run, const Value& reference, const std::string& spec,
                       const std::string& ns) {
        cluster::Cluster& cluster = run.world().cluster;
        const cluster::ObjectKey key = object_key(cluster, reference, ns);
        // Custom resources know no strategic merge; a plain merge is what people mean there.
        const bool is_builtin =
            key.type.group.find('.') == std::string::npos || key.type.group.ends_with(".k8s.io");
        cluster.patch(key, is_builtin ? cluster::PatchType::kStrategicMerge : cluster::PatchType::kMerge,
                      parse_yaml_value(spec, "spec"));
        return reference_of(key);
    }

    static Value get(run::RunContext& run, const Value& reference, const std::string& ns) {
        const cluster::ObjectKey key = object_key(run.world().cluster, reference, ns);
        Value outputs = reference_of(key);
        Value& object = outputs["object"];
        object = run.world().cluster.get(key);
        object["metadata"].erase("managedFields");
        return outputs;
    }

    model::FunctionSpec spec_{
        .name = "KubeOps",
        .args = {{"operation", model::ArgType::kString, true, "create, delete, patch or get"},
                 {"spec", model::ArgType::kString, false, "YAML or JSON: the objects, or the patch"},
                 {"namespace", model::ArgType::kString, false, "for objects without one", "default"},
                 {"objectReference", model::ArgType::kMap, false, "what to delete, patch or get"}},
        .outputs = {"apiVersion", "group", "kind", "name", "namespace", "object", "resource"},
        .description = "creates, deletes, patches or gets objects"};
};

}  // namespace

const run::Function& kube_ops() {
    static const KubeOps function;
    return function;
}

}  // namespace fencepost::functions
