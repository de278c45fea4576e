#include "run/engine.h"

#include "run/output_lines.h"
#include "run_world.h"

namespace fencepost::run {

using Calls = std::vector<std::string>;

TEST_CASE("phases run in order, outputs reach later phases and artifacts, and the status is Kanister's") {
    RunWorld world;
    world.blueprint(R"(
  backup:
    outputArtifacts: {dump: {keyValue: {id: '{{ .Phases.one.Output.id }}-{{ .Object.data.a }}'}, kopiaSnapshot: '{{ .Phases.two.Output.snap }}'}}
    phases:
    - {func: Step, name: one, args: {do: echo, text: '###Phase-output###: {"key":"id","value":"42"}'}}
    - {func: Step, name: two, args: {do: echo, text: 'x ###Phase-output###: {"key":"snap","value":"{{ .Phases.one.Output.id }}!"}'}}
)");
    const Value done = world.run();
    INFO(to_json(done, {.indent = "  "}));
    CHECK(RunWorld::state(done) == "complete");
    CHECK(world.script.calls() == Calls{"one#1", "two#1"});
    CHECK(RunWorld::phase(done, 0)["output"] == parse_json(R"({"id":"42"})"));
    const Value& artifact = done.get("status", "actions").as_list()[0].get("artifacts", "dump");
    CHECK(artifact.get("keyValue", "id") == Value("42-one"));
    CHECK(artifact["kopiaSnapshot"] == Value("42!"));
    CHECK(done.get("status", "progress", "percentCompleted") == Value("100"));
    CHECK(done.get("status", "progress", "runningPhase").is_nil());
    CHECK(done.get("status", "error", "message") == Value(""));
    CHECK(done.get("metadata", "finalizers").list_or_empty().empty());
    CHECK(RunWorld::defer(done)["name"] == Value(""));
}

TEST_CASE(
    "a missing key fails the phase with Kanister's words and Go's place, and later phases stay pending") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: one, args: {do: '{{ .Options.zz }}'}}, {func: Step, name: "
        "two, args: {do: ok}}]}");
    const Value done = world.run();
    CHECK(RunWorld::state(done) == "failed");
    CHECK_THAT(RunWorld::error(done), Catch::Contains("phase 'one' of action 'backup'") &&
                                          Catch::Contains("Failed to render template: \"zz\" not found") &&
                                          Catch::Contains("config:1:11"));
    CHECK(RunWorld::phase(done, 0)["state"] == Value("failed"));
    CHECK(RunWorld::phase(done, 1)["state"] == Value("pending"));
    CHECK(world.script.calls().empty());
}

TEST_CASE(
    "deferPhase runs after success and after failure, and the first error is kept with the defer's behind "
    "it") {
    RunWorld world;
    world.blueprint(R"(
  backup:
    phases: [{func: Step, name: one, args: {do: '{{ .Options.do }}'}}, {func: Step, name: two, args: {do: ok}}]
    deferPhase: {func: Step, name: last, args: {do: '{{ .Options.defer }}'}}
)");
    const Value good = world.run("backup", ", options: {do: ok, defer: ok}", "good");
    CHECK(RunWorld::state(good) == "complete");
    CHECK(RunWorld::defer(good)["state"] == Value("complete"));
    const Value bad = world.run("backup", ", options: {do: fail, defer: fail}", "bad");
    CHECK(RunWorld::state(bad) == "failed");
    const std::string error = RunWorld::error(bad);
    CHECK(error.find("phase 'one'") < error.find("deferPhase"));
    CHECK(RunWorld::defer(bad)["state"] == Value("failed"));
    CHECK(world.script.calls() == Calls{"one#1", "two#1", "last#1", "one#1", "last#1"});
    const Value only_defer = world.run("backup", ", options: {do: ok, defer: fail}", "only");
    CHECK(RunWorld::state(only_defer) == "failed");
    CHECK(RunWorld::phase(only_defer, 1)["state"] == Value("complete"));
}

