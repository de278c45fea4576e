"""The blueprint postgres-pgbackrest with the real pgBackRest: a server in a Pod that archives by it, a backup, a restore
into a claim that a second server starts on, and the expiry of the backup."""
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from stack import ROOT, Stack, free_port, wait_for  # noqa: E402

BIN = next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True))).parent
USER = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())

OBJECTS = """
apiVersion: v1
kind: Namespace
metadata: {name: app1}
---
apiVersion: v1
kind: Secret
metadata:
  name: pg1-backrest
  namespace: app1
  annotations: {fencepost.io/pod: pg1-0, fencepost.io/container: postgres, fencepost.io/image: "postgres:15"}
stringData:
  PGBACKREST_STANZA: app1
  PGBACKREST_PG1_PATH: /var/lib/pg/data
  PGBACKREST_PG1_PORT: "@PORT@"
  PGBACKREST_PG1_SOCKET_PATH: "@WORK@/socket"
  PGBACKREST_PG1_USER: postgres
  PGBACKREST_REPO1_PATH: "@WORK@/repository"
  PGBACKREST_REPO1_RETENTION_FULL: "3"
  PGBACKREST_LOCK_PATH: "@WORK@/lock"
  PGBACKREST_LOG_LEVEL_FILE: "off"
  PGBACKREST_START_FAST: "y"
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: pg1, namespace: app1}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: pg1-restored, namespace: app1}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""

# A server on a claim: an empty one, or one that was restored.
SERVER = """
apiVersion: v1
kind: Pod
metadata: {name: @POD@, namespace: app1}
spec:
  securityContext: {runAsUser: @UID@, runAsGroup: @GID@, fsGroup: @GID@}
  terminationGracePeriodSeconds: 10
  containers:
    - name: postgres
      image: postgres:15
      command:
        - bash
        - -ec
        - |
          [ -e "$PGBACKREST_PG1_PATH" ] || initdb -D "$PGBACKREST_PG1_PATH" -U postgres -A trust --no-sync
          chmod 0700 "$PGBACKREST_PG1_PATH"  # an fsGroup has opened it to the group, which PostgreSQL does not take
          exec postgres -D "$PGBACKREST_PG1_PATH" -p @PORT@ -c listen_addresses= -c fsync=off \\
            -c unix_socket_directories="$PGBACKREST_PG1_SOCKET_PATH" -c archive_mode=on -c archive_command='pgbackrest archive-push %p'
      env:
        - {name: PATH, value: "@BIN@:/usr/bin:/bin"}
      envFrom:
        - secretRef: {name: pg1-backrest}
      volumeMounts:
        - {name: data, mountPath: /var/lib/pg}
  volumes:
    - {name: data, persistentVolumeClaim: {claimName: @CLAIM@}}
"""


@unittest.skipUnless(shutil.which("pgbackrest"), "pgbackrest is not installed")
class PgBackRest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.work = cls.stack.work / "postgres"
        for folder in ("", "socket", "repository", "lock"):
            (cls.work / folder).mkdir()
            os.chown(cls.work / folder, USER.pw_uid, USER.pw_gid)
        cls.port = free_port()
        cls.stack.start()
        cls.apply(OBJECTS, PORT=cls.port, WORK=cls.work)
        cls.start_server("pg1-0", "pg1", cls.port)
        cls.stack.cli("apply", "-f", str(ROOT / "blueprints/postgres-pgbackrest/blueprint.yaml"))

    @classmethod
    def apply(cls, text, **names):
        for name, value in names.items():
            text = text.replace(f"@{name}@", str(value))
        cls.stack.apply(text)

    @classmethod
    def start_server(cls, pod, claim, port):
        cls.apply(SERVER, POD=pod, CLAIM=claim, PORT=port, UID=USER.pw_uid, GID=USER.pw_gid, BIN=BIN)
        try:
            wait_for(f"the start of {pod}", lambda: cls.sql("select pg_is_in_recovery()", port) == "f", 30)
        except AssertionError as error:
            with cls.stack.open(f"/api/v1/namespaces/app1/pods/{pod}/log") as log:
                raise AssertionError(f"{error}\n{log.read().decode()[-3000:]}") from error

    @classmethod
    def run_as_server(cls, *words, **variables):
        who = dict(user=USER.pw_uid, group=USER.pw_gid, extra_groups=[]) if os.geteuid() == 0 else {}
        return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True, timeout=120, cwd="/tmp",
                              stdin=subprocess.DEVNULL, env=dict(os.environ, **variables), **who).stdout.strip()

    @classmethod
    def sql(cls, text, port=None):
        return cls.run_as_server("psql", "-XqAt", "-h", cls.work / "socket", "-p", port or cls.port, "-U", "postgres", "-c", text)

    def act(self, action, *more):
        words = ["run", action, "--object", "secret/pg1-backrest", "-n", "app1", "--blueprint", "postgres-pgbackrest", "-o", "json"]
        return json.loads(self.stack.cli(*words, *more).stdout)

    def labels(self):
        told = self.run_as_server("pgbackrest", "--stanza=app1", f"--repo1-path={self.work}/repository", "--log-level-file=off",
                                  f"--lock-path={self.work}/lock", "--output=json", "info")
        return [backup["label"] for stanza in json.loads(told) for backup in stanza["backup"]]

    def test_backup_restore_and_delete(self):
        self.sql("create table things as select generate_series(1, 1000) n")
        first = self.act("backup")
        label = first["artifacts"]["pgBackRest"]["keyValue"]["label"]
        self.assertEqual(self.labels(), [label])
        self.sql("insert into things values (1001)")
        self.sql("select pg_switch_wal()")
        second = self.act("backup", "--option", "type=incr")
        self.assertEqual(self.labels()[-1], second["artifacts"]["pgBackRest"]["keyValue"]["label"])
        self.assertTrue(self.labels()[-1].startswith(label + "_"))

        self.act("restore", "--from", first["id"], "--option", "claim=pg1-restored", "--option", "folder=data")
        port = free_port()
        self.start_server("pg1-restored", "pg1-restored", port)
        self.assertEqual(self.sql("select count(*) from things", port), "1001")  # with what came after the backup
        self.stack.cli("delete", "pod", "pg1-restored", "-n", "app1")

        self.act("backup")  # a full one: the last cannot be expired
        self.act("delete", "--from", first["id"])
        self.assertEqual(len(self.labels()), 1)  # the incremental one has gone with it
        self.act("delete", "--from", first["id"])


if __name__ == "__main__":
    unittest.main()
