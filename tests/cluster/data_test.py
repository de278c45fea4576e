#!/usr/bin/env python3
"""Backups of files on a real cluster: what Pods and volumes hold goes to a real S3 server and comes back, byte by byte."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from cluster import OUR_TOOLS, TOOLS, ClusterTest, wait_for
from stack import VERSITYGW, Stack

PASSWORD = "it's a $(key) \"quoted\""
S3 = {"AWS_ACCESS_KEY_ID": "fencepost", "AWS_SECRET_ACCESS_KEY": "fencepost-secret-key"}
# Names that shells trip over, an empty file, a hole, every kind of link, permissions and times of their own.
FILL = r"""
cd /data && rm -rf -- * && mkdir -p sub/deep empty
head -c 6M /dev/urandom >sub/random; : >none; truncate -s 3M sub/hole
printf 'of %s' "$HOSTNAME" >"it's a \$(file) \"x\""; printf '\n' >sub/$'two\nlines'
ln -s ../none sub/link; ln sub/random sub/deep/again; chmod 0640 none; chmod 1777 empty; chown 1234:5678 none
touch -d '2001-02-03 04:05:06.789' none empty
"""
# Everything that a backup keeps of them.
LOOK = r"""
cd /data && find . -mindepth 1 \( -type d -printf '%P %y %m %U:%G\n' -o -printf '%P %y %m %U:%G %s %n %T@ %l\n' \) | sort
find . -type f -print0 | sort -z | xargs -0 sha256sum
"""
BLUEPRINT = f"""
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {{name: files}}
actions:
  backup:
    outputArtifacts:
      files: {{keyValue: {{id: "{{{{ .Phases.store.Output.backupID }}}}", tag: "{{{{ .Phases.store.Output.backupTag }}}}"}}}}
    phases:
    - func: BackupData
      name: store
      args: &pod {{namespace: "{{{{ .StatefulSet.Namespace }}}}", pod: app-0, container: main, includePath: /data, backupArtifactPrefix: one}}
    - func: BackupDataStats
      name: stats
      args: {{namespace: "{{{{ .StatefulSet.Namespace }}}}", backupArtifactPrefix: one, backupID: "{{{{ .Phases.store.Output.backupID }}}}"}}
  restore:
    inputArtifactNames: [files]
    phases:
    - func: RestoreData
      name: fetch
      args: &fetch
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        image: {OUR_TOOLS}
        backupArtifactPrefix: one
        backupIdentifier: "{{{{ .ArtifactsIn.files.KeyValue.id }}}}"
        pod: app-0
  restoreInto:
    inputArtifactNames: [files]
    phases:
    - func: RestoreData
      name: fetch
      args:
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        image: {OUR_TOOLS}
        backupArtifactPrefix: one
        backupTag: "{{{{ .ArtifactsIn.files.KeyValue.tag }}}}"
        backupPath: /data
        restorePath: /mnt
        volumes: {{other: /mnt}}
  delete:
    inputArtifactNames: [files]
    phases:
    - func: DeleteData
      name: forget
      args: {{namespace: "{{{{ .StatefulSet.Namespace }}}}", backupArtifactPrefix: one, backupID: "{{{{ .ArtifactsIn.files.KeyValue.id }}}}"}}
  copy:
    outputArtifacts:
      files: {{keyValue: {{id: "{{{{ .Phases.copy.Output.backupID }}}}"}}}}
    phases:
    - func: PrepareData
      name: prepare
      args:
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        image: {OUR_TOOLS}
        volumes: {{data-app-1: /prepared}}
        failOnError: true
        command: [bash, -c, 'echo by the job >/prepared/note; kando output found "$(ls /prepared | wc -l)"']
    - func: CopyVolumeData
      name: copy
      args: {{namespace: "{{{{ .StatefulSet.Namespace }}}}", volume: data-app-1, image: {OUR_TOOLS}, dataArtifactPrefix: backups/copies}}
  backupAll:
    outputArtifacts:
      files: {{keyValue: {{info: "{{{{ .Phases.store.Output.BackupAllInfo }}}}"}}}}
    phases:
    - func: BackupDataAll
      name: store
      args: {{namespace: "{{{{ .StatefulSet.Namespace }}}}", container: main, includePath: "{{{{ .Options.path }}}}", backupArtifactPrefix: all}}
  restoreAll:
    inputArtifactNames: [files]
    phases:
    - func: ScaleWorkload
      name: stop
      args: {{replicas: 0}}
    - func: RestoreDataAll
      name: fetch
      args:
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        image: {OUR_TOOLS}
        backupArtifactPrefix: all
        backupInfo: "{{{{ .ArtifactsIn.files.KeyValue.info }}}}"
    deferPhase:
      func: ScaleWorkload
      name: start
      args: {{replicas: 2}}
  deleteAll:
    inputArtifactNames: [files]
    phases:
    - func: DeleteDataAll
      name: forget
      args: {{namespace: "{{{{ .StatefulSet.Namespace }}}}", backupArtifactPrefix: all, backupInfo: "{{{{ .ArtifactsIn.files.KeyValue.info }}}}", reclaimSpace: true}}
  wrongKey:
    phases:
    - func: BackupData
      name: store
      args: {{<<: *pod, encryptionKey: another}}
  noMover:
    phases:
    - func: BackupData
      name: store
      args: {{<<: *pod, container: bare, backupArtifactPrefix: elsewhere}}
  noVolume:
    phases:
    - func: CopyVolumeData
      name: copy
      args: {{namespace: "{{{{ .StatefulSet.Namespace }}}}", volume: nowhere, dataArtifactPrefix: copies}}
  lost:
    phases:
    - func: RestoreData
      name: fetch
      args: {{<<: *fetch, backupIdentifier: "0123abcd"}}