TEST_CASE("unknown functions, missing and unknown arguments, and unknown actions fail with the known words") {
    RunWorld world;
    world.blueprint(R"(
  func: {phases: [{func: Steb, name: one, args: {do: ok}}]}
  missing: {phases: [{func: Step, name: one, args: {text: x}}]}
  unknown: {phases: [{func: Step, name: one, args: {do: ok, txet: x}}]}
  twice: {phases: [{func: Step, name: one, args: {do: ok}}, {func: Step, name: one, args: {do: ok}}]}
)");
    CHECK_THAT(RunWorld::error(world.run("func", "", "a")),
               Catch::Contains("{Steb} has not been registered"));
    CHECK_THAT(RunWorld::error(world.run("missing", "", "b")), Catch::Contains("Required arg missing: do"));
    CHECK_THAT(RunWorld::error(world.run("unknown", "", "c")),
               Catch::Contains("argument txet is not supported"));
    CHECK_THAT(RunWorld::error(world.run("nope", "", "d")),
               Catch::Contains("Action nope not found in blueprint bp"));
    CHECK_THAT(RunWorld::error(world.run("twice", "", "e")), Catch::Contains("two phases called 'one'"));
}

TEST_CASE("what a phase leaves to be cleaned up is cleaned up however the phase ends") {
    RunWorld world;
    world.blueprint(R"(
  timeout: {phases: [{func: Step, name: one, timeout: 100ms, args: {do: tidy}}]}
  cancel: {phases: [{func: Step, name: one, args: {do: tidy}}]}
  complete: {phases: [{func: Step, name: one, args: {do: tidy}}]}
)");
    CHECK_THAT(RunWorld::error(world.run("timeout", "", "a")),
               Catch::Contains("within its timeout of 100ms"));
    world.wait_for_call("tidied");
    world.script.state.lock()->calls.clear();
    world.start_action("cancel", "", "b");
    world.wait_for_call("one#1");
    world.cluster->patch({types::kActionSets, "default", "b"}, cluster::PatchType::kMerge,
                         parse_json(R"({"spec":{"cancel":true}})"));
    CHECK(RunWorld::state(world.finish("b")) == "failed");
    world.wait_for_call("tidied");
    world.script.state.lock()->calls.clear();
    world.script.open();
    CHECK(RunWorld::state(world.run("complete", "", "c")) == "complete");
    world.wait_for_call("tidied");
}

TEST_CASE("retries with backoff, timeouts, and phases left out by if") {
    RunWorld world;
    world.blueprint(R"(
  backup:
    phases:
    - {func: Step, name: skipped, if: '{{ eq .Options.run "yes" }}', args: {do: fail}}
    - {func: Step, name: again, retries: 2, backoff: 5ms, args: {do: fail-once}}
  slow: {phases: [{func: Step, name: slow, timeout: 30ms, args: {do: wait}}], deferPhase: {func: Step, name: last, args: {do: ok}}}
  whole: {phases: [{func: Step, name: slow, args: {do: wait}}]}
)");
    const Value done = world.run("backup", ", options: {run: 'no'}");
    CHECK(RunWorld::state(done) == "complete");
    CHECK(RunWorld::phase(done, 0)["state"] == Value("skipped"));
    CHECK(RunWorld::phase(done, 1)["attempts"] == Value(2));
    CHECK(world.script.calls() == Calls{"again#1", "again#2"});
    const Value slow = world.run("slow", "", "slow");
    CHECK_THAT(RunWorld::error(slow), Catch::Contains("did not end within its timeout of 30ms"));
    CHECK(RunWorld::defer(slow)["state"] == Value("complete"));
    CHECK_THAT(RunWorld::error(world.run("whole", ", timeout: 40ms", "whole")),
               Catch::Contains("the action did not end within its timeout of 40ms"));
}

