#!/usr/bin/env python3
"""Objects that nobody can read, and rights that are missing: what is wrong says so itself, and all else goes on."""
import json
import pathlib
import tempfile
import unittest

from cluster import ClusterTest, TOOLS, wait_for
from controller_test import ControllerTest
from stack import ROOT, Stack

SUBJECT = {"kind": "StatefulSet", "name": "db"}
# ActionSets by name: what stands beside their metadata, and what their error must say.
POISON = {
    "no-object": ({"spec": {"actions": [{"name": "note", "blueprint": "steps"}]}}, "object"),
    "actions-are-a-word": ({"spec": {"actions": "note"}}, "actions"),
    "an-action-is-a-number": ({"spec": {"actions": [7]}}, "actions"),
    "a-name-is-a-list": ({"spec": {"actions": [{"name": ["note"], "blueprint": "steps", "object": SUBJECT}]}}, "name"),
    "no-such-blueprint": ({"spec": {"actions": [{"name": "note", "blueprint": "nowhere", "object": SUBJECT}]}}, 'blueprints.*"nowhere" not found'),
    "a-blueprint-of-garbage": ({"spec": {"actions": [{"name": "note", "blueprint": "garbage", "object": SUBJECT}]}}, "actions|phases"),
    "a-template-of-garbage": ({"spec": {"actions": [{"name": "torn", "blueprint": "odd", "object": SUBJECT}]}}, "template|unclosed|torn"),
    "a-huge-blueprint": ({"spec": {"actions": [{"name": "huge", "blueprint": "odd", "object": SUBJECT}]}}, "262144|too large|Too long"),
}
BLUEPRINTS = [
    {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "garbage"},
     "actions": {"note": {"phases": "make it so"}}},
    {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "odd"}, "actions": {
        "torn": {"phases": [{"func": "KubeTask", "name": "one", "args": {"image": TOOLS, "command": ["echo", "{{ .Torn"]}}]},
        "huge": {"phases": [{"func": "KubeTask", "name": "one", "args": {"image": TOOLS, "command": ["echo", "x" * 400_000]}}]}}},
]


class Poison(ControllerTest):
    def test_what_cannot_be_read_fails_alone_and_is_told(self):
        for blueprint in BLUEPRINTS:  # too large for kubectl's annotation of what was applied
            self.kubectl("create", "-f", "-", text=json.dumps(blueprint))
        before = self.run_action("slow", wait=None)
        for name, (rest, _) in POISON.items():
            self.kubectl("create", "-f", "-", text=json.dumps({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet",
                                                               "metadata": {"name": name}, **rest}))
        self.run_action("note")
        for name, (_, expected) in POISON.items():
            with self.subTest(name):
                self.wait_state(name, "failed")
                self.assertRegex(self.get("actionset", name)["status"]["error"]["message"], expected)
                self.kubectl("delete", "actionset", name, "--timeout=90s")
        self.wait_state(before, "complete")
        self.assertIsNone(self.stack.daemon.poll())

    def test_a_record_of_garbage_fails_its_actionset_alone(self):
        self.kubectl("create", "-f", "-", text=json.dumps({
            "apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet",
            "metadata": {"name": "torn-record", "annotations": {"fencepost.io/record": "{torn"}},
            "spec": {"actions": [{"name": "note", "blueprint": "steps", "object": SUBJECT}]}}))
        self.wait_state("torn-record", "failed")
        self.run_action("note")


# What a controller of one namespace needs, but for what a test takes away. No Role can give it RestorePointContents, which are in
# no namespace.
RULES = [
    {"apiGroups": ["cr.kanister.io"], "resources": ["actionsets", "blueprints", "profiles"], "verbs": ["get", "list", "watch", "create", "update", "patch"]},
    {"apiGroups": ["config.kio.kasten.io"], "resources": ["blueprintbindings", "blueprintbindings/status"], "verbs": ["get", "list", "watch", "update", "patch"]},
    {"apiGroups": ["fencepost.io"], "resources": ["obligations", "webhooks", "policies", "policypresets", "transformsets", "runactions", "backupactions", "restoreactions", "exportactions", "importactions", "validateactions", "cancelactions", "restorepoints"],
     "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get"]},
]
LEASES = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}


class Rights(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kubectl("create", "-f", ROOT / "charts/fencepost/crds", check=False)  # those that are there stay

    def start(self, name, rules, wait=True):
        """A daemon with a ServiceAccount of that name, which may do just this."""
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
        self.apply([{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
                    {**role, "kind": "Role", "rules": rules},
                    {**role, "kind": "RoleBinding", "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                     "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": self.namespace}]}])
        config = json.loads(self.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        config["users"][0]["user"] = {"token": self.kubectl("create", "token", name).strip()}
        folder = self.enterContext(tempfile.TemporaryDirectory())
        kubeconfig = pathlib.Path(folder) / "kubeconfig"
        kubeconfig.write_text(json.dumps(config))
        stack = Stack(serve_options=["--kubernetes", "--kubeconfig", kubeconfig, "--namespace", self.namespace])
        self.addCleanup(stack.__exit__)
        stack.start(wait)
        return stack

    def test_a_right_that_a_phase_lacks_is_told_with_its_verb_and_resource(self):
        stack = self.start("no-jobs", [*RULES, LEASES])
        self.apply({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "asks"}, "actions": {
            "task": {"phases": [{"func": "KubeTask", "name": "one", "args": {"image": TOOLS, "command": ["true"]}}]},
            "exec": {"phases": [{"func": "KubeExec", "name": "one", "args": {"namespace": self.namespace, "pod": "any", "container": "main", "command": ["true"]}}]},
            "make": {"phases": [{"func": "KubeOps", "name": "one", "args": {"operation": "create", "namespace": self.namespace,
                                                                           "spec": "{apiVersion: v1, kind: Secret, metadata: {name: made}}"}}]}}})
        for action, verb_and_resource in (("task", 'cannot create resource "pods"'), ("exec", 'cannot (create|get) resource "pods/exec"'),
                                          ("make", 'cannot create resource "secrets"')):
            with self.subTest(action):
                self.apply({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": action}, "spec": {"actions": [
                    {"name": action, "blueprint": "asks", "object": {"kind": "Namespace", "name": self.namespace, "namespace": self.namespace}}]}})
                self.kubectl("wait", "--for=jsonpath={.status.state}=failed", f"actionset/{action}", "--timeout=90s")
                self.assertRegex(self.get("actionset", action)["status"]["error"]["message"], verb_and_resource)
        self.assertIsNone(stack.daemon.poll())

    def test_a_right_that_the_controller_lacks_is_logged_until_it_is_given(self):
        stack = self.start("no-leases", RULES)
        wait_for("the log of it", lambda: 'cannot get resource \\"leases\\"' in stack.log_tail())
        stack.stop()
        stack = self.start("no-action-sets", [*RULES[1:], LEASES], wait=False)
        wait_for("the log of it", lambda: 'cannot list resource \\"actionsets\\"' in stack.log_tail())


if __name__ == "__main__":
    unittest.main()
