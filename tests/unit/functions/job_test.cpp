// KubeTask and MultiContainerRun: Pods that are made for a phase.
#include "functions_world.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

// A phase that runs until the file `go` is there, so that a test can look at its Pod.
std::string waiting(const FunctionsWorld& world) {
    return "[bash, -c, 'until [ -e " + world.file("go") + " ]; do sleep 0.01; done']";
}

}  // namespace

TEST_CASE("KubeTask runs its command in a Pod of its own, takes the outputs, and the Pod goes") {
    FunctionsWorld world;
    const Value outputs = world.outputs("KubeTask", "{image: debian, command: [bash, -c, 'echo hello; " +
                                                        marker("id", "42") + "; echo x >&2']}");
    CHECK(outputs == parse_json(R"({"id":"42"})"));
    CHECK(eventually([&] { return world.job_pods().empty(); }));
}

TEST_CASE("a job Pod has Kanister's name, labels and spec; each override has its precedence") {
    FunctionsWorld world;
    const std::string run = world.start(
        "[{func: KubeTask, name: one, args: {image: debian, namespace: app, command: " + waiting(world) +
            ", podOverride: {terminationGracePeriodSeconds: 7, containers: [{name: container, env: [{name: "
            "A, value: arg}, {name: B, value: arg}]}]}"
            ", podLabels: {tier: arg, only-arg: x}, podAnnotations: {note: arg}}}]",
        ", podOverride: {containers: [{name: container, env: [{name: A, value: set}]}]}, podLabels: {tier: "
        "set, only-set: mine},"
        " podAnnotations: {note: set, other: set}",
        ", labels: {kanister.io/JobID: job-7}");
    const Value pod = world.wait_for_job_pod("app");
    std::ofstream(world.file("go")).put('x');
    CHECK(world.finish(run).get("status", "state") == Value("complete"));

    CHECK_THAT(cluster::name_of(pod), Catch::Matches("kanister-job-[0-9a-f]{10}"));
    const Value& labels = pod.get("metadata", "labels");
    CHECK(labels["createdBy"] == Value("kanister"));
    CHECK(labels["kanister.io/JobID"] == Value("job-7"));
    CHECK(labels["tier"] == Value("arg"));
    CHECK(labels["only-arg"] == Value("x"));
    CHECK(labels["only-set"] == Value("mine"));
    CHECK(pod.get("metadata", "annotations", "note") == Value("arg"));
    CHECK(pod.get("metadata", "annotations", "other") == Value("set"));
    CHECK(pod.get("spec", "terminationGracePeriodSeconds") == Value(7));
    CHECK(pod.get("spec", "restartPolicy") == Value("Never"));
    const Value& container = pod.get("spec", "containers").as_list().at(0);
    CHECK(container["name"] == Value("container"));
    for (const Value& variable : container["env"].as_list()) {
        if (variable["name"] == Value("A")) CHECK(variable["value"] == Value("set"));
        if (variable["name"] == Value("B")) CHECK(variable["value"] == Value("arg"));
    }
}

TEST_CASE("a job Pod that fails is told with its exit code and last lines, and goes too") {
    FunctionsWorld world;
    const std::string error =
        world.error("KubeTask", "{image: debian, command: [bash, -c, 'echo about to fail; exit 9']}");
    CHECK_THAT(error, Contains("kanister-job-") && Contains("exit code 9") && Contains("about to fail"));
    CHECK(eventually([&] { return world.job_pods().empty(); }));
}

TEST_CASE("a job Pod that can never start fails at once with its reason") {
    FunctionsWorld world;
    const auto began = std::chrono::steady_clock::now();
    const std::string error = world.error("KubeTask",
                                          "{image: debian, command: ['true'], podOverride: {containers: "
                                          "[{name: container, env: [{name: A, valueFrom: "
                                          "{secretKeyRef: {name: nowhere, key: a}}}]}]}}");
    CHECK_THAT(error, Contains("cannot start") && Contains("nowhere"));
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
    CHECK_THAT(world.error("KubeTask", "{command: ['true']}"), Contains("Required arg missing: image"));
    CHECK_THAT(world.error("KubeTask", "{image: debian, command: ['true'], namespace: nowhere}"),
               Contains("nowhere"));
}

