#!/usr/bin/env python3
"""How actions end on a real cluster when somebody else ends them: the ActionSet is deleted, or its Pod, or its node."""
import json
import time
import unittest

from cluster import TOOLS, wait_for
from controller_test import ControllerTest

GHOST = "ghost"
BLUEPRINT = f"""
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {{name: endings}}
actions:
  held:
    phases:
    - func: Fence
      name: fence
      args: {{namespace: "{{{{ .Namespace.Name }}}}", pods: [db-0], annotationPrefix: test.fencepost.io, timeLimit: 10m}}
    - func: KubeTask
      name: work
      args:
        namespace: "{{{{ .Namespace.Name }}}}"
        image: {TOOLS}
        command: [sleep, "300"]
    deferPhase:
      func: KubeOps
      name: clean
      args:
        operation: create
        namespace: "{{{{ .Namespace.Name }}}}"
        spec: "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: deferred}}}}"
  long:
    phases:
    - func: KubeTask
      name: work
      args: {{namespace: "{{{{ .Namespace.Name }}}}", image: {TOOLS}, command: [sleep, "300"]}}
  elsewhere:
    phases:
    - func: KubeTask
      name: work
      args:
        namespace: "{{{{ .Namespace.Name }}}}"
        image: {TOOLS}
        command: [sleep, "300"]
        podOverride:
          nodeName: {GHOST}
          terminationGracePeriodSeconds: 1
          tolerations: [{{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1}}]
"""


def command(script):
    return json.dumps(["bash", "-c", script])


class Endings(ControllerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.apply(BLUEPRINT)
        for name, script in (("pre-backup-command", "echo fenced >/tmp/fence"), ("post-backup-command", "echo lifted >/tmp/fence")):
            cls.kubectl("annotate", "pod", "db-0", f"test.fencepost.io/{name}={command(script)}")

    def start(self, action):
        name = f"{action}-{time.monotonic_ns()}"
        self.apply({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": name}, "spec": {"actions": [
            {"name": action, "blueprint": "endings", "object": {"kind": "Namespace", "name": self.namespace, "namespace": self.namespace}}]}})
        return name

    def error_of(self, name, seconds=60):
        self.wait_state(name, "failed", seconds)
        return self.get("actionset", name)["status"]["error"]["message"]

    def job_pod_of(self, name):
        uid = self.get("actionset", name)["metadata"]["uid"]
        wait_for("the job Pod", lambda: self.list("pods", "-l", f"fencepost.io/action-set={uid}"))
        return self.list("pods", "-l", f"fencepost.io/action-set={uid}")[0]["metadata"]["name"]

    def test_deleted_while_it_runs_it_unfences_and_runs_its_defer_phase_before_it_goes(self):
        name = self.start("held")
        pod = self.job_pod_of(name)
        self.cluster.wait_ready(pod, namespace=self.namespace)
        self.assertEqual(self.exec("db-0", "cat", "/tmp/fence").stdout, "fenced\n")
        self.assertEqual(len(self.stack.open_obligations()), 1)
        self.kubectl("delete", "actionset", name, "--timeout=60s")
        self.assertTrue(self.get("configmap", "deferred"))
        self.assertEqual(self.exec("db-0", "cat", "/tmp/fence").stdout, "lifted\n")
        self.assertEqual(self.stack.open_obligations(), [])
        wait_for("the job Pod's end", lambda: self.get("pod", pod) is None)

    def test_a_job_pod_that_is_evicted_by_the_api_fails_its_phase_with_the_reason(self):
        name = self.start("long")
        pod = self.job_pod_of(name)
        self.cluster.wait_ready(pod, namespace=self.namespace)
        self.kubectl("create", "--raw", f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction", "-f", "-", text=json.dumps({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}, "deleteOptions": {"gracePeriodSeconds": 1}}))
        self.assertRegex(self.error_of(name), f"Pod {self.namespace}/{pod} (was deleted by somebody else while it ran: |failed: )EvictionByEvictionAPI")

    def test_a_job_pod_on_a_node_that_is_gone_fails_its_phase_with_the_nodes_name(self):
        """The node is an object without a kubelet; what its kubelet last said is said by the test."""
        self.cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": GHOST}, "spec": {
            "taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]}})
        self.addCleanup(self.cluster.kubectl, "delete", "node", GHOST)
        name = self.start("elsewhere")
        pod = self.job_pod_of(name)
        running = {"phase": "Running", "containerStatuses": [{"name": "container", "ready": True, "restartCount": 0, "image": TOOLS, "imageID": "",
                                                              "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}
        self.kubectl("patch", "pod", pod, "--subresource=status", "--type=merge", "-p", json.dumps({"status": running}))
        self.assertRegex(self.error_of(name, 110), f"Pod {self.namespace}/{pod} was deleted while it ran, and its node '{GHOST}' does not end it: "
                         "DeletionByTaintManager")
        wait_for("the Pod's removal", lambda: self.get("pod", pod) is None)


if __name__ == "__main__":
    unittest.main()
