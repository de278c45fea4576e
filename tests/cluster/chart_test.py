#!/usr/bin/env python3
"""The chart and both images on a real cluster: installed, worked with, upgraded in the middle of an action, uninstalled."""
import functools
import json
import subprocess
import unittest

from cluster import OUR_TOOLS, ClusterTest, wait_for
from stack import FENCEPOST, HELM, ROOT

CHART = [str(ROOT / "charts/fencepost"), "--wait", "--timeout=150s"]
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

    def install(self, *values):
        notes = self.helm("install", "fencepost", *CHART, *values)
        self.addCleanup(self.helm, "uninstall", "fencepost", "--wait", "--ignore-not-found")
        self.kubectl("rollout", "status", "deployment/fencepost", "--timeout=90s")  # helm is content with one of two
        return notes

    def fencepost(self, *arguments):
        environment = dict(self.cluster.environment, FENCEPOST_SERVER=f"kubernetes://{self.namespace}")
        result = subprocess.run([FENCEPOST, *arguments], env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, f"{result.stdout}{result.stderr}\n{self.logs()}")
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
        notes = self.install()
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
        self.helm("upgrade", "fencepost", *CHART, "--set", "maxRunning=7")
        phase = self.phase_of_complete("slow")
        self.assertEqual((phase["output"], phase["attempts"]), ({"done": "yes"}, 1))
        wait_for("the end of the old Pods", lambda: not before & {
            pod["metadata"]["name"] for pod in self.list("pods", "-l", "app.kubernetes.io/name=fencepost")})

        self.helm("uninstall", "fencepost", "--wait")
        left = self.list("deployments,roles,rolebindings,networkpolicies,poddisruptionbudgets,serviceaccounts", "-l", "app.kubernetes.io/instance=fencepost")
        self.assertEqual(left, [])
        self.assertTrue(self.get("actionset", "look"))  # what was done stays on record

    def test_whole_applications_with_the_rights_that_the_chart_gives(self):
        """And nobody says that somebody else has asked for an action."""
        shop, copy = f"{self.namespace}-shop", f"{self.namespace}-copy"
        kubectl = functools.partial(self.cluster.kubectl, namespace=shop)
        self.install("--set", "clusterWide=true", "--set", "applications.enabled=true")
        self.addCleanup(kubectl, "delete", "namespace", shop, copy, "--ignore-not-found", "--timeout=120s", seconds=130)
        kubectl("create", "namespace", shop)
        kubectl("create", "configmap", "settings", "--from-literal=colour=blue")
        kubectl("create", "secret", "generic", "key", "--from-literal=word=xyzzy")
        kubectl("create", "deployment", "web", f"--image={OUR_TOOLS}", "--", "sleep", "infinity")
        kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=90s")

        self.fencepost("backup", shop)
        [content] = [c for c in self.list("restorepointcontents") if c["spec"]["application"]["namespace"] == shop]
        me = json.loads(kubectl("auth", "whoami", "-o", "json").stdout)["status"]["userInfo"]["username"]
        self.assertEqual(content["spec"]["backupAction"]["requestedBy"], me)

        self.fencepost("restore", content["status"]["restorePointRef"]["name"], "-n", shop, "--into", copy)
        restored = functools.partial(self.cluster.get, namespace=copy)
        self.assertEqual(restored("configmap", "settings")["data"], {"colour": "blue"})
        self.assertEqual(restored("secret", "key")["data"], {"word": "eHl6enk="})
        self.assertEqual(restored("deployment", "web")["status"]["readyReplicas"], 1)

        action = {"apiVersion": "fencepost.io/v1alpha1", "kind": "BackupAction", "metadata": {"name": "quiet", "namespace": shop},
                  "spec": {"subject": {"name": shop, "namespace": shop}}}
        lie = dict(action, metadata=dict(action["metadata"], annotations={"fencepost.io/requested-by": "somebody-else"}))
        self.assertIn("says who asked for the action", kubectl("create", "-f", "-", text=json.dumps(lie), check=False).stderr)
        kubectl("create", "-f", "-", text=json.dumps(action))
        self.assertIn("does not change", kubectl(
            "annotate", "backupaction/quiet", "fencepost.io/requested-by=somebody-else", check=False).stderr)
        kubectl("wait", "--for=condition=Complete", "backupaction/quiet", "--timeout=90s")
        [content] = [c for c in self.list("restorepointcontents") if c["spec"]["backupAction"]["name"] == "quiet"]
        self.assertNotIn("requestedBy", content["spec"]["backupAction"])

        for kept in self.list("restorepointcontents", "-l", f"k10.kasten.io/appNamespace={shop}"):
            kubectl("delete", "restorepointcontent", kept["metadata"]["name"], "--timeout=90s")
        self.assertEqual(self.list("secrets", "-l", "fencepost.io/restore-point-content"), [])


if __name__ == "__main__":
    unittest.main()
