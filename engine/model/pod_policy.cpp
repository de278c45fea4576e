#include "model/pod_policy.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::model {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array kPolicies{PodPolicy::kPrivileged, PodPolicy::kBaseline, PodPolicy::kRestricted};

// The fields of Kubernetes 1.34; those that give a way to the node are looked at one by one.
constexpr std::array<std::string_view, 40> kPodFields{"activeDeadlineSeconds",
                                                      "affinity",
                                                      "automountServiceAccountToken",
                                                      "containers",
                                                      "dnsConfig",
                                                      "dnsPolicy",
                                                      "enableServiceLinks",
                                                      "hostAliases",
                                                      "hostIPC",
                                                      "hostNetwork",
                                                      "hostPID",
                                                      "hostUsers",
                                                      "hostname",
                                                      "hostnameOverride",
                                                      "imagePullSecrets",
                                                      "initContainers",
                                                      "nodeName",
                                                      "nodeSelector",
                                                      "os",
                                                      "overhead",
                                                      "preemptionPolicy",
                                                      "priority",
                                                      "priorityClassName",
                                                      "readinessGates",
                                                      "resourceClaims",
                                                      "resources",
                                                      "restartPolicy",
                                                      "runtimeClassName",
                                                      "schedulerName",
                                                      "schedulingGates",
                                                      "securityContext",
                                                      "serviceAccount",
                                                      "serviceAccountName",
                                                      "setHostnameAsFQDN",
                                                      "shareProcessNamespace",
                                                      "subdomain",
                                                      "terminationGracePeriodSeconds",
                                                      "tolerations",
                                                      "topologySpreadConstraints",
                                                      "volumes"};
constexpr std::array<std::string_view, 25> kContainerFields{"args",
                                                            "command",
                                                            "env",
                                                            "envFrom",
                                                            "image",
                                                            "imagePullPolicy",
                                                            "lifecycle",
                                                            "livenessProbe",
                                                            "name",
                                                            "ports",
                                                            "readinessProbe",
                                                            "resizePolicy",
                                                            "resources",
                                                            "restartPolicy",
                                                            "restartPolicyRules",
                                                            "securityContext",
                                                            "startupProbe",
                                                            "stdin",
                                                            "stdinOnce",
                                                            "terminationMessagePath",
                                                            "terminationMessagePolicy",
                                                            "tty",
                                                            "volumeDevices",
                                                            "volumeMounts",
                                                            "workingDir"};
constexpr std::array<std::string_view, 18> kSecurityFields{"allowPrivilegeEscalation",
                                                           "appArmorProfile",
                                                           "capabilities",
                                                           "fsGroup",
                                                           "fsGroupChangePolicy",
                                                           "privileged",
                                                           "procMount",
                                                           "readOnlyRootFilesystem",
                                                           "runAsGroup",
                                                           "runAsNonRoot",
                                                           "runAsUser",
                                                           "seLinuxChangePolicy",
                                                           "seLinuxOptions",
                                                           "seccompProfile",
                                                           "supplementalGroups",
                                                           "supplementalGroupsPolicy",
                                                           "sysctls",
                                                           "windowsOptions"};
constexpr std::array<std::string_view, 13> kBaselineCapabilities{
    "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",      "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT"};
constexpr std::array<std::string_view, 1> kRestrictedCapabilities{"NET_BIND_SERVICE"};
constexpr std::array<std::string_view, 8> kRestrictedVolumes{
    "configMap", "csi",   "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret"};
constexpr std::array<std::string_view, 10> kSafeSysctls{
    "kernel.shm_rmid_forced",           "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",        "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",     "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",      "net.ipv4.tcp_syncookies"};
constexpr std::array<std::string_view, 5> kSeLinuxTypes{"", "container_t", "container_init_t",
                                                        "container_kvm_t", "container_engine_t"};
constexpr std::array<std::string_view, 2> kProfiles{"RuntimeDefault", "Localhost"};

