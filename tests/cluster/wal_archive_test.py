#!/usr/bin/env python3
"""The scenario of archived WAL and base backups (tests/e2e/scenarios) on a real Kubernetes: the server in a Pod archives with
our kando, base backups come by a blueprint and by a policy's schedule, and recoveries are Pods on claims."""
import json
import pathlib
import sys
import unittest

from cluster import OUR_TOOLS, POSTGRES, ClusterTest, wait_for
from stack import ROOT, VERSITYGW, Stack

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e/scenarios"))
import wal_archive_test as scenario  # noqa: E402
from postgres_server import Archiving  # noqa: E402

# As root: kando with its libraries for an image that has none, and a data folder that is the server's, however it came.
PREPARE = """
mkdir /tools/lib
cp /usr/local/bin/kando /tools/program
ldd /tools/program | sed -n 's/.*=> \\([^ ]*\\) .*/\\1/p' | xargs cp -t /tools/lib
printf '#!/bin/sh\\nexec /lib64/ld-linux-x86-64.so.2 --library-path /tools/lib /tools/program "$@"\\n' >/tools/kando
chmod 755 /tools/kando
chown -R 26:26 /var/lib/pg
"""
RUN = """
if [[ ! -e $PGDATA/PG_VERSION ]]; then
    initdb --username postgres --pwfile <(printf '%s' "$PGPASSWORD") --auth scram-sha-256 --no-sync
    printf '%s\\n' "listen_addresses = '*'" "unix_socket_directories = ''" "archive_mode = on" \\
        "archive_command = 'kando wal push --prefix pg1 %p'" >>"$PGDATA/postgresql.conf"
    echo 'host all,replication all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
chmod 700 "$PGDATA"
exec postgres
"""


class PodServer(Archiving):
    """A PostgreSQL in a Pod, on the claim of its name."""

    def __init__(self, test, name, profile):
        self.test, self.name = test, name
        environment = {"PGDATA": "/var/lib/pg/pgdata", "PGHOST": "127.0.0.1", "PGUSER": "postgres", "PGPASSWORD": "secret",
                       "PATH": "/tools:/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin", "FENCEPOST_PROFILE": json.dumps(profile)}
        mounts = [{"name": "data", "mountPath": "/var/lib/pg"}, {"name": "tools", "mountPath": "/tools"}]
        test.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"server": name}}, "spec": {
            "terminationGracePeriodSeconds": 1, "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}},
                                                            {"name": "tools", "emptyDir": {}}],
            "initContainers": [{"name": "prepare", "image": OUR_TOOLS, "imagePullPolicy": "IfNotPresent", "volumeMounts": mounts,
                                "securityContext": {"runAsUser": 0}, "command": ["bash", "-euc", PREPARE]}],
            "containers": [{"name": "postgres", "image": POSTGRES, "imagePullPolicy": "IfNotPresent", "volumeMounts": mounts,
                            "securityContext": {"runAsUser": 26, "runAsGroup": 26}, "command": ["bash", "-euc", RUN],
                            "env": [{"name": key, "value": value} for key, value in environment.items()],
                            "readinessProbe": {"exec": {"command": ["pg_isready", "--quiet"]}, "periodSeconds": 1, "timeoutSeconds": 5}}]}})
        test.cluster.wait_ready(name, namespace=test.namespace)

    def sql(self, text):
        return self.test.exec(self.name, "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text).stdout.strip()

    def log(self):
        return self.test.kubectl("logs", self.name, "-c", "postgres")


@unittest.skipUnless(VERSITYGW, "SKIPPED: no S3 server was built (scripts/install-deps --test, with Go)")
class WalArchiveOnKubernetes(scenario.Archived, ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster.import_our_images()
        cls.stack = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", cls.namespace, "--install-crds"])
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.store_host = cls.cluster.host_address
        cls.make_folder()
        cls.flags = cls.location("pg1")
        endpoint = f"http://{cls.store_host}:{cls.stack.s3_port}"
        cls.profile = {"Location": {"type": "s3Compliant", "bucket": "backups", "prefix": "archive", "endpoint": endpoint, "region": "us-east-1"},
                       "Credential": {"Type": "keyPair", "KeyPair": {"ID": "fencepost", "Secret": "fencepost-secret-key"}}}
        cls.apply((ROOT / "blueprints/postgres-basebackup/blueprint.yaml").read_text())
        cls.apply([
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "archive-key"}, "stringData": {"id": "fencepost", "key": "fencepost-secret-key"}},
            {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Profile", "metadata": {"name": "archive"}, "location": cls.profile["Location"],
             "credential": {"type": "keyPair", "keyPair": {"idField": "id", "secretField": "key", "secret": {
                 "apiVersion": "v1", "kind": "Secret", "name": "archive-key", "namespace": cls.namespace}}}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "primary"}, "spec": {"selector": {"server": "primary"}, "ports": [{"port": 5432}]}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pg1", "annotations": {
                "kanister.kasten.io/blueprint": "postgres-basebackup", "fencepost.io/archive-prefix": "pg1"}},
             "stringData": {"host": f"primary.{cls.namespace}", "username": "postgres", "password": "secret"}}])
        cls.make_claim("primary")
        cls.primary = PodServer(cls, "primary", cls.profile)
        cls.primary.sql("create table things (n int primary key, at timestamptz default clock_timestamp())")

    def run_action(self, action, **more):
        done = self.stack.finish_action(self.stack.start_action(
            action, {"resource": "secrets", "apiVersion": "v1", "name": "pg1", "namespace": self.namespace},
            profile={"name": "archive", "namespace": self.namespace}, **more))
        self.assertEqual(done["state"], "complete", json.dumps(done, indent=1)[:3000])
        return done

    def push_base(self):
        type(self).backup = self.run_action("backup")
        return self.backup["artifacts"]["baseBackup"]["keyValue"]["name"]

    def recovered(self, name, target="latest", timeline="latest"):
        self.make_claim(name)
        self.run_action("restore", **{"from": self.backup["id"]}, options={"claim": name, "target": target, "timeline": timeline})
        server = PodServer(self, name, self.profile)
        wait_for("the end of the recovery", lambda: server.sql("select pg_is_in_recovery()") == "f", 180)
        return server

    def test_4_base_backups_come_by_the_policys_schedule(self):
        before = {base["name"] for base in self.bases()}
        self.apply({"apiVersion": "fencepost.io/v1alpha1", "kind": "Policy", "metadata": {"name": "each-minute"}, "spec": {
            "frequency": "* * * * *", "actions": [{"action": "backup", "backupParameters": {
                "profile": {"name": "archive", "namespace": self.namespace}, "filters": {"includeResources": [{"resource": "secrets", "name": "pg1"}]}}}],
            "selector": {"matchExpressions": [{"key": "k10.kasten.io/appNamespace", "operator": "In", "values": [self.namespace]}]}}})
        wait_for("a restore point", lambda: self.list("restorepoints"), 240)
        self.kubectl("delete", "policy", "each-minute")
        [run] = self.list("runactions")[:1]
        self.assertEqual(run["spec"]["subject"], {"kind": "Policy", "name": "each-minute", "namespace": self.namespace}, run)
        [resource] = self.get("restorepointcontent", self.list("restorepoints")[0]["spec"]["restorePointContentRef"]["name"])["spec"]["resources"]
        base = resource["artifacts"]["baseBackup"]["keyValue"]["name"]
        self.assertIn(base, {one["name"] for one in self.bases()} - before)


if __name__ == "__main__":
    unittest.main()
