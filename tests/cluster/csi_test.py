#!/usr/bin/env python3
"""The CSI functions with the real external-snapshotter and a driver whose calls can be made to fail."""
import time
import unittest

from cluster import wait_for
from controller_test import ControllerTest

BLUEPRINT = """
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: csi}
actions:
  take:
    outputArtifacts:
      snapshot:
        keyValue:
          name: "{{ .Phases.snapshot.Output.name }}"
          content: "{{ .Phases.snapshot.Output.snapshotContent }}"
          restoreSize: "{{ .Phases.snapshot.Output.restoreSize }}"
    phases:
    - &snapshot
      func: CreateCSISnapshot
      name: snapshot
      args: &args {pvc: "{{ .PVC.Name }}", namespace: "{{ .PVC.Namespace }}", snapshotClass: SNAPSHOT-CLASS, labels: {from: "{{ .PVC.Name }}"}}
  takeInTime:
    phases:
    - {<<: *snapshot, timeout: 6s}
  takeNamed:
    phases:
    - {<<: *snapshot, args: {<<: *args, name: "{{ .Options.name }}"}}
  restore:
    inputArtifactNames: [snapshot]
    phases:
    - func: RestoreCSISnapshot
      name: claim
      args:
        name: "{{ .ArtifactsIn.snapshot.KeyValue.name }}"
        pvc: "{{ .Options.into }}"
        namespace: "{{ .PVC.Namespace }}"
        storageClass: STORAGE-CLASS
        restoreSize: "{{ .ArtifactsIn.snapshot.KeyValue.restoreSize }}"
  importHandle:
    outputArtifacts:
      snapshot:
        keyValue: {name: "{{ .Phases.snapshot.Output.name }}", content: "{{ .Phases.snapshot.Output.snapshotContent }}", restoreSize: 1Gi}
    phases:
    - func: CreateCSISnapshotStatic
      name: snapshot
      args: {name: "{{ .Options.name }}", namespace: "{{ .PVC.Namespace }}", driver: DRIVER, snapshotHandle: "{{ .Options.handle }}", snapshotClass: SNAPSHOT-CLASS}
  delete:
    inputArtifactNames: [snapshot]
    phases:
    - &delete
      func: DeleteCSISnapshot
      name: snapshot
      args: {name: "{{ .ArtifactsIn.snapshot.KeyValue.name }}", namespace: "{{ .PVC.Namespace }}"}
  deleteInTime:
    phases:
    - {<<: *delete, timeout: 2s}
  deleteContent:
    inputArtifactNames: [snapshot]
    phases:
    - func: DeleteCSISnapshotContent
      name: content
      args: {name: "{{ .ArtifactsIn.snapshot.KeyValue.content }}"}
  legacy:
    phases:
    - {func: CreateVolumeSnapshot, name: snapshot, args: {namespace: "{{ .PVC.Namespace }}"}}
"""


