"""What goes wrong in the world, and what Fencepost makes of it: hooks that fail, Pods that vanish, stores that are full,
gone or closed, dumps that are killed, files that are broken or hostile, a second daemon, a thousand actions at once."""
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time
import unittest

from stack import APP1_DB, FENCEPOST, ROOT, STORE, VERSITYGW, Stack, apply_postgres_dump, free_port, render, wait_for

MIB = 1 << 20


def blueprint(name, phases):
    """A Blueprint with one action `go`, whose phases are given as JSON values."""
    return json.dumps({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint",
                       "metadata": {"name": name, "namespace": "default"}, "actions": {"go": {"phases": phases}}})


class FailedHooks(unittest.TestCase):
    """Pods that carry the annotations of EDB's external backup adapter, with commands that misbehave."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.stack.cli("apply", "-f", str(ROOT / "examples/edb-snapshot/crd.yaml"), "-f",
                      str(ROOT / "blueprints/postgres-fence/blueprint.yaml"), "-f",
                      str(ROOT / "bindings/postgres-fence-edb.yaml"))

    def cluster(self, pre, post="", on_error="", **annotations):
        """A Cluster with one elected Pod in a namespace of its own. The commands are shell; each notes its name first."""
        self.namespace = self._testMethodName.replace("test_", "").replace("_", "-")[:40].strip("-")
        self.notes = self.stack.work / f"{self.namespace}.notes"
        self.notes.touch()
        self.notes.chmod(0o666)
        prefix = "kasten-enterprisedb.io/"
        hooks = {prefix + "pre-backup-command": self.shell("pre", pre),
                 prefix + "pre-backup-on-error": self.shell("on-error", on_error),
                 prefix + "post-backup-command": self.shell("post", post),
                 prefix + "pre-backup-container": "postgres", prefix + "post-backup-container": "postgres"}
        self.pod = {"apiVersion": "v1", "kind": "Pod",
                    "metadata": {"name": "pg-2", "namespace": self.namespace, "labels": {prefix + "hasHooks": "true"},
                                 "annotations": {**hooks, **{prefix + k.replace("_", "-"): v for k, v in annotations.items()}}},
                    "spec": {"terminationGracePeriodSeconds": 0,
                             "containers": [{"name": "postgres", "image": "postgres:15", "command": ["sleep", "1000"]}]}}
        self.apply_cluster()
        self.apply_pod()

    def apply_cluster(self):
        self.subject = {"group": "postgresql.k8s.enterprisedb.io", "apiVersion": "v1", "resource": "clusters", "name": "pg",
                        "namespace": self.namespace}
        self.stack.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}))
        self.stack.apply(json.dumps({"apiVersion": "postgresql.k8s.enterprisedb.io/v1", "kind": "Cluster",
                                     "metadata": {"name": "pg", "namespace": self.namespace}, "spec": {"instances": 3}}))

    def apply_pod(self):
        self.stack.apply(json.dumps(self.pod))
        wait_for("the Pod's start", lambda: json.loads(self.stack.cli("get", "pod", "pg-2", "-n", self.namespace, "-o", "json")
                                                       .stdout)["status"]["phase"] == "Running")

    def shell(self, name, script):
        return json.dumps(["bash", "-c", f"echo {name} >> {self.notes}; {script}"])

    def calls(self):
        return self.notes.read_text().split()

    def run_hook(self, action, **more):
        return self.stack.finish_action(self.stack.start_action(action, self.subject, **more), 30)

    def obligations(self):
        every = self.stack.get("/v1/obligations?state=all")["items"]
        return [o for o in every if o.get("subject", {}).get("namespace") == self.namespace]

    def assert_nothing_is_fenced(self):
        wait_for("the end of all obligations", lambda: not any(o["state"] == "open" for o in self.obligations()), 20)

    def test_no_pod_that_matches_is_an_error(self):
        self.namespace = "empty"
        self.apply_cluster()
        action = self.run_hook("backupPrehook")
        self.assertEqual(action["state"], "failed")
        self.assertIn("no running pod in namespace 'empty' matches 'kasten-enterprisedb.io/hasHooks=true'",
                      action["error"]["message"])
        self.assertEqual(self.obligations(), [])

    def test_a_pre_command_that_fails_is_followed_by_on_error(self):
        self.cluster(pre="echo cannot stop postgres >&2; exit 1")
        action = self.run_hook("backupPrehook")
        self.assertEqual(action["state"], "failed")
        self.assertIn("exit code 1", action["error"]["message"])
        self.assertIn("cannot stop postgres", action["error"]["message"])
        self.assertEqual(self.calls(), ["pre", "on-error"])
        self.assert_nothing_is_fenced()
        self.assertEqual([o["state"] for o in self.obligations() if o["kind"] == "fence"], ["withdrawn"])

    def test_where_on_error_fails_too_the_post_command_runs(self):
        self.cluster(pre="exit 1", on_error="echo neither >&2; exit 3")
        action = self.run_hook("backupPrehook")
        self.assertEqual(action["state"], "failed")
        self.assertIn("the on-error command failed too", action["error"]["message"])
        self.assert_nothing_is_fenced()
        self.assertEqual(self.calls(), ["pre", "on-error", "post"])

    def test_a_posthook_that_fails_twice_is_tried_until_it_works(self):
        self.cluster(pre="true", post='echo not yet >&2; (( $(grep -c post "$0") > 2 ))'.replace('"$0"', "$NOTES"))
        self.pod["spec"]["containers"][0]["env"] = [{"name": "NOTES", "value": str(self.notes)}]
        self.stack.cli("delete", "pod", "pg-2", "-n", self.namespace)
        self.apply_pod()
        self.assertEqual(self.run_hook("backupPrehook")["state"], "complete")
        fence = [o for o in self.obligations() if o["kind"] == "fence"]
        self.assertEqual([o["state"] for o in fence], ["open"])
        action = self.run_hook("backupPosthook")
        self.assertEqual(action["state"], "complete", action)
        self.assertEqual(self.calls(), ["pre", "post", "post", "post"])
        self.assert_nothing_is_fenced()
        fence = [o for o in self.obligations() if o["kind"] == "fence"]
        self.assertEqual([(o["state"], o["attempts"]) for o in fence], [("released", 2)])
        self.assertIn("not yet", fence[0]["lastError"])

    def test_a_fenced_pod_that_is_deleted_leaves_no_fence_and_its_successor_is_let_be(self):
        self.cluster(pre="true")
        self.assertEqual(self.run_hook("backupPrehook")["state"], "complete")
        self.stack.cli("delete", "pod", "pg-2", "-n", self.namespace)
        self.apply_pod()
        action = self.run_hook("backupPosthook")
        self.assertEqual(action["state"], "failed")
        self.assertIn("may not be of one moment", action["error"]["message"])
        self.assertEqual(self.run_hook("backupPosthook")["state"], "complete", "it is told once")
        self.assert_nothing_is_fenced()
        fence = [o for o in self.obligations() if o["kind"] == "fence"]
        self.assertEqual([o["state"] for o in fence], ["withdrawn"])
        self.assertIn("is gone", fence[0]["reason"])
        self.assertEqual(self.calls(), ["pre"])

    def test_a_pod_that_is_deleted_while_it_is_being_fenced_fails_the_action(self):
        self.cluster(pre="sleep 100")
        identity = self.stack.start_action("backupPrehook", self.subject)
        wait_for("the pre-backup command", lambda: self.calls() == ["pre"])
        self.stack.cli("delete", "pod", "pg-2", "-n", self.namespace)
        action = self.stack.finish_action(identity, 30)
        self.assertEqual(action["state"], "failed")
        self.assert_nothing_is_fenced()
        self.assertEqual([o["state"] for o in self.obligations() if o["kind"] == "fence"], ["withdrawn"])

    def test_a_shell_line_in_the_annotation_is_refused_before_anything_runs(self):
        self.cluster(pre="true", pre_backup_command="/bin/bash /controller/manager snapshot hook pre backup")
        action = self.run_hook("backupPrehook")
        self.assertEqual(action["state"], "failed")
        self.assertIn("annotation kasten-enterprisedb.io/pre-backup-command of pod pg-2 is not a JSON array of strings",
                      action["error"]["message"])
        self.assertEqual((self.calls(), [o for o in self.obligations() if o["kind"] == "fence"]), ([], []))

    def test_a_prehook_that_is_cancelled_is_undone(self):
        self.cluster(pre="sleep 100")
        identity = self.stack.start_action("backupPrehook", self.subject)
        wait_for("the pre-backup command", lambda: self.calls() == ["pre"])
        self.assertEqual(self.stack.request("POST", f"/v1/actions/{identity}/cancel")[0], 202)
        self.assertEqual(self.stack.finish_action(identity, 30)["state"], "cancelled")
        self.assert_nothing_is_fenced()
        self.assertEqual(self.calls(), ["pre", "post"])

    def fence(self, time_limit):
        self.cluster(pre="true")
        self.stack.apply(blueprint("brief", [{"func": "Fence", "name": "fence", "args": {
            "namespace": self.namespace, "labelSelector": "kasten-enterprisedb.io/hasHooks=true", "timeLimit": time_limit}}])
                         .replace('"go"', '"backupPrehook"'))
        self.assertEqual(self.run_hook("backupPrehook", blueprint="brief")["state"], "complete")

    def test_a_fence_that_nobody_lifts_is_lifted_at_its_time_limit(self):
        self.fence("1s")
        self.assert_nothing_is_fenced()
        self.assertEqual(self.calls(), ["pre", "post"])

    def test_a_fence_that_is_given_longer_stands_until_then_or_until_it_is_released(self):
        self.fence("3s")
        path = "/v1/obligations/" + next(o["id"] for o in self.obligations() if o["kind"] == "fence")
        self.assertEqual(self.stack.request("POST", path + "/extend", {"by": "20s"})[0], 200)
        time.sleep(4.5)  # neither the keeper nor the guard goes by the first limit
        self.assertEqual((self.calls(), self.stack.get(path)["state"]), (["pre"], "open"))
        status, released, _ = self.stack.request("POST", path + "/release")
        self.assertEqual((status, released["state"], released["reason"]), (200, "released", "operator"), released)
        self.assertEqual(self.calls(), ["pre", "post"])


class FailedDumps(unittest.TestCase):
    """The quickstart's database, and stores and Secrets that are not as they should be."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        if VERSITYGW:
            cls.stack.start_s3()
        else:
            cls.stack.start_file_store()
        apply_postgres_dump(cls.stack)
        cls.stack.start_database(rows=60_000)

    def backup(self, subject=APP1_DB, profile=STORE):
        return self.stack.finish_action(self.stack.start_action("backup", subject, profile=profile), 60)

    def assert_failed_and_unfenced(self, action, *texts):
        self.assertEqual(action["state"], "failed", action)
        for text in texts:
            self.assertIn(text, action["error"]["message"])
        self.assertEqual(action["artifacts"], {})
        wait_for("the end of all obligations", lambda: not self.stack.open_obligations(), 20)
        self.assertFalse(self.stack.replay_is_paused())

    def secret(self, name, lacks="", annotations=None):
        data = {"host": "127.0.0.1", "port": str(self.stack.primary_port), "dbname": "app1db", "username": "app1", "password": "x"}
        data.pop(lacks, None)
        self.stack.apply(json.dumps({"apiVersion": "v1", "kind": "Secret", "stringData": data, "metadata": {
            "name": name, "namespace": "app1", "labels": {"type": "database-credential"}, "annotations": annotations or {}}}))
        return {**APP1_DB, "name": name}

    def s3_profile(self, name, bucket="backups", key="fencepost", secret="fencepost-secret-key"):
        text = render(ROOT / "examples/profile-s3.yaml", S3_KEY=key, S3_SECRET=secret, BUCKET=bucket, STORE_HOST="127.0.0.1",
                      S3_PORT=self.stack.s3_port)
        self.stack.apply(text.replace("name: store", f"name: {name}").replace("s3-credentials", f"{name}-credentials"))
        return {"name": name, "namespace": "default"}

    def snapshots(self):
        return {s["id"] for s in json.loads(self.stack.restic("snapshots", "--json").stdout or b"[]") or []}

    def test_a_secret_without_a_key_is_named_with_the_key(self):
        action = self.backup(self.secret("no-dbname", lacks="dbname"))
        self.assert_failed_and_unfenced(action, "dbname", "map has no entry for key")
        admin = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "postgres-dump-admin", "namespace": "app1"},
                 "stringData": {"username": "postgres"}}
        self.stack.apply(json.dumps(admin))
        action = self.backup(self.secret("no-admin-password", annotations={"fencepost.io/admin-namespace": "app1"}))
        self.assert_failed_and_unfenced(action, "password", "map has no entry for key")

    def test_a_secret_that_is_not_there_is_named(self):
        action = self.backup(self.secret("no-admin", annotations={"fencepost.io/admin-namespace": "nowhere"}))
        self.assert_failed_and_unfenced(action, "postgres-dump-admin", "not found")

    @unittest.skipUnless(VERSITYGW, "SKIPPED: no S3 server (versitygw) is installed")
    def test_a_bucket_that_is_gone_is_told(self):
        began = time.monotonic()
        self.assert_failed_and_unfenced(self.backup(profile=self.s3_profile("gone", bucket="long-gone")), "long-gone")
        self.assertLess(time.monotonic() - began, 30)

    @unittest.skipUnless(VERSITYGW, "SKIPPED: no S3 server (versitygw) is installed")
    def test_a_wrong_s3_key_is_told_and_appears_nowhere(self):
        wrong = "surely-not-the-secret-key"
        action = self.backup(profile=self.s3_profile("closed", secret=wrong))
        self.assert_failed_and_unfenced(action, "HTTP 403", "access key is not accepted")
        self.assertNotIn(wrong, json.dumps(action))
        self.assertNotIn(wrong, self.stack.log_tail(10_000))

    def test_a_disk_that_is_full_fails_the_dump_and_leaves_a_sound_repository(self):
        mount = self.stack.work / "small"
        mount.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount], capture_output=True, text=True)
        if mounted.returncode != 0:
            print(f"SKIPPED disk full: no tmpfs can be mounted here ({mounted.stderr.strip()})", flush=True)
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", mount])
        text = render(ROOT / "examples/profile-file.yaml", STORE=mount / "repository")
        (mount / "repository").mkdir()
        (mount / "plain").mkdir()
        self.stack.apply(text.replace("name: store", "name: small"))
        plain = render(ROOT / "examples/profile-file.yaml", STORE=mount / "plain").replace("name: store", "name: small-plain")
        self.stack.apply("\n".join(line for line in plain.splitlines() if not line.startswith("repositoryKey")))

        for profile in ("small", "small-plain"):
            action = self.backup(profile={"name": profile, "namespace": "default"})
            self.assert_failed_and_unfenced(action, "No space left on device")
        left = [path for path in (mount / "plain").rglob("*") if path.is_file()]
        self.assertEqual(left, [], "an object that is not whole was left")

        subprocess.run(["mount", "-o", "remount,size=128m", mount], check=True)
        repository = str(mount / "repository")
        restic = ["restic", "--no-cache", "-q", "-r", repository]
        environment = dict(os.environ, RESTIC_PASSWORD="a-key-that-only-the-example-knows")
        if (mount / "repository" / "config").exists():
            listed = subprocess.run([*restic, "snapshots", "--json"], capture_output=True, env=environment, check=True)
            self.assertEqual(json.loads(listed.stdout), [])
        self.assertEqual(self.backup(profile={"name": "small", "namespace": "default"})["state"], "complete")
        check = subprocess.run([*restic, "check", "--read-data"], capture_output=True, text=True, env=environment)
        self.assertEqual(check.returncode, 0, check.stderr)

    def test_a_pg_dump_that_is_killed_half_way_stores_nothing(self):
        before = self.snapshots()
        identity = self.stack.start_action("backup", APP1_DB, profile=STORE)
        victim = self.wait_for_pg_dump(written=2 * MIB)
        os.kill(victim, signal.SIGKILL)
        action = self.stack.finish_action(identity, 60)
        self.assert_failed_and_unfenced(action, "pg_dump")
        phases = {phase["name"]: phase["state"] for phase in action["phases"]}
        self.assertEqual(phases, {"check": "complete", "fence": "complete", "dump": "failed", "unfence": "complete"})
        self.assertEqual(self.snapshots(), before, "half a dump became a snapshot")
        check = self.stack.restic("check")
        self.assertEqual(check.returncode, 0, check.stderr)

    def wait_for_pg_dump(self, written):
        """The process id of the replica's pg_dump, once it has written that many bytes."""
        wanted = f"PGPORT={self.stack.replica_port}".encode()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    is_dump = (process / "comm").read_text() == "pg_dump\n"
                    if not is_dump or wanted not in (process / "environ").read_bytes().split(b"\0"):
                        continue
                    while self.written_by(process) < written:
                        time.sleep(0.001)
                    return int(process.name)
        raise AssertionError("no pg_dump was seen")

    @staticmethod
    def written_by(process):
        lines = dict(line.split(": ") for line in (process / "io").read_text().splitlines())
        return int(lines["wchar"])


