#include "base/encodings.h"
#include "model/verification.h"
#include "protect/isolation.h"
#include "protect/restore_point.h"
#include "protect/scratch_restore.h"
#include "protect/transforms.h"
#include "run/record.h"
#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

using Catch::Contains;
using Names = std::vector<std::string>;

// A blueprint that dumps, and whose actions for a verification are scripted: what `verify` prints, and what
// else it does.
std::string blueprint(const std::string& answers, const std::string& restores = "ok",
                      const std::string& removes = "ok") {
    return R"(
  backup: {phases: [{name: dump, func: Step, args: {do: ok}}]}
  restore: {phases: [{name: load, func: Step, args: {do: )" +
           restores + R"(, text: '{{ index .Options "scratch" | default "live" }}'}}]}
  verify:
    phases:
    - name: tables
      func: Step
      args: {do: echo, text: '###Phase-output###: {"key": "tables", "value": "{\"public.orders\": 40, \"public.customers\": 2}"}'}
    - name: ask
      func: Step
      args: {do: echo, text: '###Phase-output###: {"key": "answers", "value": ")" +
           answers + R"("}'}
  verifyPosthook: {phases: [{name: drop, func: Step, args: {do: )" +
           removes + R"(, text: '{{ .Options.scratch }}'}}]}
)";
}
constexpr const char* kTrue = R"([{\"value\": \"true\"}])";
constexpr const char* kAsked = ", restore: {assertions: [{name: orders, sql: select true}]}}";

struct Verified : Application {
    explicit Verified(const std::string& actions) : Application(actions) {
        back_up();
        const Value ended = end_of(types::kBackupActions);
        CAPTURE(to_json(ended["status"]));
        REQUIRE(state(ended) == "Complete");
    }
    void start_validation(const std::string& name, const std::string& more = kAsked) {
        world.create(
            types::kValidateActions,
            "metadata: {name: " + name +
                ", namespace: app}\nspec: {subject: {kind: RestorePoint, name: backup-1, namespace: app}" +
                more);
    }
    Value validate(const std::string& name, const std::string& more = kAsked) {
        start_validation(name, more);
        return end_of(types::kValidateActions, "app", name);
    }
    Value verdict() { return all(types::kRestorePointContents).at(0).get("status", "verification"); }
    Names scratch() {
        Names names;
        for (const Value& ns : all(types::kNamespaces)) {
            if (ns.get("metadata", "labels", kScratchLabel).is_string())
                names.push_back(cluster::name_of(ns));
        }
        return names;
    }
    int calls(const std::string& phase) {
        int count = 0;
        for (const std::string& call : world.script.calls()) count += call.starts_with(phase + "#") ? 1 : 0;
        return count;
    }
};

}  // namespace

TEST_CASE("F8 a restore point is restored beside what is live, asked, and removed again") {
    Verified app(blueprint(kTrue));
    const Value ended = app.validate("v-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(Application::steps(ended) ==
          Names{"signature: complete", "manifests: complete", "volume files: complete", "restore: complete",
                "verify configmaps/database: complete", "what was made goes: complete"});
    const Value restore = app.verdict()["restore"];
    CHECK(app.verdict()["state"] == Value("Passed"));
    CHECK(restore["rows"] == Value(42));
    CHECK(restore["rtoSeconds"].is_number());
    const Value& asked = restore["resources"].as_list().at(0);
    CHECK(asked.get("tables", "public.orders") == Value(40));
    CHECK(to_json(asked["assertions"]) == R"([{"got":"true","name":"orders","passed":true,"want":"true"}])");
    CHECK(app.find(types::kRestorePoints, "app", "backup-1")->get("status", "verification") ==
          Value("Passed"));
    CHECK(app.scratch().empty());
    CHECK(app.calls("drop") == 1);
    CHECK(ended.get("metadata", "annotations", run::kRecordAnnotation).is_nil());
}

TEST_CASE("F8 a wrong answer is refused until a restore passes; a look does not make it good") {
    Verified app(blueprint(R"([{\"value\": \"false\"}])"));
    const Value ended = app.validate("v-1");
    CHECK_THAT(Application::error(ended), Contains("the assertion 'orders' wants 'true', and got 'false'"));
    CHECK(app.verdict()["state"] == Value("Failed"));
    CHECK(app.scratch().empty());
    CHECK(app.calls("drop") == 1);

    const Value looked = app.validate("v-2", "}");
    CHECK(Application::state(looked) == "Complete");
    CHECK_THAT(to_json(looked.get("status", "exceptions")), Contains("validate it with a restore again"));
    CHECK(app.verdict()["state"] == Value("Failed"));
    app.ns("copy");
    app.restore("{subject: {kind: RestorePoint, name: backup-1, namespace: app}}", "copy");
    CHECK_THAT(Application::error(app.end_of(types::kRestoreActions, "copy", "restore-1")),
               Contains("has found the restore point damaged"));

    const Value mended =
        app.validate("v-3", ", restore: {assertions: [{sql: select false, expect: false}]}}");
    CAPTURE(to_json(mended["status"]));
    CHECK(Application::state(mended) == "Complete");
    CHECK(app.verdict()["state"] == Value("Passed"));
    CHECK(app.verdict().get("restore", "message").is_nil());
}

TEST_CASE("F8 a restore that fails fails the restore point, and what it made goes") {
    Verified app(blueprint(kTrue, "fail"));
    const Value ended = app.validate("v-1");
    CHECK_THAT(Application::error(ended),
               Contains("restore: into the scratch namespace: restore of configmaps/database failed"));
    CHECK(app.verdict()["state"] == Value("Failed"));
    CHECK(app.verdict().get("restore", "rtoSeconds").is_nil());
    CHECK(app.calls("ask") == 0);
    CHECK(app.calls("drop") == 1);
    CHECK(app.scratch().empty());
}

TEST_CASE("F8 what cannot be verified is refused before anything is made, and is no verdict") {
    const auto [actions, more, message] = GENERATE(table<std::string, std::string, std::string>({
        {"  backup: {phases: []}\n", kAsked, "it has no action 'verify'"},
        {"  backup: {phases: []}\n  restore: {phases: []}\n  verify: {phases: []}\n", kAsked,
         "would write over the live database"},
        {"  backup: {phases: []}\n  restore: {phases: [{name: r, func: Step, args: {do: ok, text: '{{ "
         ".Options.scratch }}'}}]}\n  verify: {phases: []}\n",
         kAsked, "has no action 'verifyPosthook'"},
        {blueprint(kTrue), ", restore: {assertions: [{sql: select 1, resource: secrets/app-db}]}}",
         "there are: configmaps/database"},
        {blueprint(kTrue),
         ", restore: {filters: {excludeResources: [{resource: configmaps}]}, assertions: [{sql: select "
         "1}]}}",
         "there is none at all"},
        {blueprint(kTrue), ", restore: {assertions: [{name: x}], countRows: 3}}", "the assertion's sql"},
        {blueprint(kTrue), ", restore: {asertions: []}}", "assertions"},
        {blueprint(kTrue), ", restore: {transforms: [{transformSetRef: {name: none}}]}}",
         "there is no TransformSet default/none"},
    }));
    CAPTURE(actions, more);
    Verified app(actions);
    const Value ended = app.validate("v-1", more);
    CHECK(Application::state(ended) == "Failed");
    CHECK_THAT(Application::error(ended), Contains(message));
    CHECK(app.verdict().is_nil());
    CHECK(app.scratch().empty());
    CHECK(app.all(types::kRestoreActions).empty());
}

TEST_CASE("F8 a restore that is only a look is refused where it would be none, whoever asks for it") {
    Verified app("  backup: {phases: []}\n  restore: {phases: [{name: load, func: Step, args: {do: ok}}]}\n");
    app.ns("copy");
    app.restore("{subject: {kind: RestorePoint, name: backup-1, namespace: app}, scratch: by-hand}", "copy");
    CHECK_THAT(
        Application::error(app.end_of(types::kRestoreActions, "copy", "restore-1")),
        Contains("configmaps/database: the Blueprint bp, as it was when the backup was made, cannot verify"));
    CHECK(app.calls("load") == 0);
}

TEST_CASE("F8 a long answer is judged whole and told shortened") {
    const std::string text(2'000, 'x');
    Verified app(blueprint(R"([{\"value\": \")" + text + R"(\"}])"));
    const Value ended =
        app.validate("v-1", ", restore: {assertions: [{sql: select 1, expect: " + text + "}]}}");
    CHECK(Application::state(ended) == "Complete");
    const Value asked =
        app.verdict().get("restore", "resources").as_list().at(0)["assertions"].as_list().at(0);
    CHECK(asked["got"].as_string().size() == 503);
}

TEST_CASE("F8 an action verify that does not answer is no success") {
    const auto [answers, message] = GENERATE(table<std::string, std::string>(
        {{"[]", "was asked 1 queries, and has answered 0"}, {"no list", "an unreadable output 'answers'"}}));
    Verified app(blueprint(answers));
    CHECK_THAT(Application::error(app.validate("v-1")), Contains(message));
    CHECK(app.scratch().empty());
}

TEST_CASE("F8 what verifyPosthook could not remove is tried again") {
    Verified app(blueprint(kTrue, "ok", "fail"));
    app.start_validation("v-1");
    app.wait_for("a second attempt", [&] {
        app.settle(true);
        return app.calls("drop") >= 2;
    });
    CHECK(app.scratch().size() == 1);
    CHECK(app.find(types::kValidateActions, "app", "v-1")->get("status", "state") == Value("Running"));
}

TEST_CASE("F8 another daemon goes on where the first one died, and tidies up after a cancelled one") {
    const bool is_cancelled = GENERATE(false, true);
    Verified app(blueprint(kTrue, "wait"));
    app.start_validation("v-1");
    app.wait_for("the restore", [&] {
        app.settle(true);
        return app.calls("load") == 1;
    });
    CHECK(app.scratch().size() == 1);
    app.restart();
    if (is_cancelled)
        app.world.cluster->patch({types::kValidateActions, "app", "v-1"}, cluster::PatchType::kMerge,
                                 parse_json(R"({"spec":{"cancel":true}})"));
    else
        app.world.script.open();
    const Value ended = app.end_of(types::kValidateActions, "app", "v-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == (is_cancelled ? "Cancelled" : "Complete"));
    CHECK(app.verdict()["state"] == (is_cancelled ? Value() : Value("Passed")));
    CHECK(app.scratch().empty());
    CHECK(app.calls("drop") == 1);
}

TEST_CASE("F8 a namespace that is somebody else's is never taken") {
    Verified app(blueprint(kTrue, "wait"));
    // Nobody guesses the name: it is of the action's uid. So the one that is made is given to somebody else.
    app.start_validation("v-1");
    app.wait_for("the restore", [&] {
        app.settle(true);
        return app.calls("load") == 1;
    });
    const std::string name = app.scratch().at(0);
    CHECK(name.starts_with("verify-app-"));
    app.world.cluster->patch(
        {types::kNamespaces, "", name}, cluster::PatchType::kMerge,
        parse_json(R"({"metadata":{"labels":{"fencepost.io/verification":"another"}}})"));
    app.world.script.open();
    (void)app.end_of(types::kValidateActions, "app", "v-1");
    CHECK(app.find(types::kNamespaces, "", name));
}

TEST_CASE("F8 every resource has a scratch name of its own, which every database takes") {
    const std::string name = scratch_name("uid", "secrets/a");
    CHECK(name == scratch_name("uid", "secrets/a"));
    CHECK(name != scratch_name("uid", "secrets/b"));
    CHECK(name != scratch_name("another", "secrets/a"));
    CHECK(name.size() < 63);
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos);
}

TEST_CASE("F8 what is restored has no address of its own, and archives no WAL") {
    model::Problems problems;
    const Transforms transforms = Transforms::read(isolation(), "", problems);
    problems.throw_errors("isolation");
    const auto [type, before, after] = GENERATE(table<cluster::ResourceType, std::string, std::string>({
        {{"", "v1", "services"}, R"({"spec":{"type":"LoadBalancer"}})", R"({"spec":{"type":"ClusterIP"}})"},
        {{"", "v1", "services"}, R"({"spec":{"type":"NodePort"}})", R"({"spec":{"type":"NodePort"}})"},
        {{"postgresql.cnpg.io", "v1", "clusters"},
         R"({"spec":{"backup":{"barmanObjectStore":{"destinationPath":"s3://b"}},"instances":3}})",
         R"({"spec":{"instances":3}})"},
        {{"postgresql.k8s.enterprisedb.io", "v1", "clusters"},
         R"({"spec":{"instances":1}})",
         R"({"spec":{"instances":1}})"},
        {{"postgresql.cnpg.io", "v1", "clusters"},
         R"({"spec":{"plugins":[{"name":"barman-cloud"}]}})",
         R"({"spec":{}})"},
    }));
    CHECK(to_json(transforms.apply(type, parse_json(before))) == after);
}

TEST_CASE("F8 workloads stay where they are, unless somebody names them") {
    model::Problems problems;
    Value filters;
    filters["includeResources"] = data_and_settings(
        parse_yaml_value("{spec: {resources: [{group: apps, resource: statefulsets, name: pg}]}}"));
    const ResourceFilter filter = ResourceFilter::read(filters, "", problems);
    const auto takes = [&](const cluster::ResourceType& type, const std::string& name) {
        return filter.accepts(type, parse_yaml_value("{metadata: {name: " + name + "}}"));
    };
    CHECK(takes(types::kSecrets, "any"));
    CHECK(takes(types::kPersistentVolumeClaims, "any"));
    CHECK(takes({"apps", "v1", "statefulsets"}, "pg"));
    CHECK(!takes({"apps", "v1", "statefulsets"}, "web"));
    CHECK(!takes(types::kPods, "web"));
    CHECK(!takes({"networking.k8s.io", "v1", "ingresses"}, "web"));
    CHECK(!takes({"postgresql.cnpg.io", "v1", "scheduledbackups"}, "nightly"));
}

}  // namespace fencepost::protect
