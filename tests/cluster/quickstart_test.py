#!/usr/bin/env python3
"""The quickstart on a real cluster: one helm install, and its backup and restore as without Kubernetes."""
import os
import pathlib
import subprocess
import tempfile
import unittest

from cluster import POSTGRES, ClusterTest
from stack import HELM, KUBECTL, ROOT


@unittest.skipUnless(HELM, "SKIPPED: no helm was built (scripts/install-deps --test, with Go)")
class Quickstart(ClusterTest):
    def test_backup_disaster_and_restore_by_the_installed_chart(self):
        self.need_one_node_cluster()
        self.cluster.import_our_images()
        with tempfile.TemporaryDirectory() as programs:
            for name, program in {"kubectl": KUBECTL, "helm": HELM}.items():
                pathlib.Path(programs, name).symlink_to(program)
            result = subprocess.run(
                [ROOT / "examples/quickstart/run", "--kubernetes"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                env={**self.cluster.environment, "PATH": f"{programs}:{os.environ['PATH']}", "ROWS": "50000",
                     "STORE_HOST": self.cluster.host_address, "POSTGRES_IMAGE": POSTGRES, "POSTGRES_UID": "26"}, timeout=400)
        self.assertEqual(result.returncode, 0, (result.stdout + result.stderr)[-6000:])
        self.assertRegex(result.stdout, r"stock restic check +ok")
        self.assertRegex(result.stdout, r"checksums equal +yes")
        left = self.cluster.list("deployments,secrets,profiles,blueprints", namespace="default")
        self.assertEqual([item["metadata"]["name"] for item in left], [])


if __name__ == "__main__":
    unittest.main()
