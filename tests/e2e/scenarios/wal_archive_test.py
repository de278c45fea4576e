"""WAL archiving, base backups and recovery of a real PostgreSQL, on a real S3 server where there is one: what
archive_command and restore_command do, retention, recovery to the end and to a time, and what happens where the store is
wrong, away, or holds objects back."""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from postgres_server import USER, Server, run  # noqa: E402
from stack import FENCEPOST, KANDO, ROOT, VERSITYGW, Stack, wait_for  # noqa: E402

SEGMENT = 16 << 20


class Archived:
    """What every server that archives its WAL does, `primary` on this machine or elsewhere. Whoever inherits says how a base
    backup is made, push_base(), and how a server is recovered from it, recovered()."""
    store_host = "127.0.0.1"

    @classmethod
    def make_folder(cls):
        cls.work = cls.stack.work / "postgres"
        cls.work.mkdir()
        os.chown(cls.work, USER.pw_uid, USER.pw_gid)

    @staticmethod
    def connection(server):
        return f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"

    @classmethod
    def location(cls, prefix):
        """The flags of an archive, on S3 where it can be."""
        if not VERSITYGW:
            (cls.work / "store").mkdir(exist_ok=True)
            os.chown(cls.work / "store", USER.pw_uid, USER.pw_gid)
            return ["--location", f"file://{cls.work}/store", "--prefix", prefix]
        if not hasattr(cls.stack, "s3_port"):
            cls.stack.start_s3_server(cls.store_host)
        credentials = cls.work / "credentials"
        credentials.write_text("[default]\naws_access_key_id = fencepost\naws_secret_access_key = fencepost-secret-key\n")
        return ["--location", "s3://backups/archive", "--endpoint", f"http://{cls.store_host}:{cls.stack.s3_port}",
                "--region", "us-east-1", "--credentials-file", str(credentials), "--prefix", prefix]

    def wal(self, verb, *words, flags=None, **more):
        return run(FENCEPOST, "wal", verb, *words, *(flags or self.flags), **more)

    def base(self, verb, *words, flags=None, server=None, **more):
        connection = ["--dbname", self.connection(server or self.primary)] if verb == "push" else []
        return run(FENCEPOST, "basebackup", verb, *words, *connection, *(flags or self.flags), **more)

    def bases(self):
        return json.loads(self.base("list", "-o", "json").stdout)["items"]

    def utc_now(self):
        return self.primary.sql("select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")

    def insert(self, first, last):
        self.primary.sql(f"insert into things select generate_series({first}, {last})")

    def test_1_a_segment_that_is_switched_is_archived(self):
        self.assertIn("wal push", self.primary.sql("show archive_command"))
        before = int(self.primary.archiver("archived_count"))
        self.insert(1, 1000)
        segment = self.primary.switch()
        self.assertGreater(int(self.primary.archiver("archived_count")), before)
        self.assertEqual(self.primary.archiver("failed_count"), "0")
        timelines = json.loads(self.wal("list", "-o", "json").stdout)["timelines"]
        self.assertEqual([(t["timeline"], t["last"], t["gaps"]) for t in timelines], [(1, segment, [])])
        self.assertIn(segment, self.wal("list").stdout)
        self.assertEqual(self.primary.sql("select system_identifier from pg_control_system()"),
                         json.loads(self.wal("list", "-o", "json").stdout)["systemIdentifier"])

    def test_3_a_base_backup_is_pushed_and_listed(self):
        name = self.push_base()
        self.assertEqual([(base["name"], base["timeline"], base["hasWal"]) for base in self.bases()], [(name, 1, False)])
        self.assertEqual(self.bases()[0]["serverVersion"], self.primary.sql("show server_version").split(".")[0])
        self.assertIn(name, self.base("list").stdout)

    def test_6_a_recovery_to_the_end_has_what_came_after_the_base(self):
        self.insert(2001, 3000)
        self.primary.sql("insert into noise select generate_series(1, 1500000)")  # several segments
        self.insert(3001, 3001)
        self.primary.switch()
        restored = self.recovered("restored")
        self.assertEqual(restored.sql("select max(n) from things"), "3001")
        self.assertTrue(restored.sql("select pg_walfile_name(pg_current_wal_lsn())").startswith("00000002"))
        self.assertIn("restored log file", restored.log())
        restored.switch()  # it archives too: in its own timeline
        timelines = json.loads(self.wal("list", "-o", "json").stdout)["timelines"]
        self.assertEqual([t["timeline"] for t in timelines], [1, 2])
        self.assertEqual(restored.archiver("failed_count"), "0")

    def test_7_a_recovery_to_a_time_starts_a_timeline_of_its_own(self):
        history = self.work / "00000002.history"
        self.wal("fetch", history.name, history)
        before = history.read_text()
        self.insert(4001, 4001)
        time.sleep(0.2)
        target = self.utc_now()
        time.sleep(0.2)
        self.insert(4002, 4002)
        self.primary.switch()
        # The second timeline left the first before that time: recovery follows the one that is named.
        server = self.recovered("at-a-time", target, "1")
        self.assertEqual(server.sql("select max(n) from things"), "4001")
        server.switch()
        self.assertEqual([t["timeline"] for t in json.loads(self.wal("list", "-o", "json").stdout)["timelines"]], [1, 2, 3])
        self.wal("fetch", history.name, history)
        self.assertEqual(history.read_text(), before)