TEST_CASE("a cancelled action still runs its deferPhase") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: one, args: {do: wait}}], deferPhase: {func: Step, name: "
        "last, args: {do: ok}}}");
    world.start_action();
    world.wait_for_call("one#1");
    world.cluster->patch({types::kActionSets, "default", "run"}, cluster::PatchType::kMerge,
                         parse_json(R"({"spec":{"cancel":true}})"));
    const Value done = world.finish();
    CHECK(RunWorld::state(done) == "failed");
    CHECK(RunWorld::error(done) == "cancelled by user");
    CHECK(RunWorld::defer(done)["state"] == Value("complete"));
}

TEST_CASE("a deleted ActionSet goes only after its deferPhase has run") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: one, args: {do: wait}}], deferPhase: {func: Step, name: "
        "last, args: {do: wait}}}");
    world.start_action();
    world.wait_for_call("one#1");
    world.cluster->remove({types::kActionSets, "default", "run"});
    world.wait_for_call("last#1");
    CHECK(!world.get().get("metadata", "deletionTimestamp").is_nil());
    world.script.open();
    CHECK(eventually([&] { return world.cluster->list(types::kActionSets).items.empty(); }));
}

TEST_CASE(
    "what was finished is not run again after a restart; what was begun is resumed where that is safe") {
    RunWorld world;
    world.blueprint(R"(
  safe: {phases: [{func: Step, name: one, args: {do: ok}}, {func: Step, name: two, args: {do: wait}}, {func: Step, name: three, args: {do: ok}}]}
  once: {phases: [{func: Once, name: one, args: {do: wait}}], deferPhase: {func: Step, name: last, args: {do: ok}}}
)");
    world.start_action("safe");
    world.wait_for_call("two#1");
    world.restart();
    world.wait_for_call("two#1 resumed");
    world.script.open();
    CHECK(RunWorld::state(world.finish()) == "complete");
    CHECK(world.script.calls() == Calls{"one#1", "two#1", "two#1 resumed", "three#1"});

    world.script.state.lock()->is_open = false;
    world.script.state.lock()->calls.clear();
    world.start_action("once", "", "once");
    world.wait_for_call("one#1");
    world.restart();
    const Value done = world.finish("once");
    CHECK(RunWorld::state(done) == "failed");
    CHECK_THAT(RunWorld::error(done), Catch::Contains("cannot safely be repeated"));
    CHECK(RunWorld::defer(done)["state"] == Value("complete"));
    CHECK(world.script.calls() == Calls{"one#1", "last#1"});
}

TEST_CASE("a blueprint that is edited while it runs changes nothing, also across a restart") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: one, args: {do: wait}}, {func: Step, name: two, args: {do: "
        "ok}}]}");
    world.start_action();
    world.wait_for_call("one#1");
    world.cluster->patch({types::kBlueprints, "default", "bp"}, cluster::PatchType::kMerge,
                         parse_json(R"({"actions":{"backup":{"phases":[]}}})"));
    world.restart();
    world.script.open();
    CHECK(RunWorld::state(world.finish()) == "complete");
    CHECK(world.script.calls().back() == "two#1");
}

TEST_CASE(
    "actions of one ActionSet run in parallel, but for dependsOn; one that fails does not stop the others") {
    RunWorld world;
    world.blueprint(
        "  a: {phases: [{func: Step, name: a, args: {do: wait}}]}\n  b: {phases: [{func: Step, name: b, "
        "args: {do: wait}}]}\n"
        "  c: {phases: [{func: Step, name: c, args: {do: ok}}]}\n  f: {phases: [{func: Step, name: f, args: "
        "{do: fail}}]}\n");
    const auto item = [](const std::string& name, const std::string& more = "") {
        return "{name: " + name + ", blueprint: bp, " + RunWorld::kSubject + more + "}";
    };
    world.create(types::kActionSets, "metadata: {name: run, namespace: default}\nspec: {actions: [" +
                                         item("a") + ", " + item("b") + ", " +
                                         item("c", ", dependsOn: [a, b]") + "]}");
    world.wait_for_call("a#1");
    world.wait_for_call("b#1");
    CHECK(world.script.calls().size() == 2);
    world.script.open();
    CHECK(RunWorld::state(world.finish()) == "complete");
    CHECK(world.script.calls().back() == "c#1");

    world.create(types::kActionSets, "metadata: {name: bad, namespace: default}\nspec: {actions: [" +
                                         item("f") + ", " + item("a") + ", " + item("c", ", dependsOn: [f]") +
                                         "]}");
    const Value bad = world.finish("bad");
    CHECK(RunWorld::state(bad) == "failed");
    CHECK(bad.get("status", "actions").as_list()[1]["phases"].as_list()[0]["state"] == Value("complete"));
    CHECK(bad.get("status", "actions").as_list()[2]["phases"].as_list()[0]["state"] == Value("pending"));
    world.create(types::kActionSets, "metadata: {name: circle, namespace: default}\nspec: {actions: [" +
                                         item("a", ", dependsOn: [b]") + ", " +
                                         item("b", ", dependsOn: [a]") + "]}");
    CHECK_THAT(RunWorld::error(world.finish("circle")), Catch::Contains("circle"));
}

