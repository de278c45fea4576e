#!/usr/bin/env python3
"""`fencepost serve --kubernetes` as the controller of a real cluster: what Kanister's users do, with kubectl alone."""
import json
import signal
import time
import unittest

from cluster import TOOLS, ClusterTest, wait_for
from stack import Stack

BLUEPRINT = f"""
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {{name: steps}}
actions:
  note:
    outputArtifacts:
      made: {{keyValue: {{name: "{{{{ .Phases.make.Output.name }}}}"}}}}
    phases:
    - func: KubeOps
      name: make
      args:
        operation: create
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        spec: "{{apiVersion: v1, kind: ConfigMap, metadata: {{generateName: made-}}, data: {{by: fencepost}}}}"
  look:
    phases:
    - func: KubeExec
      name: inside
      args:
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        pod: "{{{{ index .StatefulSet.Pods 0 }}}}"
        container: main
        command: [bash, -c, 'echo "###Phase-output###: {{\\"key\\":\\"host\\",\\"value\\":\\"$(hostname)\\"}}"; echo told >&2']
    - func: KubeTask
      name: beside
      args:
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        image: {TOOLS}
        podOverride: {{containers: [{{name: container, imagePullPolicy: IfNotPresent}}]}}
        command: [bash, -c, 'echo "###Phase-output###: {{\\"key\\":\\"seen\\",\\"value\\":\\"{{{{ .Phases.inside.Output.host }}}}\\"}}"']
  fail:
    phases:
    - func: KubeExec
      name: badly
      args:
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        pod: "{{{{ index .StatefulSet.Pods 0 }}}}"
        container: main
        command: [bash, -c, 'echo no such thing >&2; exit 7']
    deferPhase:
      func: KubeOps
      name: clean
      args:
        operation: create
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        spec: "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: cleaned}}}}"
  slow:
    phases:
    - func: KubeTask
      name: job
      args:
        namespace: "{{{{ .StatefulSet.Namespace }}}}"
        image: {TOOLS}
        podOverride: {{containers: [{{name: container, imagePullPolicy: IfNotPresent}}]}}
        command: [bash, -c, 'for i in $(seq 8); do echo "line $i"; sleep 1; done; echo "###Phase-output###: {{\\"key\\":\\"done\\",\\"value\\":\\"yes\\"}}"']
  scale:
    phases:
    - func: ScaleWorkload
      name: down
      args: {{namespace: "{{{{ .StatefulSet.Namespace }}}}", kind: StatefulSet, name: db, replicas: 0}}
    - func: ScaleWorkload
      name: up
      args: {{namespace: "{{{{ .StatefulSet.Namespace }}}}", kind: StatefulSet, name: db, replicas: 1}}
"""


class ControllerTest(ClusterTest):
    """Daemons that control a namespace, which has a StatefulSet `db` and the blueprint `steps`."""
    options = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(cls.remove_finalizers)
        cls.stack = cls.new_replica()
        cls.stack.start()
        cls.apply(BLUEPRINT)
        labels = {"app": "db"}
        cls.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {
            "serviceName": "db", "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [
                {"name": "main", "image": TOOLS, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"]}]}}}})
        cls.kubectl("rollout", "status", "statefulset/db", "--timeout=60s")

    @classmethod
    def new_replica(cls):
        stack = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.cluster.kubeconfig, "--namespace", cls.namespace,
                                     "--install-crds", *cls.options])
        cls.addClassCleanup(stack.__exit__)
        return stack

    @classmethod
    def remove_finalizers(cls):
        """What still ran when the last daemon ended would keep the namespace."""
        for name in [item["metadata"]["name"] for item in cls.list("actionsets") if item["metadata"].get("finalizers")]:
            cls.kubectl("patch", "actionset", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}', check=False)

    @classmethod
    def run_action(cls, action, wait="complete", seconds=60):
        """The ActionSet's name, once it is as waited for."""
        name = f"{action}-{time.monotonic_ns()}"
        cls.apply({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": name}, "spec": {"actions": [
            {"name": action, "blueprint": "steps", "object": {"kind": "StatefulSet", "name": "db", "namespace": cls.namespace}}]}})
        if wait:
            cls.wait_state(name, wait, seconds)
        return name

    @classmethod
    def wait_state(cls, name, state, seconds=60):
        try:
            cls.kubectl("wait", "--for=jsonpath={.status.state}=" + state, f"actionset/{name}", f"--timeout={seconds}s", seconds=seconds + 10)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{cls.get('actionset', name).get('status')}\n{cls.stack.log_tail()}") from None

    def phases(self, name):
        return {phase["name"]: phase for phase in self.get("actionset", name)["status"]["actions"][0]["phases"]}

    def job_pods(self):
        return (self.get("pods", "-l", "createdBy=kanister") or {"items": []})["items"]

    def wait_running_job(self):
        """The uid of the job Pod, once it runs."""
        wait_for("the job Pod's start", lambda: [pod for pod in self.job_pods() if pod["status"]["phase"] == "Running"])
        return self.job_pods()[0]["metadata"]["uid"]


