"""Restore points that leave their cluster: two installations, each with a daemon and a database of its own, and one
location. An EDB-style namespace is backed up, exported, deleted, and restored from the export; then another installation
imports it from the location alone, is told what it lacks, and restores it. So are dumped databases."""
import json
import os
import pathlib
import pwd
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from stack import ROOT, VERSITYGW, Stack, apply_postgres_dump, free_port, render, wait_for  # noqa: E402

EDB = ROOT / "examples/edb-snapshot"
NOT_EXCLUDED = ("--exclude-labels", "kasten-enterprisedb.io/excluded=true")
ELECTED = ('kasten-enterprisedb.io/elected: "true"', 'kasten-enterprisedb.io/hasHooks: "true"')
EXCLUDED = ('kasten-enterprisedb.io/excluded: "true"',) * 2
PG_CONTROLDATA = "/usr/lib/postgresql/15/bin/pg_controldata"


class Exporting:
    """What an installation, `here`, exports of an application's namespace, and what it has in its own."""
    namespace, controller = "edb", "default"

    def object(self, stack, kind, name, namespace=None):
        return json.loads(stack.cli("get", kind, name, "-n", namespace or self.namespace, "-o", "json").stdout)

    def exported(self, *arguments):
        """The exported restore point's name and content."""
        action = json.loads(self.here.cli("export", *arguments, "--profile", "store", "-o", "json").stdout)
        self.assertEqual(action["status"]["state"], "Complete")
        return action["status"]["restorePoint"]["name"], action["status"]["restorePoint"]["content"]

    def restic(self, *arguments):
        """Stock restic on the repository of the exports."""
        repository = self.here.repository
        self.here.repository += "/fencepost-exports/repository"
        try:
            return self.here.restic(*arguments)
        finally:
            self.here.repository = repository

    def snapshots(self):
        return json.loads(self.restic("snapshots", "--json").stdout or b"[]")

    def left_behind(self):
        """What an export makes in the controller's namespace for the time that it takes."""
        kinds = ("persistentvolumeclaims", "volumesnapshots", "pods")
        return [o["metadata"]["name"] for kind in kinds
                for o in json.loads(self.here.cli("get", kind, "-n", self.controller, "-o", "json").stdout)["items"]]


class ExportedNamespace(Exporting):
    """One instance's volume of a Cluster in that namespace, `claim`, beyond the namespace: test_1 to test_5."""

    def test_1_an_export_survives_the_daemon_and_leaves_nothing_behind(self):
        self.here.cli("backup", self.namespace, *NOT_EXCLUDED)
        type(self).local = json.loads(self.here.cli("get", "restorepoints", "-n", self.namespace, "-o", "json").stdout)["items"][0]
        self.here.cli("export", self.local["metadata"]["name"], "-n", self.namespace, "--profile", "store", "--detach")
        actions = lambda: json.loads(self.here.cli("get", "exportactions", "-n", self.namespace, "-o", "json").stdout)["items"]  # noqa: E731
        wait_for("the export's begin", lambda: actions()[0]["status"]["steps"])
        self.here.kill()
        self.here.start()
        action = actions()[0]
        done = lambda: self.object(self.here, "exportaction", action["metadata"]["name"])["status"].get("endTime")  # noqa: E731
        wait_for("the export's end", done, 300)
        status = self.object(self.here, "exportaction", action["metadata"]["name"])["status"]
        self.assertEqual(status["state"], "Complete", status)
        self.assertEqual([v["claim"] for v in status["volumes"]], [self.claim])
        self.assertGreater(status["volumes"][0]["files"], 900)
        type(self).content = status["restorePoint"]["content"]
        wait_for("the end of what it needed", lambda: not self.left_behind())
        self.assertEqual(len(self.snapshots()), 3)  # the volume, the manifests, the content
        check = self.restic("check", "--read-data")
        self.assertEqual(check.returncode, 0, check.stderr)
        points = self.here.cli("get", "restorepoints", "-n", self.namespace).stdout
        self.assertEqual(len(points.splitlines()), 3, points)
        self.assertEqual(points.count(status["location"]), 1, points)

    def test_2_the_same_data_is_not_stored_twice(self):
        name, content = self.exported(self.local["metadata"]["name"], "-n", self.namespace, "--expires-in", "24h")
        volume = self.object(self.here, "exportaction", name)["status"]["volumes"][0]
        self.assertLess(volume["storedBytes"], volume["bytes"] / 50)
        self.here.cli("delete", "restorepointcontent", content)
        self.assertEqual(len(self.snapshots()), 3)

    def test_3_a_deleted_namespace_comes_back_from_the_export(self):
        self.here.cli("delete", "namespace", self.namespace)
        self.here.cli("delete", "restorepointcontent", self.local["spec"]["restorePointContentRef"]["name"])
        self.here.cli("restore", "--content", self.content, "-n", self.namespace)
        self.check_restored(self.here)

    def test_5_the_end_of_the_export_frees_the_location(self):
        self.here.cli("delete", "restorepointcontent", self.content)
        self.assertEqual(self.snapshots(), [])
        self.assertIn("There are no restore points", self.here.cli("import", "--profile", "store", "--list").stdout)


