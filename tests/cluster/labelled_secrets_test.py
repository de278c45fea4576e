#!/usr/bin/env python3
"""The scenario of the databases behind labelled Secrets (tests/e2e/scenarios) on a real cluster: PostgreSQL in Pods, the
blueprint's job Pods from our tools image, the store on this host."""
import json
import pathlib
import sys
import unittest

from cluster import POSTGRES, ClusterTest, wait_for
from stack import ROOT, VERSITYGW, Stack, apply_postgres_dump, render

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e/scenarios"))
import labelled_secrets_test as scenario  # noqa: E402

ADMIN = "admin's \"pass\" $word"


@unittest.skipUnless(VERSITYGW, "SKIPPED: no S3 server was built (scripts/install-deps --test, with Go)")
class LabelledSecretsOnKubernetes(scenario.LabelledSecrets, ClusterTest):
    @classmethod
    def setUpClass(cls):
        ClusterTest.setUpClass.__func__(cls)
        cls.cluster.import_our_images()
        cls.addClassCleanup(cls.cluster.kubectl, "delete", "namespace", "app1", "tenant2", "--ignore-not-found", "--timeout=120s",
                            seconds=130)
        cls.stack = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", "default", "--install-crds"])
        cls.addClassCleanup(cls.stack.__exit__)
        cls.addClassCleanup(cls.cluster.kubectl, "delete", "secret/postgres-dump-admin", "secret/s3-credentials", "secret/repository-key",
                            "secret/fencepost-signing-key", "profile/store", "blueprint/postgres-dump", "blueprintbinding/postgres-dump", "--ignore-not-found", check=False)
        cls.stack.start()
        cls.stack.environment.update(cls.cluster.environment, FENCEPOST_SERVER="kubernetes://default")
        host = cls.cluster.host_address
        cls.stack.start_s3_server(host)
        cls.stack.apply(render(ROOT / "examples/profile-s3.yaml", S3_KEY="fencepost", S3_SECRET="fencepost-secret-key",
                               BUCKET="backups", STORE_HOST=host, S3_PORT=cls.stack.s3_port))
        cls.stack.repository = f"s3:http://{host}:{cls.stack.s3_port}/backups/fencepost"
        apply_postgres_dump(cls.stack)
        cls.stack.apply(render(ROOT / "examples/quickstart/database.yaml", PRIMARY_HOST="pg-primary.app1", PRIMARY_PORT=5432,
                               REPLICA_HOST="pg-replica.app1", REPLICA_PORT=5432, LISTEN="*", ROWS=2_000, POSTGRES_IMAGE=POSTGRES,
                               POSTGRES_UID=26, POSTGRES_GID=26))
        cls.cluster.wait_ready("pg-primary", namespace="app1")
        scripts = json.loads(cls.stack.cli("get", "configmap", "postgres-scripts", "-n", "app1", "-o", "json").stdout)
        cls.sql("postgres", scripts["data"]["load.sql"])
        cls.cluster.wait_ready("pg-replica", namespace="app1")
        wait_for("streaming", lambda: cls.sql("postgres", "select state from pg_stat_replication") == "streaming")
        cls.make_databases()

    @classmethod
    def sql(cls, database, statement):
        return cls.cluster.exec("pg-primary", "env", "PGUSER=postgres", f"PGPASSWORD={ADMIN}", "psql", "--no-psqlrc", "-qAt",
                                "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-", namespace="app1", text=statement).stdout.strip()


if __name__ == "__main__":
    unittest.main()