class Controller(ControllerTest):
    def test_an_object_is_made_and_told_of_as_an_artifact(self):
        status = self.get("actionset", self.run_action("note"))["status"]
        made = status["actions"][0]["artifacts"]["made"]["keyValue"]["name"]
        self.assertTrue(made.startswith("made-"), made)
        self.assertEqual(self.get("configmap", made)["data"], {"by": "fencepost"})

    def test_commands_run_in_the_pod_and_in_a_job_pod(self):
        phases = self.phases(self.run_action("look"))
        self.assertEqual(phases["inside"]["output"], {"host": "db-0"})
        self.assertEqual(phases["beside"]["output"], {"seen": "db-0"})
        wait_for("the job Pod's end", lambda: not self.job_pods())

    def test_a_command_that_fails_is_told_with_its_exit_code_and_the_defer_phase_runs(self):
        status = self.get("actionset", self.run_action("fail", wait="failed"))["status"]
        self.assertIn("exit code 7", status["error"]["message"])
        self.assertEqual(status["actions"][0]["deferPhase"]["state"], "complete")
        self.assertTrue(self.get("configmap", "cleaned"))

    def test_a_workload_is_scaled_and_waited_for(self):
        before = self.get("pod", "db-0")["metadata"]["uid"]
        self.run_action("scale", seconds=120)
        self.assertNotEqual(self.get("pod", "db-0")["metadata"]["uid"], before)

    def test_what_kanctl_posts_runs_as_it_comes(self):
        # Go's zero values and nulls, a name to be made, a kind without a group.
        text = json.dumps({
            "kind": "ActionSet", "apiVersion": "cr.kanister.io/v1alpha1",
            "metadata": {"generateName": "look-", "namespace": self.namespace, "creationTimestamp": None},
            "spec": {"actions": [{
                "name": "look", "blueprint": "steps", "preferredVersion": "",
                "object": {"apiVersion": "", "group": "", "resource": "", "kind": "statefulset", "name": "db", "namespace": self.namespace},
                "artifacts": None, "configMaps": None, "secrets": None, "options": None, "podOverride": None, "profile": None}]}})
        name = json.loads(self.kubectl("create", "-f", "-", "-o", "json", text=text))["metadata"]["name"]
        self.wait_state(name, "complete")
        self.assertEqual(self.phases(name)["inside"]["output"], {"host": "db-0"})

    def test_killed_in_the_middle_it_goes_on_with_the_job_pod_that_runs(self):
        name = self.run_action("slow", wait=None)
        pod = self.wait_running_job()
        self.stack.kill()
        self.stack.start()
        self.assertEqual({item["metadata"]["uid"] for item in self.job_pods()}, {pod})
        self.wait_state(name, "complete", 90)  # the Lease of the one that was killed must run out first
        phase = self.phases(name)["job"]
        self.assertEqual((phase["output"], phase["attempts"]), ({"done": "yes"}, 1))

    def test_deleted_while_it_runs_it_is_cancelled_and_its_pod_goes(self):
        name = self.run_action("slow", wait=None)
        self.wait_running_job()
        self.kubectl("delete", "actionset", name, "--timeout=90s")
        wait_for("the job Pod's end", lambda: not self.job_pods())

    def test_the_rest_api_runs_actions_there_too(self):
        action = self.stack.finish_action(self.stack.start_action(
            "look", {"resource": "statefulsets", "group": "apps", "name": "db", "namespace": self.namespace}, blueprint="steps"))
        self.assertEqual(action["state"], "complete", action)
        log = self.stack.open(f"/v1/actions/{action['id']}/logs").read().decode()
        self.assertIn("told", log)

    def test_the_objects_of_the_cluster_are_not_served_with_the_controllers_rights(self):
        self.assertEqual(self.stack.request("GET", "/api/v1/secrets")[0], 404)


class Chosen(ControllerTest):
    """Two namespaces are controlled: its own, and one that it is told."""
    options = ("--watch-namespaces", "watched-too")

    def begin_in(self, namespace):
        self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        self.addClassCleanup(self.cluster.delete_namespace, namespace)
        self.cluster.apply(BLUEPRINT, namespace)  # an ActionSet's is beside it
        self.cluster.apply({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": "note"}, "spec": {"actions": [
            {"name": "note", "blueprint": "steps", "object": {"kind": "StatefulSet", "name": "db", "namespace": self.namespace}}]}}, namespace)

    def test_actionsets_of_the_chosen_namespaces_run_and_others_do_not(self):
        self.begin_in("not-watched")
        self.begin_in("watched-too")
        self.cluster.kubectl("wait", "--for=jsonpath={.status.state}=complete", "actionset/note", "--timeout=60s", namespace="watched-too")
        self.run_action("note")
        self.assertIsNone(self.cluster.get("actionset", "note", namespace="not-watched").get("status"))


class Replicas(ControllerTest):
    def holder(self):
        return self.get("lease", "fencepost")["spec"]["holderIdentity"]

    def test_of_two_one_works_and_the_other_goes_on_at_once_when_it_stops(self):
        other = self.new_replica()
        other.start()
        first = self.holder()
        name = self.run_action("slow", wait=None)
        pod = self.wait_running_job()
        self.stack.stop()
        wait_for("the hand-over", lambda: self.holder() not in (first, ""), 10)
        self.wait_state(name, "complete")
        self.assertEqual(self.phases(name)["job"]["attempts"], 1)
        self.assertNotIn(pod, {item["metadata"]["uid"] for item in self.job_pods()})
        other.stop()
        self.stack.start()

    def test_one_that_was_paused_for_longer_than_its_lease_does_no_harm_when_it_goes_on(self):
        name = self.run_action("slow", wait=None)
        self.wait_running_job()
        self.stack.daemon.send_signal(signal.SIGSTOP)
        paused, first = self.stack.daemon, self.holder()
        other = self.new_replica()
        other.start()
        wait_for("the other one's turn", lambda: self.holder() not in (first, ""), 40)
        self.wait_state(name, "complete")
        before = self.get("actionset", name)["metadata"]["resourceVersion"]
        paused.send_signal(signal.SIGCONT)
        self.assertEqual(paused.wait(30), 1)
        self.assertIn("no longer leads", self.stack.log_tail())
        self.assertEqual(self.get("actionset", name)["metadata"]["resourceVersion"], before)
        other.stop()
        self.stack.start()


if __name__ == "__main__":
    unittest.main()