class WalArchive(Archived, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()  # of which only the folder and the S3 server are used
        cls.addClassCleanup(cls.stack.__exit__)
        cls.make_folder()
        cls.flags = cls.location("pg1")
        cls.primary = Server(cls.work / "primary").make(archive_mode="on", wal_level="replica",
                                                        archive_command=cls.command("push", *cls.flags) + " %p")
        cls.addClassCleanup(cls.primary.stop, "immediate")
        cls.primary.start()
        cls.primary.sql("create table things (n int primary key, at timestamptz default clock_timestamp())")

    @staticmethod
    def command(verb, *flags):
        return " ".join([str(FENCEPOST), "wal", verb, *flags])

    def push_base(self):
        return json.loads(self.base("push", "-o", "json").stdout)["name"]

    def recovered(self, name, target="latest", timeline="latest"):
        server = Server(self.work / name)
        self.base("fetch", "latest", server.data, "--recover-to", target, "--timeline", timeline)
        self.addCleanup(server.stop, "immediate")
        server.start()
        wait_for("the end of the recovery", lambda: server.sql("select pg_is_in_recovery()") == "f")
        return server

    def test_2_nothing_is_overwritten_and_absence_is_told_from_failure(self):
        segment = self.primary.switch()
        copy = self.work / segment
        self.assertEqual(self.wal("fetch", segment, copy).returncode, 0)
        self.assertEqual(copy.stat().st_size, SEGMENT)
        self.wal("push", copy)  # again: fine
        with open(copy, "r+b") as file:
            file.seek(SEGMENT // 2)
            file.write(b"another content")
        refused = self.wal("push", copy, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("has another", refused.stderr)
        absent = self.wal("fetch", "00000001000000FF00000001", copy, check=False)
        self.assertEqual((absent.returncode, absent.stdout, absent.stderr), (1, "", ""))
        for flags in (self.location("no-such-archive"), ["--location", "file:///no/such/folder"], ["--no-such-flag"]):
            failed = self.wal("fetch", segment, copy, flags=flags, check=False)
            self.assertEqual(failed.returncode, 200, failed.stderr)
            self.assertTrue(failed.stderr)

    def test_4_three_are_kept_with_the_wal_that_they_need(self):
        while len(self.bases()) < 4:
            self.primary.switch()
            self.base("push")
        oldest, second = self.bases()[:2]
        self.base("protect", oldest["name"])
        self.assertEqual(json.loads(self.base("delete", "--keep", "3", "-o", "json").stdout)["deleted"], [])
        self.base("protect", oldest["name"], "--off")
        report = json.loads(self.base("delete", "--keep", "3", "-o", "json").stdout)
        self.assertEqual(report["deleted"], [oldest["name"]])
        self.assertGreater(report["walFilesDeleted"], 0)
        self.assertEqual(json.loads(self.wal("list", "-o", "json").stdout)["timelines"][0]["first"], second["startWal"])
        self.assertEqual(len(self.bases()), 3)

        self.assertIn("can be restored", self.wal("check", "--dbname", self.connection(self.primary)).stdout)

    def test_5_a_push_that_is_killed_counts_for_nothing(self):
        before = self.bases()
        words = [FENCEPOST, "basebackup", "push", "--dbname", self.connection(self.primary), *self.flags]
        for wait in (0.05, 0.2, 0.4):
            push = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(wait)
            push.send_signal(signal.SIGKILL)
            push.wait()
        wait_for("the end of pg_basebackup", lambda: self.primary.sql("select count(*) from pg_stat_replication") == "0")
        self.assertLessEqual(len(self.bases()) - len(before), 1)  # one may have been quick enough

    def test_7_where_a_recovery_was_nothing_is_fetched_and_nothing_is_left(self):
        data = self.work / "restored"
        again = self.base("fetch", "latest", data, check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is not empty", again.stderr)
        self.assertFalse((data / "pg_wal/.fencepost-spool").exists())

    def test_8_a_wrong_location_shows_in_pg_stat_archiver(self):
        good = self.primary.sql("show archive_command")
        wrong = good.replace("s3://backups", "s3://no-such-bucket").replace("/store", "/no-such-store")
        self.primary.sql(f"alter system set archive_command = '{wrong}'")
        self.primary.sql("select pg_reload_conf()")
        segment = self.primary.sql("insert into noise values (2); select pg_walfile_name(pg_switch_wal())").splitlines()[-1]
        wait_for("a failure", lambda: int(self.primary.archiver("failed_count")) > 0)
        self.assertLessEqual(self.primary.archiver("last_failed_wal"), segment)
        self.assertIn("does not exist", self.primary.log())
        check = self.wal("check", "--dbname", self.connection(self.primary), check=False)
        self.assertEqual(check.returncode, 1)
        self.assertIn("archiving fails since", check.stdout)
        self.primary.sql("alter system reset archive_command")
        self.primary.sql("select pg_reload_conf()")
        wait_for("archiving again", lambda: self.primary.has_archived(segment), 90)

    def test_9_recovery_stops_where_the_store_is_away(self):
        server = Server(self.work / "stopped")
        self.base("fetch", "latest", server.data, "--restore-command",
                  self.command("fetch", "--location", "file:///no/such/folder") + ' "%f" "%p"')
        self.assertNotEqual(server.start(check=False).returncode, 0)
        self.assertIn("exit code 200", server.log())
        self.assertTrue((server.data / "recovery.signal").exists())  # and can go on

    def test_a_another_cluster_has_no_place_in_the_archive(self):
        other = Server(self.work / "other").make(archive_mode="on", archive_command=self.command("push", *self.flags) + " %p")
        self.addCleanup(other.stop, "immediate")
        other.start()
        other.sql("select pg_switch_wal()")
        wait_for("its refusal", lambda: int(other.archiver("failed_count")) > 0)
        self.assertIn("system identifier", other.log())

    def test_b_tablespaces_are_refused_with_the_reason(self):
        other = Server(self.work / "spaced").make(wal_level="replica")
        self.addCleanup(other.stop, "immediate")
        other.start()
        place = self.work / "tablespace"
        run("mkdir", place)
        other.sql(f"create tablespace aside location '{place}'")
        failed = self.base("push", "--with-wal", flags=self.location("spaced"), server=other, check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("tablespace", failed.stderr)
        other.sql("drop tablespace aside")
        self.base("push", "--with-wal", flags=self.location("spaced"), server=other)
        restored = Server(self.work / "alone")
        self.base("fetch", "latest", restored.data, "--recover-to", "none", flags=self.location("spaced"))
        self.addCleanup(restored.stop, "immediate")
        restored.start()  # with the WAL that is in it
        self.assertEqual(restored.sql("select 1"), "1")

    @unittest.skipUnless(VERSITYGW, "versitygw is not installed")
    def test_c_what_the_store_locks_is_retained(self):
        self.lock_bucket("locked")
        flags = [word.replace("s3://backups/archive", "s3://locked/archive") for word in self.location("pg1")]
        for _ in range(2):
            self.base("push", "--with-wal", flags=flags)
        deleted = self.base("delete", "--keep", "1", "-o", "json", flags=flags)
        report = json.loads(deleted.stdout)
        self.assertEqual((report["deleted"], len(report["retained"]), len(report["kept"])), ([], 1, 1))
        self.assertIn("retained", self.base("delete", "--keep", "1", flags=flags).stdout)
        self.assertEqual(len(json.loads(self.base("list", "-o", "json", flags=flags).stdout)["items"]), 2)

    def lock_bucket(self, bucket):
        """A bucket whose objects nobody deletes for a day."""
        body = ('<ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ObjectLockEnabled>Enabled'
                "</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
                "</ObjectLockConfiguration>")
        digest = base64.b64encode(hashlib.md5(body.encode()).digest()).decode()
        for words in ([bucket, "-H", "x-amz-bucket-object-lock-enabled: true"],
                      [f"{bucket}?object-lock=", "-H", f"Content-MD5: {digest}", "--data", body]):
            self.assertEqual(self.stack.s3("PUT", *words)[0], 200)

    @unittest.skipUnless(VERSITYGW, "versitygw is not installed")
    def test_d_the_blueprint_backs_up_restores_and_deletes(self):
        self.stack.start()
        self.stack.apply(f"""
apiVersion: cr.kanister.io/v1alpha1
kind: Profile
metadata: {{name: archive, namespace: default}}
location: {{type: s3Compliant, bucket: backups, prefix: archive, endpoint: "http://127.0.0.1:{self.stack.s3_port}", region: us-east-1}}
credential:
  type: keyPair
  keyPair: {{idField: id, secretField: key, secret: {{apiVersion: v1, kind: Secret, name: archive-key, namespace: default}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: archive-key, namespace: default}}
stringData: {{id: fencepost, key: fencepost-secret-key}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: app1}}
---
apiVersion: v1
kind: Secret
metadata: {{name: pg1, namespace: app1, annotations: {{fencepost.io/archive-prefix: pg1}}}}
stringData: {{host: 127.0.0.1, port: "{self.primary.port}", username: postgres, password: none}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: pg1-restored, namespace: app1}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
""")
        self.stack.cli("apply", "-f", str(ROOT / "blueprints/postgres-basebackup/blueprint.yaml"))
        act = ["--object", "secret/pg1", "-n", "app1", "--profile", "archive", "--blueprint", "postgres-basebackup", "-o", "json"]
        backup = json.loads(self.stack.cli("run", "backup", *act).stdout)
        artifact = backup["artifacts"]["baseBackup"]["keyValue"]
        base = next(base for base in self.bases() if base["name"] == artifact["name"])
        self.assertEqual((artifact["startWal"], artifact["systemIdentifier"]), (base["startWal"], base["systemIdentifier"]))
        self.stack.cli("run", "restore", *act, "--from", backup["id"], "--option", "claim=pg1-restored")
        data = next(self.stack.work.glob("data/**/pgdata"))
        self.assertTrue((data / "recovery.signal").exists())
        self.assertIn("kando wal fetch --prefix pg1 \"%f\" \"%p\"", (data / "postgresql.auto.conf").read_text())
        self.stack.cli("run", "delete", *act, "--from", backup["id"])
        self.assertNotIn(artifact["name"], [base["name"] for base in self.bases()])

    def test_e_kando_reads_and_writes_the_same_archive(self):
        name = self.bases()[-1]["name"]
        listed = run(KANDO, "basebackup", "list", *self.flags)
        self.assertIn(name, [base["name"] for base in json.loads(listed.stdout)["items"]])
        segment = self.primary.switch()
        copy = self.work / "kando" / segment
        run("mkdir", copy.parent)
        run(KANDO, "wal", "fetch", segment, copy, *self.flags)
        run(KANDO, "wal", "push", copy, *self.flags)
        self.assertEqual(run(KANDO, "wal", "fetch", "00000009.history", copy, *self.flags, check=False).returncode, 1)
        self.assertEqual(run(KANDO, "wal", "fetch", segment, copy, "--location", "file:///no/such", check=False).returncode, 200)
        shutil.rmtree(copy.parent)

    @unittest.skipUnless(VERSITYGW, "versitygw is not installed")
    def test_f_a_restore_point_is_restored_to_a_point_in_time(self):
        annotate = {"metadata": {"annotations": {"kanister.kasten.io/blueprint": "postgres-basebackup",
                                                 "fencepost.io/restore-claim": "pg1-point", "fencepost.io/recovery-timeline": "1"}}}
        self.assertEqual(self.stack.request("PATCH", "/api/v1/namespaces/app1/secrets/pg1", annotate,
                                            content_type="application/merge-patch+json")[0], 200)
        self.stack.apply("""
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: pg1-point, namespace: app1}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
""")
        self.insert(6001, 6001)
        early = self.utc_now()
        self.stack.cli("backup", "app1", "--profile", "archive", "--include", "secrets/pg1")
        point = json.loads(self.stack.cli("get", "restorepoints", "-n", "app1", "-o", "json").stdout)["items"][0]["metadata"]["name"]
        self.insert(6002, 6002)
        time.sleep(0.2)
        target = self.utc_now()
        time.sleep(0.2)
        self.insert(6003, 6003)
        self.primary.switch()

        restore = ["restore", point, "-n", "app1", "--data-only", "--point-in-time"]
        refused = self.stack.cli(*restore, early, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("a log leads forward alone", refused.stderr)
        claim = json.loads(self.stack.cli("get", "pvc", "pg1-point", "-n", "app1", "-o", "json").stdout)["metadata"]["uid"]
        folder = self.stack.work / "data/volumes/app1" / claim
        self.assertFalse((folder / "pgdata").exists())
        self.assertIn("restore of secrets/pg1: complete", self.stack.cli(*restore, target).stdout)

        server = Server(self.work / "point")
        shutil.copytree(folder / "pgdata", server.data)
        with open(server.data / "postgresql.auto.conf", "a") as settings:  # this server is in no Pod
            settings.write(f"restore_command = '{self.command('fetch', *self.flags)} \"%f\" \"%p\"'\n")
        for path in (server.data, *server.data.rglob("*")):
            os.chown(path, USER.pw_uid, USER.pw_gid)
        server.data.chmod(0o700)
        self.addCleanup(server.stop, "immediate")
        server.start()
        wait_for("the end of the recovery", lambda: server.sql("select pg_is_in_recovery()") == "f")
        self.assertEqual(server.sql("select max(n) from things"), "6002")


if __name__ == "__main__":
    unittest.main()
