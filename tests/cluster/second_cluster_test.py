#!/usr/bin/env python3
"""A move to another cluster: an application of a cluster of its own, with a volume and with a database behind a labelled
Secret, is exported to an object store; that cluster ends; and the application is imported into the one that the tests
share, from the store alone, which that cluster knows by another address."""
import json
import os
import unittest

from cluster import POSTGRES, TOOLS, CannotHaveCluster, ClusterTest, Kubernetes, bring_up, take_down, wait_for
from stack import ROOT, VERSITYGW, Stack, render

INSTANCE = str(100 + os.getpid() % 150)  # beside the one that the other tests use
ROWS, FILES = 20_000, 300

# What a managed database is to the application: there before it, and behind the same name.
SERVER = f"""
apiVersion: v1
kind: Service
metadata: {{name: server}}
spec: {{selector: {{app: server}}, ports: [{{port: 5432}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: server, labels: {{app: server}}}}
spec:
  securityContext: {{runAsUser: 26, runAsGroup: 26}}
  terminationGracePeriodSeconds: 1
  containers:
  - name: postgres
    image: {POSTGRES}
    imagePullPolicy: IfNotPresent
    env: [{{name: PGDATA, value: /tmp/data}}]
    command:
    - bash
    - -c
    - |
      initdb --username postgres --pwfile <(echo administrator) --auth-host scram-sha-256 --auth-local trust --no-sync
      echo 'host all all all scram-sha-256' >>$PGDATA/pg_hba.conf
      exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp
    readinessProbe: {{exec: {{command: [pg_isready, --quiet, --host=127.0.0.1]}}, periodSeconds: 1}}
"""
APPLICATION = f"""
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: files}}
spec:
  serviceName: files
  selector: {{matchLabels: {{app: files}}}}
  template:
    metadata: {{labels: {{app: files}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {{name: main, image: "{TOOLS}", imagePullPolicy: IfNotPresent, command: [sleep, infinity],
         volumeMounts: [{{name: data, mountPath: /data}}]}}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{storageClassName: fast, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: v1
kind: Secret
metadata:
  name: links
  labels: {{type: database-credential}}
  annotations: {{fencepost.io/admin-namespace: CONTROLLER}}
stringData: {{host: server.DATABASES, dbname: links, username: links, password: "the application's"}}
"""
FAST = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: hostpath.csi.k8s.io
"""
TO_THE_CLASS_HERE = """
- name: claims
  subject: {resource: persistentvolumeclaims}
  json: [{op: replace, path: /spec/storageClassName, value: csi-hostpath-sc}]
