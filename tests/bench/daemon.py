#!/usr/bin/env python3
"""How fast the daemon is ready, and what it holds idle: `fencepost serve` on an empty folder and on one with 1,000
finished actions. The limits beside the figures are the aims.

    tests/bench/daemon.py        needs a build in build/ (or FENCEPOST_BUILD)
"""
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCEPOST = pathlib.Path(os.environ.get("FENCEPOST_BUILD", ROOT / "build")) / "bin" / "fencepost"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(data):
    port = free_port()
    began = time.monotonic()
    daemon = subprocess.Popen([FENCEPOST, "serve", "--data-dir", data, "--listen", f"127.0.0.1:{port}", "--log-level", "error"])
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return daemon, port, time.monotonic() - began
        except OSError:
            time.sleep(0.001)


def stop(daemon):
    daemon.send_signal(signal.SIGTERM)
    daemon.wait()


def resident(daemon):
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def measure(what, data):
    times = []
    for _ in range(5):
        daemon, _, seconds = start(data)
        times.append(seconds)
        time.sleep(0.5)
        held = resident(daemon)
        stop(daemon)
    print(f"{what:34} ready in {sorted(times)[2] * 1000:6.1f} ms (aim 100)   idle RSS {held:5.1f} MiB (aim 40)")


def main():
    work = tempfile.mkdtemp(prefix="fencepost-bench-")
    try:
        measure("empty folder", work + "/data")
        daemon, port, _ = start(work + "/data")
        environment = dict(os.environ, FENCEPOST_SERVER=f"http://127.0.0.1:{port}")
        objects = ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: subject, namespace: default}\n",
                   "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: none, namespace: default}\nactions: {none: {phases: []}}\n"]
        objects += ["apiVersion: cr.kanister.io/v1alpha1\nkind: ActionSet\nmetadata: {name: run-%d, namespace: default}\nspec: {actions: [{name: none, "
                    "blueprint: none, object: {apiVersion: v1, resource: configmaps, name: subject, namespace: default}}]}\n" % n for n in range(1000)]
        subprocess.run([FENCEPOST, "apply", "-f", "-"], input="---\n".join(objects), text=True, env=environment, check=True, stdout=subprocess.DEVNULL)
        time.sleep(1)
        stop(daemon)
        measure("1,000 finished actions", work + "/data")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
