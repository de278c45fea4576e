#!/usr/bin/env python3
"""A controller that may not do all that is asked of it: it says so before it has done a part."""
import json
import pathlib
import tempfile
import unittest

from cluster import ClusterTest, wait_for
from stack import Stack

ALL_BUT_DELETING_CONFIG_MAPS = """
apiVersion: v1
kind: ServiceAccount
metadata: {{name: limited}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {name}}}
rules:
- {{apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch, create, update, patch, escalate, bind]}}
- {{apiGroups: [fencepost.io, cr.kanister.io, coordination.k8s.io, rbac.authorization.k8s.io], resources: ["*"], verbs: [delete]}}
- {{apiGroups: [""], resources: [secrets, serviceaccounts], verbs: [delete]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}
subjects: [{{kind: ServiceAccount, name: limited, namespace: {name}}}]
"""


class Rights(ClusterTest):
    def test_a_restore_that_may_not_delete_what_is_in_the_way_deletes_nothing(self):
        self.addCleanup(self.kubectl, "delete", "clusterrole,clusterrolebinding", self.namespace)
        self.apply(ALL_BUT_DELETING_CONFIG_MAPS.format(name=self.namespace))
        config = json.loads(self.kubectl("config", "view", "--raw", "-o", "json"))
        config["users"][0]["user"] = {"token": self.kubectl("create", "token", "limited").strip()}
        folder = self.enterContext(tempfile.TemporaryDirectory())
        limited = pathlib.Path(folder, "kubeconfig")
        limited.write_text(json.dumps(config))
        stack = self.enterContext(Stack(serve_options=["--kubernetes", "--kubeconfig", limited, "--namespace", self.namespace,
                                                       "--install-crds"]))
        stack.environment.update(self.cluster.environment, FENCEPOST_SERVER=f"kubernetes://{self.namespace}")
        stack.start()
        wait_for("the types", lambda: self.get("crd", "backupactions.fencepost.io"))
        shop = self.cluster.make_namespace("shop")
        self.addCleanup(self.cluster.delete_namespace, shop)
        self.cluster.kubectl("create", "secret", "generic", "key", "--from-literal=word=xyzzy", namespace=shop)
        self.cluster.kubectl("create", "configmap", "settings", "--from-literal=colour=blue", namespace=shop)

        def uids():
            return {item["metadata"]["uid"] for item in self.cluster.list("secret/key", "configmap/settings", namespace=shop)}

        before = uids()
        action = json.loads(stack.cli("backup", shop, "-o", "json").stdout)["metadata"]["name"]
        told = stack.cli("restore", action, "-n", shop, "--overwrite", check=False)
        self.assertEqual(told.returncode, 1)
        self.assertIn("configmaps/settings is in the way, and may not be deleted", told.stdout + told.stderr)
        self.assertEqual(uids(), before)


if __name__ == "__main__":
    unittest.main()
