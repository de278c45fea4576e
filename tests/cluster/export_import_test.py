#!/usr/bin/env python3
"""The scenario of exported restore points (tests/e2e/scenarios) on a real Kubernetes: an EDB-like Cluster on CSI volumes, of
whose one replica the volume goes to an object store; its namespace is deleted, and comes back from there."""
import pathlib
import sys
import unittest

from cluster import wait_for
from edb import EdbCluster
from edb_operator import CLUSTER, ELECTED
from stack import ROOT, VERSITYGW, Stack, render

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e/scenarios"))
import export_import_test as scenario  # noqa: E402

LINKS = "select count(*), md5(string_agg(l::text, ',' order by id)) from links l"


@unittest.skipUnless(VERSITYGW, "SKIPPED: no S3 server was built (scripts/install-deps --test, with Go)")
class ExportedNamespaceOnKubernetes(scenario.ExportedNamespace, EdbCluster):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster.import_our_images()
        cls.controller = cls.cluster.make_namespace("exporter")
        cls.addClassCleanup(cls.cluster.delete_namespace, cls.controller)
        cls.here = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", cls.controller, "--install-crds"])
        cls.addClassCleanup(cls.here.__exit__)
        cls.here.start()
        cls.here.environment.update(cls.cluster.environment, FENCEPOST_SERVER=f"kubernetes://{cls.controller}")
        host = cls.cluster.host_address
        cls.here.start_s3_server(host)
        profile = render(ROOT / "examples/profile-s3.yaml", S3_KEY="fencepost", S3_SECRET="fencepost-secret-key", BUCKET="backups",
                         STORE_HOST=host, S3_PORT=cls.here.s3_port)
        for text in (profile, *((ROOT / path).read_text() for path in ("blueprints/postgres-fence/blueprint.yaml",
                                                                       "bindings/postgres-fence-edb.yaml"))):
            cls.cluster.apply(text.replace("namespace: default", f"namespace: {cls.controller}"), namespace=cls.controller)
        cls.here.repository = f"s3:http://{host}:{cls.here.s3_port}/backups/fencepost"
        wait_for("the binding's validation", lambda: cls.cluster.get("blueprintbinding", "postgres-fence-edb", namespace=cls.controller)
                 ["status"]["validation"] == "Success")
        elected = cls.annotations()[ELECTED]
        cls.claim = f"pgdata-{elected}"
        cls.psql(cls.primary(), "create table links (id serial primary key, name text, last_update timestamptz default clock_timestamp());"
                 "insert into links (name) select 'link ' || n from generate_series(1, 20000) n")
        cls.links = cls.psql(cls.primary(), LINKS)
        cls.system = cls.psql(cls.primary(), "select system_identifier from pg_control_system()")
        cls.wait_caught_up(elected)

    def check_restored(self, _):
        """The instance whose volume has come back is the primary, with every row; the others join it."""
        wait_for("the Cluster's health", self.is_healthy, 180)
        first = self.claim.removeprefix("pgdata-")
        self.assertEqual(self.primary(), first)
        names = [f"{CLUSTER}-{n}" for n in (1, 2, 3)]
        for name in names:
            if name != first:
                self.wait_caught_up(name)
            self.assertEqual(self.psql(name, LINKS), self.links)
            self.assertEqual(self.psql(name, "select system_identifier from pg_control_system()"), self.system)  # no initdb
        self.psql(first, "insert into links (name) values ('after the restore')")
        # Another one is elected now, and the next backup needs no other blueprint.
        wait_for("an election", lambda: self.annotations()[ELECTED] in set(names) - {first}
                 and [pod["name"] for pod in self.decorated("pods", "hasHooks")] == [self.annotations()[ELECTED]], 120)
        plan = self.here.cli("backup", self.namespace, "--plan", "-o", "json", *scenario.NOT_EXCLUDED).stdout
        self.assertIn(f'"pgdata-{self.annotations()[ELECTED]}"', plan)
        self.assertNotIn(f'"pgdata-{first}"', plan.split('"skipped"')[0])


if __name__ == "__main__":
    unittest.main()
