#!/usr/bin/env python3
"""What blueprint authors have: the JSON Schemas, judged by another implementation than ours; plan against a live server; run on a
cluster from scratch."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

import jsonschema
import yaml

from stack import FENCEPOST, ROOT, Stack, wait_for

OBJECTS = """
apiVersion: v1
kind: Namespace
metadata: {name: app1}
---
apiVersion: v1
kind: Secret
metadata: {name: app1-db, namespace: app1, labels: {type: database-credential}}
stringData: {dbname: app1, password: hunter22}
---
apiVersion: v1
kind: Secret
metadata: {name: admin, namespace: default}
stringData: {username: postgres, password: hunter33}
---
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: dump, namespace: default}
actions:
  check:
    phases:
      - func: KubeTask
        name: work
        objects: {admin: {kind: Secret, name: admin, namespace: default}}
        args:
          image: tools:1
          command: [echo, done]
          podOverride:
            containers:
              - name: container
                env: [{name: PGPASSWORD, value: "{{ .Phases.work.Secrets.admin.Data.password | toString }}"}]
"""

TARGETS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: taken, namespace: app1}
---
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: targets, namespace: default}
actions:
  check:
    phases:
      - func: ScaleWorkload
        name: scale
        args: {namespace: app1, kind: StatefulSet, name: nowhere, replicas: 0}
      - func: KubeOps
        name: make
        args: {operation: create, namespace: app1, spec: "{apiVersion: v1, kind: ConfigMap, metadata: {name: taken}}"}
      - func: KubeTask
        name: job
        args: {image: "tools:1", command: [echo]}
"""

BINDING = """---
apiVersion: config.kio.kasten.io/v1alpha1
kind: BlueprintBinding
metadata: {name: NAME, namespace: default}
spec:
  blueprintRef: {name: dump, namespace: default}
  resources:
    matchAll:
      - type: {operator: In, values: [{resource: secrets}]}
      - labels: {key: type, operator: In, values: [database-credential]}
"""


class Schemas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        schema = json.loads(subprocess.run([FENCEPOST, "schema"], check=True, capture_output=True, text=True).stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)

    def errors(self, path):
        documents = [document for document in yaml.safe_load_all(path.read_text()) if document]
        return [error.message for document in documents for error in self.validator.iter_errors(document)]

    def test_all_that_is_shipped_and_every_good_sample_is_valid(self):
        files = [*ROOT.glob("blueprints/*/blueprint.yaml"), *ROOT.glob("bindings/*.yaml"), *ROOT.glob("tests/golden/lint/*/good.yaml")]
        self.assertGreater(len(files), 60)
        for path in files:
            with self.subTest(path.relative_to(ROOT)):
                self.assertEqual(self.errors(path), [])

    def test_mistakes_of_shape_are_found(self):
        for rule in ("unknown-field", "unknown-function", "unknown-arg", "missing-arg", "wrong-type", "missing-field", "BND-E02", "BND-E03"):
            with self.subTest(rule):
                self.assertNotEqual(self.errors(ROOT / "tests/golden/lint" / rule / "bad.yaml"), [])


class Plan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack(serve_options=["--image-map", "tools=ours/tools"]))
        cls.stack.start()
        cls.stack.apply(OBJECTS)

    def plan(self, *more):
        result = self.stack.cli("plan", "dump", "--action", "check", "--object", "secret/app1-db", "-n", "app1", *more, check=False)
        return result.returncode, result.stdout

    def versions(self):
        return {path: self.stack.get(path)["metadata"]["resourceVersion"] for path in ("/api/v1/secrets", "/apis/cr.kanister.io/v1alpha1/actionsets")}

    def test_what_can_run_is_told_so_and_nothing_changes(self):
        before = self.versions()
        code, output = self.plan()
        self.assertEqual(code, 0, output)
        self.assertIn("all render, and what they name is there", output)
        self.assertNotIn("hunter", output)
        self.assertEqual(self.versions(), before)

    def test_a_secret_that_went_is_missed_at_its_line(self):
        self.stack.cli("delete", "secret", "admin", "-n", "default")
        try:
            code, output = self.plan()
        finally:
            self.stack.apply(OBJECTS)
        self.assertEqual(code, 1)
        self.assertRegex(output, r"blueprint/dump:\d+:\d+: error: there is no Secret default/admin \[missing-object\]")

    def test_targets_images_and_permissions_are_told(self):
        self.stack.apply(TARGETS)
        result = self.stack.cli("plan", "targets", "--action", "check", "--object", "secret/app1-db", "-n", "app1", check=False)
        output = result.stdout
        self.assertEqual(result.returncode, 1, output)
        self.assertRegex(output, r"blueprint/targets:\d+:\d+: error: there is no StatefulSet app1/nowhere \[missing-object\]")
        self.assertRegex(output, r"blueprint/targets:\d+:\d+: error: there is a ConfigMap app1/taken already \[existing-object\]")
        self.assertRegex(output, r"images +ok +tools:1, in whose place runs ours/tools:1 \(phase 'job'\)")
        self.assertRegex(output, r"images +ok +the server's embedded cluster pulls none")
        self.assertRegex(output, r"permissions +skipped +the server has no access reviews; an embedded cluster has no RBAC")

    def test_a_binding_that_matches_nothing_is_told(self):
        self.stack.apply(BINDING.replace("NAME", "nobody").replace("database-credential", "no-such-type"))
        self.assertRegex(self.plan()[1], r"bindings +warning +the binding nobody matches no object that is there \[BND-W04\]")
        self.assertIn("[BND-W04]", self.stack.cli("explain", "secret/app1-db", "-n", "app1").stdout)

    def test_a_binding_in_anothers_shadow_is_told(self):
        self.stack.apply(BINDING.replace("NAME", "first"))
        self.stack.apply(BINDING.replace("NAME", "second"))
        output = self.plan()[1]
        self.assertRegex(output, r"bindings +warning +.*second.*BND-W03")

    def test_a_location_that_answers_is_told(self):
        self.stack.start_file_store()
        profile = self.stack.get("/apis/cr.kanister.io/v1alpha1/profiles")["items"][0]["metadata"]
        name = f"{profile['namespace']}/{profile['name']}"
        self.assertRegex(self.plan("--profile", name)[1], r"location +ok")


