#!/usr/bin/env python3
"""`fencepost serve --kubernetes` on the API server of a kubeconfig: how long an ActionSet of one KubeOps phase takes from
its creation to `complete` as a watcher sees it, one after the other and many at once, and what it costs.

  kubernetes.py KUBECONFIG [--one 50] [--many 200]

Kanister's own controller cannot stand beside it: Go's module proxy refuses its module, so what was once measured of it on
such a machine is printed as it was."""
import argparse
import base64
import collections
import http.client
import json
import os
import pathlib
import re
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCEPOST = pathlib.Path(os.environ.get("FENCEPOST_BUILD", ROOT / "build")) / "bin" / "fencepost"
NAMESPACE = f"bench-{os.getpid()}"
BLUEPRINT = {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "bench"}, "actions": {"note": {"phases": [
    {"func": "KubeOps", "name": "make", "args": {"operation": "create", "namespace": NAMESPACE, "spec":
     "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: made-}}"}}]}}}


PEER = """peer skipped: go install github.com/kanisterio/kanister/cmd/controller@latest: 403 Forbidden: This module version is not available
peer, as measured before: 2600 ms for one (KubeTask 3700 ms, ten phases 9800 ms), 104 s for 40 at once, over 500 s for 200,
  71 to 88 MB, 3.2 s from start to the first action done, 5 API requests a second; after kill -9 its ActionSet stays running"""


class Server:
    def __init__(self, kubeconfig):
        import yaml
        config = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        address = urllib.parse.urlsplit(cluster["server"])
        self.host, self.port = address.hostname, address.port
        self.tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self.headers = {"Authorization": "Bearer " + user["token"], "Content-Type": "application/json"}
        self.local = threading.local()

    def connection(self):
        return http.client.HTTPSConnection(self.host, self.port, context=self.tls)

    def send(self, method, path, body=None):
        if not hasattr(self.local, "connection"):
            self.local.connection = self.connection()
        self.local.connection.request(method, path, json.dumps(body) if body else None, self.headers)
        answer = self.local.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()[:500]}")
        return text

    def requests(self):
        """How many of each kind the server has answered so far, of all clients, without what this program asks for."""
        seen = collections.Counter()
        for line in self.send("GET", "/metrics").decode().splitlines():
            if not line.startswith("apiserver_request_total{"):
                continue
            label = dict(re.findall(r'(\w+)="([^"]*)"', line))
            if label["resource"] not in ("leases", "") and not label["subresource"].startswith("/") and label["verb"] != "WATCH":
                seen[f"{label['verb']} {label['resource']}"] += float(line.rsplit(" ", 1)[1])
        return seen


def action_set(name):
    return {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": name}, "spec": {"actions": [
        {"name": "note", "blueprint": "bench", "object": {"kind": "Namespace", "name": NAMESPACE}}]}}


class Watcher:
    """When each ActionSet was first seen to be complete."""

    def __init__(self, server):
        self.server, self.seen, self.changed = server, {}, threading.Condition()
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while True:  # a server ends watches now and then, of a type that is new at once
            connection = self.server.connection()
            connection.request("GET", f"/apis/cr.kanister.io/v1alpha1/namespaces/{NAMESPACE}/actionsets?watch=true", headers=self.server.headers)
            for line in connection.getresponse():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    break
                self.look_at(event["object"])

    def look_at(self, item):
        state = item.get("status", {}).get("state")
        if state in ("complete", "failed"):
            with self.changed:
                self.seen.setdefault(item["metadata"]["name"], (time.monotonic(), state))
                self.changed.notify_all()

    def wait(self, name):
        with self.changed:
            if not self.changed.wait_for(lambda: name in self.seen, 120):
                raise SystemExit(f"{name} did not end")
            at, state = self.seen[name]
        if state != "complete":
            raise SystemExit(f"{name} {state}")
        return at


def memory(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def processor(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kubeconfig")
    parser.add_argument("--one", type=int, default=50)
    parser.add_argument("--many", type=int, default=200)
    options = parser.parse_args()
    server = Server(options.kubeconfig)
    path = f"/apis/cr.kanister.io/v1alpha1/namespaces/{NAMESPACE}"
    server.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    data = tempfile.TemporaryDirectory()
    began = time.monotonic()
    daemon = subprocess.Popen([FENCEPOST, "serve", "--kubernetes", "--install-crds", "--kubeconfig", options.kubeconfig, "--namespace", NAMESPACE,
                               "--data-dir", data.name, "--listen", "127.0.0.1:0", "--log-level", "error"])
    try:
        while b'"actionsets"' not in server.send("GET", "/apis/cr.kanister.io/v1alpha1" if time.sleep(0.2) is None else ""):
            pass
        server.send("POST", path + "/blueprints", BLUEPRINT)
        watcher = Watcher(server)
        server.send("POST", path + "/actionsets", action_set("first"))
        print(f"start to the first action done: {watcher.wait('first') - began:.2f} s")
        time.sleep(2)
        print(f"RSS idle: {memory(daemon.pid):.1f} MiB")

        requests, spent, times = server.requests(), processor(daemon.pid), []
        for i in range(options.one):
            at = time.monotonic()
            server.send("POST", path + "/actionsets", action_set(f"one-{i}"))
            times.append((watcher.wait(f"one-{i}") - at) * 1000)
        time.sleep(1)
        asked = server.requests()
        asked.subtract(requests)
        asked["POST actionsets"] -= options.one
        each = {kind: count / options.one for kind, count in asked.items() if count >= options.one / 10}
        print(f"one after the other: p50 {statistics.median(times):.1f} ms, p99 {sorted(times)[int(len(times) * 0.99)]:.1f} ms, "
              f"{sum(each.values()):.1f} API requests and {(processor(daemon.pid) - spent) / options.one * 1000:.1f} ms of processor each")
        print("  " + ", ".join(f"{kind} {count:.1f}" for kind, count in sorted(each.items(), key=lambda item: -item[1])))

        at = time.monotonic()
        names = [f"many-{i}" for i in range(options.many)]
        threads = [threading.Thread(target=lambda part=names[i::8]: [server.send("POST", path + "/actionsets", action_set(name)) for name in part])
                   for i in range(8)]
        for thread in threads:
            thread.start()
        last = max(watcher.wait(name) for name in names)
        print(f"{options.many} at once: all complete after {last - at:.2f} s; RSS {memory(daemon.pid):.1f} MiB")
        print(PEER)
    finally:
        daemon.kill()
        server.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
        while NAMESPACE in server.send("GET", "/api/v1/namespaces").decode():  # what the next run would find
            time.sleep(0.5)


main()