TEST_CASE("max_running holds others back as records") {
    EngineOptions options;
    options.max_running = 2;
    RunWorld world(options);
    world.blueprint("  backup: {phases: [{func: Step, name: one, args: {do: wait}}]}");
    for (int i = 0; i < 6; ++i) world.start_action("backup", "", "run-" + std::to_string(i));
    {
        auto state = world.script.state.lock();
        (void)state.wait_until(std::chrono::steady_clock::now() + kPatience,
                               [&] { return state->at_once == 2; });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // for a third one that must not come
    CHECK(world.engine->load().running == 2);
    CHECK(world.engine->load().waiting == 4);
    world.script.open();
    for (int i = 0; i < 6; ++i)
        CHECK(RunWorld::state(world.finish("run-" + std::to_string(i))) == "complete");
    CHECK(world.script.state.lock()->most_at_once == 2);
}

TEST_CASE("an obligation is released when its action ends, also where its pod is gone") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: one, args: {do: fence}}, {func: Step, name: two, args: {do: "
        "fail}}]}");
    CHECK(RunWorld::state(world.run()) == "failed");
    CHECK(world.engine->obligations(false).empty());
    const List all = world.engine->obligations(true);
    REQUIRE(all.size() == 1);
    CHECK(all[0]["state"] == Value("withdrawn"));
    CHECK_THAT(all[0]["reason"].as_string(), Catch::Contains("is gone"));
}

TEST_CASE("a prehook's obligation waits for its posthook, and the posthook discharges it") {
    RunWorld world;
    world.blueprint(
        "  backupPrehook: {phases: [{func: Step, name: pre, args: {do: ok}}]}\n"
        "  backupPosthook: {phases: [{func: Step, name: post, args: {do: ok}}]}\n");
    CHECK(RunWorld::state(world.run("backupPrehook", "", "pre")) == "complete");
    REQUIRE(world.engine->obligations(false).size() == 1);
    CHECK(world.engine->obligations(false)[0]["kind"] == Value("posthook"));
    CHECK(RunWorld::state(world.run("backupPosthook", "", "post")) == "complete");
    CHECK(world.engine->obligations(false).empty());
}

TEST_CASE("a posthook whose fence was lifted before it fails, and says so once") {
    RunWorld world;
    world.blueprint(
        "  backupPrehook: {phases: [{func: Step, name: pre, args: {do: fence}}]}\n"
        "  backupPosthook: {phases: [{func: Step, name: post, args: {do: ok}}]}\n");
    CHECK(RunWorld::state(world.run("backupPrehook", "", "pre")) == "complete");
    world.restart();
    const Value done = world.run("backupPosthook", "", "post");
    CHECK(RunWorld::state(done) == "failed");
    CHECK_THAT(RunWorld::error(done),
               Catch::Contains(
                   "is fenced, but that ended before backupPosthook (pod default/pg (uid gone) is gone)"));
    CHECK(RunWorld::state(world.run("backupPosthook", "", "again")) == "complete");

    // Nobody's posthook was told, and then came a backup whose fence held.
    CHECK(RunWorld::state(world.run("backupPrehook", "", "untold")) == "complete");
    world.restart();
    world.cluster->remove({types::kBlueprints, "default", "bp"});
    world.blueprint(
        "  backupPrehook: {phases: [{func: Step, name: pre, args: {do: ok}}]}\n"
        "  backupPosthook: {phases: [{func: Step, name: post, args: {do: ok}}]}\n");
    CHECK(RunWorld::state(world.run("backupPrehook", "", "next")) == "complete");
    CHECK(RunWorld::state(world.run("backupPosthook", "", "last")) == "complete");
    CHECK(world.engine->obligations(false).empty());
}

