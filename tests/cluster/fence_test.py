#!/usr/bin/env python3
"""A replica of an EDB-like Cluster on a real Kubernetes: fenced for the snapshot of its volume, and never left so."""
import unittest

from cluster import POSTGRES, wait_for
from edb import EdbCluster
from edb_operator import CLUSTER, ELECTED, FENCED, KASTEN, KIND
from stack import ROOT, Stack


class Fence(EdbCluster):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", cls.namespace,
                                         "--install-crds"])
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.blueprint = (ROOT / "blueprints/postgres-fence/blueprint.yaml").read_text()
        cls.apply(cls.blueprint)
        cls.apply((ROOT / "bindings/postgres-fence-edb.yaml").read_text().replace("namespace: default", f"namespace: {cls.namespace}"))
        wait_for("the binding's validation", lambda: cls.get("blueprintbinding", "postgres-fence-edb")["status"]["validation"] == "Success")

    def setUp(self):
        self.elected = self.annotations()[ELECTED]
        self.wait_caught_up(self.elected)

    def hook(self, action, state="complete"):
        """The bound blueprint's action on the Cluster object, once it has ended."""
        ended = self.stack.finish_action(self.stack.start_action(action, {
            "group": "postgresql.k8s.enterprisedb.io", "resource": "clusters", "name": CLUSTER, "namespace": self.namespace}))
        self.assertEqual(ended["state"], state, ended)
        return ended

    def finish(self, action, namespace):
        self.cluster.kubectl("wait", "--for=condition=Reconciling=False", action, "--timeout=100s", namespace=namespace)
        status = self.cluster.get(action, namespace=namespace)["status"]
        self.assertEqual(status["state"], "Complete", status)

    def fenced(self):
        return self.annotations().get(FENCED)

    def test_a_snapshot_of_the_fenced_replica_is_of_a_postgresql_that_was_shut_down(self):
        self.psql(f"{CLUSTER}-1", "create table if not exists links (n int); insert into links select generate_series(1, 1000)")
        self.wait_caught_up(self.elected)
        self.hook("backupPrehook")
        self.assertEqual(self.control_state(self.elected), "shut down in recovery")
        self.psql(f"{CLUSTER}-1", "insert into links values (0)")  # the primary goes on
        self.make_snapshot("elected", f"pgdata-{self.elected}")
        self.wait_snapshot("elected")
        self.hook("backupPosthook")
        self.wait_caught_up(self.elected)
        self.assertIsNone(self.fenced())
        self.assertEqual(self.stack.open_obligations(), [])

        self.make_claim("restored", snapshot="elected")
        self.start_pod("restored", image=POSTGRES, claim="restored")
        state = self.exec("restored", "bash", "-c", "$(ls -d /usr/lib/postgresql/*/bin)/pg_controldata $(dirname $(find /data -name PG_VERSION | head -1)) "
                          "| sed -n 's/^Database cluster state: *//p'").stdout.strip()
        self.assertEqual(state, "shut down in recovery")

    def test_a_backup_of_the_namespace_fences_the_replica_while_its_volume_is_copied(self):
        self.psql(f"{CLUSTER}-1", "create table if not exists links (n int); insert into links select generate_series(1, 1000)")
        self.wait_caught_up(self.elected)
        group = "fencepost.io/v1alpha1"
        self.apply({"apiVersion": group, "kind": "BackupAction", "metadata": {"name": "backup-1"}, "spec": {
            "filters": {"excludeResources": [{"matchLabels": {KASTEN + "excluded": "true"}}]}}})
        self.finish("backupaction/backup-1", self.namespace)
        self.wait_caught_up(self.elected)
        self.assertIsNone(self.fenced())
        self.assertEqual(self.stack.open_obligations(), [])
        name = self.get("restorepoint", "backup-1")["spec"]["restorePointContentRef"]["name"]
        content = self.get("restorepointcontent", name)["spec"]
        claim = f"pgdata-{self.elected}"
        self.assertEqual([volume["claim"] for volume in content["volumes"]], [claim])
        [fence] = [one["output"] for one in content["resources"][0]["evidence"] if one["phase"] == "fence"]
        self.assertEqual((fence["pod"], fence["state"]), (self.elected, "shut down in recovery"))
        print("the fence window:", self.get("backupaction", "backup-1")["status"]["window"])

        other = self.cluster.make_namespace("restored")
        self.addCleanup(self.cluster.delete_namespace, other)
        self.cluster.apply({"apiVersion": group, "kind": "RestoreAction", "metadata": {"name": "restore-1"}, "spec": {
            "subject": {"kind": "RestorePoint", "name": "backup-1", "namespace": self.namespace},
            "filters": {"includeResources": [{"resource": "persistentvolumeclaims"}, {"resource": "secrets"}]}}}, namespace=other)
        self.finish("restoreaction/restore-1", other)
        restored = self.cluster.get("pvc", claim, namespace=other)
        self.assertEqual(restored["status"]["phase"], "Bound")
        wait_for("the end of the copies that were offered", lambda: not self.cluster.list("volumesnapshots", namespace=other))
        self.assertIsNotNone(self.cluster.get("secret", "superuser", namespace=other))

        self.kubectl("delete", "restorepointcontent", name, "--timeout=60s")
        wait_for("the copies' end", lambda: not self.list("volumesnapshots", "-l", "fencepost.io/parent"))
        self.assertIsNone(self.get("restorepoint", "backup-1"))

    def test_a_daemon_that_was_killed_remembers_what_it_fenced(self):
        self.hook("backupPrehook")
        self.stack.kill()
        self.assertEqual(self.control_state(self.elected), "shut down in recovery")
        self.stack.start()
        [obligation] = self.stack.open_obligations()
        self.assertIn(self.elected, obligation["description"])
        wait_for("the Lease", lambda: self.stack.request("POST", f"/v1/obligations/{obligation['id']}/release")[0] < 300, 40)
        self.wait_caught_up(self.elected)
        self.assertIsNone(self.fenced())

    def test_a_daemon_that_stops_leaves_nothing_fenced(self):
        self.hook("backupPrehook")
        self.stack.stop()
        left = self.fenced()
        self.stack.start()
        self.assertIsNone(left)
        self.wait_caught_up(self.elected)

    def test_at_its_deadline_a_fence_is_undone_whatever_else_happens(self):
        self.apply(self.blueprint.replace("annotationPrefix:", "timeLimit: 15s\n          annotationPrefix:", 1))
        self.addCleanup(self.apply, self.blueprint)
        self.hook("backupPrehook")
        self.assertEqual(self.control_state(self.elected), "shut down in recovery")
        self.stack.kill()
        self.stack.start()
        self.wait_caught_up(self.elected)
        wait_for("the record of the undo", lambda: not self.stack.open_obligations())

    def other(self):
        return next(f"{CLUSTER}-{n}" for n in (2, 3) if f"{CLUSTER}-{n}" != self.elected)

    def test_a_fence_of_somebody_else_survives_ours(self):
        other = self.other()
        self.addCleanup(self.wait_caught_up, other)
        self.addCleanup(self.fence)
        self.hook("backupPrehook")
        self.fence(self.elected, other)
        self.wait_fenced(other)
        self.hook("backupPosthook")
        self.wait_caught_up(self.elected)
        self.assertEqual(self.fenced(), f'["{other}"]')
        self.assertEqual(self.control_state(other), "shut down in recovery")

    def test_E4_the_next_pod_of_a_fenced_instance_starts_though_the_hook_cannot_be_run(self):
        self.hook("backupPrehook")
        uid = self.get("pod", self.elected)["metadata"]["uid"]
        self.kubectl("delete", "pod", self.elected, "--force", "--grace-period=0")
        wait_for("the next Pod", lambda: (self.get("pod", self.elected) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid)
        self.hook("backupPosthook", "failed")  # what was copied may not be of one moment
        self.assertIsNone(self.fenced())
        self.assertEqual(self.stack.open_obligations(), [])
        self.wait_caught_up(self.elected)

    def back_up(self, name):
        """A BackupAction of the namespace, once it has ended; nothing of a failed one is left."""
        self.apply({"apiVersion": "fencepost.io/v1alpha1", "kind": "BackupAction", "metadata": {"name": name}, "spec": {
            "filters": {"excludeResources": [{"matchLabels": {KASTEN + "excluded": "true"}}]}}})
        self.cluster.kubectl("wait", "--for=condition=Reconciling=False", f"backupaction/{name}", "--timeout=100s", namespace=self.namespace)
        status = self.get("backupaction", name)["status"]
        if status["state"] != "Complete":
            self.assertIsNone(self.get("restorepoint", name))
            wait_for("the copies' end", lambda: not self.list("volumesnapshots", "-l", "fencepost.io/parent"))
        return status

    def test_E7_a_cluster_with_a_fenced_instance_is_refused_and_left_as_it_is(self):
        other = self.other()
        self.addCleanup(self.wait_caught_up, other)
        self.addCleanup(self.fence)
        self.fence(other)
        self.wait_fenced(other)
        status = self.back_up("refused")
        self.assertIn("has fenced instances already", status["error"]["message"])
        self.assertEqual(self.fenced(), f'["{other}"]')

    def test_E14_another_elected_instance_needs_no_other_blueprint(self):
        other = self.other()
        self.kubectl("annotate", "--overwrite", KIND, CLUSTER, f"{ELECTED}={other}")
        wait_for("the decorations", lambda: [pod["name"] for pod in self.decorated("pods", "hasHooks")] == [other]
                 and [claim["name"] for claim in self.decorated("pvc", "elected")] == [f"pgdata-{other}"]
                 and f"pgdata-{other}" not in [claim["name"] for claim in self.decorated("pvc", "excluded")]
                 and len(self.decorated("pvc", "excluded")) == 2)
        self.assertEqual(self.back_up("re-elected")["state"], "Complete")
        name = self.get("restorepoint", "re-elected")["spec"]["restorePointContentRef"]["name"]
        self.assertEqual([v["claim"] for v in self.get("restorepointcontent", name)["spec"]["volumes"]], [f"pgdata-{other}"])
        self.wait_caught_up(other)
        self.kubectl("delete", "restorepointcontent", name, "--timeout=60s")


if __name__ == "__main__":
    unittest.main()
