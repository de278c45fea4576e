// KubeOps, Wait, WaitV2 and ScaleWorkload: functions about objects.
#include "functions_world.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

constexpr const char* kWidgets = R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
)";

std::string reference(const std::string& resource, const std::string& name,
                      const std::string& more = ", namespace: app") {
    return "objectReference: {apiVersion: v1, resource: " + resource + ", name: " + name + more + "}";
}

}  // namespace

TEST_CASE("KubeOps creates every document in its own namespace or the argument's, and tells the last one") {
    FunctionsWorld world;
    const Value outputs = world.outputs(
        "KubeOps",
        R"({operation: create, namespace: app, spec: "{apiVersion: v1, kind: ConfigMap, metadata: {name: first, namespace: default}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: second}, data: {when: '{{ .Options.when }}'}}\n"})",
        ", options: {when: now}");
    CHECK(
        outputs ==
        parse_json(
            R"({"apiVersion":"v1","group":"","kind":"","name":"second","namespace":"app","resource":"configmaps"})"));
    CHECK(world.get(types::kConfigMaps, "first", "default").is_map());
    CHECK(world.get(types::kConfigMaps, "second").get("data", "when") == Value("now"));
}

TEST_CASE("KubeOps create fails for what is there, what is no object, and kinds that are not there") {
    FunctionsWorld world;
    const auto error = [&](const std::string& spec) {
        return world.error("KubeOps", "{operation: create, namespace: app, spec: '" + spec + "'}");
    };
    CHECK_THAT(error("{apiVersion: v1, kind: ConfigMap, metadata: {name: subject}}"),
               Contains("already exists"));
    CHECK_THAT(error("{apiVersion: v1, kind: Nothing, metadata: {name: x}}"), Contains("no kind 'Nothing'"));
    CHECK_THAT(error("{kind: ConfigMap, metadata: {name: x}}"), Contains("without apiVersion"));
    CHECK_THAT(error(""), Contains("holds no object"));
    CHECK_THAT(world.error("KubeOps", "{operation: replace, spec: x}"),
               Contains("invalid operation 'replace'"));
    CHECK_THAT(world.error("KubeOps", "{spec: x}"), Contains("Required arg missing: operation"));
}

TEST_CASE("KubeOps deletes and waits until the object is gone, in a namespace or without one") {
    FunctionsWorld world;
    world.create("{apiVersion: v1, kind: Namespace, metadata: {name: doomed}}");
    world.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: inside, namespace: doomed}}");
    CHECK(world.outputs("KubeOps", "{operation: delete, " + reference("configmaps", "subject") +
                                       "}")["name"] == Value("subject"));
    CHECK_THROWS_AS(world.get(types::kConfigMaps, "subject"), Error);
    world.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: subject, namespace: app}}");
    CHECK(world.outputs("KubeOps", "{operation: delete, " + reference("namespaces", "doomed", "") +
                                       "}")["namespace"] == Value(""));
    CHECK_THROWS_AS(world.get(types::kNamespaces, "doomed", ""), Error);
    CHECK_THROWS_AS(world.get(types::kConfigMaps, "inside", "doomed"), Error);
    CHECK_THAT(world.error("KubeOps", "{operation: delete, " + reference("configmaps", "nobody") + "}"),
               Contains("not found"));
    CHECK_THAT(world.error("KubeOps", "{operation: delete, " + reference("gadgets", "x") + "}"),
               Contains("there is no resource 'gadgets'"));
    CHECK_THAT(world.error("KubeOps", "{operation: delete}"), Contains("objectReference"));
}

TEST_CASE("KubeOps patches what is built in strategically and custom resources by merging") {
    FunctionsWorld world;
    world.create(kWidgets);
    world.create(
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: app}, spec: {size: 1, "
        "colour: red}}");
    world.pod("pg");
    (void)world.outputs("KubeOps",
                        "{operation: patch, spec: 'spec: {size: 2, colour: null}', objectReference: {group: "
                        "example.com, apiVersion: v1, "
                        "resource: widgets, name: w, namespace: app}}");
    const auto type = world.cluster->find_type("example.com", "v1", "widgets");
    REQUIRE(type);
    CHECK(world.get(type->type, "w")["spec"] == parse_json(R"({"size":2})"));
    (void)world.outputs("KubeOps", "{operation: patch, namespace: app, spec: 'metadata: {labels: {a: b}}', " +
                                       reference("pods", "pg", "") + "}");
    CHECK(world.get(types::kPods, "pg").get("metadata", "labels", "a") == Value("b"));
    CHECK(world.get(types::kPods, "pg").get("spec", "containers").as_list().size() == 1);
}

TEST_CASE("Wait replaces { $.path } by what JSONPath finds and waits for `true`") {
    FunctionsWorld world;
    const auto wait = [&](const std::string& condition, const std::string& timeout = "5s") {
        return world.run("[{func: Wait, name: one, args: {timeout: " + timeout +
                         ", conditions: {anyOf: [{condition: '" + condition + "', " +
                         reference("configmaps", "subject") + "}]}}}]");
    };
    CHECK(wait(R"({{ if (eq "{ $.data.a }" "one") }}true{{ else }}false{{ end }})").get("status", "state") ==
          Value("complete"));
    CHECK(wait(R"(  {{ eq "{$.metadata.name}" "subject" }}  )").get("status", "state") == Value("complete"));
    const Value never = wait(R"({{ eq "{ $.data.a }" "two" }})", "200ms");
    CHECK_THAT(FunctionsWorld::message(never), Contains("Failed to wait for the condition to be met"));
    const auto began = std::chrono::steady_clock::now();
    CHECK_THAT(FunctionsWorld::message(wait("{{ if }}", "1m")),
               Contains("conditions.anyOf[0]") && Contains("missing value for if"));
    CHECK_THAT(FunctionsWorld::message(wait("{{ nosuch }}", "1m")), Contains("nosuch"));
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
}