class Csi(ControllerTest):
    """A claim `source`, mounted in a Pod of that name, and a blueprint about it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        snapshot_class, storage_class = cls.default_of("volumesnapshotclasses"), cls.default_of("storageclasses")
        cls.apply(BLUEPRINT.replace("SNAPSHOT-CLASS", snapshot_class["metadata"]["name"]).replace("DRIVER", snapshot_class["driver"])
                  .replace("STORAGE-CLASS", storage_class["metadata"]["name"]))
        cls.make_claim("source")
        cls.start_pod("source", claim="source")

    @classmethod
    def default_of(cls, resource):
        return next(item for item in cls.list(resource)
                    if any(key.endswith("is-default-class") and value == "true" for key, value in item["metadata"]["annotations"].items()))

    def run_csi(self, action, wait="complete", artifact=None, seconds=90, **options):
        """The ActionSet's name, once it is as waited for."""
        name = f"{action.lower()}-{time.monotonic_ns()}"
        one = {"name": action, "blueprint": "csi", "options": options,
               "object": {"kind": "PVC", "name": "source", "namespace": self.namespace}}
        if artifact:
            one["artifacts"] = {"snapshot": {"keyValue": artifact}}
        self.apply({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": name}, "spec": {"actions": [one]}})
        if wait:
            self.wait_state(name, wait, seconds)
        return name

    def artifact(self, name):
        return self.get("actionset", name)["status"]["actions"][0]["artifacts"]["snapshot"]["keyValue"]

    def error(self, name):
        return self.get("actionset", name)["status"]["error"]["message"]

    def write(self, text):
        self.exec("source", "bash", "-c", f"echo {text} > /data/text && sync")

    def text_of(self, claim):
        self.start_pod(claim, claim=claim)
        return self.exec(claim, "cat", "/data/text").stdout.strip()

    def snapshots(self):
        return {item["metadata"]["name"]: item["metadata"]["uid"] for item in self.list("volumesnapshots")}

    def handle_of(self, content):
        return self.get("volumesnapshotcontent", content)["status"]["snapshotHandle"]

    def wait_for_trouble(self, text, before):
        """The name and uid of the one new snapshot, once its status tells what the driver said."""
        def failing():
            return [item["metadata"] for item in self.list("volumesnapshots") if item["metadata"]["name"] not in before
                    and text in item.get("status", {}).get("error", {}).get("message", "")]
        wait_for("the driver's error", failing)
        return failing()[0]["name"], failing()[0]["uid"]

    def test_what_was_there_when_it_was_taken_comes_back_in_a_new_claim(self):
        self.write("old")
        snapshot = self.artifact(self.run_csi("take"))
        self.assertRegex(snapshot["name"], "^source-snapshot-[0-9a-f]{10}$")
        self.assertEqual(snapshot["restoreSize"], "1Gi")
        stored = self.get("volumesnapshot", snapshot["name"])
        self.assertEqual(stored["status"]["boundVolumeSnapshotContentName"], snapshot["content"])
        self.assertEqual(stored["metadata"]["labels"], {"from": "source"})
        self.write("new")
        self.run_csi("restore", artifact=snapshot, into="again")
        self.assertEqual(self.text_of("again"), "old")
        self.assertEqual(self.exec("source", "cat", "/data/text").stdout.strip(), "new")

    def test_a_snapshot_that_the_storage_has_is_imported_by_its_handle(self):
        self.write("kept")
        first = self.artifact(self.run_csi("take"))
        handle = self.handle_of(first["content"])
        imported = self.artifact(self.run_csi("importHandle", name="imported", handle=handle))
        self.assertNotEqual(imported["content"], first["content"])
        content = self.get("volumesnapshotcontent", imported["content"])
        self.assertEqual((content["spec"]["source"], content["spec"]["deletionPolicy"]), ({"snapshotHandle": handle}, "Delete"))
        self.run_csi("restore", artifact=imported, into="from-handle")
        self.assertEqual(self.text_of("from-handle"), "kept")
        self.assertEqual(self.artifact(self.run_csi("importHandle", name="imported", handle=handle)), imported)
        self.assertIn("already, for another handle", self.error(self.run_csi("importHandle", "failed", name="imported", handle="other")))

    def test_a_deleted_snapshot_is_gone_from_the_storage_too(self):
        snapshot = self.artifact(self.run_csi("take"))
        handle = self.handle_of(snapshot["content"])
        for _ in range(2):  # that there is none is fine
            self.run_csi("delete", artifact=snapshot)
            self.assertIsNone(self.get("volumesnapshot", snapshot["name"]))
        wait_for("the content's end", lambda: self.get("volumesnapshotcontent", snapshot["content"]) is None)
        if self.cluster.is_ours:
            self.assertFalse((self.cluster.state / "csi/snap" / handle).exists())

    def test_a_deletion_that_the_driver_refuses_is_waited_for(self):
        self.need_one_node_cluster()
        snapshot = self.artifact(self.run_csi("take"))
        with self.cluster.failing("DeleteSnapshot", "it is in use"):
            late = self.run_csi("deleteInTime", "failed", artifact=snapshot)
            self.assertIn("is still there: it is held by snapshot.storage.kubernetes.io/volumesnapshot-bound-protection", self.error(late))
            name = self.run_csi("delete", wait=None, artifact=snapshot)
        self.wait_state(name, "complete")
        self.assertIsNone(self.get("volumesnapshot", snapshot["name"]))

    def test_a_content_that_is_retained_is_deleted_by_its_name(self):
        snapshot = self.artifact(self.run_csi("take"))
        self.kubectl("patch", "volumesnapshotcontent", snapshot["content"], "--type=merge", "-p", '{"spec":{"deletionPolicy":"Retain"}}')
        self.run_csi("delete", artifact=snapshot)
        self.assertTrue(self.get("volumesnapshotcontent", snapshot["content"]))
        for _ in range(2):
            self.run_csi("deleteContent", artifact=snapshot)
            wait_for("the content's end", lambda: self.get("volumesnapshotcontent", snapshot["content"]) is None)

    def test_an_error_of_the_driver_that_goes_away_is_survived_and_told_in_the_log(self):
        self.need_one_node_cluster()
        before = self.snapshots()
        with self.cluster.failing("CreateSnapshot", "the array is full"):
            name = self.run_csi("take", wait=None)
            made = self.wait_for_trouble("the array is full", before)
            wait_for("the phase's log of it", lambda: "the array is full" in self.stack.open(f"/v1/actions/{name}/logs").read().decode())
        self.wait_state(name, "complete", 90)
        self.assertEqual(dict([made]), {key: uid for key, uid in self.snapshots().items() if key not in before})
        self.assertEqual(self.artifact(name)["name"], made[0])

    def test_an_error_of_the_driver_that_stays_is_told_at_the_timeout_and_nothing_is_left(self):
        self.need_one_node_cluster()
        before = self.snapshots()
        with self.cluster.failing("CreateSnapshot", "the array is on fire"):
            name = self.run_csi("takeInTime", wait="failed")
        self.assertIn("phase 'snapshot'", self.error(name))
        self.assertIn("is not ready in time", self.error(name))
        self.assertIn("the array is on fire", self.error(name))
        wait_for("the snapshot's end", lambda: self.snapshots() == before, 60)

    def test_one_that_somebody_deletes_fails_the_action_at_once(self):
        self.need_one_node_cluster()
        before = self.snapshots()
        with self.cluster.failing("CreateSnapshot", "not yet"):
            name = self.run_csi("take", wait=None)
            made, _ = self.wait_for_trouble("not yet", before)
            self.kubectl("delete", "volumesnapshot", made, "--wait=false")
            self.wait_state(name, "failed", 20)
        self.assertIn(f"{made} was deleted by somebody else", self.error(name))

    def test_killed_while_it_waits_it_goes_on_with_the_snapshot_that_it_had_begun(self):
        self.need_one_node_cluster()
        before = self.snapshots()
        with self.cluster.failing("CreateSnapshot", "in a moment"):
            derived = self.run_csi("take", wait=None)
            made = [self.wait_for_trouble("in a moment", before)]
            named = self.run_csi("takeNamed", wait=None, name="by-name")
            made.append(self.wait_for_trouble("in a moment", {**before, **dict(made)}))
            self.stack.kill()
            self.stack.start()
            time.sleep(3)
        for name in (derived, named):
            self.wait_state(name, "complete", 120)  # the Lease of the one that was killed must run out first
            self.assertEqual(self.phases(name)["snapshot"]["attempts"], 1)
        self.assertEqual(dict(made), {key: uid for key, uid in self.snapshots().items() if key not in before})
        self.assertEqual(made[1][0], "by-name")

    def test_what_can_never_work_is_told_at_once(self):
        missing = {"name": "nobody", "restoreSize": "1Gi"}
        self.assertIn("there is no VolumeSnapshot", self.error(self.run_csi("restore", "failed", artifact=missing, into="never")))
        self.assertIsNone(self.get("pvc", "never"))
        self.assertIn("use CreateCSISnapshot", self.error(self.run_csi("legacy", "failed")))


if __name__ == "__main__":
    unittest.main()
