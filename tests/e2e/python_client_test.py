"""The Python client library of Kubernetes (the package `kubernetes` from PyPI) against `fencepost serve`."""
import json
import os
import sys
import threading
import unittest

from stack import PYTHON, Stack, wait_for

if PYTHON.exists() and sys.prefix != str(PYTHON.parents[1]):
    os.execv(PYTHON, [str(PYTHON), *sys.argv])  # where the package is
try:
    from kubernetes import client, config, dynamic, stream, watch
    from kubernetes.client.rest import ApiException
except ImportError:
    client = None


@unittest.skipUnless(client, "SKIPPED: no Python package kubernetes (scripts/install-deps --test)")
class PythonClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        path = cls.stack.work / "kubeconfig"
        path.write_text(cls.stack.cli("kubeconfig", "-n", "app").stdout)
        cls.api = config.new_client_from_config(str(path))
        cls.core, cls.custom = client.CoreV1Api(cls.api), client.CustomObjectsApi(cls.api)
        cls.core.create_namespace({"metadata": {"name": "app"}})

    def config_map(self, name, **data):
        return self.core.create_namespaced_config_map("app", {"metadata": {"name": name}, "data": data})

    def pod(self, name, command):
        self.core.create_namespaced_pod("app", {"metadata": {"name": name}, "spec": {
            "terminationGracePeriodSeconds": 0, "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "x", "command": ["bash", "-c", command]}]}})
        wait_for("the Pod's start", lambda: self.core.read_namespaced_pod(name, "app").status.phase in ("Running", "Succeeded"))

    def test_typed_objects_come_and_go(self):
        made = self.config_map("typed", a="1")
        made.data["a"] = "2"
        self.assertEqual(self.core.replace_namespaced_config_map("typed", "app", made).data, {"a": "2"})
        with self.assertRaises(ApiException) as refused:
            self.core.replace_namespaced_config_map("typed", "app", made)
        self.assertEqual((refused.exception.status, json.loads(refused.exception.body)["reason"]), (409, "Conflict"))
        self.core.patch_namespaced_config_map("typed", "app", {"data": {"b": "3"}})
        self.assertEqual(self.core.read_namespaced_config_map("typed", "app").data, {"a": "2", "b": "3"})
        self.assertEqual(self.core.delete_namespaced_config_map("typed", "app").status, "Success")
        with self.assertRaises(ApiException) as gone:
            self.core.read_namespaced_config_map("typed", "app")
        self.assertEqual(gone.exception.status, 404)
        self.assertEqual(client.VersionApi(self.api).get_code().minor, "34")

    def test_lists_go_on_where_they_stopped(self):
        for number in range(5):
            self.config_map(f"page-{number}").metadata.labels
            self.core.patch_namespaced_config_map(f"page-{number}", "app", {"metadata": {"labels": {"page": "yes"}}})
        names, more = [], None
        while True:
            page = self.core.list_namespaced_config_map("app", label_selector="page=yes", limit=2, _continue=more)
            names += [item.metadata.name for item in page.items]
            more = page.metadata._continue
            if not more:
                break
        self.assertEqual(names, [f"page-{n}" for n in range(5)])

    def test_a_watch_goes_on_from_a_list(self):
        version = self.core.list_namespaced_config_map("app").metadata.resource_version
        self.config_map("watched", k="1")
        self.core.patch_namespaced_config_map("watched", "app", {"data": {"k": "2"}})
        self.core.delete_namespaced_config_map("watched", "app")
        events = [(event["type"], event["object"].data["k"]) for event in watch.Watch().stream(
            self.core.list_namespaced_config_map, "app", field_selector="metadata.name=watched", resource_version=version,
            timeout_seconds=1)]
        self.assertEqual(events, [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")])

    def test_kanisters_objects_are_custom_objects_and_dynamic_ones(self):
        blueprint = {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "dynamic"},
                     "actions": {"go": {"phases": []}}}
        self.custom.create_namespaced_custom_object("cr.kanister.io", "v1alpha1", "default", "blueprints", blueprint)
        blueprints = dynamic.DynamicClient(self.api).resources.get(api_version="cr.kanister.io/v1alpha1", kind="Blueprint")
        self.assertEqual(blueprints.get(name="dynamic", namespace="default").actions.go.phases, [])
        applied = blueprints.server_side_apply(namespace="default", name="dynamic", field_manager="python", force_conflicts=True,
                                               body={**blueprint, "actions": {"stop": {"phases": []}}})
        self.assertEqual(sorted(applied.actions.to_dict()), ["go", "stop"])

    def test_logs_are_read_and_followed(self):
        self.pod("talker", "for i in 1 2 3; do echo line $i; sleep 0.2; done")
        lines = list(watch.Watch().stream(self.core.read_namespaced_pod_log, "talker", "app"))
        self.assertEqual(lines, ["line 1", "line 2", "line 3"])
        self.assertEqual(self.core.read_namespaced_pod_log("talker", "app", tail_lines=1), "line 3\n")

    def test_exec_runs_commands_over_a_websocket(self):
        self.pod("shell", "sleep 1000")
        self.assertEqual(stream.stream(self.core.connect_get_namespaced_pod_exec, "shell", "app", command=["echo", "hello"],
                                       stdout=True, stderr=True, stdin=False, tty=False), "hello\n")
        session = stream.stream(self.core.connect_get_namespaced_pod_exec, "shell", "app", stdin=True, stdout=True, stderr=True,
                                tty=False, command=["bash", "-c", "read line; echo got $line; echo oops >&2; exit 3"],
                                _preload_content=False)
        session.write_stdin("a line\n")
        session.run_forever(timeout=20)
        self.assertEqual((session.read_stdout(), session.read_stderr(), session.returncode), ("got a line\n", "oops\n", 3))

    def test_many_execs_at_once(self):
        self.pod("busy", "sleep 1000")
        answers = {}

        def ask(number):
            api = config.new_client_from_config(str(self.stack.work / "kubeconfig"))  # stream() is not for threads
            answers[number] = stream.stream(client.CoreV1Api(api).connect_get_namespaced_pod_exec, "busy", "app", stdout=True,
                                            command=["bash", "-c", f"seq {number} {number + 1000}"])
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number in range(20):
            self.assertEqual(answers[number], "".join(f"{n}\n" for n in range(number, number + 1001)))


if __name__ == "__main__":
    unittest.main()
