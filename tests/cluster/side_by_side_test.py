#!/usr/bin/env python3
"""Another controller of ActionSets beside `fencepost serve --kubernetes`: each ActionSet is run by one of them only.

The other one begins as Kanister's does: of an ActionSet without a status it writes one, `pending`, with the resourceVersion
that it has read, and then `running`; one that has a status already it leaves alone."""
import json
import threading
import unittest
import urllib.error
import urllib.request

from cluster import wait_for
from faulty_api import ApiFaults

BLUEPRINT = {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "mark"}, "actions": {
    action: {"phases": [{"func": "KubeOps", "name": "mark", "args": {
        "operation": "create", "namespace": "{{ .StatefulSet.Namespace }}",
        "spec": "{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Options.mark }}-by-fencepost'}}"}}]}
    for action in ("mark", "markPrehook", "markPosthook")}}


class OtherController(threading.Thread):
    """Takes what it gets, and marks it as done by itself."""

    def __init__(self, api, namespace):
        super().__init__(daemon=True)
        self.server = "http://127.0.0.1:%d" % api.upstream[1]
        self.namespace = namespace
        self.taken = set()

    def send(self, method, path, body):
        request = urllib.request.Request(self.server + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def run(self):
        actionsets = f"/apis/cr.kanister.io/v1alpha1/namespaces/{self.namespace}/actionsets"
        with urllib.request.urlopen(self.server + actionsets + "?watch=true&timeoutSeconds=100") as events:
            for line in events:
                event = json.loads(line)
                if event["type"] == "ADDED" and "status" not in event["object"]:
                    threading.Thread(target=self.take, args=(actionsets, event["object"]), daemon=True).start()

    def take(self, actionsets, item):
        name = item["metadata"]["name"]
        phase = {"name": "mark", "state": "pending", "progress": {}}
        try:
            for state in ("pending", "running", "complete"):
                item["status"] = {"state": state, "actions": [{"name": "mark", "phases": [{**phase, "state": state}]}]}
                item = self.send("PUT", f"{actionsets}/{name}", item)
                if state == "running":
                    self.taken.add(name)
                    self.send("POST", f"/api/v1/namespaces/{self.namespace}/configmaps", {"metadata": {"name": f"{name}-by-other"}})
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise


class SideBySide(ApiFaults):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.apply(BLUEPRINT)

    def object(self, name, action="mark"):
        return {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": name}, "spec": {"actions": [
            {"name": action, "blueprint": "mark", "object": {"kind": "StatefulSet", "name": "db", "namespace": self.namespace}, "options": {"mark": name}}]}}

    def marks(self):
        return {item["metadata"]["name"] for item in self.list("configmaps") if "-by-" in item["metadata"]["name"]}

    def test_of_many_each_is_run_once_whoever_was_quicker(self):
        other = OtherController(self.api, self.namespace)
        other.start()
        names = [f"race-{n}" for n in range(40)]
        self.apply([self.object(name) for name in names])
        for name in names:
            self.wait_state(name, "complete")
        self.run_action("note")  # the daemon has seen all of them
        marks = {mark for mark in self.marks() if mark.startswith("race-")}
        self.assertEqual(marks, {f"{name}-by-{'other' if name in other.taken else 'fencepost'}" for name in names})

    def test_one_that_another_has_taken_in_the_last_moment_is_left_to_it(self):
        for action in ("mark", "markPrehook"):
            with self.subTest(action):
                name = f"late-{action.lower()}"
                with self.api.holding("PUT", f"/actionsets/{name}") as claim:
                    self.apply(self.object(name, action))
                    self.assertTrue(claim.is_met.wait(30))
                    self.kubectl("patch", "actionset", name, "--type=merge", "-p", '{"status":{"state":"pending","actions":[]}}')
                    theirs = self.get("actionset", name)
                self.run_action("note")
                wait_for("the daemon's word of it", lambda: f'"actionSet":"{name}"' in self.stack.log_tail())
                self.assertEqual(self.get("actionset", name), theirs)
                self.assertNotIn(f"{name}-by-fencepost", self.marks())
                self.assertEqual(self.stack.open_obligations(), [])

    def test_what_another_has_begun_stays_as_it_is_also_after_a_restart(self):
        self.stack.stop()
        begun = self.object("begun")
        begun["status"] = {"state": "running", "actions": [{"name": "mark", "phases": [{"name": "mark", "state": "running"}]}]}
        self.apply(begun)
        theirs = self.get("actionset", "begun")
        self.stack.start()
        self.run_action("note")
        self.kubectl("label", "actionset", "begun", "touched=true")
        self.run_action("note")
        after = self.get("actionset", "begun")
        self.assertEqual((after["status"], after["metadata"].get("finalizers")), (theirs["status"], None))
        self.kubectl("delete", "actionset", "begun", "--timeout=90s")


if __name__ == "__main__":
    unittest.main()