TEST_CASE("a prehook that fails has its posthook run") {
    RunWorld world;
    world.blueprint(
        "  backupPrehook: {phases: [{func: Step, name: pre, args: {do: fail}}]}\n"
        "  backupPosthook: {phases: [{func: Step, name: post, args: {do: ok}}]}\n");
    CHECK(RunWorld::state(world.run("backupPrehook", "", "pre")) == "failed");
    world.wait_for_call("post#1");
    CHECK(eventually([&] { return world.engine->obligations(false).empty(); }));
}

TEST_CASE("bad output lines fail the phase, and its last lines are kept in the record") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: one, args: {do: echo, text: \"first\\n###Phase-output###: "
        "{\\\"key\\\":\"}}]}");
    const Value done = world.run();
    CHECK_THAT(RunWorld::error(done), Catch::Contains("cannot read the output line"));
    CHECK_THAT(RunWorld::phase(done, 0)["logTail"].string_or(""), Catch::Contains("first"));
    std::string text;
    world.engine->logs("default", "run", "one", false, [&](std::string_view bytes) { text += bytes; }, {});
    CHECK_THAT(text, Catch::StartsWith("first\n"));
}

TEST_CASE(
    "an ActionSet that another controller has begun is left to it, and one without actions is complete") {
    RunWorld world;
    world.blueprint("  backup: {phases: []}");
    const Value theirs = world.create(
        types::kActionSets,
        std::string("metadata: {name: theirs, namespace: default}\nstatus: {state: running}\nspec: "
                    "{actions: [{name: backup, blueprint: bp, ") +
            RunWorld::kSubject + "}]}");
    world.create(types::kActionSets, "metadata: {name: none, namespace: default}\nspec: {actions: []}");
    CHECK(RunWorld::state(world.finish("none")) == "complete");
    CHECK(RunWorld::state(world.run("backup", "", "nophases")) == "complete");
    CHECK(world.get("theirs") == theirs);
    world.restart();
    CHECK(RunWorld::state(world.run("backup", "", "later")) == "complete");
    CHECK(world.get("theirs") == theirs);
    world.cluster->remove({types::kActionSets, "default", "theirs"});
    CHECK_THROWS_AS(world.get("theirs"), Error);
}

TEST_CASE("Secrets and ConfigMaps of a phase are fetched, and a missing one names itself") {
    RunWorld world;
    world.create(types::kSecrets,
                 "metadata: {name: admin, namespace: default}\nstringData: {password: pa55word}");
    world.blueprint(R"(
  backup:
    phases:
    - {func: Step, name: one, objects: {db: {kind: Secret, name: '{{ .Options.secret }}', namespace: default}},
       args: {do: echo, text: '###Phase-output###: {"key":"p","value":"{{ .Phases.one.Secrets.db.Data.password | toString }}"}'}}
)");
    const Value done = world.run("backup", ", options: {secret: admin}", "good");
    CHECK(RunWorld::phase(done, 0).get("output", "p") == Value("pa55word"));
    CHECK_THAT(RunWorld::error(world.run("backup", ", options: {secret: nobody}", "bad")),
               Catch::Contains("object 'db'") && Catch::Contains("nobody"));
}

