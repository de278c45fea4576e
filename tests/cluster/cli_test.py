#!/usr/bin/env python3
"""The command line with a kubeconfig alone: its own rights on the cluster, no port and no token of the daemon."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from controller_test import ControllerTest
from stack import FENCEPOST

READ_ONLY = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: ["", apps, cr.kanister.io, config.kio.kasten.io, fencepost.io], resources: ["*"], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader}]
"""


class CommandLine(ControllerTest):
    def cli(self, *arguments, kubeconfig=None, expected=0):
        """What it prints to stdout and stderr."""
        environment = dict(os.environ, KUBECONFIG=str(kubeconfig or self.cluster.kubeconfig),
                           FENCEPOST_SERVER=f"kubernetes://{self.namespace}")
        result = subprocess.run([FENCEPOST, *arguments], env=environment, capture_output=True, text=True,
                                stdin=subprocess.DEVNULL, timeout=120)
        self.assertEqual(result.returncode, expected, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def of_db(self, *arguments):
        return [*arguments, "--object", "statefulset/db", "-n", self.namespace]

    def test_an_action_is_run_and_followed_by_a_name_that_kubectl_knows(self):
        action = json.loads(self.cli("run", *self.of_db("look", "--blueprint", "steps"), "-o", "json"))
        self.assertEqual(action["state"], "complete")
        self.assertEqual(action["phases"][1]["outputs"], {"seen": "db-0"})
        self.assertEqual(self.get("actionset", action["id"])["status"]["state"], "complete")
        self.assertIn("complete", self.cli("watch", action["id"]))
        self.assertIn(f"kubectl exec -n {self.namespace} deploy/fencepost -- fencepost logs {action['id']}",
                      self.cli("logs", action["id"], expected=1))

    def test_an_action_that_fails_is_exit_code_1_and_is_tried_again(self):
        told = self.cli("run", *self.of_db("fail", "--blueprint", "steps"), expected=1)
        self.assertIn("exit code 7", told)
        [name] = [item["metadata"]["name"] for item in self.list("actionsets") if item["metadata"]["name"].startswith("fail-")]
        self.kubectl("delete", "configmap", "cleaned")
        self.assertIn("exit code 7", self.cli("retry", name, expected=1))
        self.assertTrue(self.get("configmap", "cleaned"))

    def test_objects_are_the_api_servers(self):
        self.assertEqual(self.cli("get", "statefulset", "db", "-n", self.namespace).split()[:3], ["NAME", "READY", "AGE"])
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("{apiVersion: v1, kind: ConfigMap, metadata: {name: applied}, data: {a: b}}")
            file.flush()
            self.assertEqual(self.cli("apply", "-f", file.name, "-n", self.namespace), "configmap/applied created\n")
        self.assertEqual(self.get("configmap", "applied")["data"], {"a": "b"})
        self.assertIn("deleted", self.cli("delete", "configmap", "applied", "-n", self.namespace))
        self.assertIsNone(self.get("configmap", "applied"))
        self.assertEqual(self.cli("obligations"), "Nothing is fenced or paused.\n")

    def test_plan_asks_rbac_and_a_reader_may_not_run(self):
        self.assertIn("granted", self.cli("plan", "steps", "--action", *self.of_db("look")))
        self.apply(READ_ONLY)
        token = self.kubectl("create", "token", "reader").strip()
        config = json.loads(self.kubectl("config", "view", "--raw", "-o", "json"))
        config["users"][0]["user"] = {"token": token}
        with tempfile.TemporaryDirectory() as folder:
            reader = pathlib.Path(folder, "kubeconfig")
            reader.write_text(json.dumps(config))
            told = self.cli("plan", "steps", "--action", *self.of_db("look"), kubeconfig=reader, expected=1)
            self.assertIn(f"you may not create pods/exec db-0 in the namespace {self.namespace}", told)
            self.assertIn("forbidden", self.cli("run", *self.of_db("note", "--blueprint", "steps"), kubeconfig=reader, expected=1))
            config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
            reader.write_text(json.dumps(config))
            self.cli("get", "pods", kubeconfig=reader, expected=4)
        told = self.cli("get", "pods", kubeconfig="/nowhere", expected=1)
        self.assertIn("/nowhere", told)


if __name__ == "__main__":
    unittest.main()