class TwoInstallations(Exporting, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.here, cls.there = Stack(), Stack()
        for stack in (cls.here, cls.there):
            cls.addClassCleanup(stack.__exit__)
            stack.start()
        if VERSITYGW:
            cls.here.start_s3()
            cls.there.apply(render(ROOT / "examples/profile-s3.yaml", S3_KEY="fencepost", S3_SECRET="fencepost-secret-key",
                                   BUCKET="backups", STORE_HOST="127.0.0.1", S3_PORT=cls.here.s3_port))
        else:
            cls.here.start_file_store()
            cls.there.apply(render(ROOT / "examples/profile-file.yaml", STORE=cls.here.work / "store"))

    def checks(self, stack, action, state):
        status = self.object(stack, "importaction", action, "default")["status"]
        return {(c["check"], c["name"]) for c in status["readiness"]["checks"] if c["state"] == state}


class EdbNamespace(ExportedNamespace, TwoInstallations):
    """examples/edb-snapshot, beyond its cluster."""
    claim = "cluster-example-2"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        cls.here.cli("apply", "-f", EDB / "crd.yaml", "-f", ROOT / "blueprints/postgres-fence/blueprint.yaml",
                     "-f", ROOT / "bindings/postgres-fence-edb.yaml")
        cls.here.cli("apply", "-f", EDB / "cluster.yaml")
        cls.primary_port, cls.replica_port = free_port(), free_port()
        cls.start_instance(cls.here, 1, "primary", EXCLUDED, cls.primary_port)
        cls.start_instance(cls.here, 2, "replica", ELECTED, cls.replica_port)
        cls.psql(cls.primary_port, "create table links as select n, 'link ' || n name from generate_series(1, 20000) n")
        wait_for("the rows on the replica", lambda: cls.psql(cls.replica_port, "select count(*) from links") == "20000")

    @classmethod
    def start_instance(cls, stack, number, role, marks, port):
        uid = json.loads(stack.cli("get", "clusters", "cluster-example", "-n", "edb", "-o", "json").stdout)["metadata"]["uid"]
        stack.apply(render(EDB / "instance.yaml", NUMBER=number, ROLE=role, MARK=marks[0], POD_MARK=marks[1], CLUSTER_UID=uid,
                           PRIMARY_PORT=cls.primary_port, INSTANCE_PORT=port, POSTGRES_UID=cls.user.pw_uid,
                           POSTGRES_GID=cls.user.pw_gid))
        wait_for(f"the readiness of instance {number}", lambda: stack.pod_is_ready("edb", f"cluster-example-{number}"))

    @staticmethod
    def psql(port, sql):
        environment = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(port), PGUSER="postgres", PGPASSWORD="superuser-password")
        return subprocess.run(["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", sql],
                              capture_output=True, text=True, check=True, env=environment, timeout=60).stdout.strip()

    def check_restored(self, stack):
        """The volume is a replica's that was stopped; it is promoted, and every row is there."""
        claim = self.object(stack, "pvc", "cluster-example-2")
        folder = stack.work / "data/volumes/edb" / claim["metadata"]["uid"] / "pgdata"
        control = subprocess.run([PG_CONTROLDATA, folder], capture_output=True, text=True, check=True).stdout
        self.assertIn("shut down in recovery", control)
        port = free_port()
        self.start_instance(stack, 2, "replica", ELECTED, port)
        self.psql(port, "select pg_promote()")
        self.assertEqual(self.psql(port, "select count(*), max(name) from links"), "20000|link 9999")
        self.psql(port, "insert into links values (0, 'after the restore')")

    def test_4_another_installation_says_what_it_lacks_and_restores(self):
        listed = json.loads(self.there.cli("import", "--profile", "store", "--list", "-o", "json").stdout)
        self.assertEqual([p["application"]["namespace"] for p in listed], ["edb"])
        self.assertIn(listed[0]["signedBy"], self.there.cli("import", "--profile", "store", "--list").stdout)
        point, signer = listed[0]["restorePoint"], listed[0]["signedBy"]
        refused = self.there.cli("import", point, "--profile", "store", "--trusted-key", "SHA256:00", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"is signed by {signer}, not by SHA256:00", refused.stderr)
        shown = self.there.cli("import", point, "--profile", "store", "--trusted-key", signer).stdout
        self.assertIn("a restore here would fail", shown)
        action = shown.split()[0].removeprefix("importaction/")
        self.assertEqual(self.checks(self.there, action, "Missing"), {("kind", "Cluster of postgresql.k8s.enterprisedb.io/v1")})
        self.assertEqual(self.checks(self.there, action, "Warning"), {("binding", "postgres-fence-edb")})
        refused = self.there.cli("restore", point, "-n", "edb", check=False)
        self.assertIn("the cluster serves no Cluster", refused.stderr)
        self.there.cli("apply", "-f", EDB / "crd.yaml")
        self.assertIn("has all that it needs", self.there.cli("import", "--latest", "--profile", "store").stdout)
        self.there.cli("restore", point, "-n", "edb")
        self.check_restored(self.there)
        self.there.cli("delete", "restorepointcontent", self.content)
        self.assertEqual(len(self.snapshots()), 3)  # they are the other installation's