SCRATCH = """
apiVersion: v1
kind: Pod
metadata: {name: app, namespace: app1}
spec:
  containers: [{name: main, image: "any:1", command: [sleep, "MARK"]}]
---
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: two}
actions:
  check:
    phases:
      - func: KubeExec
        name: look
        args: {namespace: app1, pod: app, command: [sh, -c, "kando output said yes"]}
      - func: KubeTask
        name: work
        args: {image: "a:1", command: [test, "{{ .Phases.look.Output.said }}", "=", "yes"]}
  broken:
    phases:
      - func: KubeTask
        name: work
        args: {image: "a:1", command: [sh, -c, "echo about to fail; false"]}
  long:
    phases:
      - func: KubeTask
        name: work
        args: {image: "a:1", command: [sleep, "MARK"]}
"""


def processes(mark):
    """Of those that run with this word on their command line."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            pass
    return found


class FromScratch(unittest.TestCase):
    """Each run has a folder for temporary files of its own, in which nothing may be left."""

    def setUp(self):
        self.work = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="fencepost-author-")))
        self.mark = str(100_000 + os.getpid())
        self.file = self.work / "objects.yaml"
        self.file.write_text(SCRATCH.replace("MARK", self.mark))
        self.temporary = self.work / "tmp"
        self.temporary.mkdir()

    def command(self, action, *more):
        return [FENCEPOST, "run", action, "--from-scratch", "-f", self.file, "--blueprint", "two", "--object", "pods/app", "-n", "app1", *more]

    def run_it(self, action, *more):
        return subprocess.run(self.command(action, *more), capture_output=True, text=True, env=dict(os.environ, TMPDIR=str(self.temporary)))

    def nothing_is_left(self):
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.assertEqual(processes(self.mark), [])
        self.assertEqual(processes(str(self.temporary)), [])

    def test_a_blueprint_runs_on_a_cluster_that_goes_with_it(self):
        result = self.run_it("check")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("is complete", result.stdout)
        self.nothing_is_left()

    def test_a_failure_is_the_exit_code_and_leaves_nothing_either(self):
        result = self.run_it("broken")
        self.assertEqual(result.returncode, 1)
        self.assertIn("exit code 1", result.stderr)
        self.assertIn("The log of the phase 'work':\nabout to fail\n", result.stderr)
        self.assertNotIn("fencepost logs", result.stdout + result.stderr)  # of a cluster that is gone
        self.nothing_is_left()

    def test_what_cannot_be_made_is_told_with_its_place(self):
        self.file.write_text(SCRATCH + "---\napiVersion: example.com/v1\nkind: Nothing\nmetadata: {name: a}\n")
        result = self.run_it("check")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{self.file}:30", result.stderr)
        self.nothing_is_left()

    def test_ctrl_c_cancels_the_action_and_clears_up(self):
        run = subprocess.Popen(self.command("long"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=dict(os.environ, TMPDIR=str(self.temporary)))
        wait_for("the job", lambda: len(processes(self.mark)) >= 2, 20)
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=30)
        self.assertEqual(run.returncode, 3, output)
        self.nothing_is_left()

    def test_a_killed_command_takes_all_that_it_started_along(self):
        run, _ = self.start_long()
        run.kill()
        run.wait()
        self.everything_ends()

    def test_with_a_killed_daemon_its_pods_end_too(self):
        run, daemon = self.start_long()
        os.kill(daemon, signal.SIGKILL)
        self.everything_ends()
        self.assertNotEqual(run.wait(timeout=30), 0)
        self.nothing_is_left()

    def everything_ends(self):
        wait_for("the end of all processes", lambda: not processes(self.mark) and not processes(str(self.temporary)), 20)

    def start_long(self):
        """The command and its daemon's pid, once the Pod and the job run."""
        run = subprocess.Popen(self.command("long"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=dict(os.environ, TMPDIR=str(self.temporary)))
        wait_for("the job", lambda: len(processes(self.mark)) >= 2, 20)
        self.addCleanup(run.kill)
        (daemon,) = [one for one in processes(str(self.temporary)) if b"\0serve\0" in pathlib.Path(f"/proc/{one}/cmdline").read_bytes()]
        return run, daemon


if __name__ == "__main__":
    unittest.main()