class HostileFiles(unittest.TestCase):
    """Files that are broken, or made to hurt: refused at once, at their place, in bounded memory, by a server that lives on."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.stack.apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "subject"}}))

    def refused(self, verb, text, *texts):
        """Runs `fencepost VERB` on the text; its output. It must exit with 1, soon, and with little memory."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=self.stack.work) as file:
            file.write(text)
            file.flush()
            command = [FENCEPOST, verb, *(["-f"] if verb == "apply" else []), file.name]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.stack.environment) as process:
                output = process.stdout.read().decode(errors="replace")
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 1, f"fencepost {verb}: {output[:2000]}")
        self.assertLess(usage.ru_utime + usage.ru_stime, 5, f"fencepost {verb} took too long")
        self.assertLess(usage.ru_maxrss / 1024, 200, f"fencepost {verb} took {usage.ru_maxrss / 1024:.0f} MiB")
        self.assertLess(len(output), 10_000, "the answer is as long as the question")
        for wanted in texts:
            self.assertIn(wanted, output)
        return output

    def refused_by_both(self, text, *texts):
        for verb in ("lint", "apply"):
            self.refused(verb, text, *texts)
        self.assertTrue(self.stack.is_ready())

    def run_blueprint(self, text, name):
        self.stack.apply(text)
        subject = {"kind": "ConfigMap", "apiVersion": "v1", "resource": "configmaps", "name": "subject", "namespace": "default"}
        return self.stack.finish_action(self.stack.start_action("go", subject, blueprint=name))

    def test_an_unclosed_template_is_told_at_its_place_and_fails_the_action(self):
        text = blueprint("unclosed", [{"func": "KubeTask", "name": "one", "args": {"image": "x", "command": ["echo", "{{ .Time"]}}])
        self.refused("lint", text, ":1:", "unclosed action")
        action = self.run_blueprint(text, "unclosed")
        self.assertEqual(action["state"], "failed")
        self.assertIn("unclosed action", action["error"]["message"])
        self.assertIn("'command'", action["error"]["message"])

    def test_an_endless_template_recursion_fails_fast(self):
        endless = '{{define "x"}}{{template "x" .}}{{end}}{{template "x" .}}'
        began = time.monotonic()
        action = self.run_blueprint(blueprint("endless", [{"func": "KubeTask", "name": "one", "args": {
            "image": "x", "command": ["echo", endless]}}]), "endless")
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(action["state"], "failed")
        self.assertIn("exceeded maximum template depth", action["error"]["message"])

    def test_a_template_that_never_ends_or_grows_without_bound_fails_fast(self):
        deep = "{{$x := list 1}}{{range until 100000}}{{$x = list $x}}{{end}}"
        for name, endless in (("loop", "{{range $i := until 30000}}{{range $j := until 30000}}{{end}}{{end}}"),
                              ("grow", '{{define "x"}}{{.}}{{template "x" (printf "%s%s" . .)}}{{end}}{{template "x" "y"}}'),
                              ("repeat", '{{repeat 1000000000 "x"}}'),
                              ("keep", '{{$a := repeat 60000000 "x"}}{{range until 1000}}{{$b := print $a $a}}{{end}}'),
                              ("share", "{{$x := list 1}}{{range until 60}}{{$x = list $x $x}}{{end}}{{$x}}"),
                              ("deep", deep), ("deep-print", deep + "{{$x}}"), ("deep-json", deep + "{{toJson $x}}"),
                              ("parentheses", "{{" + "(" * 20_000 + "1" + ")" * 20_000 + "}}"),
                              ("blocks", "{{if 1}}" * 5_000 + "{{end}}" * 5_000),
                              ("mutual", '{{define "a"}}{{if 1}}{{with 1}}{{range until 1}}{{template "b"}}{{end}}{{end}}{{end}}{{end}}'
                                         '{{define "b"}}{{template "a"}}{{end}}{{template "a"}}')):
            with self.subTest(name):
                action = self.run_blueprint(blueprint(name, [{"func": "KubeTask", "name": "one", "args": {
                    "image": "x", "command": ["echo", endless]}}]), name)
                self.assertEqual(action["state"], "failed")
        self.assertLess(self.stack.peak_memory(), 500)

    def test_objects_whose_members_are_of_the_wrong_kind_hurt_nobody(self):
        """Each member of each kind is replaced by everything that it is not. FENCEPOST_ODDITIES sets how many (400)."""
        meta = {"labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": [], "ownerReferences": []}
        pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
               "containers": [{"name": "c", "image": "x", "command": ["true"], "args": ["x"], "env": [{"name": "A", "value": "b"}],
                               "volumeMounts": [{"name": "v", "mountPath": "/v"}], "resources": {"limits": {"memory": "1Gi"}},
                               "securityContext": {"runAsUser": os.geteuid()}, "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1}}],
               "volumes": [{"name": "v", "emptyDir": {}}]}
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {**pod, "restartPolicy": "Always"}}
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "resource": "configmaps", "name": "subject", "namespace": "default"}
        phase = {"func": "KubeOps", "name": "one", "timeout": "1s", "retries": 0, "backoff": "1s", "if": "true",
                 "objects": {"o": {"kind": "Secret", "name": "x", "namespace": "default"}},
                 "args": {"operation": "create", "spec": "{}", "namespace": "default", "objectReference": reference}}
        kinds = [("/api/v1/namespaces/default/pods", {"spec": pod}), ("/api/v1/namespaces/default/configmaps", {"data": {"a": "b"}}),
                 ("/api/v1/namespaces/default/secrets", {"data": {"a": "Yg=="}, "stringData": {"a": "b"}, "type": "Opaque"}),
                 ("/api/v1/namespaces/default/persistentvolumeclaims", {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {
                     "requests": {"storage": "1Mi"}}, "dataSource": {"kind": "VolumeSnapshot", "name": "x"}}}),
                 ("/apis/apps/v1/namespaces/default/statefulsets", {"spec": {"replicas": 1, "serviceName": "s", "template": template,
                                                                              "selector": {"matchLabels": {"a": "b"}}}}),
                 ("/apis/apps/v1/namespaces/default/deployments", {"spec": {"replicas": 1, "template": template,
                                                                             "selector": {"matchLabels": {"a": "b"}}}}),
                 ("/apis/cr.kanister.io/v1alpha1/namespaces/default/blueprints", {"actions": {"go": {
                     "phases": [phase], "deferPhase": phase, "outputArtifacts": {"a": {"keyValue": {"k": "v"}}}, "inputArtifactNames": ["x"]}}}),
                 ("/apis/cr.kanister.io/v1alpha1/namespaces/default/actionsets", {"spec": {"cancel": False, "actions": [{
                     "name": "go", "blueprint": "odd", "object": reference, "options": {"a": "b"}, "profile": {"name": "p", "namespace": "default"},
                     "dependsOn": [], "podLabels": {"a": "b"}, "podOverride": {}, "artifacts": {"a": {"keyValue": {"k": "v"}}},
                     "secrets": {"s": {"name": "x", "namespace": "default"}}}]},
                     "status": {"state": "pending", "actions": [{"phases": [{"name": "one", "state": "pending"}]}], "error": {"message": "x"}}}),
                 ("/apis/cr.kanister.io/v1alpha1/namespaces/default/profiles", {"location": {"type": "filestore", "path": "/tmp"}, "credential": {
                     "type": "keyPair", "keyPair": {"idField": "a", "secretField": "b", "secret": {"name": "x", "namespace": "default"}}}}),
                 ("/apis/config.kio.kasten.io/v1alpha1/namespaces/default/blueprintbindings", {"spec": {
                     "disabled": False, "blueprintRef": {"name": "odd", "namespace": "default"},
                     "resources": {"matchAll": [{"type": {"operator": "In", "values": [{"resource": "secrets"}]}},
                                                {"labels": {"key": "a", "operator": "In", "values": ["b"]}}]}}})]
        self.stack.apply(blueprint("odd", [phase]))
        every = [(path, odd) for path, good in kinds for odd in self.oddities({"metadata": meta, **good})]
        seed = int(os.environ.get("FENCEPOST_SEED", random.randrange(1 << 30)))
        count = int(os.environ.get("FENCEPOST_ODDITIES", "400"))
        answers = collections.Counter()
        for number, (path, odd) in enumerate(random.Random(seed).sample(every, min(count, len(every)))):
            if isinstance(odd.get("metadata"), dict):
                odd["metadata"] = {**odd["metadata"], "name": f"odd-{number}"}
            status, answer, _ = self.stack.request("POST", path, odd)
            answers[status] += 1
            self.assertIn(status, (201, 400, 409, 413, 422), f"POST {path} {json.dumps(odd)}: {answer}")
        print(f"{sum(answers.values())} of {len(every)} odd objects (seed {seed}): {dict(answers)}", flush=True)
        self.assertEqual(self.stack.cli("get", "pods", "-A").returncode, 0)
        self.assertEqual(self.stack.cli("get", "actionsets").returncode, 0)
        self.assertEqual(self.stack.request("GET", "/v1/actions?limit=500")[0], 200)
        self.stack.apply(blueprint("fine", [{"func": "KubeTask", "name": "one", "args": {"image": "x", "command": ["true"]}}]))
        subject = {key: reference[key] for key in ("apiVersion", "resource", "name", "namespace")}
        action = self.stack.finish_action(self.stack.start_action("go", subject, blueprint="fine"), 60)
        self.assertEqual(action["state"], "complete", "the server no longer works after odd objects")

    def oddities(self, whole):
        """The object again and again, each time with one member (or item) replaced."""
        def places(value, place):
            if place:
                yield place
            for key, member in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
                yield from places(member, (*place, key))

        for place in places(whole, ()):
            for odd in (None, "text", "", -1, 2.5, True, [], {}, [None], {"x": None}):
                copy = json.loads(json.dumps(whole))
                target = copy
                for key in place[:-1]:
                    target = target[key]
                target[place[-1]] = odd
                yield copy

    def test_a_hundred_thousand_nested_brackets_are_refused(self):
        for text in ("a: " + "[" * 100_000, "a: " + "[" * 100_000 + "]" * 100_000, "{a: " * 100_000, "- " * 100_000,
                     "a: " + "{" * 100_000 + "}" * 100_000, "\n".join(" " * n + "a:" for n in range(2_000))):
            with self.subTest(text[:20]):
                self.refused_by_both(text, "nested deeper than")

    def test_nested_brackets_in_a_request_are_refused(self):
        for path in ("/v1/actions", "/api/v1/namespaces/default/configmaps"):
            for body in (b"[" * 100_000, b'{"a":' * 100_000):
                status, answer, _ = self.stack.request("POST", path, body)
                self.assertIn(status, (400, 422), answer)
        self.assertTrue(self.stack.is_ready())

    def test_an_alias_bomb_is_refused(self):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        for n in range(1, 12):
            lines.append(f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]")
        self.refused_by_both("\n".join(lines), "more than 1000000 nodes")

    def test_an_alias_of_itself_is_refused(self):
        self.refused_by_both("a: &a [*a]", ":1:")

    def test_duplicate_keys_are_refused_with_their_place(self):
        self.refused_by_both("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: one\n  a: two\n", ":7:3", "a")

    def test_a_truncated_file_is_refused_with_its_place(self):
        whole = (ROOT / "blueprints/postgres-dump/blueprint.yaml").read_text()
        at = whole.index('{{ .Object.data.dbname | b64dec }}"') + 10
        self.refused_by_both(whole[:at], ".yaml:")
        self.refused_by_both('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: {', ":3:")

    def test_what_is_no_yaml_or_no_object_is_refused(self):
        for text in (",", "]", "\x00", "\t- a", "%YAML 9.9", "just words", "- a\n- b\n", "\ufeff,", "? ? ?", "*a", "!!binary ["):
            with self.subTest(repr(text)):
                self.refused_by_both(text)

    def test_no_truncation_of_a_blueprint_hurts(self):
        whole = (ROOT / "blueprints/postgres-dump/blueprint.yaml").read_text()
        files = []
        for at in range(0, len(whole), 97):
            file = self.stack.work / f"cut-{at}.yaml"
            file.write_text(whole[:at])
            files.append(str(file))
        for start in range(0, len(files), 20):
            result = self.stack.cli("lint", *files[start:start + 20], check=False)
            self.assertIn(result.returncode, (0, 1), result.stdout + result.stderr)

    def test_a_second_daemon_on_the_same_folder_is_refused_and_the_first_lives_on(self):
        second = subprocess.run([FENCEPOST, "serve", "--data-dir", self.stack.work / "data", "--listen", f"127.0.0.1:{free_port()}"],
                                capture_output=True, text=True, timeout=20)
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertIn(str(self.stack.work / "data"), second.stderr)
        self.assertIn("another", second.stderr)
        self.assertTrue(self.stack.is_ready())
        self.stack.apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "still-writing"}}))


