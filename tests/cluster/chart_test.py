#!/usr/bin/env python3
"""The chart and both images on a real cluster: installed, worked with, upgraded in the middle of an action, uninstalled."""
import subprocess
import unittest

from cluster import OUR_TOOLS, ClusterTest, wait_for
from stack import HELM, ROOT

TASKS = f"""
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {{name: tasks}}
actions:
  look:
    phases:
    - func: KubeTask
      name: look
      args:
        image: {OUR_TOOLS}
        command:
        - bash
        - -euc
        - |
          for program in psql pg_dump pg_restore curl jq; do $program --version >&2; done
          name=$(kubectl get configmap kube-root-ca.crt -o json | jq -r .metadata.name)
          kando output name "$name"
  slow:
    phases:
    - func: KubeTask
      name: slow
      args:
        image: {OUR_TOOLS}
        command: [bash, -c, 'for i in $(seq 12); do echo "line $i"; sleep 1; done; kando output done yes']
"""


@unittest.skipUnless(HELM, "SKIPPED: no helm was built (scripts/install-deps --test, with Go)")
class Chart(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls.cluster.is_ours:
            raise unittest.SkipTest("SKIPPED: only the one-node cluster of tests/cluster takes these images")
        cls.cluster.import_our_images()

    def helm(self, *arguments):
        result = subprocess.run([HELM, "--namespace", self.namespace, *arguments], env=self.cluster.environment,
                                capture_output=True, text=True, timeout=200)
        if result.returncode:
            pods = self.cluster.kubectl("describe", "pods", namespace=self.namespace).stdout[-6000:]
            raise AssertionError(f"helm {arguments}: {result.stdout}{result.stderr}\n{pods}\n{self.logs()}")
        return result.stdout

    def logs(self):
        return self.cluster.kubectl("logs", "--selector=app.kubernetes.io/name=fencepost", "--tail=30", "--prefix",
                                    namespace=self.namespace, check=False).stdout

    def run_action(self, name):
        self.apply({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": name}, "spec": {"actions": [
            {"name": name, "blueprint": "tasks", "object": {"kind": "Namespace", "name": self.namespace}}]}})

    def phase_of_complete(self, name):
        try:
            self.kubectl("wait", "--for=jsonpath={.status.state}=complete", f"actionset/{name}", "--timeout=90s")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.get('actionset', name).get('status')}\n{self.logs()}") from None
        return self.get("actionset", name)["status"]["actions"][0]["phases"][0]

    def test_install_work_upgrade_uninstall(self):
        values = ["--wait", "--timeout=150s"]
        notes = self.helm("install", "fencepost", str(ROOT / "charts/fencepost"), *values)
        self.assertIn(f"controls the namespace {self.namespace}", notes)
        self.assertEqual(self.get("deployment", "fencepost")["status"]["readyReplicas"], 2)
        self.apply(TASKS)
        self.run_action("look")
        self.assertEqual(self.phase_of_complete("look")["output"], {"name": "kube-root-ca.crt"})
        self.assertEqual(self.kubectl("exec", "deployment/fencepost", "--", "fencepost", "obligations"), "Nothing is fenced or paused.\n")

        before = {pod["metadata"]["name"] for pod in self.list("pods", "-l", "app.kubernetes.io/name=fencepost")}
        self.run_action("slow")
        wait_for("the job Pod's start", lambda: [pod for pod in self.list("pods", "-l", "createdBy=kanister")
                                                 if pod["status"]["phase"] == "Running"])
        self.helm("upgrade", "fencepost", str(ROOT / "charts/fencepost"), *values, "--set", "maxRunning=7")
        phase = self.phase_of_complete("slow")
        self.assertEqual((phase["output"], phase["attempts"]), ({"done": "yes"}, 1))
        wait_for("the end of the old Pods", lambda: not before & {
            pod["metadata"]["name"] for pod in self.list("pods", "-l", "app.kubernetes.io/name=fencepost")})

        self.helm("uninstall", "fencepost", "--wait")
        left = self.list("deployments,roles,rolebindings,networkpolicies,poddisruptionbudgets,serviceaccounts", "-l", "app.kubernetes.io/instance=fencepost")
        self.assertEqual(left, [])
        self.assertTrue(self.get("actionset", "look"))  # what was done stays on record


if __name__ == "__main__":
    unittest.main()
