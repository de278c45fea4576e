#include "model/pod_policy.h"

#include <catch2/catch.hpp>

#include "tests/unit/location/error_of.h"
#include "value/yaml.h"

namespace fencepost::model {

using Catch::Contains;
using testing::error_of;

namespace {

// "field: reason" lines.
std::string refused(const std::string& spec, PodPolicy policy) {
    std::string text;
    for (const PodViolation& each : violations_of(parse_yaml_value(spec), policy))
        text += each.field + ": " + each.reason + "\n";
    return text;
}

constexpr const char* kPlain = "{containers: [{name: container, image: x, command: [sh]}]}";
constexpr const char* kRestricted =
    "{securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}, volumes: [{name: a, "
    "secret: "
    "{secretName: a}}, {name: b, persistentVolumeClaim: {claimName: b}}, {name: c, emptyDir: {}}], "
    "containers: "
    "[{name: container, image: x, securityContext: {runAsUser: 26, allowPrivilegeEscalation: false, "
    "capabilities: "
    "{drop: [ALL], add: [NET_BIND_SERVICE]}}}]}";

struct Case {
    const char* spec;
    const char* field;  // that baseline refuses
};

}  // namespace

TEST_CASE("what gives a way to the node is refused at the baseline, by its field") {
    for (const Case& each : {
             Case{"{hostNetwork: true}", "spec.hostNetwork"},
             Case{"{hostPID: true}", "spec.hostPID"},
             Case{"{hostIPC: true}", "spec.hostIPC"},
             Case{"{hostNetwork: 'true'}", "spec.hostNetwork"},
             Case{"{volumes: [{name: a, emptyDir: {}}, {name: b, hostPath: {path: /}}]}",
                  "spec.volumes[1].hostPath"},
             Case{"{containers: [{securityContext: {privileged: true}}]}",
                  "spec.containers[0].securityContext.privileged"},
             Case{"{initContainers: [{}, {securityContext: {privileged: true}}]}",
                  "spec.initContainers[1].securityContext.privileged"},
             Case{"{containers: [{securityContext: {capabilities: {add: [CHOWN, SYS_ADMIN]}}}]}",
                  "spec.containers[0].securityContext.capabilities.add[1]"},
             Case{"{containers: [{ports: [{containerPort: 80}, {hostPort: 80}]}]}",
                  "spec.containers[0].ports[1].hostPort"},
             Case{"{securityContext: {seccompProfile: {type: Unconfined}}}",
                  "spec.securityContext.seccompProfile.type"},
             Case{"{containers: [{securityContext: {seccompProfile: {type: Unconfined}}}]}",
                  "spec.containers[0].securityContext.seccompProfile.type"},
             Case{"{securityContext: {appArmorProfile: {type: Unconfined}}}",
                  "spec.securityContext.appArmorProfile.type"},
             Case{"{containers: [{securityContext: {procMount: Unmasked}}]}",
                  "spec.containers[0].securityContext.procMount"},
             Case{"{securityContext: {seLinuxOptions: {type: spc_t}}}",
                  "spec.securityContext.seLinuxOptions.type"},
             Case{"{securityContext: {seLinuxOptions: {user: root}}}",
                  "spec.securityContext.seLinuxOptions.user"},
             Case{"{securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}}",
                  "spec.securityContext.sysctls[0].name"},
             Case{"{securityContext: {windowsOptions: {hostProcess: true}}}",
                  "spec.securityContext.windowsOptions.hostProcess"},
             Case{"{ephemeralContainers: [{}]}", "spec.ephemeralContainers"},
             Case{"{containers: [{privileged: true}]}", "spec.containers[0].privileged"},
             Case{"{securityContext: {newInKubernetes: 1}}", "spec.securityContext.newInKubernetes"},
         }) {
        CAPTURE(each.spec);
        CHECK_THAT(refused(each.spec, PodPolicy::kBaseline), Contains(std::string(each.field) + ": "));
        CHECK_THAT(refused(each.spec, PodPolicy::kRestricted), Contains(std::string(each.field) + ": "));
        CHECK(refused(each.spec, PodPolicy::kPrivileged).empty());
    }
}

TEST_CASE("what blueprints do runs at the baseline") {
    for (const char* spec : {
             kPlain,
             kRestricted,
             "{serviceAccountName: mine, nodeSelector: {a: b}, tolerations: [{operator: Exists}], affinity: "
             "{}, "
             "imagePullSecrets: [{name: a}], priorityClassName: high, hostNetwork: false, hostPID: null}",
             "{securityContext: {runAsUser: 0, fsGroup: 26, supplementalGroups: [1], sysctls: [{name: "
             "net.ipv4.tcp_syncookies, value: '1'}]}, containers: [{name: a, securityContext: {runAsUser: 0, "
             "privileged: false, capabilities: {add: [CHOWN, DAC_OVERRIDE]}}, resources: {limits: {memory: "
             "1Gi}}, "
             "env: [{name: A, value: b}], volumeMounts: [{name: v, mountPath: /v}]}]}",
             "{volumes: [{name: n, nfs: {server: a, path: /}}, {name: m, configMap: {name: a}}]}",
         }) {
        CAPTURE(spec);
        CHECK(refused(spec, PodPolicy::kBaseline).empty());
    }
}

TEST_CASE("restricted asks for what the Pod Security Standards ask for") {
    CHECK(refused(kRestricted, PodPolicy::kRestricted).empty());
    CHECK(refused(kPlain, PodPolicy::kRestricted) ==
          "spec.containers[0].securityContext.allowPrivilegeEscalation: it must be false\n"
          "spec.containers[0].securityContext.runAsNonRoot: it must be true\n"
          "spec.containers[0].securityContext.seccompProfile.type: it must be RuntimeDefault or Localhost\n"
          "spec.containers[0].securityContext.capabilities.drop: it must be [ALL]\n");
    for (const Case& each :
         {Case{"{volumes: [{name: n, nfs: {server: a, path: /}}]}", "spec.volumes[0].nfs"},
          Case{"{securityContext: {runAsUser: 0}}", "spec.securityContext.runAsUser"},
          Case{"{securityContext: {runAsNonRoot: false}}", "spec.securityContext.runAsNonRoot"},
          Case{"{containers: [{securityContext: {capabilities: {add: [CHOWN]}}}]}",
               "spec.containers[0].securityContext.capabilities.add[0]"}}) {
        CAPTURE(each.spec);
        CHECK_THAT(refused(each.spec, PodPolicy::kRestricted), Contains(std::string(each.field) + ": "));
        CHECK(refused(each.spec, PodPolicy::kBaseline).empty());
        for (const PodViolation& violation :
             violations_of(parse_yaml_value(each.spec), PodPolicy::kRestricted))
            CHECK(violation.allowed_by == PodPolicy::kBaseline);
    }
    CHECK(to_string(pod_policy("restricted")) == "restricted");
    CHECK_THAT(error_of([] { (void)pod_policy("strict"); }).hint(), Contains("privileged, baseline"));
}

}  // namespace fencepost::model
