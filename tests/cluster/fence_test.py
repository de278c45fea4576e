#!/usr/bin/env python3
"""A replica of an EDB-like Cluster on a real Kubernetes: fenced for the snapshot of its volume, and never left so."""
import unittest

from cluster import POSTGRES, wait_for
from edb import EdbCluster
from edb_operator import CLUSTER, ELECTED, FENCED
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

    def hook(self, action):
        """The bound blueprint's action on the Cluster object, once it has ended."""
        ended = self.stack.finish_action(self.stack.start_action(action, {
            "group": "postgresql.k8s.enterprisedb.io", "resource": "clusters", "name": CLUSTER, "namespace": self.namespace}))
        self.assertEqual(ended["state"], "complete", ended)
        return ended

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

    def test_at_its_deadline_a_fence_is_undone_whatever_else_happens(self):
        self.apply(self.blueprint.replace("annotationPrefix:", "timeLimit: 15s\n          annotationPrefix:", 1))
        self.addCleanup(self.apply, self.blueprint)
        self.hook("backupPrehook")
        self.assertEqual(self.control_state(self.elected), "shut down in recovery")
        self.stack.kill()
        self.stack.start()
        self.wait_caught_up(self.elected)
        self.assertEqual(self.stack.open_obligations(), [])

    def test_a_fence_of_somebody_else_survives_ours(self):
        other = next(f"{CLUSTER}-{n}" for n in (2, 3) if f"{CLUSTER}-{n}" != self.elected)
        self.addCleanup(self.wait_caught_up, other)
        self.addCleanup(self.fence)
        self.fence(other)
        self.wait_fenced(other)
        self.hook("backupPrehook")
        self.hook("backupPosthook")
        self.wait_caught_up(self.elected)
        self.assertEqual(self.fenced(), f'["{other}"]')
        self.assertEqual(self.control_state(other), "shut down in recovery")


if __name__ == "__main__":
    unittest.main()