TEST_CASE("markers are found whatever the pieces, and what is no output of Kanister's is refused") {
    const std::string text =
        "noise ###Phase-output###: {\"key\":\"a\",\"value\":\"1\"}\n###Phase-output###:\n#" +
        std::string(70'000, '#') +
        "##Phase-output###: {\"key\":\"b\",\"value\":null}\n###Phase-progress###: "
        "{\"uploadedBytes\":7}\n###Phase-output###: "
        "{\"key\":\"a\",\"value\":\"2\",\"more\":[]}";
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{65'536}, text.size()}) {
        CAPTURE(piece);
        OutputLines lines;
        for (std::size_t i = 0; i < text.size(); i += piece)
            lines.feed(std::string_view(text).substr(i, piece));
        CHECK(lines.take() == parse_json(R"({"a":"2","b":""})"));
        CHECK(lines.take_progress() == parse_json(R"({"uploadedBytes":7})"));
    }
    for (const char* bad : {R"({"key":"a","value":"1"} x)", R"({"key":"a","value":1})", R"([1])", "{",
                            R"({"key":"a","value":"1"} ###Phase-output###: {"key":"b","value":"2"})"}) {
        CAPTURE(bad);
        OutputLines lines;
        CHECK_THROWS_AS(lines.feed("###Phase-output###: " + std::string(bad) + "\n"), Error);
    }
    OutputLines progress;
    progress.feed("###Phase-progress###: {not json\n");
    CHECK(progress.take_progress().is_nil());
    CHECK(progress.take().is_nil());
}

TEST_CASE("an ActionSet that cannot be read fails alone, and the others go on") {
    RunWorld world;
    world.blueprint("  backup: {phases: [{func: Step, name: one, args: {do: ok}}]}");
    world.create(types::kActionSets,
                 "metadata: {name: list, namespace: default}\nspec: {actions: [[1, 2], 3]}");
    world.create(types::kActionSets, "metadata: {name: text, namespace: default}\nspec: {actions: hello}");
    const std::string action = std::string("[{name: backup, blueprint: bp, ") + RunWorld::kSubject + "}]";
    world.create(types::kActionSets,
                 "metadata: {name: record, namespace: default, annotations: {fencepost.io/record: "
                 "'{{{'}}\nspec: {actions: " +
                     action + "}");
    world.create(types::kActionSets,
                 "metadata: {name: status, namespace: default, annotations: {fencepost.io/record: "
                 "'{\"launchedAt\":\"2026-11-21T00:00:00Z\",\"actions\":[{\"definition\":{\"phases\":[{"
                 "\"func\":\"Step\",\"name\":\"one\"}]}}]}'}}\n"
                 "status: {state: running, actions: []}\nspec: {actions: " +
                     action + "}");
    world.create(types::kActionSets,
                 "metadata: {name: kept, namespace: default, finalizers: [fencepost.io/cleanup, "
                 "example.com/audit]}\nspec: {actions: hello}");
    for (const char* name : {"list", "text", "record", "status", "kept"}) {
        CAPTURE(name);
        const Value done = world.finish(name);
        CHECK(RunWorld::state(done) == "failed");
        CHECK(!RunWorld::error(done).empty());
    }
    CHECK(world.get("kept").get("metadata", "finalizers") == Value(List{"example.com/audit"}));
    CHECK(RunWorld::state(world.run()) == "complete");
}

TEST_CASE("what others change in an ActionSet while it runs stays") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: one, args: {do: wait}}, {func: Step, name: two, args: {do: "
        "ok}}]}");
    world.start_action();
    world.wait_for_call("one#1");
    world.cluster->patch({types::kActionSets, "default", "run"}, cluster::PatchType::kMerge,
                         parse_yaml_value("metadata: {labels: {team: storage}}"));
    world.script.open();
    const Value done = world.finish();
    CHECK(RunWorld::state(done) == "complete");
    CHECK(done.get("metadata", "labels", "team") == Value("storage"));
}