TEST_CASE("WaitV2 applies the condition to the object; anyOf is or, allOf is and; an error means not yet") {
    FunctionsWorld world;
    const std::string subject = ", " + reference("configmaps", "subject") + "}";
    const std::string absent = ", " + reference("configmaps", "absent") + "}";
    const std::string yes = "{condition: '{{ if eq .data.a \"one\" }}true{{ end }}'" + subject;
    const std::string no = "{condition: '{{ if eq .data.a \"two\" }}true{{ end }}'" + subject;
    const std::string error = "{condition: 'true'" + absent;
    const auto wait = [&](const std::string& conditions) {
        return world.run("[{func: WaitV2, name: one, args: {timeout: '{{ .Options.limit }}', conditions: {" +
                             conditions + "}}}]",
                         ", options: {limit: 250ms}");
    };
    const auto state = [&](const std::string& conditions) {
        return wait(conditions).get("status", "state").string_or("");
    };
    CHECK(state("anyOf: [" + error + ", " + no + ", " + yes + "]") == "complete");
    CHECK(state("allOf: [" + yes + ", " + yes + "]") == "complete");
    CHECK(state("anyOf: [" + no + "], allOf: [" + yes + "]") == "complete");
    CHECK(state("allOf: [" + yes + ", " + no + "]") == "failed");
    const Value late = wait("allOf: [" + error + "]");
    CHECK_THAT(FunctionsWorld::message(late), Contains("conditions.allOf[0]") && Contains("absent"));
    CHECK_THAT(FunctionsWorld::message(wait("")), Contains("neither anyOf nor allOf"));
    CHECK_THAT(FunctionsWorld::message(wait("anyOf: [{objectReference: {}}]")),
               Contains("conditions.anyOf[0] has no condition"));
}

TEST_CASE("a Wait goes on when the object becomes what it waits for, and ends when it is cancelled") {
    FunctionsWorld world;
    const std::string phases =
        "[{func: WaitV2, name: one, args: {timeout: 1m, conditions: {anyOf: [{condition: '{{ .data.ready "
        "}}', " +
        reference("configmaps", "subject") + "}]}}}]";
    const std::string run = world.start(phases);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    world.cluster->patch({types::kConfigMaps, "app", "subject"}, cluster::PatchType::kMerge,
                         parse_json(R"({"data":{"ready":"true"}})"));
    CHECK(world.finish(run).get("status", "state") == Value("complete"));
    world.cluster->patch({types::kConfigMaps, "app", "subject"}, cluster::PatchType::kMerge,
                         parse_json(R"({"data":{"ready":"false"}})"));
    const std::string other = world.start(phases);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    world.cluster->patch({types::kActionSets, "default", other}, cluster::PatchType::kMerge,
                         parse_json(R"({"spec":{"cancel":true}})"));
    CHECK(world.finish(other).get("status", "state") == Value("failed"));
}

TEST_CASE(
    "ScaleWorkload scales the subject or what it is told, waits for readiness, and tells the count before") {
    FunctionsWorld world;
    const std::string container =
        "template: {metadata: {labels: {app: x}}, spec: {terminationGracePeriodSeconds: 0, containers: "
        "[{name: c, image: debian, "
        "command: [sleep, '100']}]}}";
    world.create(
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: app}, spec: {replicas: 1, "
        "serviceName: db, selector: "
        "{matchLabels: {app: x}}, " +
        container + "}}");
    world.create(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: app}, spec: {replicas: 0, "
        "selector: {matchLabels: {app: x}}, " +
        container + "}}");
    const std::string subject = "{kind: StatefulSet, name: db, namespace: app}";
    CHECK(world.outputs("ScaleWorkload", "{replicas: '2'}", "", subject) ==
          parse_json(R"({"originalReplicaCount":1})"));
    CHECK(world.get(types::kStatefulSets, "db").get("status", "readyReplicas") == Value(2));
    CHECK(world.outputs("ScaleWorkload", "{replicas: 0}", "", subject) ==
          parse_json(R"({"originalReplicaCount":2})"));
    CHECK(world.get(types::kStatefulSets, "db").get("status", "replicas").int_or(0) == 0);
    CHECK(world.outputs("ScaleWorkload", "{kind: deployment, namespace: app, name: web, replicas: 1}") ==
          parse_json(R"({"originalReplicaCount":0})"));
    CHECK(world.get(types::kDeployments, "web").get("status", "availableReplicas") == Value(1));

    CHECK_THAT(world.error("ScaleWorkload", "{replicas: 1}"),
               Contains("Workload type not supported configmap"));
    CHECK_THAT(world.error("ScaleWorkload", "{replicas: many}", "", subject), Contains("replicas"));
    CHECK_THAT(world.error("ScaleWorkload", "{replicas: -1}", "", subject), Contains("'replicas'"));
    CHECK_THAT(world.error("ScaleWorkload", "{replicas: 1, name: nobody}", "", subject), Contains("nobody"));
}

}  // namespace fencepost::functions
