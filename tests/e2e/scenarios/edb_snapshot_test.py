"""EDB Postgres with the kasten add-on: a Cluster of three instances, of which the add-on elected one replica for backups. A
policy of the namespace fences it while its volume is copied; whatever goes wrong, nothing stays fenced; the namespace is
deleted and comes back. E1 to E14 are the ways in which it goes wrong in the field. The instances are real PostgreSQL; what
EDB's operator does beside them (roles, election, decorations) the test does."""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from stack import ROOT, Stack, free_port, render, wait_for  # noqa: E402

CLUSTER, KIND = "cluster-example", "clusters.postgresql.k8s.enterprisedb.io"
KASTEN, EDB = "kasten-enterprisedb.io/", "k8s.enterprisedb.io/"
FENCED = EDB + "fencedInstances"
NOT_EXCLUDED = ("--exclude-labels", KASTEN + "excluded=true")
POLICY = f"""
apiVersion: fencepost.io/v1alpha1
kind: Policy
metadata: {{name: edb, namespace: default}}
spec:
  frequency: "@onDemand"
  selector: {{matchExpressions: [{{key: k10.kasten.io/appNamespace, operator: In, values: [edb]}}]}}
  actions:
  - action: backup
    backupParameters: {{filters: {{excludeResources: [{{matchLabels: {{{KASTEN}excluded: "true"}}}}]}}}}
"""


