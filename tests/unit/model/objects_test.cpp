#include "model/objects.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::model {
namespace {

std::string failure_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::kInvalid);
        return error.what();
    }
    return "";
}

constexpr const char* kBlueprint = R"(
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: pg, namespace: kanister, uid: u-1, resourceVersion: "7"}
later: ignored
actions:
  backup:
    name: whatever
    kind: Secret
    configMapNames: [location]
    secretNames: [db]
    outputArtifacts:
      dump:
        keyValue: {path: "{{ .Phases.dump.Output.path }}"}
        kopiaSnapshot: "{{ .Phases.dump.Output.id }}"
    phases:
      - func: KubeTask
        name: dump
        timeout: 10m
        retries: 2
        backoff: 5s
        if: true
        objects:
          admin: {apiVersion: v1, kind: Secret, name: admin, namespace: default}
        args: {image: x, command: [a, b]}
      - {func: Wait, name: settle}
    deferPhase: {func: Unfence, name: unfence}
  restore:
    inputArtifactNames: [dump]
)";

}  // namespace

TEST_CASE("a Blueprint is read with all its members") {
    const auto blueprint = Blueprint::from(parse_yaml_value(kBlueprint));
    CHECK(blueprint.name == "pg");
    CHECK(blueprint.ns == "kanister");
    CHECK(blueprint.uid == "u-1");
    CHECK(blueprint.resource_version == "7");
    CHECK(blueprint.digest.size() == 64);
    REQUIRE(blueprint.actions.size() == 2);
    const Action& backup = blueprint.actions.at("backup");
    CHECK(backup.name == "backup");  // the key, not the member
    CHECK(backup.kind == "Secret");
    CHECK(backup.config_map_names == std::vector<std::string>{"location"});
    CHECK(backup.secret_names == std::vector<std::string>{"db"});
    CHECK(backup.output_artifacts.at("dump").key_value.at("path") == "{{ .Phases.dump.Output.path }}");
    CHECK(backup.output_artifacts.at("dump").kopia_snapshot == "{{ .Phases.dump.Output.id }}");
    REQUIRE(backup.phases.size() == 2);
    const Phase& dump = backup.phases.front();
    CHECK(dump.func == "KubeTask");
    CHECK(dump.timeout == "10m");
    CHECK(dump.retries == 2);
    CHECK(dump.retry_backoff == "5s");
    CHECK(dump.condition == "true");
    CHECK(dump.objects.at("admin").kind == "Secret");
    CHECK(dump.args["command"].as_list().size() == 2);
    CHECK(backup.phases[1].args.is_map());  // absent args are no args
    CHECK(backup.phases[1].condition.empty());
    REQUIRE(backup.defer_phase);
    CHECK(backup.defer_phase->func == "Unfence");
    const Action& restore = blueprint.actions.at("restore");
    CHECK(restore.phases.empty());
    CHECK(restore.input_artifact_names == std::vector<std::string>{"dump"});
    CHECK_FALSE(restore.defer_phase);
}

TEST_CASE("a Blueprint's digest follows its actions and nothing else") {
    Value object = parse_yaml_value(kBlueprint);
    const std::string digest = Blueprint::from(object).digest;
    object["metadata"]["name"] = "other";
    CHECK(Blueprint::from(object).digest == digest);
    object["actions"]["restore"]["kind"] = "Secret";
    CHECK(Blueprint::from(object).digest != digest);
}

