#!/usr/bin/env python3
"""The primary of an EDB-like Cluster goes while a backup holds a fenced replica: the backup ends, and the fence with it."""
import unittest

from cluster import TOOLS, wait_for
from edb import EdbCluster
from edb_operator import CLUSTER, ELECTED, FENCED, KIND
from stack import Stack

BLUEPRINT = f"""
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {{name: snapshot}}
actions:
  backup:
    phases:
    - func: Fence
      name: fence
      args: {{namespace: "{{{{ .Object.metadata.namespace }}}}", labelSelector: kasten-enterprisedb.io/hasHooks=true, timeLimit: 10m}}
    - func: KubeTask
      name: copy
      args:
        namespace: "{{{{ .Object.metadata.namespace }}}}"
        image: {TOOLS}
        podOverride: {{serviceAccountName: {CLUSTER}}}
        command:
        - bash
        - -euc
        - |
          get() {{ kubectl get {KIND} {CLUSTER} -o "$@"; }}
          until [[ $(get jsonpath='{{.spec.mayEnd}}') == true ]]; do sleep 0.5; done
    - func: Unfence
      name: unfence
"""


class Failover(EdbCluster):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", cls.namespace,
                                         "--install-crds"])
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.apply(BLUEPRINT)

    def test_a_failover_in_the_middle_of_a_backup_leaves_nothing_fenced(self):
        elected, first = self.annotations()[ELECTED], self.primary()
        self.psql(first, "create table orders (n int); insert into orders select generate_series(1, 1000)")
        for replica in (f"{CLUSTER}-2", f"{CLUSTER}-3"):
            self.wait_caught_up(replica)
        action = self.stack.start_action("backup", {"group": "postgresql.k8s.enterprisedb.io", "resource": "clusters", "name": CLUSTER,
                                                    "namespace": self.namespace}, blueprint="snapshot")
        wait_for("the backup's copying", lambda: [pod for pod in self.list("pods", "-l", "createdBy=kanister") if pod["status"]["phase"] == "Running"], 90)
        self.assertEqual(self.control_state(elected), "shut down in recovery")

        self.stop_operator()
        self.kubectl("delete", "pod", first, "--grace-period=1")
        self.start_operator()
        wait_for("another primary", lambda: self.primary() != first, 90)
        self.assertNotEqual(self.primary(), elected)
        wait_for("its work", lambda: self.exec(self.primary(), "psql", "-qAtc", "insert into orders values (0)", check=False).returncode == 0)
        self.assertEqual(self.control_state(elected), "shut down in recovery")  # the copy is still of one moment
        self.kubectl("patch", KIND, CLUSTER, "--type=merge", "-p", '{"spec":{"mayEnd":true}}')

        ended = self.stack.finish_action(action)
        self.assertEqual(ended["state"], "complete", ended)
        self.assertEqual(self.stack.open_obligations(), [])
        self.assertIsNone(self.annotations().get(FENCED))
        self.wait_caught_up(elected)
        self.assertEqual(self.psql(elected, "select count(*) from orders"), "1001")
        self.wait_caught_up(first)
        wait_for("the Cluster's health", self.is_healthy, 90)


if __name__ == "__main__":
    unittest.main()
