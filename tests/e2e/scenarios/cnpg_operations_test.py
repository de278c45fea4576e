"""What happens to a CloudNativePG Cluster around its backups: switchovers, fences of others, hibernation, Backups that fail,
recovery into a new Cluster. C1 to C12 are the ways in which it goes wrong in the field. The instances are real PostgreSQL with
a volume for data and one for WAL; what the operator does beside them (roles, Backups, new Clusters) the test does, and
tests/cluster/cnpg_test.py the operator itself."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from postgres_server import BIN, USER, Server, run  # noqa: E402
from stack import ROOT, Stack, free_port, render, wait_for  # noqa: E402

HERE = pathlib.Path(__file__).parent
CLUSTERS = "/apis/postgresql.cnpg.io/v1/namespaces/app1/clusters"
BACKUPS = "/apis/postgresql.cnpg.io/v1/namespaces/app1/backups"
BLUEPRINTS = ("cnpg-fence", "cnpg-snapshot", "cnpg-backup")
FENCED = "cnpg.io/fencedInstances"
CLONE_OF = "fencepost.io/clone-of"
PLUGIN = "barman-cloud.cloudnative-pg.io"
HEALTHY = {"phase": "Cluster in healthy state", "readyInstances": 3}


class CnpgOperations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.stack.cli("apply", "-f", HERE / "cnpg/cluster.yaml", *(word for name in BLUEPRINTS for word in ("-f", ROOT / f"blueprints/{name}/blueprint.yaml")))
        cls.stack.apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "manager", "namespace": "app1"},
                                    "data": {"manager": (HERE / "edb/manager").read_text()}}))
        cls.store = cls.stack.work / "store"
        cls.store.mkdir()
        shutil.chown(cls.store, USER.pw_uid)
        cls.ports = {n: free_port() for n in (1, 2, 3)}
        cls.primary = 1
        for n in (1, 2, 3):
            cls.start_instance(n)
        cls.patch(f"{CLUSTERS}/pg/status", status={**HEALTHY, "currentPrimary": "pg-1"})
        cls.psql(1, "create table links as select n, 'link ' || n name from generate_series(1, 1000) n")

    def setUp(self):
        self.wait_well()
        self.addCleanup(self.wait_well)

    # --- what the operator does
    @classmethod
    def start_instance(cls, n):
        cls.stack.apply(render(HERE / "cnpg/instance.yaml", NUMBER=n, ROLE="primary" if n == cls.primary else "replica", API=cls.stack.server,
                               CLUSTER_UID=cls.stack.get(f"{CLUSTERS}/pg")["metadata"]["uid"], PRIMARY_PORT=cls.ports[cls.primary],
                               INSTANCE_PORT=cls.ports[n], POSTGRES_UID=USER.pw_uid, POSTGRES_GID=USER.pw_gid))
        wait_for(f"instance {n}'s readiness", lambda: cls.stack.pod_is_ready("app1", f"pg-{n}"))

    @classmethod
    def patch(cls, path, **members):
        status, answer, _ = cls.stack.request("PATCH", path, members, content_type="application/merge-patch+json")
        if status != 200:
            raise AssertionError(f"PATCH {path}: {status} {answer}")

    def annotate(self, **annotations):
        """The Cluster's, until the end of the test."""
        self.addCleanup(self.patch, f"{CLUSTERS}/pg", metadata={"annotations": dict.fromkeys(annotations)})
        self.patch(f"{CLUSTERS}/pg", metadata={"annotations": annotations})

    def switch_over(self, target):
        """The old primary becomes a replica; who cannot be asked now finds the new one when it starts."""
        old, type(self).primary = self.primary, target
        self.stack.cli("delete", "pod", f"pg-{old}", "-n", "app1")
        self.psql(target, "select pg_promote()")
        self.patch(f"/api/v1/namespaces/app1/pods/pg-{target}", metadata={"labels": {"cnpg.io/instanceRole": "primary"}})
        self.patch(f"{CLUSTERS}/pg/status", status={"currentPrimary": f"pg-{target}"})
        for n in {1, 2, 3} - {target}:
            folder = self.volume(f"pg-{n}") / "pgdata"
            (folder / "standby.signal").touch()
            with open(folder / "postgresql.auto.conf", "a") as file:
                file.write(f"primary_conninfo = 'host=127.0.0.1 port={self.ports[target]} user=postgres password=superuser'\n")
        self.start_instance(old)

    @contextlib.contextmanager
    def operator(self, path, act):
        """Meanwhile, once there is a new object at that path: act(object), which gives its status."""
        known = {item["metadata"]["name"] for item in self.stack.get(path)["items"]}
        new = lambda: [item for item in self.stack.get(path)["items"] if item["metadata"]["name"] not in known]  # noqa: E731
        failures = []

        def watch():
            try:
                wait_for("the new object", new)
                [thing] = new()
                self.patch(f"{path}/{thing['metadata']['name']}/status", status=act(thing))
            except BaseException as error:  # noqa: BLE001 - told below, by the test's own thread
                failures.append(error)
        thread = threading.Thread(target=watch)
        thread.start()
        yield
        thread.join()
        if failures:
            raise failures[0]

    # --- looking
    @classmethod
    def psql(cls, n, sql):
        environment = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(cls.ports[n]), PGUSER="postgres", PGPASSWORD="superuser")
        return subprocess.run(["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", sql], check=True,
                              env=environment, capture_output=True, text=True, timeout=60).stdout.strip()

    def fenced(self):
        return json.loads(self.stack.get(f"{CLUSTERS}/pg")["metadata"].get("annotations", {}).get(FENCED, "[]"))

    def wait_well(self):
        """Nothing is fenced, nothing is owed, and the replicas have what the primary has now."""
        self.assertEqual((self.fenced(), self.stack.open_obligations()), ([], []))
        position = self.psql(self.primary, "select pg_current_wal_lsn()")
        sql = f"select pg_last_wal_replay_lsn() >= '{position}' from pg_stat_wal_receiver where status = 'streaming'"
        for n in {1, 2, 3} - {self.primary}:
            wait_for(f"instance {n}'s catching up", lambda n=n: self.psql(n, sql) == "t")

    def volume(self, claim):
        uid = self.stack.get(f"/api/v1/namespaces/app1/persistentvolumeclaims/{claim}")["metadata"]["uid"]
        return self.stack.work / "data/volumes/app1" / uid

    def control_state(self, folder):
        text = subprocess.run([BIN / "pg_controldata", folder], check=True, capture_output=True, text=True).stdout
        return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("Database cluster state"))

    # --- actions
    def run_action(self, action, blueprint, state="complete", **more):
        subject = {"group": "postgresql.cnpg.io", "resource": "clusters", "name": "pg", "namespace": "app1"}
        ended = self.stack.finish_action(self.stack.start_action(action, subject, blueprint=blueprint, **more))
        self.assertEqual(ended["state"], state, json.dumps(ended))
        return ended

    def run_from(self, backup, action, **options):
        status, body, _ = self.stack.request("POST", "/v1/actions", {"action": action, "from": backup["id"], "options": options})
        self.assertEqual(status, 201, body)
        ended = self.stack.finish_action(body["id"])
        self.assertEqual(ended["state"], "complete", json.dumps(ended))

    def prehook(self):
        """The number of the instance that is fenced now."""
        instance = self.run_action("backupPrehook", "cnpg-fence")["artifacts"]["fence"]["keyValue"]["instance"]
        self.assertEqual(self.fenced(), [instance])
        self.assertEqual(self.control_state(self.volume(instance) / "pgdata"), "shut down in recovery")
        return int(instance.removeprefix("pg-"))

    def rows_of(self, data, wal=None):
        """What a PostgreSQL of a copy of these files has: its own primary by then, as after a recovery."""
        copy = self.store / "copy"
        self.addCleanup(shutil.rmtree, copy)
        shutil.copytree(data, copy, symlinks=True)
        if wal:
            (copy / "pg_wal").unlink()
            shutil.copytree(wal, copy / "pg_wal")
        subprocess.run(["chown", "-R", str(USER.pw_uid), copy], check=True)
        with open(copy / "postgresql.auto.conf", "a") as file:
            file.write("primary_conninfo = ''\n")
        server = Server(copy)
        server.start()
        self.addCleanup(server.stop)
        self.ports["copy"] = server.port
        self.psql("copy", "select pg_is_in_recovery() and pg_promote()")
        return self.psql("copy", "select count(*) from links")

    def from_snapshot(self, snapshot):
        """The folder of a new volume with what is in it."""
        self.stack.apply(json.dumps({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": snapshot, "namespace": "app1"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                     "dataSource": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": snapshot}}}))
        self.addCleanup(self.stack.cli, "delete", "pvc", snapshot, "-n", "app1")
        wait_for("the volume", lambda: self.stack.get(f"/api/v1/namespaces/app1/persistentvolumeclaims/{snapshot}")["status"]["phase"] == "Bound")
        return self.volume(snapshot)

    # --- the rows of the scenario
    def test_C1_the_instance_that_was_fenced_is_released_whoever_is_primary_since_and_C9_the_new_primary_is_never_fenced(self):
        before, fenced = self.primary, self.prehook()
        [target] = {1, 2, 3} - {before, fenced}
        self.switch_over(target)
        self.psql(target, "insert into links values (0, 'after the switchover')")
        self.assertEqual(self.fenced(), [f"pg-{fenced}"])
        self.run_action("backupPosthook", "cnpg-fence")
        self.wait_well()
        self.assertEqual(self.psql(fenced, "select count(*) from links where n = 0"), "1")
        self.psql(target, "delete from links where n = 0")
        self.assertIn(self.prehook(), {before, fenced})
        self.run_action("backupPosthook", "cnpg-fence")

    def test_C2_a_hibernated_cluster_is_copied_as_it_lies_and_the_hooks_say_why_they_do_nothing(self):
        for n in (1, 2, 3):
            self.stack.cli("delete", "pod", f"pg-{n}", "-n", "app1")
        self.patch(f"{CLUSTERS}/pg/status", status={"conditions": [{"type": "cnpg.io/hibernation", "status": "True"}]})
        try:
            prehook = self.run_action("backupPrehook", "cnpg-fence")
            self.assertEqual(prehook["artifacts"]["fence"]["keyValue"]["instance"], "")
            self.assertIn("is hibernated", self.stack.open(f"/v1/actions/{prehook['id']}/logs").read().decode())
            self.run_action("backupPosthook", "cnpg-fence")
            saved = self.run_action("backup", "cnpg-snapshot")["artifacts"]["cluster"]["keyValue"]
            self.assertEqual(self.control_state(self.from_snapshot(saved["snapshot"]) / "pgdata"), "shut down")
        finally:
            self.patch(f"{CLUSTERS}/pg/status", status={"conditions": []})
            for n in sorted((1, 2, 3), key=lambda n: n != self.primary):
                self.start_instance(n)

    def test_C3_where_somebody_else_has_fenced_nothing_is_and_their_fence_stays(self):
        [theirs, _] = sorted({1, 2, 3} - {self.primary})
        self.annotate(**{FENCED: json.dumps([f"pg-{theirs}"])})
        for action, blueprint in (("backupPrehook", "cnpg-fence"), ("backup", "cnpg-snapshot")):
            ended = self.run_action(action, blueprint, state="failed")
            self.assertIn("the Cluster app1/pg has fenced instances already", json.dumps(ended))
            self.assertEqual(self.fenced(), [f"pg-{theirs}"])
        self.patch(f"{CLUSTERS}/pg", metadata={"annotations": {FENCED: None}})

    def test_C4_a_backup_that_fails_is_told_at_once_in_the_operators_words(self):
        for phase, error in (("failed", 'it said: "no space left" {{ }} `'), ("walArchivingFailing", "")):
            with self.operator(BACKUPS, lambda _, phase=phase, error=error: {"phase": phase, **({"error": error} if error else {})}):
                ended = self.run_action("backup", "cnpg-backup", state="failed")
            self.assertIn(f"the Backup ended as {phase}: {error}", ended["error"]["message"])

    def test_C7_a_new_cluster_is_made_from_the_artifact_alone(self):
        base, identity = self.store / "pg/base", "20260101T000000"

        def back_up(_):
            run("mkdir", "-p", base)
            run(BIN / "pg_basebackup", "-h", "127.0.0.1", "-p", self.ports[self.primary], "-U", "postgres", "-D", base / identity,
                "--checkpoint", "fast", "--no-sync", environment={"PGPASSWORD": "superuser"})
            label = (base / identity / "backup_label").read_text()
            return {"phase": "completed", "method": "plugin", "backupId": identity, "beginWal": label.split("(file ")[1].split(")")[0]}

        def recover(cluster):
            recovery, [origin] = cluster["spec"]["bootstrap"]["recovery"], cluster["spec"]["externalClusters"]
            self.assertEqual((recovery["source"], origin["plugin"]["name"]), (origin["name"], PLUGIN))
            self.assertEqual(origin["plugin"]["parameters"], {"barmanObjectName": "store", "serverName": "pg"})
            self.assertEqual(self.rows_of(base / recovery["recoveryTarget"]["backupID"]), "1000")
            return HEALTHY
        self.annotate(**{"fencepost.io/backup-method": "plugin", "fencepost.io/backup-plugin": PLUGIN})
        self.patch(f"{CLUSTERS}/pg", spec={"plugins": [{"name": PLUGIN, "isWALArchiver": True, "parameters": {"barmanObjectName": "store"}}]})
        self.addCleanup(self.patch, f"{CLUSTERS}/pg", spec={"plugins": None})
        self.patch(f"{CLUSTERS}/pg/status", status={"pluginStatus": [{"name": PLUGIN, "version": "0.5.0"}]})
        with self.operator(BACKUPS, back_up):
            backup = self.run_action("backup", "cnpg-backup")
        saved = backup["artifacts"]["cluster"]["keyValue"]
        self.assertRegex(json.loads(saved["made"])["beginWal"], "^[0-9A-F]{24}$")
        self.stack.cli("delete", "backups.postgresql.cnpg.io", saved["backup"], "-n", "app1")
        with self.operator(CLUSTERS, recover):
            self.run_from(backup, "restore", cluster="recovered")
        self.stack.cli("delete", "clusters.postgresql.cnpg.io", "recovered", "-n", "app1")

    def test_C8_data_and_wal_are_of_one_instance_and_one_moment(self):
        def recover(cluster):
            sources = cluster["spec"]["bootstrap"]["recovery"]["volumeSnapshots"]
            data = self.from_snapshot(sources["storage"]["name"]) / "pgdata"
            self.assertEqual(self.control_state(data), "shut down in recovery")
            self.assertEqual(self.rows_of(data, self.from_snapshot(sources["walStorage"]["name"]) / "pg_wal"), "1000")
            return HEALTHY
        backup = self.run_action("backup", "cnpg-snapshot")
        saved = backup["artifacts"]["cluster"]["keyValue"]
        for name, claim in ((saved["snapshot"], saved["instance"]), (saved["walSnapshot"], saved["instance"] + "-wal")):
            snapshot = self.stack.get(f"/apis/snapshot.storage.k8s.io/v1/namespaces/app1/volumesnapshots/{name}")
            self.assertEqual(snapshot["spec"]["source"]["persistentVolumeClaimName"], claim)
        self.psql(self.primary, "insert into links values (0, 'too late')")
        self.addCleanup(self.psql, self.primary, "delete from links where n = 0")
        with self.operator(CLUSTERS, recover):
            self.run_from(backup, "restore", cluster="recovered")
        self.stack.cli("delete", "clusters.postgresql.cnpg.io", "recovered", "-n", "app1")

    def test_C8_a_backup_of_the_application_keeps_the_volumes_of_the_fenced_instance_alone(self):
        self.annotate(**{"kanister.kasten.io/blueprint": "cnpg-fence"})
        plan = self.stack.cli("backup", "app1", "--plan").stdout
        self.assertIn("of one of 3 instances, which backupPrehook chooses", plan)
        self.assertNotIn("warning", plan)
        action = json.loads(self.stack.cli("backup", "app1", "-o", "json").stdout)["metadata"]["name"]
        [point] = [item["spec"] for item in self.stack.get("/apis/fencepost.io/v1alpha1/restorepointcontents")["items"]
                   if item["spec"]["backupAction"]["name"] == action]
        [resource] = [item for item in point["resources"] if item["resource"] == "clusters"]
        instance = resource["artifacts"]["fence"]["keyValue"]["instance"]
        claims = [instance, f"{instance}-wal"]
        self.assertEqual(sorted(volume["claim"] for volume in point["volumes"]), claims)
        others = {f"pg-{n}" for n in (1, 2, 3)} - {instance}
        self.assertEqual({item["name"]: item["reason"] for item in point["skipped"]},
                         {name + part: f"the instance {name} was not fenced" for name in others for part in ("", "-wal")})
        self.psql(self.primary, "insert into links values (0, 'too late')")
        self.addCleanup(self.psql, self.primary, "delete from links where n = 0")
        self.stack.cli("restore", action, "-n", "app1", "--volume-clones")
        clones = {item["metadata"]["annotations"][CLONE_OF]: item["metadata"]["name"]
                  for item in self.stack.get("/api/v1/namespaces/app1/persistentvolumeclaims")["items"]
                  if CLONE_OF in item["metadata"].get("annotations", {})}
        for name in clones.values():
            self.addCleanup(self.stack.cli, "delete", "pvc", name, "-n", "app1")
        self.assertEqual(sorted(clones), claims)
        data, wal = (self.volume(clones[claim]) for claim in claims)
        self.assertEqual(self.control_state(data / "pgdata"), "shut down in recovery")
        self.assertEqual(self.rows_of(data / "pgdata", wal / "pg_wal"), "1000")

    def test_C8_a_cluster_with_tablespaces_is_the_operators_to_copy(self):
        self.patch(f"{CLUSTERS}/pg", spec={"tablespaces": [{"name": "idx", "storage": {"size": "1Gi"}}]})
        self.addCleanup(self.patch, f"{CLUSTERS}/pg", spec={"tablespaces": None})
        ended = self.run_action("backup", "cnpg-snapshot", state="failed")
        self.assertIn("cnpg-snapshot takes no tablespaces: use cnpg-backup", json.dumps(ended))

        def back_up(backup):
            name = backup["metadata"]["name"]
            elements = [{"name": name, "type": "PG_DATA"}, {"name": f"{name}-wal", "type": "PG_WAL"},
                        {"name": f"{name}-tbs-idx", "type": "PG_TABLESPACE", "tablespaceName": "idx"}]
            return {"phase": "completed", "method": "volumeSnapshot", "online": False, "snapshotBackupStatus": {"elements": elements}}
        with self.operator(BACKUPS, back_up):
            saved = self.run_action("backup", "cnpg-backup")["artifacts"]["cluster"]["keyValue"]
        sources = json.loads(saved["recovery"])["volumeSnapshots"]
        self.assertEqual([sources["storage"]["name"], sources["walStorage"]["name"], sources["tablespaceStorage"]["idx"]["name"]],
                         [saved["backup"] + part for part in ("", "-wal", "-tbs-idx")])

    def test_C12_what_the_operator_lacks_is_told_before_anything_is_made(self):
        self.annotate(**{"fencepost.io/backup-method": "plugin", "fencepost.io/backup-plugin": "absent.example.com"})
        plan = ("plan", "cnpg-backup", "--action", "backup", "--object", "cluster.postgresql.cnpg.io/pg", "-n", "app1")
        absent = "has not loaded the plugin absent.example.com for the Cluster pg"
        told = self.stack.cli(*plan, check=False)
        self.assertEqual(told.returncode, 1, told.stdout)
        self.assertIn(absent, told.stdout + told.stderr)
        before = self.stack.get(BACKUPS)["items"]
        self.assertIn(absent, json.dumps(self.run_action("backup", "cnpg-backup", state="failed")))
        self.assertEqual(self.stack.get(BACKUPS)["items"], before)
        self.patch(f"{CLUSTERS}/pg", metadata={"annotations": {"fencepost.io/backup-plugin": None}})
        self.stack.cli("delete", "crd", "backups.postgresql.cnpg.io")
        self.addCleanup(self.stack.cli, "apply", "-f", HERE / "cnpg/cluster.yaml")
        told = self.stack.cli(*plan, check=False)
        self.assertEqual(told.returncode, 1, told.stdout)
        self.assertIn("there is no kind 'Backup' in postgresql.cnpg.io/v1", told.stdout + told.stderr)


if __name__ == "__main__":
    unittest.main()