TEST_CASE("an ActionSet is read with all its members") {
    const auto set = ActionSet::from(parse_yaml_value(R"(
metadata: {name: backup-1, namespace: kanister, deletionTimestamp: "2026-11-21T05:00:00Z"}
spec:
  cancel: true
  actions:
    - name: backup
      blueprint: pg
      object: {kind: StatefulSet, name: pg, namespace: app1, group: apps/, apiVersion: v1, resource: statefulsets}
      artifacts: {dump: {keyValue: {path: /x}}}
      configMaps: {location: {name: loc, namespace: app1}}
      secrets: {db: {name: db, namespace: app1}}
      profile: {name: store, namespace: kanister}
      podOverride: {nodeSelector: {a: b}}
      podLabels: {l: "1"}
      podAnnotations: {p: "2"}
      options: {db: orders}
      preferredVersion: v0.0.0
      dependsOn: [fence]
      timeout: 1h
    - name: bare
)"));
    CHECK(set.name == "backup-1");
    CHECK(set.cancel_requested);
    CHECK(set.is_being_deleted);
    REQUIRE(set.actions.size() == 2);
    const ActionSpec& spec = set.actions.front();
    CHECK(spec.object.group == "apps");  // kanctl's trailing slash
    CHECK(spec.object.ns == "app1");
    CHECK(spec.artifacts.at("dump").key_value.at("path") == "/x");
    CHECK(spec.config_maps.at("location").name == "loc");
    CHECK(spec.secrets.at("db").ns == "app1");
    REQUIRE(spec.profile);
    CHECK(spec.profile->name == "store");
    CHECK(spec.pod_override.get("nodeSelector", "a").as_string() == "b");
    CHECK(spec.pod_labels.at("l") == "1");
    CHECK(spec.pod_annotations.at("p") == "2");
    CHECK(spec.options.at("db") == "orders");
    CHECK(spec.depends_on == std::vector<std::string>{"fence"});
    CHECK(spec.timeout == "1h");
    CHECK(set.actions[1].pod_override.is_nil());
    CHECK_FALSE(set.actions[1].profile);
}

TEST_CASE("a Profile is read: S3 with a key pair, a typed secret, a file store") {
    const auto s3 = Profile::from(parse_yaml_value(R"(
metadata: {name: store, namespace: kanister}
location: {type: s3Compliant, bucket: b, endpoint: "https://s3", prefix: p, region: eu}
credential:
  type: keyPair
  keyPair: {idField: id, secretField: secret, secret: {apiVersion: v1, kind: Secret, name: c, namespace: kanister}}
skipSSLVerify: true
caBundle: PEM
repositoryKey: {name: key, namespace: kanister}
)"));
    CHECK(s3.location_type == "s3Compliant");
    CHECK(s3.bucket == "b");
    CHECK(s3.endpoint == "https://s3");
    CHECK(s3.prefix == "p");
    CHECK(s3.region == "eu");
    CHECK(s3.credential_type == "keyPair");
    CHECK(s3.id_field == "id");
    CHECK(s3.secret_field == "secret");
    CHECK(s3.credential_secret.name == "c");
    CHECK(s3.skip_ssl_verify);
    CHECK(s3.ca_bundle == "PEM");
    REQUIRE(s3.repository_key);
    CHECK(s3.repository_key->name == "key");

    const auto typed = Profile::from(
        parse_yaml_value("{credential: {type: secret, keyPair: null, secret: {name: aws, namespace: k}}}"));
    CHECK(typed.credential_secret.name == "aws");
    CHECK_FALSE(typed.repository_key);

    const auto folder = Profile::from(parse_yaml_value("{location: {type: filestore, path: /srv/backup}}"));
    CHECK(folder.path == "/srv/backup");
    CHECK(folder.credential_type.empty());
}

TEST_CASE("a member of the wrong type is an error that names its path and the object") {
    CHECK(failure_of([] {
              (void)Blueprint::from(
                  parse_yaml_value("{metadata: {name: pg}, actions: {b: {phases: [{func: [x]}]}}}"));
          }) == "Blueprint pg: actions.b.phases[0].func: expected string, got list");
    CHECK(failure_of([] {
              (void)Blueprint::from(parse_yaml_value("{metadata: {name: pg}, actions: {b: {phases: {}}}}"));
          }) == "Blueprint pg: actions.b.phases: expected list, got map");
    CHECK(failure_of([] {
              (void)ActionSet::from(parse_yaml_value(
                  "{metadata: {name: a, namespace: ns1}, spec: {actions: [{options: {count: 3}}]}}"));
          }) == "ActionSet ns1/a: spec.actions[0].options.count: expected string, got number");
    CHECK(failure_of([] {
              (void)Blueprint::from(parse_yaml_value("{actions: {b: {phases: [{retries: -1}]}}}"));
          }) == "Blueprint without a name: actions.b.phases[0].retries: -1 is out of range");
    CHECK(failure_of([] { (void)Profile::from(parse_yaml_value("{metadata: {name: p}, location: s3}")); }) ==
          "Profile p: location: expected map, got string");
}

TEST_CASE("an ObjectReference is written as Kanister writes it") {
    const auto reference =
        ObjectReference::from(parse_yaml_value("{apiVersion: apps/v1, kind: Deployment, name: d}"));
    CHECK(reference.group == "apps");
    CHECK(reference.api_version == "v1");
    CHECK(to_json(reference.to_value()) ==
          R"({"apiVersion":"v1","group":"apps","kind":"Deployment","name":"d","resource":""})");
    const auto templated = ObjectReference::from(parse_yaml_value(R"({apiVersion: '{{ index .O "a/b" }}'})"));
    CHECK(templated.api_version == R"({{ index .O "a/b" }})");
}

TEST_CASE("an Artifact survives being written and read") {
    const Value value = parse_yaml_value("{keyValue: {a: b}, kopiaSnapshot: id}");
    CHECK(Artifact::from(value).to_value() == value);
    CHECK(to_json(Artifact{}.to_value()) == "{}");
}

}  // namespace fencepost::model