- name: claims to come
  subject: {resource: statefulsets}
  json: [{op: replace, path: /spec/volumeClaimTemplates/*/spec/storageClassName, value: csi-hostpath-sc}]
"""


class Side:
    """Fencepost on one of the clusters, and a database server. Namespaces have the same names on both."""

    def __init__(self, test, kubernetes, make_namespace):
        self.kubernetes, self.namespace = kubernetes, test.namespace
        kubernetes.import_our_images()
        self.controller, self.databases = make_namespace("controller"), make_namespace("databases")
        kubernetes.apply(SERVER, self.databases)
        self.stack = Stack(serve_options=["--kubernetes", "--kubeconfig", kubernetes.kubeconfig, "--namespace", self.controller, "--install-crds"])
        test.addClassCleanup(self.stack.__exit__)
        self.stack.start()
        self.stack.environment.update(kubernetes.environment, FENCEPOST_SERVER=f"kubernetes://{self.controller}")
        self.cli = self.stack.cli
        kubernetes.wait_ready("server", namespace=self.databases)

    def apply(self, text):
        """In the controller's namespace."""
        self.kubernetes.apply(text.replace("namespace: default", f"namespace: {self.controller}"), self.controller)

    def make_profile(self, s3_port):
        self.apply(render(ROOT / "examples/profile-s3.yaml", S3_KEY="fencepost", S3_SECRET="fencepost-secret-key", BUCKET="backups",
                          STORE_HOST=self.kubernetes.host_address, S3_PORT=s3_port))

    def make_administrator(self):
        self.apply(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "postgres-dump-admin"},
                               "stringData": {"username": "postgres", "password": "administrator"}}))

    def make_blueprint(self):
        for file in ("blueprints/postgres-dump/blueprint.yaml", "bindings/postgres-dump.yaml"):
            self.apply((ROOT / file).read_text())
        wait_for("the binding's validation", lambda: self.kubernetes.get("blueprintbinding", "postgres-dump", namespace=self.controller)
                 ["status"]["validation"] == "Success")

    def sql(self, text, database="postgres"):
        return self.kubernetes.exec("server", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "/tmp", "-U", "postgres", "-d", database,
                                    "-c", text, namespace=self.databases).stdout.strip()

    def sums(self):
        """What the application has: of its database, and of its files."""
        files = self.kubernetes.exec("files-0", "bash", "-c", "cd /data && find . -type f | sort | xargs sha256sum | sha256sum",
                                     namespace=self.namespace).stdout
        return self.sql("select count(*), md5(string_agg(l::text, ',' order by id)) from links l", "links"), files


@unittest.skipUnless(VERSITYGW, "SKIPPED: no S3 server was built (scripts/install-deps --test, with Go)")
class SecondCluster(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.need_one_node_cluster()
        cls.here = Side(cls, cls.cluster, cls.make_namespace)
        cls.here.stack.start_s3_server("0.0.0.0")
        cls.addClassCleanup(take_down, INSTANCE)
        other = Kubernetes(bring_up(instance=INSTANCE), INSTANCE)
        there = Side(cls, other, other.make_namespace)
        there.make_profile(cls.here.stack.s3_port)
        there.make_administrator()
        there.make_blueprint()
        cls.make_application(there)
        cls.sums = there.sums()
        there.cli("backup", cls.namespace, "--profile", "store")
        point = there.kubernetes.list("restorepoints", namespace=cls.namespace)[0]["metadata"]["name"]
        cls.point = json.loads(there.cli("export", point, "-n", cls.namespace, "--profile", "store", "-o", "json").stdout)["status"]["restorePoint"]["name"]
        there.stack.stop()
        take_down(INSTANCE)

    @classmethod
    def make_namespace(cls, name):
        name = cls.cluster.make_namespace(name)
        cls.addClassCleanup(cls.cluster.delete_namespace, name)
        return name

    @classmethod
    def make_application(cls, there):
        there.kubernetes.make_namespace(cls.__name__.lower())
        there.kubernetes.apply(FAST)
        there.kubernetes.apply(APPLICATION.replace("CONTROLLER", there.controller).replace("DATABASES", there.databases), cls.namespace)
        there.sql("create role links login password 'the application''s'")
        there.sql("create database links owner links")
        there.sql(f"set role links; create table links as select id, 'link ' || id name from generate_series(1, {ROWS}) id", "links")
        there.kubernetes.kubectl("rollout", "status", "statefulset/files", "--timeout=60s", namespace=cls.namespace)
        there.kubernetes.exec("files-0", "bash", "-c", f"mkdir /data/below; for n in {{1..{FILES}}}; do echo file $n >/data/below/$n; done",
                              namespace=cls.namespace)

    def imported(self):
        """What the report says is missing, and what it warns of."""
        shown = self.here.cli("import", self.point, "--profile", "store").stdout
        action = self.cluster.get("importaction", shown.split()[0].removeprefix("importaction/"), namespace=self.here.controller)
        checks = action["status"]["readiness"]["checks"]
        return [{(one["check"], one["name"]) for one in checks if one["state"] == state} for state in ("Missing", "Warning")]

    def test_what_this_cluster_lacks_is_told_and_once_it_is_there_every_row_and_file_comes_back(self):
        self.here.make_profile(self.here.stack.s3_port)
        administrator, storage_class = ("secret", f"{self.here.controller}/postgres-dump-admin"), ("storage class", "fast")
        self.assertEqual(self.imported(), [{administrator, storage_class}, {("binding", "postgres-dump")}])
        self.here.make_administrator()
        self.here.make_blueprint()
        self.assertEqual(self.imported(), [{storage_class}, set()])
        self.here.cli("restore", self.point, "-n", self.namespace, "--transforms", "-", text=TO_THE_CLASS_HERE)
        self.assertEqual(self.here.sums(), self.sums)
        self.assertEqual(self.get("pvc", "data-files-0")["spec"]["storageClassName"], "csi-hostpath-sc")


if __name__ == "__main__":
    unittest.main()