"""


class DataTest(ClusterTest):
    """A controller, an S3 server, and a StatefulSet `app` of two Pods with a volume each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls.cluster.is_ours:
            raise unittest.SkipTest("SKIPPED: only the one-node cluster of tests/cluster reaches an S3 server of this machine")
        for program, name in ((VERSITYGW, "versitygw"), (shutil.which("restic"), "restic")):
            if not program:
                raise unittest.SkipTest(f"SKIPPED: {name} is not installed")
        cls.cluster.import_our_images()
        cls.stack = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", cls.namespace,
                                         "--install-crds"])
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start_s3_server(cls.cluster.host_address)
        cls.endpoint = f"http://{cls.cluster.host_address}:{cls.stack.s3_port}"
        cls.stack.start()
        cls.make_app()
        cls.apply([secret("s3", id=S3["AWS_ACCESS_KEY_ID"], secret=S3["AWS_SECRET_ACCESS_KEY"]), secret("key", password=PASSWORD),
                   cls.profile("store")])
        cls.apply(BLUEPRINT)
        cls.kubectl("rollout", "status", "statefulset/app", "--timeout=90s")

    @classmethod
    def make_app(cls):
        container = {"name": "main", "image": OUR_TOOLS, "imagePullPolicy": "Never", "command": ["sleep", "infinity"],
                     "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
        labels = {"app": "app"}
        cls.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "app"}, "spec": {
            "serviceName": "app", "replicas": 2, "podManagementPolicy": "Parallel", "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [
                container, {**container, "name": "bare", "image": TOOLS}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}})

    @classmethod
    def profile(cls, name, bucket="backups", credentials="s3"):
        reference = lambda secret: {"apiVersion": "v1", "kind": "Secret", "name": secret, "namespace": cls.namespace}
        return {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Profile", "metadata": {"name": name},
                "location": {"type": "s3Compliant", "bucket": bucket, "endpoint": cls.endpoint, "prefix": "not-used", "region": "us-east-1"},
                "credential": {"type": "keyPair", "keyPair": {"idField": "id", "secretField": "secret", "secret": reference(credentials)}},
                "repositoryKey": reference("key")}

    @classmethod
    def start_action(cls, action, artifact=None, profile="store", **options):
        """The ActionSet's name."""
        name = f"{action.lower()}-{time.monotonic_ns()}"
        one = {"name": action, "blueprint": "files", "options": options, "profile": {"name": profile, "namespace": cls.namespace},
               "object": {"kind": "StatefulSet", "name": "app", "namespace": cls.namespace}}
        if artifact:
            one["artifacts"] = {"files": {"keyValue": artifact}}
        cls.apply({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": name}, "spec": {"actions": [one]}})
        return name

    def finish_action(self, name, state="complete"):
        """The action's status."""
        self.kubectl("wait", "--for=jsonpath={.status.endTime}", f"actionset/{name}", "--timeout=90s")
        status = self.get("actionset", name)["status"]
        self.assertEqual(status["state"], state, f"{status}\n{self.stack.log_tail()}")
        return status["actions"][0]

    def run_action(self, action, artifact=None, **options):
        return self.finish_action(self.start_action(action, artifact, **options))

    def error(self, name):
        self.finish_action(name, "failed")
        return self.get("actionset", name)["status"]["error"]["message"]

    def artifact(self, done):
        return done["artifacts"]["files"]["keyValue"]

    def fill(self, *pods):
        for pod in pods:
            self.exec(pod, "bash", "-euc", FILL, options=("-c", "main"))

    def look(self, pod, options=("-c", "main")):
        return self.exec(pod, "bash", "-euc", LOOK, options=options).stdout

    def restic(self, prefix, *arguments):
        """What stock restic says."""
        environment = dict(os.environ, **S3, RESTIC_PASSWORD=PASSWORD)
        result = subprocess.run(["restic", "--no-cache", "-q", "-r", f"s3:{self.endpoint}/backups/{prefix}", *map(str, arguments)],
                                capture_output=True, text=True, env=environment, timeout=60)
        self.assertEqual(result.returncode, 0, f"restic {arguments}: {result.stdout}{result.stderr}")
        return result.stdout

    def snapshots(self, prefix):
        return {snapshot["id"]: snapshot for snapshot in json.loads(self.restic(prefix, "snapshots", "--json")) or []}

    def has_job_pods(self):
        return bool(self.list("pods", "-l", "createdBy=kanister"))


def secret(name, **values):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


class Data(DataTest):
    def test_what_a_pod_holds_comes_back_into_its_volume_and_into_another(self):
        self.fill("app-0")
        before = self.look("app-0")
        done = self.run_action("backup")
        files = self.artifact(done)
        stored, stats = (phase["output"] for phase in done["phases"])
        self.assertEqual(stats, {"mode": "restore-size", "fileCount": "6", "size": f"{(6 + 3) * 2**20 + len('of app-0') + 1} B", "version": "v0.0.0"})
        self.assertEqual(stored["fileCount"], "6")
        self.assertEqual(self.snapshots("one")[files["id"]]["tags"], [files["tag"]])
        self.restic("one", "check", "--read-data")
        with tempfile.TemporaryDirectory() as folder:
            self.restic("one", "restore", files["id"], "--target", folder)
            self.assertEqual((pathlib.Path(folder) / "data/it's a $(file) \"x\"").read_text(), "of app-0")

        self.exec("app-0", "bash", "-euc", "cd /data && rm -rf -- * && echo newer >newer", options=("-c", "main"))
        self.run_action("restore", files)
        self.exec("app-0", "rm", "/data/newer", options=("-c", "main"))  # which a restore leaves alone
        self.assertEqual(self.look("app-0"), before)
        self.make_claim("other")
        self.run_action("restoreInto", files)
        self.start_pod("other", claim="other")
        self.assertEqual(self.look("other", ()), before)

        self.run_action("delete", files)
        self.assertEqual(self.snapshots("one"), {})
        self.assertIn(f"there is no snapshot '{files['id']}'", self.error(self.start_action("restore", files)))
        self.assertFalse(self.has_job_pods())

    def test_a_volume_is_prepared_and_copied_by_pods_of_their_own(self):
        self.fill("app-1")
        done = self.run_action("copy")
        prepared, copied = (phase["output"] for phase in done["phases"])
        self.assertEqual(prepared, {"found": "5"})
        self.assertEqual((copied["backupRoot"], copied["backupArtifactLocation"]), ("/mnt/vol_data/data-app-1", "backups/copies"))
        self.restic("copies", "check", "--read-data")
        note = self.restic("copies", "dump", copied["backupID"], "/mnt/vol_data/data-app-1/note")
        self.assertEqual(note, "by the job\n")
        self.assertFalse(self.has_job_pods())

    def test_all_pods_of_a_set_are_stored_and_restored_while_it_is_down(self):
        pods = ("app-0", "app-1")
        self.fill(*pods)
        before = [self.look(pod) for pod in pods]
        files = self.artifact(self.run_action("backupAll", path="/data"))
        info = json.loads(files["info"])
        self.assertEqual({pod: one["PodName"] for pod, one in info.items()}, {pod: pod for pod in pods})
        for pod in pods:
            self.assertEqual(self.snapshots(f"all/{pod}")[info[pod]["BackupID"]]["tags"], [info[pod]["BackupTag"]])
            self.exec(pod, "bash", "-euc", "cd /data && rm -rf -- *", options=("-c", "main"))
        self.run_action("restoreAll", files)
        self.kubectl("rollout", "status", "statefulset/app", "--timeout=90s")
        self.assertEqual([self.look(pod) for pod in pods], before)

        self.exec("app-1", "touch", "/data/only-here", options=("-c", "main"))
        message = self.error(self.start_action("backupAll", path="/data/only-here"))
        self.assertRegex(message, "(?s)Failed to backup data for pod 'app-0': .*there is no file or folder")
        told = json.loads(message[message.index("before it failed: ") + len("before it failed: "):])
        self.assertEqual(list(told), ["app-1"])
        self.assertIn(told["app-1"]["BackupID"], self.snapshots("all/app-1"))

        freed = self.run_action("deleteAll", files)["phases"][0]["output"]["spaceFreed"]
        self.assertGreater(int(freed.removesuffix(" B")), 2 * 6 * 2**20)  # what was random in both
        self.assertEqual(self.snapshots("all/app-0"), {})
        self.restic("all/app-1", "check", "--read-data")
        self.assertEqual(list(self.snapshots("all/app-1")), [told["app-1"]["BackupID"]])
        self.assertFalse(self.has_job_pods())

    def test_a_controller_that_is_killed_in_a_restore_leaves_a_whole_one_to_its_successor(self):
        self.fill("app-0", "app-1")
        before = self.look("app-0")
        files = self.artifact(self.run_action("backupAll", path="/data"))
        self.exec("app-0", "bash", "-euc", "cd /data && rm -rf -- *", options=("-c", "main"))
        name = self.start_action("restoreAll", files)
        wait_for("the Pods that restore", self.has_job_pods)
        self.stack.kill()
        self.stack.start()
        self.finish_action(name)
        self.kubectl("rollout", "status", "statefulset/app", "--timeout=90s")
        self.assertEqual(self.look("app-0"), before)
        self.assertFalse(self.has_job_pods())
        self.run_action("deleteAll", files)

    def test_what_is_wrong_is_said(self):
        self.apply([self.profile("no-bucket", bucket="nowhere"), self.profile("no-secret", credentials="missing"),
                    self.profile("no-rights", credentials="strangers"), secret("strangers", id="fencepost", secret="not-this-one")])
        self.run_action("backup")
        expected = {
            "wrongKey": "does not open",
            "noMover": "has neither Fencepost's kando nor restic",
            "noVolume": "Failed to retrieve PVC.*nowhere",
            "lost": "there is no snapshot '0123abcd'",
            "no-bucket": "nowhere",
            "no-secret": "missing",
            "no-rights": "SignatureDoesNotMatch|403|denied|credentials",
        }
        names = {what: self.start_action("backup", profile=what) if what.startswith("no-") else
                 self.start_action(what, {"id": "x"} if what == "lost" else None) for what in expected}
        for what, text in expected.items():
            with self.subTest(what):
                message = self.error(names[what])
                self.assertRegex(message, text)
        self.assertFalse(self.has_job_pods())


if __name__ == "__main__":
    unittest.main()
