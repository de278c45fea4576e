#!/usr/bin/env python3
"""The cluster itself, before anything is tested on it: what the other tests take for granted."""
import pathlib
import unittest

from cluster import TOOLS, ClusterTest, wait_for

ANSWER = "hello from here"
WEB = ("perl", "-MIO::Socket", "-e",
       'my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die; while (my $c = $s->accept) '
       f'{{ sysread $c, my $request, 4096; print $c "HTTP/1.0 200 OK\\r\\n\\r\\n{ANSWER}"; close $c }}')


class Node(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_pod("web", WEB, labels={"app": "web"})
        cls.start_pod("shell")
        cls.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "greeter"},
                   "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})

    def fetch(self, pod, host):
        return self.exec(pod, "curl", "-sS", "--max-time", "5", f"http://{host}/").stdout

    def test_exec_carries_stdin_output_and_exit_code(self):
        self.assertEqual(self.exec("shell", "cat", text="to and fro").stdout, "to and fro")
        result = self.exec("shell", "bash", "-c", "echo out; echo err >&2; exit 7", check=False)
        self.assertEqual((result.returncode, result.stdout), (7, "out\n"))
        self.assertIn("err\n", result.stderr)

    def test_files_are_copied(self):
        self.kubectl("cp", pathlib.Path(__file__), f"{self.namespace}/shell:/tmp/copy")
        self.assertEqual(self.exec("shell", "cat", "/tmp/copy").stdout, pathlib.Path(__file__).read_text())

    def test_a_service_is_reached_by_address_and_by_name(self):
        address = self.get("service", "greeter")["spec"]["clusterIP"]
        wait_for("the Service's endpoint", lambda: self.exec("shell", "curl", "-sS", f"http://{address}/", check=False).stdout == ANSWER)
        for pod in ("shell", "web"):  # web: to itself
            for host in (address, "greeter", f"greeter.{self.namespace}.svc.cluster.local"):
                self.assertEqual(self.fetch(pod, host), ANSWER, (pod, host))

    def test_a_service_is_reached_from_inside_the_namespaces(self):
        self.need_one_node_cluster()
        address = self.get("service", "greeter")["spec"]["clusterIP"]
        wait_for("the Service's endpoint", lambda: self.cluster.inside("curl", "-sS", "--max-time", "5", f"http://{address}/") == ANSWER)

    def test_a_job_completes_and_its_pod_is_somebody(self):
        self.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "who"}, "spec": {"backoffLimit": 0, "template": {
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": TOOLS, "imagePullPolicy": "IfNotPresent",
                                                               "command": ["kubectl", "auth", "whoami"]}]}}}})
        self.kubectl("wait", "--for=condition=complete", "job/who", "--timeout=60s")
        self.assertIn(f"system:serviceaccount:{self.namespace}:default", self.kubectl("logs", "job/who"))

    def test_a_statefulset_keeps_its_volume_and_its_name(self):
        labels = {"app": "kept"}
        script = "hostname >>/data/starts; exec sleep infinity"
        self.apply([
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kept"},
             "spec": {"clusterIP": "None", "selector": labels, "ports": [{"port": 80}]}},
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "kept"}, "spec": {
                "serviceName": "kept", "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
                    "terminationGracePeriodSeconds": 0, "containers": [{
                        "name": "main", "image": TOOLS, "imagePullPolicy": "IfNotPresent", "command": ["bash", "-c", script],
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}}])
        self.kubectl("rollout", "status", "statefulset/kept", "--timeout=60s")
        first = self.get("pod", "kept-0")["metadata"]["uid"]
        self.kubectl("delete", "pod", "kept-0")
        wait_for("another Pod of that name", lambda: (self.get("pod", "kept-0") or {"metadata": {"uid": first}})["metadata"]["uid"] != first)
        self.cluster.wait_ready("kept-0", namespace=self.namespace)
        self.assertEqual(self.exec("kept-0", "cat", "/data/starts").stdout, "kept-0\nkept-0\n")
        named = ("getent", "hosts", f"kept-0.kept.{self.namespace}.svc.cluster.local")
        wait_for("its name", lambda: self.exec("shell", *named, check=False).stdout.startswith(self.get("pod", "kept-0")["status"]["podIP"]))

    def test_the_api_server_comes_back_with_what_it_had(self):
        self.need_one_node_cluster()
        with self.cluster.without("kube-apiserver"):
            result = self.cluster.kubectl("get", "pods", check=False)
            self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertEqual(self.exec("shell", "echo", "again").stdout, "again\n")


class Volumes(ClusterTest):
    def test_a_snapshot_gives_back_what_was_there_when_it_was_taken(self):
        self.make_claim("source")
        self.start_pod("writer", claim="source")
        self.exec("writer", "bash", "-c", "echo old >/data/file; head -c 5000000 /dev/urandom >/data/blob; md5sum /data/blob >/data/sum; sync")
        self.make_snapshot("taken", "source")
        self.wait_snapshot("taken")
        self.exec("writer", "bash", "-c", "echo new >/data/file; rm /data/blob")
        self.make_claim("restored", snapshot="taken")
        self.start_pod("reader", claim="restored")
        self.assertEqual(self.exec("reader", "bash", "-c", "cat /data/file; md5sum --check /data/sum").stdout, "old\n/data/blob: OK\n")
        self.assertEqual(self.exec("writer", "cat", "/data/file").stdout, "new\n")

    def test_a_call_to_the_driver_fails_while_it_is_told_to(self):
        self.need_one_node_cluster()
        self.make_claim("unlucky")
        with self.cluster.failing("CreateSnapshot", "the array is full"):
            self.make_snapshot("late", "unlucky")
            wait_for("the error", lambda: "the array is full" in self.get("volumesnapshot", "late")["status"]["error"]["message"])
        self.wait_snapshot("late")

    def test_what_is_deleted_leaves_no_volume(self):
        self.make_claim("brief")
        volume = self.get("pvc", "brief")["spec"]["volumeName"]
        self.kubectl("delete", "pvc", "brief")
        wait_for("the volume's end", lambda: self.get("pv", volume) is None)
        if self.cluster.is_ours:
            self.assertFalse((self.cluster.state / "csi" / "vol" / volume).exists())


if __name__ == "__main__":
    unittest.main()