bool is_in(std::string_view name, Names names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string shown(const Value& value) {
    return value.is_string() ? "'" + value.as_string() + "'" : to_json(value);
}

class Check {
  public:
    explicit Check(PodPolicy policy) : policy_(policy) {}

    std::vector<PodViolation> pod(const Value& spec) {
        const std::string place = "spec";
        only(spec, place, kPodFields);
        for (const char* name : {"hostNetwork", "hostPID", "hostIPC"})
            never_true(spec[name], place + "." + name, "the Pod would share the node's");
        pod_security_ = &spec["securityContext"];
        security(*pod_security_, place + ".securityContext");
        sysctls((*pod_security_)["sysctls"], place + ".securityContext.sysctls");
        each(spec["volumes"], place + ".volumes",
             [&](const Value& volume, const std::string& at) { this->volume(volume, at); });
        for (const char* list : {"initContainers", "containers"}) {
            each(spec[list], place + "." + list,
                 [&](const Value& container, const std::string& at) { this->container(container, at); });
        }
        return std::move(found_);
    }

  private:
    template <typename Look>
    static void each(const Value& list, const std::string& place, const Look& look) {
        std::size_t index = 0;
        for (const Value& item : list.list_or_empty())
            look(item, place + "[" + std::to_string(index++) + "]");
    }

    void refuse(std::string field, std::string reason, PodPolicy allowed_by = PodPolicy::kPrivileged) {
        if (policy_ > allowed_by) found_.push_back({std::move(field), std::move(reason), allowed_by});
    }
    void only(const Value& object, const std::string& place, Names known) {
        if (!object.is_nil() && !object.is_map()) return refuse(place, "it is no object");
        for (const Member& member : object.map_or_empty()) {
            if (!is_in(member.key, known)) refuse(place + "." + member.key, "it is no field that is known");
        }
    }
    void never_true(const Value& value, const std::string& field, const std::string& why) {
        if (!value.is_nil() && value != Value(false)) refuse(field, "it is " + shown(value) + ": " + why);
    }
    void one_of(const Value& value, const std::string& field, Names allowed) {
        if (value.is_nil() || is_in(value.string_or("\n"), allowed)) return;
        refuse(field, "it is " + shown(value));
    }

    // Of a Pod or of a container.
    void security(const Value& context, const std::string& place) {
        only(context, place, kSecurityFields);
        one_of(context.get("seccompProfile", "type"), place + ".seccompProfile.type", kProfiles);
        one_of(context.get("appArmorProfile", "type"), place + ".appArmorProfile.type", kProfiles);
        const Value& selinux = context["seLinuxOptions"];
        one_of(selinux["type"], place + ".seLinuxOptions.type", kSeLinuxTypes);
        for (const char* name : {"user", "role"}) {
            if (!selinux[name].string_or("").empty())
                refuse(place + ".seLinuxOptions." + name, "it is " + shown(selinux[name]));
        }
        never_true(context.get("windowsOptions", "hostProcess"), place + ".windowsOptions.hostProcess",
                   "the container would be a process of the node");
        if (context["runAsUser"] == Value(0))
            refuse(place + ".runAsUser", "it is 0, which is root", PodPolicy::kBaseline);
        if (context["runAsNonRoot"] == Value(false))
            refuse(place + ".runAsNonRoot", "it is false", PodPolicy::kBaseline);
    }

    void sysctls(const Value& list, const std::string& place) {
        each(list, place, [&](const Value& sysctl, const std::string& at) {
            one_of(sysctl["name"], at + ".name", kSafeSysctls);
        });
    }

    void volume(const Value& volume, const std::string& place) {
        for (const Member& member : volume.map_or_empty()) {
            if (member.key == "name" || member.value.is_nil()) continue;
            if (member.key == "hostPath") {
                refuse(place + ".hostPath",
                       "the node's " + shown(member.value["path"]) + " would be mounted");
            } else if (!is_in(member.key, kRestrictedVolumes)) {
                refuse(place + "." + member.key, "it is no volume of the kinds that are known to be harmless",
                       PodPolicy::kBaseline);
            }
        }
    }

    void container(const Value& container, const std::string& place) {
        only(container, place, kContainerFields);
        each(container["ports"], place + ".ports", [&](const Value& port, const std::string& at) {
            if (!port["hostPort"].is_nil() && port["hostPort"] != Value(0))
                refuse(at + ".hostPort", "a port of the node would be taken");
        });
        const Value& context = container["securityContext"];
        const std::string at = place + ".securityContext";
        security(context, at);
        never_true(context["privileged"], at + ".privileged", "the container would be root on the node");
        if (!context["procMount"].is_nil() && context["procMount"] != Value("Default"))
            refuse(at + ".procMount", "it is " + shown(context["procMount"]));
        capabilities(context["capabilities"], at + ".capabilities");
        if (policy_ == PodPolicy::kRestricted) restricted(context, at);
    }

    void capabilities(const Value& wanted, const std::string& place) {
        each(wanted["add"], place + ".add", [&](const Value& name, const std::string& at) {
            const std::string text = name.string_or("");
            if (!is_in(text, kBaselineCapabilities)) {
                refuse(at, "it is " + shown(name));
            } else if (!is_in(text, kRestrictedCapabilities)) {
                refuse(at, "it is " + shown(name), PodPolicy::kBaseline);
            }
        });
    }

    // What must be said.
    void restricted(const Value& context, const std::string& place) {
        const auto must = [&](bool is_so, const std::string& field, const std::string& what) {
            if (!is_so) refuse(place + "." + field, "it must be " + what, PodPolicy::kBaseline);
        };
        const auto said = [&](const char* name) -> const Value& {
            return context[name].is_nil() ? (*pod_security_)[name] : context[name];
        };
        must(context["allowPrivilegeEscalation"] == Value(false), "allowPrivilegeEscalation", "false");
        must(said("runAsNonRoot") == Value(true), "runAsNonRoot", "true");
        must(!said("seccompProfile")["type"].is_nil(), "seccompProfile.type", "RuntimeDefault or Localhost");
        const List& dropped = context.get("capabilities", "drop").list_or_empty();
        must(std::find(dropped.begin(), dropped.end(), Value("ALL")) != dropped.end(), "capabilities.drop",
             "[ALL]");
    }

    PodPolicy policy_;
    const Value* pod_security_ = nullptr;
    std::vector<PodViolation> found_;
};

}  // namespace

std::string_view to_string(PodPolicy policy) noexcept {
    switch (policy) {
        case PodPolicy::kPrivileged:
            return "privileged";
        case PodPolicy::kBaseline:
            return "baseline";
        case PodPolicy::kRestricted:
            return "restricted";
    }
    return {};
}

PodPolicy pod_policy(std::string_view name) {
    for (const PodPolicy policy : kPolicies) {
        if (to_string(policy) == name) return policy;
    }
    throw Error(ErrorKind::kInvalid, "'" + std::string(name) + "' is no policy for Pods",
                "there are privileged, baseline and restricted");
}

std::vector<PodViolation> violations_of(const Value& pod_spec, PodPolicy policy) {
    if (policy == PodPolicy::kPrivileged) return {};
    return Check(policy).pod(pod_spec);
}

}  // namespace fencepost::model