TEST_CASE("a job Pod has seccomp's default profile, and a service account by the controller's settings") {
    FunctionsWorld world;
    const auto spec_of = [&](const std::string& more) {
        std::filesystem::remove(world.file("go"));
        const std::string run = world.start(
            "[{func: KubeTask, name: one, args: {image: debian, command: " + waiting(world) + more + "}}]");
        const std::string ns = more.find("namespace: app") == std::string::npos ? "default" : "app";
        const Value pod = world.wait_for_job_pod(ns);
        std::ofstream(world.file("go")).put('x');
        CHECK(world.finish(run).get("status", "state") == Value("complete"));
        CHECK(eventually([&] { return world.job_pods(ns).empty(); }));
        return pod["spec"];
    };
    const Value plain = spec_of("");
    CHECK(plain.get("securityContext", "seccompProfile", "type") == Value("RuntimeDefault"));
    CHECK(plain["serviceAccountName"].is_nil());
    CHECK(plain["automountServiceAccountToken"].is_nil());
    CHECK(spec_of(", podOverride: {securityContext: {seccompProfile: {type: Localhost}}}")
              .get("securityContext", "seccompProfile", "type") == Value("Localhost"));

    world.world->job_pods.service_account = "controller";
    CHECK(spec_of("")["serviceAccountName"] == Value("controller"));
    CHECK(spec_of(", podOverride: {serviceAccountName: mine}")["serviceAccountName"] == Value("mine"));
    CHECK(spec_of(", namespace: app")["serviceAccountName"].is_nil());

    world.world->job_pods.is_secure = true;
    const Value secure = spec_of("");
    CHECK(secure["serviceAccountName"].is_nil());
    CHECK(secure["automountServiceAccountToken"] == Value(false));
    CHECK(secure["containers"].as_list().at(0).get("securityContext", "allowPrivilegeEscalation") ==
          Value(false));
    CHECK(spec_of(", podOverride: {serviceAccountName: mine}")["automountServiceAccountToken"].is_nil());
    CHECK(spec_of(", podOverride: {automountServiceAccountToken: true}")["automountServiceAccountToken"] ==
          Value(true));
}

TEST_CASE("a job Pod is held to its policy, whoever's override made it so") {
    FunctionsWorld world;
    const std::string args = "{image: debian, command: ['true']";
    const std::string refused =
        world.error("KubeTask", args +
                                    ", podOverride: {hostNetwork: true, volumes: [{name: h, hostPath: {path: "
                                    "/etc}}]}}");
    CHECK_THAT(refused, Contains("the job Pod is refused: spec.hostNetwork: it is true") &&
                            Contains("spec.volumes[0].hostPath: the node's '/etc' would be mounted") &&
                            Contains("--job-pod-policy privileged would allow it"));
    // Half in the blueprint, half in the ActionSet: neither alone is anything.
    CHECK_THAT(
        world.error("KubeTask",
                    args + ", podOverride: {containers: [{name: container, securityContext: {capabilities: "
                           "{add: [CHOWN]}}}]}}",
                    ", podOverride: {containers: [{name: container, securityContext: {privileged: true}}]}"),
        Contains("spec.containers[0].securityContext.privileged"));
    CHECK_THAT(world.error("MultiContainerRun",
                           "{backgroundImage: a, backgroundCommand: ['true'], outputImage: b, outputCommand: "
                           "['true'], podOverride: {hostPID: true}}"),
               Contains("spec.hostPID"));
    CHECK(world.job_pods().empty());

    world.world->job_pods.policy = model::PodPolicy::kPrivileged;
    (void)world.outputs("KubeTask", args + ", podOverride: {hostNetwork: true}}");

    world.world->job_pods.policy = model::PodPolicy::kRestricted;
    (void)world.outputs("KubeTask", args + "}");  // its defaults are what the policy asks for
    CHECK_THAT(world.error("KubeTask", args + ", podOverride: {securityContext: {runAsUser: 0}}}"),
               Contains("spec.securityContext.runAsUser: it is 0") &&
                   Contains("--job-pod-policy baseline would allow it"));

    world.world->job_pods.service_accounts = {"backup"};
    (void)world.outputs("KubeTask", args + ", podOverride: {serviceAccountName: backup}}");
    for (const char* field : {"serviceAccountName", "serviceAccount"}) {
        CHECK_THAT(world.error("KubeTask", args + ", podOverride: {" + field + ": admin}}"),
                   Contains("spec." + std::string(field) +
                            ": 'admin' is not among the service accounts of "
                            "--job-pod-accounts"));
    }
}

TEST_CASE("a job Pod's images run as the map says, its override's too") {
    FunctionsWorld world;
    world.world->job_pods.images =
        model::ImageMap::parse("ghcr.io/kanisterio/*=ours/tools:1,debian=ours/debian");
    const std::string run =
        world.start("[{func: KubeTask, name: one, args: {image: 'ghcr.io/kanisterio/x:0.119.0', command: " +
                    waiting(world) +
                    ", podOverride: {initContainers: [{name: first, image: "
                    "'debian:12', command: ['true']}]}}}]");
    const Value pod = world.wait_for_job_pod();
    std::ofstream(world.file("go")).put('x');
    CHECK(world.finish(run).get("status", "state") == Value("complete"));
    CHECK(pod.get("spec", "containers").as_list().at(0)["image"] == Value("ours/tools:1"));
    CHECK(pod.get("spec", "initContainers").as_list().at(0)["image"] == Value("ours/debian:12"));
}

TEST_CASE("a job Pod that has not started in time is told with what it waits for") {
    FunctionsWorld world;
    world.world->job_pods.start_limit = std::chrono::seconds{1};
    const std::string args =
        "{image: debian, command: ['true'], podOverride: {volumes: [{name: v, persistentVolumeClaim: "
        "{claimName: nowhere}}]}}";
    const std::string late = world.error("KubeTask", args);
    CHECK_THAT(late, Contains("Pod did not transition into running state. Timeout:1s") &&
                         Contains("container 'container': ContainerCreating"));
}

