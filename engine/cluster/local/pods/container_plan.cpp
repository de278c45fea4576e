#include "cluster/local/pods/container_plan.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/cluster.h"
#include "cluster/local/api_access.h"

namespace fencepost::cluster::local {
namespace {

using Variables = std::map<std::string, std::string>;
constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

[[noreturn]] void config_error(std::string message) {
    throw NotReady{"CreateContainerConfigError", std::move(message)};
}

// One key of a Secret or ConfigMap; nullopt where it may be missing.
std::optional<std::string> value_of_key(const Value& pod, const Value& ref, bool is_secret,
                                        const PlanInputs& inputs) {
    const std::string name = ref["name"].string_or("");
    const std::string key = ref["key"].string_or("");
    const bool is_optional = ref["optional"].bool_or(false);
    const auto object = is_secret ? inputs.secret(name) : inputs.config_map(name);
    if (!object) {
        if (is_optional) return std::nullopt;
        config_error((is_secret ? "secret \"" : "configmap \"") + name + "\" not found");
    }
    Variables data = is_secret ? secret_data(*object) : config_map_data(*object);
    const auto found = data.find(key);
    if (found != data.end()) return found->second;
    if (is_optional) return std::nullopt;
    config_error("couldn't find key " + key + " in " + (is_secret ? "Secret " : "ConfigMap ") +
                 namespace_of(pod) + "/" + name);
}

void add_env_from(const Value& source, const PlanInputs& inputs, Variables& variables) {
    const bool is_secret = source.find("secretRef") != nullptr;
    const Value& ref = source[is_secret ? "secretRef" : "configMapRef"];
    const std::string name = ref["name"].string_or("");
    const auto object = is_secret ? inputs.secret(name) : inputs.config_map(name);
    if (!object) {
        if (ref["optional"].bool_or(false)) return;
        config_error((is_secret ? "secret \"" : "configmap \"") + name + "\" not found");
    }
    const std::string prefix = source["prefix"].string_or("");
    for (const auto& [key, value] : is_secret ? secret_data(*object) : config_map_data(*object)) {
        variables[prefix + key] = value;
    }
}

void add_env(const Value& pod, const Value& variable, const PlanInputs& inputs, Variables& variables) {
    const std::string name = variable["name"].string_or("");
    const Value& from = variable["valueFrom"];
    std::optional<std::string> value;
    if (from.find("secretKeyRef") != nullptr) {
        value = value_of_key(pod, from["secretKeyRef"], true, inputs);
    } else if (from.find("configMapKeyRef") != nullptr) {
        value = value_of_key(pod, from["configMapKeyRef"], false, inputs);
    } else if (from.find("fieldRef") != nullptr) {
        value = field_of(pod, from.get("fieldRef", "fieldPath").string_or(""));
    } else if (!from.is_nil()) {
        throw Error(ErrorKind::kUnsupported, "env variable \"" + name +
                                                 "\": only secretKeyRef, configMapKeyRef and "
                                                 "fieldRef can be its source on the embedded cluster");
    } else {
        value = expand_variables(variable["value"].string_or(""), variables);
    }
    if (value) variables[name] = *value;
}

void set_user(const Value& pod, const Value& container, const PlanInputs& inputs,
              supervisor::LaunchSpec& spec) {
    const Value& pod_context = pod.get("spec", "securityContext");
    const auto number = [&](std::string_view key) -> std::optional<std::uint32_t> {
        const Value* value = container["securityContext"].find(key);
        if (value == nullptr || value->is_nil()) value = pod_context.find(key);
        if (value == nullptr || value->is_nil()) return std::nullopt;
        const std::int64_t id = value->as_int();
        if (id < 0 || id > 0xFFFFFFFE)
            throw Error(ErrorKind::kInvalid, std::string(key) + " is out of range");
        return static_cast<std::uint32_t>(id);
    };
    spec.uid = number("runAsUser");
    spec.gid = number("runAsGroup");
    if (spec.uid && !spec.gid) {
        const auto user = inputs.user(*spec.uid);
        spec.gid = user ? user->gid : 0;
    }
    if (const Value& group = pod_context["fsGroup"]; !group.is_nil()) {
        spec.groups.push_back(static_cast<std::uint32_t>(group.as_int()));
    }
    for (const Value& group : pod_context["supplementalGroups"].list_or_empty()) {
        spec.groups.push_back(static_cast<std::uint32_t>(group.as_int()));
    }
    if (!spec.groups.empty() && !spec.uid && !spec.gid && inputs.daemon_uid == 0) spec.gid = 0;
}

std::vector<Mount> mounts_of(const Value& container, const PlanInputs& inputs, const Variables& variables) {
    std::vector<Mount> mounts;
    for (const Value& wanted : container["volumeMounts"].list_or_empty()) {
        const std::string volume = wanted["name"].string_or("");
        const auto found = inputs.volumes.find(volume);
        if (found == inputs.volumes.end()) {
            throw Error(ErrorKind::kInvalid, "container \"" + container["name"].string_or("") +
                                                 "\" mounts volume \"" + volume +
                                                 "\", which the pod does not have");
        }
        Mount mount{
            .source = found->second, .target = wanted["mountPath"].string_or(""), .is_read_only = false};
        if (!mount.target.is_absolute()) mount.target = "/" / mount.target;
        mount.is_read_only = wanted["readOnly"].bool_or(false);
        std::string sub_path = wanted["subPath"].string_or("");
        if (sub_path.empty()) sub_path = expand_variables(wanted["subPathExpr"].string_or(""), variables);
        if (!sub_path.empty()) {
            const std::filesystem::path relative = std::filesystem::path(sub_path).lexically_normal();
            if (relative.is_absolute() || *relative.begin() == "..") {
                throw Error(ErrorKind::kInvalid, "subPath \"" + sub_path + "\" leads out of its volume");
            }
            mount.source /= relative;
            if (inputs.host.type_of(mount.source) == HostView::Type::kNone) {
                std::filesystem::create_directories(mount.source);
            }
        }
        mount.is_file = inputs.host.type_of(mount.source) == HostView::Type::kFile;
        mounts.push_back(std::move(mount));
    }
    const bool has_own = std::any_of(mounts.begin(), mounts.end(), [](const Mount& mount) {
        return mount.target.lexically_normal() == kApiAccessFolder;
    });
    if (!inputs.api_access.empty() && !has_own)
        mounts.push_back({.source = inputs.api_access, .target = kApiAccessFolder, .is_read_only = true});
    return mounts;
}

}  // namespace

std::map<std::string, std::string> secret_data(const Value& secret) {
    Variables data;
    for (const Member& member : secret["data"].map_or_empty())
        data[member.key] = base64_decode(member.value.string_or(""));
    for (const Member& member : secret["stringData"].map_or_empty())
        data[member.key] = member.value.string_or("");
    return data;
}

std::map<std::string, std::string> config_map_data(const Value& config_map) {
    Variables data;
    for (const Member& member : config_map["data"].map_or_empty())
        data[member.key] = member.value.string_or("");
    for (const Member& member : config_map["binaryData"].map_or_empty()) {
        data[member.key] = base64_decode(member.value.string_or(""));
    }
    return data;
}

std::string field_of(const Value& pod, std::string_view path) {
    if (path == "metadata.name") return name_of(pod);
    if (path == "metadata.namespace") return namespace_of(pod);
    if (path == "metadata.uid") return uid_of(pod);
    if (path == "spec.nodeName") return pod.get("spec", "nodeName").string_or("localhost");
    if (path == "spec.serviceAccountName") return pod.get("spec", "serviceAccountName").string_or("default");
    if (path == "status.podIP" || path == "status.podIPs" || path == "status.hostIP") return "127.0.0.1";
    for (const std::string_view kind : {"labels", "annotations"}) {
        const std::string base = "metadata." + std::string(kind);
        if (path == base) {
            std::string text;
            for (const Member& member : pod["metadata"][kind].map_or_empty()) {
                text += (text.empty() ? "" : "\n") + member.key + "=\"" + member.value.string_or("") + "\"";
            }
            return text;
        }
        if (path.size() > base.size() + 4 && path.starts_with(base + "['") && path.ends_with("']")) {
            return pod["metadata"][kind][path.substr(base.size() + 2, path.size() - base.size() - 4)]
                .string_or("");
        }
    }
    throw Error(ErrorKind::kUnsupported, "fieldPath \"" + std::string(path) + "\" is not supported");
}

std::string expand_variables(std::string_view text, const Variables& variables) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        if (text.substr(at, 2) == "$$") {
            result.push_back('$');
            at += 2;
            continue;
        }
        const std::size_t end = text.substr(at, 2) == "$(" ? text.find(')', at) : std::string_view::npos;
        if (end == std::string_view::npos) {
            result.push_back(text[at++]);
            continue;
        }
        const auto found = variables.find(std::string(text.substr(at + 2, end - at - 2)));
        result += found != variables.end() ? std::string_view(found->second) : text.substr(at, end + 1 - at);
        at = end + 1;
    }
    return result;
}