class EdbSnapshot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        example = ROOT / "examples/edb-snapshot"
        for file in (example / "crd.yaml", ROOT / "blueprints/postgres-fence/blueprint.yaml", ROOT / "bindings/postgres-fence-edb.yaml"):
            cls.stack.cli("apply", "-f", file)
        cls.stack.apply((example / "cluster.yaml").read_text())
        manager = (pathlib.Path(__file__).parent / "edb/manager").read_text()
        cls.stack.cli("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "data": {"manager": manager},
                                                           "metadata": {"name": "manager", "namespace": "edb"}}))
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        cls.ports = {n: free_port() for n in (1, 2, 3)}
        cls.names = {"POSTGRES_UID": user.pw_uid, "POSTGRES_GID": user.pw_gid, "PRIMARY_PORT": cls.ports[1]}
        cls.start_instances(3)
        cls.psql(1, "create table links (id serial primary key, name text, at timestamptz default clock_timestamp())")
        cls.psql(1, "insert into links (name) select 'Kasten ' || n from generate_series(1, 1000) n")

    # --- what EDB's operator and its add-on leave
    @classmethod
    def start_instances(cls, count, elected=2):
        cls.names["CLUSTER_UID"] = cls.get(KIND, CLUSTER)["metadata"]["uid"]
        for n in range(1, count + 1):
            mark, pod_mark = (f'{KASTEN}{name}: "true"' for name in (("elected", "hasHooks") if n == elected else ("excluded", "excluded")))
            text = render(ROOT / "examples/edb-snapshot/instance.yaml", **cls.names, NUMBER=n, INSTANCE_PORT=cls.ports[n],
                          ROLE="primary" if n == 1 else "replica", MARK=mark, POD_MARK=pod_mark)
            cls.stack.apply(cls.with_api(text))
            if n == 1:
                wait_for("the primary's readiness", lambda: cls.stack.pod_is_ready("edb", f"{CLUSTER}-1"))
        for n in range(2, count + 1):
            wait_for(f"instance {n}'s readiness", lambda n=n: cls.stack.pod_is_ready("edb", f"{CLUSTER}-{n}"))

    @classmethod
    def with_api(cls, text):
        return text.replace("{name: PGHOST,", f'{{name: API, value: "{cls.stack.server}"}}\n        - {{name: NAMESPACE, value: edb}}\n'
                            "        - {name: PGHOST,")

    @classmethod
    def elect(cls, n):
        """Decorates as the add-on does when it elects instance n."""
        hooks = {k: v for i in (1, 2, 3) for k, v in cls.get("pod", f"{CLUSTER}-{i}")["metadata"]["annotations"].items() if k.startswith(KASTEN)}
        for i in (1, 2, 3):
            for kind, chosen in (("pod", "hasHooks"), ("pvc", "elected")):
                labels = {KASTEN + chosen: "true" if i == n else None, KASTEN + "excluded": None if i == n else "true"}
                cls.patch(kind, f"{CLUSTER}-{i}", {"labels": labels, **({"annotations": hooks} if kind == "pod" else {})})

    @classmethod
    def patch(cls, kind, name, metadata):
        place = {"pod": "/api/v1/namespaces/edb/pods", "pvc": "/api/v1/namespaces/edb/persistentvolumeclaims",
                 KIND: "/apis/postgresql.k8s.enterprisedb.io/v1/namespaces/edb/clusters"}[kind]
        status, answer, _ = cls.stack.request("PATCH", f"{place}/{name}", {"metadata": metadata}, content_type="application/merge-patch+json")
        if status != 200:
            raise AssertionError(f"PATCH {kind} {name}: {status} {answer}")

    def hook(self, n, which, command):
        """Another command than the published one, until the end of the test."""
        key, name = f"{KASTEN}{which}", f"{CLUSTER}-{n}"
        before = self.get("pod", name)["metadata"]["annotations"].get(key)
        self.patch("pod", name, {"annotations": {key: json.dumps(command)}})
        self.addCleanup(self.patch, "pod", name, {"annotations": {key: before}})

    # --- looking
    @classmethod
    def get(cls, kind, name, namespace="edb"):
        return json.loads(cls.stack.cli("get", kind, name, "-n", namespace, "-o", "json").stdout)

    @classmethod
    def psql(cls, n, *sql):
        environment = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(cls.ports[n]), PGUSER="postgres", PGPASSWORD="superuser-password")
        return subprocess.run(["psql", "--no-psqlrc", "-qAt", *(w for one in sql for w in ("-c", one)), "-v", "ON_ERROR_STOP=1", "-d", "postgres"], check=True,
                              env=environment, capture_output=True, text=True, timeout=60).stdout.strip()

    def fenced(self):
        return json.loads(self.get(KIND, CLUSTER)["metadata"].get("annotations", {}).get(FENCED, "[]"))

    def pgdata(self, n):
        return self.stack.work / "data/volumes/edb" / self.get("pvc", f"{CLUSTER}-{n}")["metadata"]["uid"] / "pgdata"

    def control_state(self, folder):
        text = subprocess.run(["/usr/lib/postgresql/15/bin/pg_controldata", folder], check=True, capture_output=True, text=True).stdout
        return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("Database cluster state"))

    def wait_well(self, *replicas):
        """Nothing is fenced, nothing is owed, and the replicas have what the primary has now."""
        wait_for("the end of every fence", lambda: not self.fenced() and not self.stack.open_obligations(), 30)
        position = self.psql(1, "select pg_current_wal_lsn()")
        sql = f"select pg_last_wal_replay_lsn() >= '{position}' from pg_stat_wal_receiver where status = 'streaming'"
        for n in replicas or (2, 3):
            wait_for(f"instance {n}'s catching up", lambda n=n: self.psql(n, sql) == "t", 30)

    def backup(self, check=True):
        return self.stack.cli("backup", "edb", *NOT_EXCLUDED, check=check)

    def failed_backup(self, *why):
        """Nothing is left of it: no restore point, no copy, no fence."""
        before = self.points()
        result = self.backup(check=False)
        self.assertEqual(result.returncode, 1, result.stdout)
        for text in why:
            self.assertIn(text, result.stdout + result.stderr)
        self.assertEqual(self.points(), before)
        self.wait_well()

    def points(self):
        return sorted(p["metadata"]["name"] for p in json.loads(self.stack.cli("get", "restorepoints", "-n", "edb", "-o", "json").stdout)["items"])

    def plan(self, *options):
        return json.loads(self.stack.cli("backup", "edb", "--plan", *options, "-o", "json").stdout)

    @contextlib.contextmanager
    def in_the_middle(self, do):
        """Calls do() once an instance is listed as fenced."""
        failures = []

        def watch():
            try:
                wait_for("the fence", self.fenced, 30)
                do()
            except BaseException as error:  # noqa: BLE001 - told below, by the test's own thread
                failures.append(error)
        thread = threading.Thread(target=watch)
        thread.start()
        yield
        thread.join()
        if failures:
            raise failures[0]

    def slow_hook(self, n, seconds=1.5):
        """The published pre-backup command, and then a while in which the instance is fenced."""
        self.hook(n, "pre-backup-command", ["bash", "-c", f"/bin/bash /controller/manager snapshot hook pre backup && sleep {seconds}"])

    # --- the rows of the scenario
    def test_01_one_replica_is_elected_and_its_volume_alone_would_be_copied(self):
        pods = json.loads(self.stack.cli("get", "pods", "-n", "edb", "-o", "json").stdout)["items"]
        marked = [p["metadata"]["name"] for p in pods if p["metadata"]["labels"].get(KASTEN + "hasHooks") == "true"]
        self.assertEqual(marked, [f"{CLUSTER}-2"])
        [resource] = self.plan(*NOT_EXCLUDED)["resources"]
        self.assertEqual((resource["blueprint"], resource["claims"]), ("postgres-fence", [f"{CLUSTER}-2"]))

    def test_02_a_run_of_the_policy_makes_a_restore_point_while_the_primary_takes_writes(self):
        self.stack.apply(POLICY)
        self.slow_hook(2)
        self.stack.apply(json.dumps({"apiVersion": "fencepost.io/v1alpha1", "kind": "RunAction", "metadata": {"name": "now", "namespace": "default"},
                                     "spec": {"subject": {"kind": "Policy", "name": "edb"}}}))

        def look():
            self.assertEqual(self.fenced(), [f"{CLUSTER}-2"])
            wait_for("the end of its PostgreSQL", lambda: self.control_state(self.pgdata(2)) == "shut down in recovery")
            self.assertFalse((self.pgdata(2) / "postmaster.pid").exists())
            self.psql(1, "insert into links (name) values ('while the replica is fenced')")
        with self.in_the_middle(look):
            wait_for("the run's end", lambda: self.get("runaction", "now", "default").get("status", {}).get("state") in ("Complete", "Failed"))
        self.assertEqual(self.get("runaction", "now", "default")["status"]["state"], "Complete")
        wait_for("the policy's validation", lambda: self.get("policy", "edb", "default")["status"]["validation"] == "Success")  # looked at every 10 s
        self.wait_well()
        [type(self).point] = self.points()
        content = self.get("restorepointcontent", self.get("restorepoint", self.point)["spec"]["restorePointContentRef"]["name"])
        self.assertEqual([v["claim"] for v in content["spec"]["volumes"]], [f"{CLUSTER}-2"])
        [fence] = [one["output"] for one in content["spec"]["resources"][0]["evidence"] if one["phase"] == "fence"]
        self.assertEqual((fence["pod"], fence["state"]), (f"{CLUSTER}-2", "shut down in recovery"))
        type(self).content = content["metadata"]["name"]

    def test_03_a_restore_point_is_verified_by_an_instance_of_its_volume(self):
        """In a namespace of its own; the test is the operator there, too."""
        app = {"host": "127.0.0.1", "port": str(free_port()), "dbname": "postgres", "username": "app", "password": "app's password"}
        self.psql(1, "create role app login password 'app''s password'", "grant select on links to app")
        self.stack.apply(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{CLUSTER}-app", "namespace": "edb"}, "stringData": app}))
        self.backup()
        [point] = set(self.points()) - {self.point}
        self.stack.apply(json.dumps({"apiVersion": "fencepost.io/v1alpha1", "kind": "ValidateAction", "metadata": {"name": "verified", "namespace": "edb"},
                                     "spec": {"subject": {"kind": "RestorePoint", "name": point, "namespace": "edb"}, "restore": {"assertions": [
                                         {"sql": "select count(*) from links where name like 'Kasten %'", "expect": 1000},
                                         {"name": "no replica", "sql": "select not pg_is_in_recovery()"}]}}}))
        path = "/api/v1/namespaces?labelSelector=fencepost.io/verification"
        wait_for("the scratch namespace", lambda: self.stack.get(path)["items"])
        scratch = self.stack.get(path)["items"][0]["metadata"]["name"]
        cluster = f"/apis/postgresql.k8s.enterprisedb.io/v1/namespaces/{scratch}/clusters/{CLUSTER}"
        wait_for("the restored Cluster", lambda: self.stack.request("GET", cluster)[0] == 200)
        self.assertNotIn(FENCED, self.stack.get(cluster)["metadata"].get("annotations", {}))
        names = {**self.names, "CLUSTER_UID": self.stack.get(cluster)["metadata"]["uid"]}
        text = render(ROOT / "examples/edb-snapshot/instance.yaml", **names, NUMBER=2, INSTANCE_PORT=app["port"], ROLE="primary",
                      MARK=f'{KASTEN}elected: "true"', POD_MARK=f'{KASTEN}hasHooks: "true"')
        self.stack.apply(self.with_api(text).replace("value: edb}", f"value: {scratch}}}").replace("namespace: edb", f"namespace: {scratch}"))
        wait_for("the instance", lambda: self.stack.pod_is_ready(scratch, f"{CLUSTER}-2"))
        self.ports["scratch"] = app["port"]
        self.psql("scratch", "select pg_promote()")
        self.stack.request("PATCH", cluster + "/status", {"status": {"phase": "Cluster in healthy state", "readyInstances": 3}}, content_type="application/merge-patch+json")
        wait_for("its end", lambda: self.get("validateaction", "verified")["status"]["state"] in ("Complete", "Failed"))
        status = self.get("validateaction", "verified")["status"]
        self.assertEqual(status["state"], "Complete", status)
        [asked] = status["restore"]["resources"]
        self.assertEqual(asked["tables"], {"public.links": status["restore"]["rows"]})
        self.assertGreaterEqual(status["restore"]["rows"], 1000)
        self.assertEqual(self.stack.get(path)["items"], [])
        self.assertEqual(self.psql(1, "select count(*) from pg_stat_replication"), "2")
        self.wait_well()

    def test_E1_a_pre_backup_command_that_fails_is_followed_by_the_on_error_command(self):
        self.hook(2, "pre-backup-command", ["false"])
        self.hook(2, "pre-backup-on-error", ["bash", "-c", "touch $PGDATA/../on-error"])
        self.failed_backup("the pre-backup command failed")
        self.assertTrue((self.pgdata(2).parent / "on-error").exists())

    def test_E2_a_snapshot_that_fails_is_followed_by_the_posthook(self):
        snapshots = self.stack.work / "data/snapshots"
        kept = snapshots.with_name("snapshots-of-before")
        shutil.move(snapshots, kept)
        snapshots.touch()  # no folder: nothing can be made in it

        def mend():
            snapshots.unlink()
            shutil.move(kept, snapshots)
        self.addCleanup(mend)
        path = "/apis/snapshot.storage.k8s.io/v1/namespaces/edb/volumesnapshots"
        known = {s["metadata"]["name"] for s in self.stack.get(path)["items"]}

        def give_up():
            wait_for("the snapshot that cannot be made", lambda: len(self.stack.get(path)["items"]) > len(known))
            for snapshot in self.stack.get(path)["items"]:
                if snapshot["metadata"]["name"] not in known:
                    self.stack.request("DELETE", f"{path}/{snapshot['metadata']['name']}")
        with self.in_the_middle(give_up):
            self.failed_backup("was deleted by somebody else")

    def test_E3_a_daemon_that_is_killed_between_fence_and_snapshot_leaves_nothing_fenced(self):
        self.slow_hook(2, 0.5)
        before = self.points()
        name = "killed"
        self.stack.apply(json.dumps({"apiVersion": "fencepost.io/v1alpha1", "kind": "BackupAction", "metadata": {"name": name, "namespace": "edb"},
                                     "spec": {"filters": {"excludeResources": [{"matchLabels": {KASTEN + "excluded": "true"}}]}}}))
        wait_for("the fence", self.fenced)
        time.sleep(0.3)
        self.stack.kill()
        self.stack.start()
        wait_for("the action's end", lambda: self.get("backupaction", name)["status"]["state"] in ("Complete", "Failed"))
        state = self.get("backupaction", name)["status"]["state"]
        self.assertEqual(self.points(), sorted(before + [name]) if state == "Complete" else before)
        self.wait_well()

    def test_E4_a_post_backup_command_that_fails_leaves_no_entry_of_ours(self):
        self.hook(2, "post-backup-command", ["bash", "-c", "echo the manager is away; exit 1"])
        self.backup()
        self.wait_well()

    def test_E5_no_instance_with_hooks_is_a_failure_and_not_a_green_backup(self):
        self.patch("pod", f"{CLUSTER}-2", {"labels": {KASTEN + "hasHooks": None}})
        self.addCleanup(self.elect, 2)
        self.failed_backup("there is nothing to fence")

    def test_E6_the_posthook_is_for_the_instance_that_was_fenced_whoever_is_elected_since(self):
        self.slow_hook(2)
        self.addCleanup(self.elect, 2)

        def elect_another():
            for n, labels in ((2, {KASTEN + "hasHooks": None}), (3, {KASTEN + "hasHooks": "true", KASTEN + "excluded": None})):
                self.patch("pod", f"{CLUSTER}-{n}", {"labels": labels})
        with self.in_the_middle(elect_another):
            self.backup()
        self.wait_well()

    def test_E7_a_cluster_with_a_fenced_instance_is_refused_and_left_as_it_is(self):
        self.patch(KIND, CLUSTER, {"annotations": {FENCED: json.dumps([f"{CLUSTER}-3"])}})
        try:
            result = self.backup(check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn("has fenced instances already", result.stdout + result.stderr)
            self.assertEqual(self.fenced(), [f"{CLUSTER}-3"])
        finally:
            self.patch(KIND, CLUSTER, {"annotations": {FENCED: None}})
        self.wait_well()

    def test_E9_the_primary_is_not_stopped_unless_somebody_has_allowed_it(self):
        self.elect(1)
        self.addCleanup(self.elect, 2)
        self.failed_backup("is the primary of the Cluster edb/cluster-example")

    def test_E10_E11_commands_are_run_word_for_word_and_without_a_terminal(self):
        said = "a, \"b\" [c] 'd'  e"
        script = f'/bin/bash /controller/manager snapshot hook pre backup && [ "$1" = "{said.replace(chr(34), chr(92) + chr(34))}" ] && ! tty -s'
        self.hook(2, "pre-backup-command", ["bash", "-c", script, "hook", said])
        self.backup()
        self.wait_well()

    def test_E12_volumes_of_two_instances_in_one_plan_are_told(self):
        self.assertEqual(self.plan(*NOT_EXCLUDED).get("warnings", []), [])
        self.patch("pvc", f"{CLUSTER}-3", {"labels": {KASTEN + "excluded": None}})
        self.addCleanup(self.patch, "pvc", f"{CLUSTER}-3", {"labels": {KASTEN + "excluded": "true"}})
        self.patch("pod", f"{CLUSTER}-3", {"labels": {KASTEN + "excluded": None}})
        self.addCleanup(self.patch, "pod", f"{CLUSTER}-3", {"labels": {KASTEN + "excluded": "true"}})
        self.assertIn("mixed instances", " ".join(self.plan(*NOT_EXCLUDED)["warnings"]))

    def test_E13_a_restore_over_the_living_original_changes_nothing(self):
        before = {kind: self.get(kind, f"{CLUSTER}-2")["metadata"]["uid"] for kind in ("pod", "pvc")}
        result = self.stack.cli("restore", self.point, "-n", "edb", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{CLUSTER}-2", result.stdout + result.stderr)
        self.assertEqual({kind: self.get(kind, f"{CLUSTER}-2")["metadata"]["uid"] for kind in before}, before)
        self.wait_well()

    def test_E14_another_elected_instance_needs_no_other_blueprint(self):
        self.elect(3)
        self.addCleanup(self.elect, 2)
        self.assertEqual([r["claims"] for r in self.plan(*NOT_EXCLUDED)["resources"]], [[f"{CLUSTER}-3"]])
        self.backup()
        self.wait_well()

    def test_last_E8_the_namespace_is_deleted_and_comes_back_without_a_fence(self):
        rows = int(self.psql(2, "select count(*) from links where name like 'Kasten %'"))
        self.stack.cli("delete", "namespace", "edb")
        wait_for("its end", lambda: self.stack.cli("get", "namespace", "edb", check=False).returncode != 0)
        self.stack.cli("restore", "--content", self.content, "-n", "edb")
        self.assertEqual(self.fenced(), [])
        self.assertEqual(self.control_state(self.pgdata(2)), "shut down in recovery")
        type(self).ports[2] = free_port()
        self.names["CLUSTER_UID"] = self.get(KIND, CLUSTER)["metadata"]["uid"]
        self.promote()
        self.assertEqual(int(self.psql(2, "select count(*) from links where name like 'Kasten %'")), rows)
        self.assertEqual(self.psql(2, "insert into links (name) values ('after the restore') returning 1"), "1")

    def promote(self):
        """What the operator does when it finds the Cluster and one instance's volume."""
        text = render(ROOT / "examples/edb-snapshot/instance.yaml", **self.names, NUMBER=2, INSTANCE_PORT=self.ports[2], ROLE="replica",
                      MARK=f'{KASTEN}elected: "true"', POD_MARK=f'{KASTEN}hasHooks: "true"')
        self.stack.apply(self.with_api(text))
        wait_for("the instance's readiness", lambda: self.stack.pod_is_ready("edb", f"{CLUSTER}-2"))
        self.psql(2, "select pg_promote()")


if __name__ == "__main__":
    unittest.main()