TEST_CASE("a job Pod that somebody deletes fails its phase; one that outlives its timeout is ended") {
    FunctionsWorld world;
    const std::string run =
        world.start("[{func: KubeTask, name: one, args: {image: debian, command: [sleep, '100']}}]");
    const Value pod = world.wait_for_job_pod();
    world.cluster->remove({types::kPods, "default", cluster::name_of(pod)},
                          {.grace_period = std::chrono::seconds{0}});
    CHECK_THAT(FunctionsWorld::message(world.finish(run)), Contains("deleted by somebody else"));

    const Value late = world.run(
        "[{func: KubeTask, name: one, timeout: 300ms, args: {image: debian, command: [sleep, '100']}}]");
    CHECK(late.get("status", "state") == Value("failed"));
    CHECK(eventually([&] { return world.job_pods().empty(); }));
}

TEST_CASE(
    "MultiContainerRun's containers share a volume, the init container comes first, and only `output` is "
    "read") {
    FunctionsWorld world;
    const Value outputs =
        world.outputs("MultiContainerRun",
                      "{initImage: debian, initCommand: [bash, -c, 'echo init > /shared/init'],"
                      " backgroundImage: debian, backgroundCommand: [bash, -c, '" +
                          marker("from", "background") +
                          "; cat /shared/init > /shared/data; touch /shared/done'],"
                          " outputImage: debian, outputCommand: [bash, -c, 'until [ -e /shared/done ]; do "
                          "sleep 0.01; done; " +
                          marker("data", "$(cat /shared/data)") +
                          "'],"
                          " sharedVolumeDir: /shared, sharedVolumeSizeLimit: 1Mi}");
    CHECK(outputs == parse_json(R"({"data":"init"})"));
}

TEST_CASE("MultiContainerRun's Pod is as Kanister writes it, and takes nothing over from another run") {
    FunctionsWorld world;
    const std::string first = world.start(
        "[{func: MultiContainerRun, name: one, args: {initImage: debian, initCommand: ['true'], "
        "sharedVolumeMedium: Memory, sharedVolumeDir: /shared,"
        " backgroundImage: debian, backgroundCommand: [echo, one, extra], outputImage: debian, "
        "outputCommand: " +
        waiting(world) + "}}]");
    const Value pod = world.wait_for_job_pod();
    const List& containers = pod.get("spec", "containers").as_list();
    CHECK(containers.at(0)["name"] == Value("output"));
    CHECK(containers.at(1)["name"] == Value("background"));
    CHECK(pod.get("spec", "initContainers").as_list().at(0)["name"] == Value("init"));
    CHECK(pod.get("spec", "volumes").as_list().at(0).get("emptyDir", "medium") == Value("Memory"));
    CHECK(pod.get("metadata", "annotations", "kubectl.kubernetes.io/default-container") == Value("output"));
    std::ofstream(world.file("go")).put('x');
    CHECK(world.finish(first).get("status", "state") == Value("complete"));

    std::filesystem::remove(world.file("go"));
    const std::string second = world.start(
        "[{func: MultiContainerRun, name: one, args: {sharedVolumeDir: /shared, backgroundImage: debian, "
        "backgroundCommand: [echo], outputImage: debian, outputCommand: " +
        waiting(world) + "}}]");
    const Value other = world.wait_for_job_pod();
    CHECK(other.get("spec", "initContainers").is_nil());
    CHECK(other.get("spec", "containers").as_list().at(1)["command"] == parse_json(R"(["echo"])"));
    CHECK(other.get("spec", "volumes").as_list().at(0)["emptyDir"] == Value(Map{}));
    std::ofstream(world.file("go")).put('x');
    CHECK(world.finish(second).get("status", "state") == Value("complete"));
}

TEST_CASE("MultiContainerRun fails if either container does, and for a size that is none") {
    FunctionsWorld world;
    const std::string rest = ", outputImage: debian, sharedVolumeDir: /shared, backgroundImage: debian";
    CHECK_THAT(world.error("MultiContainerRun",
                           "{outputCommand: ['true'], backgroundCommand: [bash, -c, 'exit 4']" + rest + "}"),
               Contains("'background' ended with exit code 4"));
    CHECK_THAT(world.error("MultiContainerRun",
                           "{outputCommand: ['false'], backgroundCommand: ['true']" + rest + "}"),
               Contains("'output' ended with exit code 1"));
    CHECK_THAT(
        world.error("MultiContainerRun",
                    "{outputCommand: ['true'], backgroundCommand: ['true'], sharedVolumeSizeLimit: huge" +
                        rest + "}"),
        Contains("huge"));
    CHECK_THAT(world.error("MultiContainerRun", "{outputCommand: ['true']" + rest + "}"),
               Contains("Required arg missing: backgroundCommand"));
}

}  // namespace fencepost::functions
