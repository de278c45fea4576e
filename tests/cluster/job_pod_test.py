#!/usr/bin/env python3
"""Job Pods on a real cluster: what becomes of those that cannot start or are ended, and whose rights they have."""
import time
import unittest

from cluster import TOOLS, ClusterTest
from stack import Stack

START_LIMIT = 40  # seconds
# KubeTask's arguments by the action's name.
TASKS = {
    "no-such-image": {"image": "local.test/nowhere:1", "command": ["true"]},
    "bad-image-name": {"image": "Not An Image", "command": ["true"]},
    "no-such-secret": {"command": ["true"], "podOverride": {"containers": [{"name": "container", "env": [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "nowhere", "key": "a"}}}]}]}},
    "no-such-node": {"command": ["true"], "podOverride": {"nodeSelector": {"disk": "golden"}}},
    "no-such-command": {"command": ["/nowhere"]},
    "too-much-memory": {"command": ["tail", "/dev/zero"], "podOverride": {"containers": [
        {"name": "container", "resources": {"limits": {"memory": "32Mi"}}}]}},
    "too-much-disk": {"command": ["bash", "-c", "head -c 8M /dev/zero >/scratch/a; sleep 300"], "podOverride": {
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}],
        "containers": [{"name": "container", "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]}]}},
    "ask": {"command": ["bash", "-c", "kubectl get configmap kube-root-ca.crt -o name"]},
    "ask-as-another": {"command": ["bash", "-c", "! kubectl get configmap kube-root-ca.crt -o name"],
                       "podOverride": {"serviceAccountName": "default"}},
    "hold-no-token": {"command": ["bash", "-c", "[[ ! -e /var/run/secrets/kubernetes.io/serviceaccount/token ]]"]},
    "hold-a-token": {"command": ["test", "-s", "/var/run/secrets/kubernetes.io/serviceaccount/token"],
                     "podOverride": {"serviceAccountName": "default"}},
    "run-without-rights": {"image": "ghcr.io/kanisterio/kanister-tools:0.119.0", "podOverride": {"securityContext": {"runAsUser": 26}},
                           "command": ["bash", "-c", "[[ $(id -u) == 26 ]] && grep -q '^NoNewPrivs:.*1' /proc/self/status && "
                                       "grep -q '^CapBnd:.*0000000000000000' /proc/self/status"]},
    "run-as-root": {"command": ["true"]},
    "mount-the-node": {"command": ["true"], "podOverride": {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}},
}
ROLE = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: controller}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: controller}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: controller}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: controller}
subjects: [{kind: ServiceAccount, name: controller}]
"""


class JobPodTest(ClusterTest):
    """A controller, and the tasks of `names` started all at once: most of what they do is to wait."""
    options = ()
    names = ()
    admits = "privileged"  # what of Pods, of the Pod Security Standards

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", cls.namespace,
                                         "--install-crds", *cls.options])
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.kubectl("label", "namespace", cls.namespace, f"pod-security.kubernetes.io/enforce={cls.admits}")
        cls.apply(ROLE)
        cls.apply({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "tasks"}, "actions": {
            name: {"phases": [{"func": "KubeTask", "name": "task", "args": {"image": TOOLS, **TASKS[name]}}]} for name in cls.names}})
        cls.began = time.monotonic()
        cls.apply([{"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": name}, "spec": {"actions": [
            {"name": name, "blueprint": "tasks", "object": {"kind": "Namespace", "name": cls.namespace}}]}} for name in cls.names])

    def wait_state(self, name, state):
        try:
            self.kubectl("wait", "--for=jsonpath={.status.state}=" + state, f"actionset/{name}", "--timeout=90s")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.get('actionset', name)['status']}\n{self.get('pods')}") from None

    def message_of_failed(self, name):
        self.wait_state(name, "failed")
        return self.get("actionset", name)["status"]["error"]["message"]


class Faults(JobPodTest):
    options = ("--job-pod-start-timeout", f"{START_LIMIT}s")
    names = ("no-such-image", "bad-image-name", "no-such-secret", "no-such-node", "no-such-command", "too-much-memory",
             "too-much-disk")

    def test_an_image_that_cannot_be_pulled_fails_after_the_kubelets_first_back_off(self):
        message = self.message_of_failed("no-such-image")
        self.assertRegex(message, "cannot start: container 'container': ErrImagePull: .*local.test/nowhere:1")

    def test_what_is_wrong_with_the_pod_fails_at_once(self):
        self.assertRegex(self.message_of_failed("bad-image-name"), "cannot start: container 'container': InvalidImageName: ")
        self.assertRegex(self.message_of_failed("no-such-secret"),
                         "cannot start: container 'container': CreateContainerConfigError: secret \"nowhere\" not found")

    def test_the_schedulers_reason_is_told_when_the_start_limit_is_over(self):
        message = self.message_of_failed("no-such-node")
        self.assertGreater(time.monotonic() - self.began, START_LIMIT - 1)
        self.assertRegex(message, f"did not transition into running state. Timeout:{START_LIMIT}s .*: Unschedulable: 0/\\d+ nodes are available")

    def test_a_container_that_is_ended_is_told_with_the_kubelets_reason(self):
        self.assertRegex(self.message_of_failed("no-such-command"), "'container' ended with exit code 128 \\(StartError: .*/nowhere")
        self.assertRegex(self.message_of_failed("too-much-memory"), "'container' ended with exit code 137 \\(OOMKilled")

    def test_a_pod_that_is_evicted_is_told_so(self):
        self.assertRegex(self.message_of_failed("too-much-disk"), "failed: Evicted: Usage of EmptyDir volume \"scratch\" exceeds the limit")


class Restricted(JobPodTest):
    """In a namespace where the API server itself admits nothing but restricted Pods; the image is another one's, mapped."""
    options = ("--job-pod-policy", "restricted", "--image-map", f"ghcr.io/kanisterio/*={TOOLS}")
    admits = "restricted"
    names = ("run-without-rights", "run-as-root", "mount-the-node")

    def test_what_a_job_may_not_hold_never_runs(self):
        self.wait_state("run-without-rights", "complete")
        self.assertRegex(self.message_of_failed("run-as-root"), "CreateContainerConfigError: container has runAsNonRoot and image will run as root")
        message = self.message_of_failed("mount-the-node")
        self.assertIn("the job Pod is refused: spec.volumes[0].hostPath: the node's '/' would be mounted; --job-pod-policy privileged", message)


class Accounts(JobPodTest):
    options = ("--job-service-account", "controller")
    names = ("ask", "ask-as-another")

    def test_a_job_in_the_controllers_namespace_has_its_rights_unless_the_blueprint_names_others(self):
        for name in self.names:
            self.wait_state(name, "complete")


class Secure(JobPodTest):
    options = ("--job-service-account", "controller", "--secure-job-pods")
    names = ("hold-no-token", "hold-a-token")

    def test_a_job_has_a_token_only_where_the_blueprint_names_its_account(self):
        for name in self.names:
            self.wait_state(name, "complete")


if __name__ == "__main__":
    unittest.main()