class DumpedDatabases(TwoInstallations):
    """Databases behind labelled Secrets: their dumps stay where they were pushed to, and the export tells where that is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        apply_postgres_dump(cls.here)
        cls.here.start_database(rows=2_000)

    def psql(self, sql, database="postgres"):
        return self.here.psql(self.here.primary_port, database, sql)

    def test_a_database_moves_to_another_installation(self):
        rows = self.psql("select count(*) from orders", "app1db")
        self.here.cli("backup", "app1", "--profile", "store", "--exclude", "persistentvolumeclaims", "--exclude", "pods")
        local = json.loads(self.here.cli("get", "restorepoints", "-n", "app1", "-o", "json").stdout)["items"][0]
        name, content = self.exported(local["metadata"]["name"], "-n", "app1")
        # The dump is the export's too: it goes with the last of the two.
        self.here.cli("delete", "restorepointcontent", local["spec"]["restorePointContentRef"]["name"])
        self.assertEqual(len(json.loads(self.here.restic("snapshots", "--json").stdout)), 1)

        shown = self.there.cli("import", name, "--profile", "store").stdout
        action = shown.split()[0].removeprefix("importaction/")
        self.assertEqual(self.checks(self.there, action, "Missing"), {("secret", "default/postgres-dump-admin")})
        self.assertIn(("artifact", "secrets/app1-db"), self.checks(self.there, action, "Ready"))
        admin = self.object(self.here, "secret", "postgres-dump-admin", "default")
        self.there.apply(json.dumps({"apiVersion": "v1", "kind": "Secret", "data": admin["data"],
                                     "metadata": {"name": "postgres-dump-admin", "namespace": "default"}}))
        self.assertIn("has all that it needs", self.there.cli("import", name, "--profile", "store").stdout)
        self.psql("drop database app1db with (force)")
        self.there.cli("restore", name, "-n", "app1", "--include", "secrets")
        self.assertEqual(self.psql("select count(*) from orders", "app1db"), rows)

        self.here.cli("delete", "restorepointcontent", content)
        self.assertEqual(json.loads(self.here.restic("snapshots", "--json").stdout or b"[]"), [])

    def test_a_profile_without_a_key_is_no_place_for_secrets(self):
        self.here.apply(json.dumps({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Profile",
                                    "metadata": {"name": "open", "namespace": "default"},
                                    "location": {"type": "filestore", "path": str(self.here.work)}}))
        failed = self.here.cli("import", "--profile", "open", "--list", check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("has no repositoryKey", failed.stderr)


del TwoInstallations  # which has no tests of its own


if __name__ == "__main__":
    unittest.main()
