"""Data alone restored in place: a StatefulSet runs a real PostgreSQL on a claim of its own. Its rows come back while all
else of the application stays as somebody has made it since; the StatefulSet is scaled down meanwhile, and is what it was
afterwards, also where the daemon is killed in the midst, and where the restore is cancelled. And a second one beside it, by a TransformSet."""
import json
import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from postgres_server import BIN, USER, Server  # noqa: E402
from stack import Stack, free_port, wait_for  # noqa: E402

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {greeting: hello}
---
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: shop, namespace: default}
actions:
  backupPrehook:
    phases:
    - {func: KubeExec, name: checkpoint, args: {namespace: '{{ .StatefulSet.Namespace }}', pod: pg-0, command: [psql, -c, checkpoint]}}
  backupPosthook:
    phases:
    - {func: KubeExec, name: look, args: {namespace: '{{ .StatefulSet.Namespace }}', pod: pg-0, command: [psql, -c, select 1]}}
  restorePosthook:
    phases:
    - {func: KubeExec, name: note, args: {namespace: '{{ .StatefulSet.Namespace }}', pod: pg-0, command: [psql, -c, "insert into restores values (now())"]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: pg, namespace: shop, annotations: {kanister.kasten.io/blueprint: shop}}
spec:
  replicas: 1
  serviceName: pg
  selector: {matchLabels: {app: pg}}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
  template:
    metadata: {labels: {app: pg}}
    spec:
      securityContext: {runAsUser: %(uid)d, runAsGroup: %(gid)d, fsGroup: %(gid)d}
      terminationGracePeriodSeconds: 10
      containers:
      - name: postgres
        image: postgres:15
        env:
        - {name: PATH, value: "%(bin)s:/usr/bin:/bin"}
        - {name: PGDATA, value: /var/lib/postgresql/data/pgdata}
        - {name: PGHOST, value: 127.0.0.1}
        - {name: PGPORT, value: "%(port)d"}
        - {name: PGUSER, value: postgres}
        command:
        - bash
        - -c
        - |
          [ -s "$PGDATA/PG_VERSION" ] || initdb -A trust -U postgres
          chmod 0700 "$PGDATA"
          exec postgres -c listen_addresses=127.0.0.1 -c unix_socket_directories=
        readinessProbe: {exec: {command: [pg_isready, -q]}, periodSeconds: 1}
        volumeMounts: [{name: data, mountPath: /var/lib/postgresql/data}]
"""
ROWS = 20_000


class DataOnly(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.port = free_port()
        cls.stack.apply(SHOP % {"uid": USER.pw_uid, "gid": USER.pw_gid, "bin": BIN, "port": cls.port})
        wait_for("the database", lambda: cls.stack.pod_is_ready("shop", "pg-0"))
        cls.sql("create table restores (at timestamptz)")
        cls.sql(f"create table orders as select n, md5(n::text) payload from generate_series(1, {ROWS}) n")
        cls.fingerprint = cls.orders()
        cls.stack.cli("backup", "shop")
        cls.point = json.loads(cls.stack.cli("get", "restorepoints", "-n", "shop", "-o", "json").stdout)["items"][0]["metadata"]["name"]
        cls.stack.cli("apply", "-f", "-", text='{"apiVersion": "v1", "kind": "ConfigMap", "data": {"greeting": "moin"}, '
                                               '"metadata": {"name": "settings", "namespace": "shop"}}')

    @classmethod
    def sql(cls, statement):
        return cls.stack.psql(cls.port, "postgres", statement)

    @classmethod
    def orders(cls):
        return cls.sql("select md5(string_agg(o::text, ',' order by n)) from orders o")

    def object(self, kind, name):
        return json.loads(self.stack.cli("get", kind, name, "-n", "shop", "-o", "json").stdout)

    def restores(self):
        return json.loads(self.stack.cli("get", "restoreactions", "-n", "shop", "-o", "json").stdout)["items"]

    def start_restore(self):
        before = {action["metadata"]["name"] for action in self.restores()}
        self.stack.cli("restore", self.point, "-n", "shop", "--data-only", "--detach")
        return next(a["metadata"]["name"] for a in self.restores() if a["metadata"]["name"] not in before)

    def end_of(self, name):
        wait_for("the restore's end", lambda: self.object("restoreaction", name).get("status", {}).get("endTime"), 180)
        return self.object("restoreaction", name)["status"]

    def hold(self, path, finalizers):
        """Somebody's finalizers, so that it goes when the test says so."""
        status, body, _ = self.stack.request("PATCH", f"/api/v1/namespaces/shop/{path}", {"metadata": {"finalizers": finalizers}},
                                             content_type="application/merge-patch+json")
        self.assertEqual(status, 200, body)

    def damage(self):
        self.sql("delete from orders where n % 3 = 0; drop table if exists restores")
        self.assertNotEqual(self.orders(), self.fingerprint)

    def check_restored(self):
        self.assertEqual(self.orders(), self.fingerprint)
        self.assertEqual(self.sql("select count(*) from restores"), "1")  # the posthook, in what came back
        self.assertEqual(self.object("configmap", "settings")["data"], {"greeting": "moin"})
        pg = self.object("statefulset", "pg")
        self.assertEqual((pg["spec"]["replicas"], pg["metadata"]["uid"]), (1, self.uid))
        self.assertNotIn("fencepost.io/scaled-down-from", pg["metadata"].get("annotations", {}))

    def setUp(self):
        type(self).uid = self.object("statefulset", "pg")["metadata"]["uid"]

    def test_1_the_rows_come_back_and_nothing_else_changes(self):
        claim = self.object("pvc", "data-pg-0")["metadata"]["uid"]
        self.damage()
        shown = self.stack.cli("restore", self.point, "-n", "shop", "--data-only").stdout
        for step in ("workloads stopped: complete", "objects: complete", "workloads started: complete",
                     "restorePosthook of statefulsets/pg: complete"):
            self.assertIn(step, shown)
        self.check_restored()
        self.assertNotEqual(self.object("pvc", "data-pg-0")["metadata"]["uid"], claim)

    def test_2_a_daemon_that_is_killed_in_the_midst_is_followed_by_one_that_goes_on(self):
        self.damage()
        self.hold("persistentvolumeclaims/data-pg-0", ["test/holds"])
        name = self.start_restore()
        wait_for("the claim's end", lambda: self.object("pvc", "data-pg-0")["metadata"].get("deletionTimestamp"))
        self.stack.kill()
        self.stack.start()
        pg = self.object("statefulset", "pg")
        self.assertEqual((pg["spec"]["replicas"], pg["metadata"]["annotations"]["fencepost.io/scaled-down-from"]), (0, "1"))
        self.hold("persistentvolumeclaims/data-pg-0", [])
        status = self.end_of(name)
        self.assertEqual(status["state"], "Complete", status)
        self.check_restored()

    def test_3_a_cancelled_one_leaves_the_database_as_it_is(self):
        self.damage()
        rows = self.orders()
        self.hold("pods/pg-0", ["test/holds"])
        name = self.start_restore()
        wait_for("the scaling", lambda: self.object("statefulset", "pg")["spec"]["replicas"] == 0)
        self.assertEqual(self.stack.request("POST", f"/v1/namespaces/shop/restores/{name}/cancel")[0], 202)
        self.assertEqual(self.end_of(name)["state"], "Cancelled")
        self.assertEqual(self.object("statefulset", "pg")["spec"]["replicas"], 1)
        self.hold("pods/pg-0", [])
        wait_for("another Pod", lambda: not self.object("pod", "pg-0")["metadata"].get("deletionTimestamp"))
        wait_for("the database", lambda: self.stack.pod_is_ready("shop", "pg-0"))
        self.assertEqual(self.orders(), rows)

    def test_4_what_does_not_fit_is_refused_and_touches_nothing(self):
        claim = self.object("pvc", "data-pg-0")["metadata"]["uid"]
        refused = self.stack.cli("restore", self.point, "-n", "shop", "--data-only", "--exclude", "secrets", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("dataOnly does not go together with filters", refused.stderr)
        refused = self.stack.cli("restore", self.point, "-n", "shop", "--into", "elsewhere", "--data-only", check=False)
        self.assertIn("the application is not there: the namespace elsewhere lacks statefulsets/pg", refused.stderr)
        self.assertEqual(self.object("pvc", "data-pg-0")["metadata"]["uid"], claim)

    def test_5_another_namespace_has_the_rows_too_changed_by_a_transform_set(self):
        port = free_port()
        self.stack.apply(f"""
apiVersion: fencepost.io/v1alpha1
kind: TransformSet
metadata: {{name: beside, namespace: default}}
spec:
  comment: a database that runs beside the one that it is a copy of
  transforms:
  - subject: {{group: apps, resource: statefulsets}}
    json: [{{op: replace, path: /spec/template/spec/containers/0/env/3/value, value: "{port}"}}]
""")
        transforms = self.stack.work / "transforms.yaml"
        transforms.write_text("- transformSetRef: {name: besides}\n")
        restore = ["restore", self.point, "-n", "shop", "--into", "copy", "--transforms", transforms]
        refused = self.stack.cli(*restore, check=False)
        self.assertIn("there is no TransformSet default/besides", refused.stderr)
        self.assertEqual(json.loads(self.stack.cli("get", "pvc", "-n", "copy", "-o", "json").stdout)["items"], [])
        transforms.write_text("- transformSetRef: {name: beside, namespace: default}\n")
        self.stack.cli(*restore)
        self.assertEqual(self.stack.psql(port, "postgres", "select count(*) from orders"), str(ROWS))

    def test_6_a_clone_of_the_volume_beside_the_live_one_has_the_rows(self):
        claim = self.object("pvc", "data-pg-0")["metadata"]
        before = self.orders()
        shown = self.stack.cli("restore", self.point, "-n", "shop", "--volume-clones").stdout
        self.assertIn("1 object: 1 created", shown)
        clone = next(c["metadata"] for c in json.loads(self.stack.cli("get", "pvc", "-n", "shop", "-o", "json").stdout)["items"]
                     if c["metadata"].get("annotations", {}).get("fencepost.io/clone-of") == "data-pg-0")
        self.assertRegex(clone["name"], "^data-pg-0-clone-")
        self.assertEqual((self.object("pvc", "data-pg-0")["metadata"], self.orders()), (claim, before))
        server = Server(self.stack.work / "clone/pgdata")
        server.data.parent.mkdir()
        shutil.copytree(self.stack.work / "data/volumes/shop" / clone["uid"] / "pgdata", server.data)
        with open(server.data / "postgresql.auto.conf", "a") as settings:
            settings.write("unix_socket_directories = ''\n")
        for path in (server.data.parent, server.data, *server.data.rglob("*")):
            os.chown(path, USER.pw_uid, USER.pw_gid)
        server.data.chmod(0o700)
        self.addCleanup(server.stop, "immediate")
        server.start()
        self.assertEqual(server.sql("select md5(string_agg(o::text, ',' order by n)) from orders o"), self.fingerprint)


if __name__ == "__main__":
    unittest.main()