TEST_CASE("the outputs of phases that an earlier daemon finished reach the later ones") {
    RunWorld world;
    world.blueprint(R"(
  backup:
    outputArtifacts: {dump: {keyValue: {id: '{{ .Phases.one.Output.id }}'}}}
    phases:
    - {func: Step, name: one, args: {do: echo, text: '###Phase-output###: {"key":"id","value":"42"}'}}
    - {func: Step, name: two, args: {do: wait}}
)");
    world.start_action();
    world.wait_for_call("two#1");
    world.restart();
    world.script.open();
    const Value done = world.finish();
    INFO(to_json(done, {.indent = "  "}));
    CHECK(RunWorld::state(done) == "complete");
    CHECK(done.get("status", "actions").as_list()[0].get("artifacts", "dump", "keyValue", "id") ==
          Value("42"));
}

TEST_CASE(
    "job Pods of ActionSets that are over or gone are removed at the start, those of running ones are kept") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: one, args: {do: ok}}, {func: Step, name: two, args: {do: "
        "wait}}]}\n"
        "  quick: {phases: [{func: Step, name: one, args: {do: ok}}]}");
    const std::string over = cluster::uid_of(world.run("quick", "", "over"));
    const std::string running = cluster::uid_of(world.start_action());
    world.wait_for_call("two#1");
    const auto job_pod = [&](const std::string& name, const std::string& owner) {
        world.create(types::kPods, "metadata: {name: " + name +
                                       ", namespace: default, labels: {fencepost.io/action-set: " + owner +
                                       "}}\nspec: {containers: [{name: main, image: debian}]}");
    };
    job_pod("of-over", over);
    job_pod("of-gone", "5e7d0a0e-0000-0000-0000-000000000000");
    job_pod("of-running", running);
    world.create(
        types::kPods,
        "metadata: {name: plain, namespace: default}\nspec: {containers: [{name: main, image: debian}]}");
    world.restart();
    const auto names = [&] {
        std::string all;
        for (const Value& pod : world.cluster->list(types::kPods).items) all += cluster::name_of(pod) + " ";
        return all;
    };
    eventually([&] { return names() == "of-running plain "; });
    CHECK(names() == "of-running plain ");
}

TEST_CASE("an action whose fence was lifted when the daemon stopped is failed by the next one") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: fence, args: {do: fence}}, {func: Step, name: dump, args: "
        "{do: wait}}, {func: Step, name: after, "
        "args: {do: ok}}]}");
    world.start_action();
    world.wait_for_call("dump#1");
    CHECK(world.engine->obligations(false).size() == 1);
    world.restart();
    CHECK(world.engine->obligations(false).empty());
    world.script.open();
    const Value done = world.finish();
    CHECK(RunWorld::state(done) == "failed");
    CHECK_THAT(RunWorld::error(done), Catch::Contains("is fenced, but that ended before the action did"));
    CHECK(RunWorld::phase(done, 2)["state"] == Value("pending"));
}

TEST_CASE(
    "a null argument is as good as absent, and a launch that fails without phases fails the ActionSet "
    "alone") {
    RunWorld world;
    world.blueprint(
        "  backup: {phases: [{func: Step, name: one, args: {do: ok, text: null}}]}\n"
        "  empty: {phases: [], deferPhase: {func: Nope, name: last, args: {}}}\n");
    CHECK(RunWorld::state(world.run()) == "complete");
    CHECK_THAT(RunWorld::error(world.run("empty", "", "empty")),
               Catch::Contains("{Nope} has not been registered"));
}

TEST_CASE("a deferPhase whose Secret is missing fails with the reason") {
    RunWorld world;
    world.blueprint(R"(
  backup:
    phases: [{func: Step, name: one, args: {do: ok}}]
    deferPhase: {func: Step, name: last, objects: {db: {kind: Secret, name: nobody, namespace: default}}, args: {do: ok}}
)");
    const Value done = world.run();
    CHECK(RunWorld::state(done) == "failed");
    CHECK(RunWorld::defer(done)["state"] == Value("failed"));
    CHECK_THAT(RunWorld::error(done), Catch::Contains("deferPhase") && Catch::Contains("nobody"));
    CHECK(done.get("status", "progress", "runningPhase").is_nil());
}

}  // namespace fencepost::run