class ManyActions(unittest.TestCase):
    def test_a_thousand_actions_at_once_all_end_eight_at_a_time_in_bounded_memory(self):
        many, at_once = 1_000, 8
        with Stack(["--max-running", str(at_once)]) as stack:
            stack.start()
            notes = stack.work / "notes"
            notes.touch()
            notes.chmod(0o666)
            stack.apply(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "worker", "namespace": "default"}, "spec": {
                "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "x", "command": ["sleep", "1000"]}]}}))
            script = f"echo +{{{{ .Options.n }}}} >> {notes}; sleep 0.02; echo -{{{{ .Options.n }}}} >> {notes}; kando output n {{{{ .Options.n }}}}"
            stack.apply(blueprint("tick", [{"func": "KubeExec", "name": "tick", "args": {
                "namespace": "default", "pod": "worker", "container": "c", "command": ["bash", "-c", script]}}]))
            subject = {"kind": "Pod", "apiVersion": "v1", "resource": "pods", "name": "worker", "namespace": "default"}
            began = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(32) as pool:
                identities = list(pool.map(lambda n: stack.start_action("go", subject, blueprint="tick", options={"n": str(n)}), range(many)))
            created = time.monotonic() - began
            most = 0
            while (states := self.states(stack)).keys() - {"complete", "failed"}:
                most = max(most, states.get("running", 0))
                self.assertLess(time.monotonic() - began, 120, f"they do not end: {states}")
                time.sleep(0.3)
            took = time.monotonic() - began
            ended = [stack.get(f"/v1/actions/{identity}") for identity in identities]
            peak = stack.peak_memory()
            print(f"{many} actions: created in {created:.1f} s, all ended after {took:.1f} s; at most {max(most, self.overlap(notes))} at once "
                  f"(--max-running {at_once}); peak RSS of the daemon {peak:.0f} MiB", flush=True)
            self.assertEqual({action["state"] for action in ended}, {"complete"})
            self.assertEqual([action["phases"][0]["outputs"]["n"] for action in ended], [str(n) for n in range(many)])
            self.assertLessEqual(most, at_once)
            self.assertLessEqual(self.overlap(notes), at_once)
            self.assertGreater(self.overlap(notes), 1)
            self.assertEqual(notes.read_text().count("+"), many, "one ran twice, or not at all")
            self.assertLess(peak, 200)

    @staticmethod
    def states(stack):
        """How many ActionSets are in which state, all at one moment."""
        items = stack.get("/apis/cr.kanister.io/v1alpha1/namespaces/default/actionsets")["items"]
        return collections.Counter(item.get("status", {}).get("state", "pending") for item in items)

    @staticmethod
    def overlap(notes):
        level = most = 0
        for sign in notes.read_text().split():
            level += 1 if sign[0] == "+" else -1
            most = max(most, level)
        return most


if __name__ == "__main__":
    unittest.main()