supervisor::LaunchSpec plan_container(const Value& pod, const Value& container, const PlanInputs& inputs) {
    supervisor::LaunchSpec spec;
    set_user(pod, container, inputs, spec);
    Variables variables;
    const auto user = inputs.user(spec.uid.value_or(inputs.daemon_uid));
    variables["HOME"] = user && !user->home.empty() ? user->home : "/";
    variables["HOSTNAME"] = name_of(pod);
    variables["PATH"] = kDefaultPath;
    for (const auto& [name, value] : inputs.variables) variables[name] = value;
    for (const Value& source : container["envFrom"].list_or_empty()) add_env_from(source, inputs, variables);
    for (const Value& variable : container["env"].list_or_empty()) add_env(pod, variable, inputs, variables);
    if (!inputs.program_dir.empty())
        variables["PATH"] = inputs.program_dir.string() + ":" + variables["PATH"];
    for (const auto& [name, value] : variables) spec.environment.push_back(name + "=" + value);

    for (const std::string_view part : {"command", "args"}) {
        for (const Value& word : container[part].list_or_empty()) {
            spec.command.push_back(expand_variables(word.string_or(""), variables));
        }
    }
    if (spec.command.empty()) {
        throw Error(ErrorKind::kUnsupported,
                    "container \"" + container["name"].string_or("") +
                        "\" has no command: on the embedded cluster there is no image whose "
                        "entry point could run",
                    "say the program in command or args");
    }
    for (const std::string& word : spec.command) {
        if (word.find('\0') != std::string::npos)
            throw Error(ErrorKind::kInvalid, "a command holds a zero byte");
    }
    std::erase_if(spec.environment,
                  [](const std::string& variable) { return variable.find('\0') != std::string::npos; });
    spec.working_dir = container["workingDir"].string_or("");
    spec.grace_seconds =
        static_cast<std::uint32_t>(pod.get("spec", "terminationGracePeriodSeconds").int_or(30));
    spec.sandbox = sandbox_command(inputs.bubblewrap, mounts_of(container, inputs, variables), inputs.host);
    return spec;
}

}  // namespace fencepost::cluster::local
