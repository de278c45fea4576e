#!/usr/bin/env python3
"""CloudNativePG's own operator and the shipped blueprints for it: what its users do, and what goes wrong meanwhile. It
takes minutes, so it is run where FENCEPOST_TEST_CNPG=1 asks for it alone."""
import json
import threading
import time
import unittest

from cluster import HERE, POSTGRES, ClusterTest, wait_for
from stack import ROOT, Stack

KIND = "clusters.postgresql.cnpg.io"
FENCED = "cnpg.io/fencedInstances"
PATTERN = "cnpg-backup-pattern"
ROWS = 20_000
CHECKSUM = "select count(*) || ' ' || md5(string_agg(n::text, ',' order by n)) from links"


class Cnpg(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.get("crd", KIND) is None:
            raise unittest.SkipTest("SKIPPED: no CloudNativePG operator; FENCEPOST_TEST_CNPG=1 tests/cluster/up.sh brings one up")
        began = time.monotonic()
        cls.apply((HERE / "yaml/cnpg.yaml").read_text().replace("SNAPSHOT-CLASS", cls.snapshot_class()))
        cls.stack = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", cls.namespace,
                                         "--install-crds"])
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.stack.environment.update(cls.cluster.environment, FENCEPOST_SERVER=f"kubernetes://{cls.namespace}")
        for name in ("cnpg-fence", "cnpg-snapshot", "cnpg-backup", "cnpg-hibernate"):
            cls.apply((ROOT / f"blueprints/{name}/blueprint.yaml").read_text())
        for name in ("cnpg-fence", "cnpg-snapshot", "cnpg-backup"):
            cls.apply((ROOT / f"bindings/{name}.yaml").read_text().replace("namespace: default", f"namespace: {cls.namespace}"))
            wait_for("the binding's validation", lambda: cls.get("blueprintbinding", name)["status"]["validation"] == "Success")
        wait_for("the Cluster's health", cls.is_healthy, 400)
        cls.tell("three instances are healthy", began)
        cls.psql(cls.primary(), f"create table links (n int primary key); insert into links select generate_series(1, {ROWS})")

    def setUp(self):
        wait_for("the Cluster's health", self.is_healthy, 300)
        self.wait_caught_up(*self.replicas())
        self.assertEqual(self.fenced(), [])
        self.assertEqual(self.stack.open_obligations(), [])

    # --- the Cluster
    @classmethod
    def snapshot_class(cls):
        return next(item["metadata"]["name"] for item in cls.list("volumesnapshotclasses")
                    if item["metadata"]["annotations"].get("snapshot.storage.kubernetes.io/is-default-class") == "true")

    @staticmethod
    def tell(what, began):
        print(f"\n    {what}: {time.monotonic() - began:.1f} s", flush=True)

    @classmethod
    def is_healthy(cls, name="pg", namespace=None):
        found = cls.cluster.get(KIND, name, namespace=namespace or cls.namespace)
        status = found.get("status", {})
        return status.get("phase") == "Cluster in healthy state" and status.get("readyInstances") == found["spec"]["instances"]

    @classmethod
    def primary(cls, name="pg"):
        return cls.get(KIND, name)["status"]["currentPrimary"]

    @classmethod
    def replicas(cls):
        return sorted(pod["metadata"]["name"] for pod in cls.list("pods", "-l", "cnpg.io/cluster=pg,cnpg.io/instanceRole=replica"))

    @classmethod
    def annotations(cls):
        return cls.get(KIND, "pg")["metadata"].get("annotations", {})

    @classmethod
    def fenced(cls):
        return json.loads(cls.annotations().get(FENCED, "[]"))

    @classmethod
    def fence(cls, *instances):
        """Somebody else does it."""
        cls.kubectl("annotate", "--overwrite", KIND, "pg", f"{FENCED}={json.dumps(instances)}" if instances else f"{FENCED}-")

    @classmethod
    def in_postgres(cls, instance, *command, **options):
        return cls.exec(instance, *command, options=("-c", "postgres"), **options)

    @classmethod
    def psql(cls, instance, sql, check=True):
        return cls.in_postgres(instance, "psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", "app", "-c", sql, check=check).stdout.strip()

    @classmethod
    def control_state(cls, instance):
        return cls.in_postgres(instance, "bash", "-c", "pg_controldata | sed -n 's/^Database cluster state: *//p'", check=False).stdout.strip()

    @classmethod
    def wait_caught_up(cls, *instances, seconds=120):
        """Streams, and has what the primary has now."""
        position = cls.psql(cls.primary(), "select pg_current_wal_lsn()")
        caught_up = f"select pg_last_wal_replay_lsn() >= '{position}' from pg_stat_wal_receiver where status = 'streaming'"
        for instance in instances:
            wait_for(f"{instance}'s catching up", lambda: cls.psql(instance, caught_up, check=False) == "t", seconds)

    @classmethod
    def label(cls, pattern):
        """Which of the bindings is for the Cluster."""
        cls.kubectl("label", "--overwrite", KIND, "pg", f"{PATTERN}={pattern}" if pattern else f"{PATTERN}-")

    # --- actions on it
    def start(self, action, **more):
        return self.stack.start_action(action, {"group": "postgresql.cnpg.io", "resource": "clusters", "name": "pg",
                                                "namespace": self.namespace}, **more)

    def run_action(self, action, state="complete", seconds=400, **more):
        """The action once it has ended."""
        return self.finish(action, self.start(action, **more), state, seconds)

    def finish(self, action, identity, state="complete", seconds=400):
        began = time.monotonic()
        ended = self.stack.finish_action(identity, seconds)
        self.assertEqual(ended["state"], state, f"{ended}\n{self.stack.log_tail()}")
        self.tell(f"{action} is {state}", began)
        return ended

    def run_from(self, backup, action, **options):
        """An action on what a backup has made."""
        status, body, _ = self.stack.request("POST", "/v1/actions", {"action": action, "from": backup["id"], "options": options})
        self.assertEqual(status, 201, body)
        return self.finish(action, body["id"])

    def run_prehook(self):
        """The instance that is fenced now."""
        instance = self.run_action("backupPrehook")["artifacts"]["fence"]["keyValue"]["instance"]
        self.assertEqual(self.control_state(instance), "shut down in recovery")
        self.assertIn(instance, self.fenced())
        return instance

    def restore(self, backup, name):
        """A new Cluster of that name, deleted in the end; its checksum."""
        self.addCleanup(self.kubectl, "delete", KIND, name, "--ignore-not-found", "--timeout=120s", seconds=130)
        self.run_from(backup, "restore", cluster=name)
        return self.psql(self.primary(name), CHECKSUM)

    def use(self, pattern):
        self.label(pattern)
        self.addCleanup(self.label, None)

    # --- whole applications
    def back_up_application(self):
        """The restore point's name, and the one instance whose volume it holds."""
        wait_for("the end of what other tests left", lambda: all(claim["metadata"]["name"].startswith("pg-") for claim in self.list("pvc")))
        began = time.monotonic()
        action = json.loads(self.stack.cli("backup", self.namespace, "-o", "json").stdout)["metadata"]["name"]
        self.tell("the application is backed up", began)
        self.assertEqual(self.fenced(), [])
        name = self.get("restorepoint", action)["spec"]["restorePointContentRef"]["name"]
        self.addCleanup(self.kubectl, "delete", "restorepointcontent", name, "--timeout=60s")
        content = self.get("restorepointcontent", name)["spec"]
        [resource] = [one for one in content["resources"] if one["resource"] == "clusters"]
        instance = resource["artifacts"]["fence"]["keyValue"]["instance"]
        self.assertEqual([volume["claim"] for volume in content["volumes"]], [instance])
        self.psql(self.primary(), "insert into links select min(n) - 1 from links")
        return action, instance

    def test_a_backup_of_the_application_becomes_a_cluster_in_another_namespace(self):
        expected = self.psql(self.primary(), CHECKSUM)
        action, instance = self.back_up_application()
        other = self.cluster.make_namespace("cnpg-restored")
        self.addCleanup(self.cluster.delete_namespace, other)
        began = time.monotonic()
        self.stack.cli("restore", action, "-n", self.namespace, "--into", other)
        wait_for("the health of the Cluster", lambda: self.is_healthy(namespace=other), 400)
        self.tell("a Cluster of it is healthy in another namespace", began)
        cluster = self.cluster.get(KIND, "pg", namespace=other)["status"]
        self.assertEqual((cluster["currentPrimary"], cluster["readyInstances"]), (instance, 3))
        restored = self.cluster.exec(instance, "psql", "-qAt", "-d", "app", "-c", CHECKSUM, options=("-c", "postgres"), namespace=other)
        self.assertEqual(restored.stdout.strip(), expected)

    def uids(self):
        """Of the Cluster, its instances' Pods and their claims."""
        return {item["metadata"]["uid"] for kind in (KIND, "pods", "pvc") for item in self.list(kind)}

    def test_a_backup_of_the_application_takes_the_place_of_the_live_cluster(self):
        expected = self.psql(self.primary(), CHECKSUM)
        action, instance = self.back_up_application()
        before = self.uids()
        refused = self.stack.cli("restore", action, "-n", self.namespace, check=False)
        self.assertIn("is there already", refused.stdout + refused.stderr)
        self.assertEqual(self.uids(), before)
        began = time.monotonic()
        # A client keeps the old primary up, with rows of after the backup, long after the fenced replica has gone.
        self.kubectl("patch", KIND, "pg", "--type=merge", "-p", '{"spec": {"smartShutdownTimeout": 30}}')
        self.in_postgres(self.primary(), "bash", "-c", "psql -d app -c 'select pg_sleep(300)' >/dev/null 2>&1 &")
        self.stack.cli("restore", action, "-n", self.namespace, "--overwrite")
        self.assertEqual(self.uids() & before, set())
        wait_for("the health of the Cluster", self.is_healthy, 400)
        self.tell("a Cluster of it is healthy in the place of the old one", began)
        self.assertEqual(self.primary(), instance)
        self.wait_caught_up(*self.replicas())
        self.assertEqual({self.psql(one, CHECKSUM) for one in [instance, *self.replicas()]}, {expected})
        self.assertEqual(len(self.list("pvc")), 3)
        self.assertEqual(self.uids() & before, set())

    # --- hooks of a platform that copies the volumes itself
    def test_a_replica_is_shut_down_for_the_platforms_snapshot_and_streams_again_after(self):
        instance = self.run_prehook()
        self.assertNotEqual(instance, self.primary())
        self.psql(self.primary(), f"insert into links values ({ROWS + 1})")  # the primary goes on
        self.make_snapshot("by-platform", instance)
        self.wait_snapshot("by-platform")
        began = time.monotonic()
        self.run_action("backupPosthook")
        self.assertEqual(self.fenced(), [])
        self.wait_caught_up(instance)
        self.tell(f"{instance} streams again", began)
        self.assertEqual(self.psql(instance, f"select count(*) from links where n = {ROWS + 1}"), "1")
        self.make_claim("by-platform", snapshot="by-platform")
        self.start_pod("by-platform", image=POSTGRES, claim="by-platform")
        self.assertIn("shut down in recovery", self.exec("by-platform", "pg_controldata", "/data/pgdata").stdout)

    def test_what_somebody_else_fences_meanwhile_stays_fenced(self):
        self.addCleanup(self.fence)
        over = threading.Event()

        def edit():  # whoever else writes the Cluster all the time
            count = 0
            while not over.is_set():
                self.kubectl("annotate", "--overwrite", KIND, "pg", f"edited={(count := count + 1)}")

        editor = threading.Thread(target=edit)
        editor.start()
        try:
            ours = self.run_prehook()
            [theirs] = set(self.replicas()) - {ours}
            self.fence(theirs, ours)
            self.run_action("backupPosthook")
        finally:
            over.set()
            editor.join()
        self.assertEqual(self.fenced(), [theirs])
        self.wait_caught_up(ours)
        wait_for(f"the end of {theirs}'s PostgreSQL", lambda: self.control_state(theirs) == "shut down in recovery")
        self.assertIn("has fenced instances already", json.dumps(self.run_action("backupPrehook", state="failed")))
        self.assertEqual(self.fenced(), [theirs])

    def test_a_daemon_that_stops_leaves_nothing_fenced(self):
        instance = self.run_prehook()
        self.stack.stop()
        left = self.fenced()
        self.stack.start()
        self.assertEqual(left, [])
        self.wait_caught_up(instance)

    def test_at_its_deadline_a_fence_is_lifted_though_the_daemon_was_killed(self):
        blueprint = (ROOT / "blueprints/cnpg-fence/blueprint.yaml").read_text()
        self.apply(blueprint.replace("mode: cnpg", "mode: cnpg\n          timeLimit: 60s"))
        self.addCleanup(self.apply, blueprint)
        instance = self.run_prehook()
        self.stack.kill()
        self.assertEqual(self.fenced(), [instance])
        self.stack.start()
        wait_for("the deadline", lambda: self.fenced() == [], 90)
        self.wait_caught_up(instance)
        wait_for("the record of it", lambda: not self.stack.open_obligations())

    def test_the_primary_fails_and_the_operator_restarts_while_a_replica_is_fenced(self):
        instance, primary = self.run_prehook(), self.primary()
        began = time.monotonic()
        self.cluster.kubectl("delete", "pods", "-l", "app.kubernetes.io/name=cloudnative-pg", "--wait=false", namespace="cnpg-system")
        self.kubectl("delete", "pod", primary, "--grace-period=0", "--force")
        wait_for("a new primary", lambda: self.primary() not in (primary, instance) and self.psql(
            self.primary(), "select pg_is_in_recovery()", check=False) == "f", 240)
        self.tell(f"failover from {primary} to {self.primary()}", began)
        self.psql(self.primary(), f"insert into links values ({ROWS + 2})")
        self.assertEqual(self.fenced(), [instance])
        self.assertEqual(self.control_state(instance), "shut down in recovery")
        self.run_action("backupPosthook")
        self.assertEqual(self.fenced(), [])
        self.wait_caught_up(instance, seconds=240)
        self.assertEqual(self.psql(instance, f"select count(*) from links where n = {ROWS + 2}"), "1")

    # --- a snapshot in one action
    def test_a_snapshot_of_a_fenced_replica_becomes_a_new_cluster_with_every_row(self):
        self.use("snapshot")
        expected = self.psql(self.primary(), CHECKSUM)
        backup = self.run_action("backup")
        saved = backup["artifacts"]["cluster"]["keyValue"]
        self.assertEqual(self.fenced(), [])
        self.psql(self.primary(), f"insert into links values ({ROWS + 3})")
        self.assertEqual(self.restore(backup, "from-snapshot"), expected)
        self.assertTrue(self.get("volumesnapshot", saved["snapshot"]))
        self.run_from(backup, "delete")
        self.assertIsNone(self.get("volumesnapshot", saved["snapshot"]))

    def test_a_daemon_killed_while_it_fences_leaves_nothing_fenced(self):
        self.use("snapshot")
        action = self.start("backup")
        wait_for("the fence", self.fenced, 60)
        self.stack.kill()
        instance = self.fenced()[0]
        began = time.monotonic()
        self.stack.start()
        ended = self.stack.finish_action(action, 120)  # the Lease of the one that was killed must run out first
        self.assertEqual(self.fenced(), [], ended)
        self.tell(f"unfenced after kill -9, the action is {ended['state']}", began)
        self.wait_caught_up(instance)

    # --- the operator's own Backup
    def test_a_backup_object_is_made_and_waited_for_and_becomes_a_new_cluster(self):
        self.use("backup")
        expected = self.psql(self.primary(), CHECKSUM)
        backup = self.run_action("backup")
        name = backup["artifacts"]["cluster"]["keyValue"]["backup"]
        self.assertEqual(self.get("backups.postgresql.cnpg.io", name)["status"]["phase"], "completed")
        self.assertEqual(self.restore(backup, "from-backup"), expected)
        self.run_from(backup, "delete")
        self.assertIsNone(self.get("backups.postgresql.cnpg.io", name))

    def test_a_backup_that_the_operator_cannot_make_fails_at_once(self):
        self.use("backup")
        self.kubectl("annotate", KIND, "pg", "fencepost.io/backup-method=barmanObjectStore")
        self.addCleanup(self.kubectl, "annotate", KIND, "pg", "fencepost.io/backup-method-")
        ended = self.run_action("backup", state="failed", seconds=60)
        self.assertIn("the Backup ended as failed", json.dumps(ended))

    # --- hibernation
    def test_a_hibernated_cluster_is_backed_up_without_a_fence_and_wakes_with_every_row(self):
        expected = self.psql(self.primary(), CHECKSUM)
        self.run_action("hibernate", blueprint="cnpg-hibernate")
        self.assertEqual(self.list("pods", "-l", "cnpg.io/cluster=pg"), [])
        self.use("snapshot")
        saved = self.run_action("backup")["artifacts"]["cluster"]["keyValue"]
        self.assertEqual(saved["instance"], "")
        self.assertNotIn(FENCED, self.annotations())
        self.run_action("wake", blueprint="cnpg-hibernate")
        self.assertEqual(self.psql(self.primary(), CHECKSUM), expected)


if __name__ == "__main__":
    unittest.main()
