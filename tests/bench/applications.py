#!/usr/bin/env python3
"""Whole applications: the plan of a namespace with 10,000 objects, and 1,000 restore points listed.

    tests/bench/applications.py            a minute; needs a build in build/ (or FENCEPOST_BUILD)
    tests/bench/applications.py --small    1,000 objects and 100 restore points
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from daemon import FENCEPOST, resident, start, stop  # noqa: E402
from load import call  # noqa: E402

SMALL = "--small" in sys.argv[1:]
OBJECTS, POINTS = (1_000, 100) if SMALL else (10_000, 1_000)
ROUNDS = 5
GROUP = "/apis/fencepost.io/v1alpha1"


def make(port, path, name, labels=None, **members):
    status, answer, _ = call(port, "POST", path, {"metadata": {"name": name, "labels": labels or {}}, **members})
    assert status == 201, answer


def fill(port):
    make(port, "/api/v1/namespaces", "big")
    make(port, "/apis/cr.kanister.io/v1alpha1/namespaces/default/blueprints", "dump", actions={
        "backup": {"phases": [{"func": "KubeOps", "name": "one", "args": {"operation": "create", "spec": "{}"}}]},
        "restore": {"phases": [{"func": "KubeOps", "name": "one", "args": {"operation": "create", "spec": "{}"}}]}})
    make(port, "/apis/config.kio.kasten.io/v1alpha1/namespaces/default/blueprintbindings", "databases", spec={
        "blueprintRef": {"name": "dump", "namespace": "default"},
        "resources": {"matchAll": [{"type": {"operator": "In", "values": [{"resource": "secrets"}]}},
                                   {"labels": {"key": "type", "operator": "In", "values": ["database-credential"]}}]}})

    def one(n):
        if n % 100 == 0:
            make(port, "/api/v1/namespaces/big/secrets", f"db-{n}", {"type": "database-credential"}, stringData={"password": "x" * 30})
        else:
            make(port, "/api/v1/namespaces/big/configmaps", f"settings-{n}", data={"text": "x" * 200})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(OBJECTS)))


def median(work):
    times = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return statistics.median(times) * 1000


def wait(port, path):
    while True:
        _, answer, _ = call(port, "GET", path)
        if answer.get("status", {}).get("state") in ("Complete", "Failed"):
            return answer
        time.sleep(0.01)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fencepost-bench-"))
    daemon, port, _ = start(folder)
    try:
        fill(port)
        cli = lambda *words: subprocess.run([FENCEPOST, *words], check=True, capture_output=True,  # noqa: E731
                                            env=dict(os.environ, FENCEPOST_SERVER=f"http://127.0.0.1:{port}")).stdout
        planned = json.loads(cli("backup", "big", "--plan", "-o", "json"))
        what = f"plan of {len(planned['objects'])} objects, {len(planned['resources'])} of them bound"
        print(f"{what:55}{median(lambda: cli('backup', 'big', '--plan', '-o', 'json')):8.1f} ms   aim 1000")
        make(port, f"{GROUP}/namespaces/big/backupactions", "one", spec={"filters": {"excludeResources": [{"resource": "secrets"}]}})
        ended = wait(port, f"{GROUP}/namespaces/big/backupactions/one")
        assert ended["status"]["state"] == "Complete", ended["status"]
        _, content, _ = call(port, "GET", f"{GROUP}/restorepointcontents")
        like = content["items"][0]["spec"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: (make(port, f"{GROUP}/restorepointcontents", f"content-{n}", spec=like),
                                     make(port, f"{GROUP}/namespaces/big/restorepoints", f"point-{n}",
                                          spec={"restorePointContentRef": {"name": f"content-{n}"}})), range(POINTS)))
        for what, path in ((f"{POINTS} RestorePoints", f"{GROUP}/namespaces/big/restorepoints"),
                           ("a page of 500 of them, /v1/restorepoints", "/v1/restorepoints?limit=500")):
            print(f"{what:55}{median(lambda path=path: call(port, 'GET', path)):8.1f} ms   aim 50")
        print(f"{'fencepost get restorepoints, as a table':55}{median(lambda: cli('get', 'restorepoints', '-n', 'big')):8.1f} ms")
        print(f"{'resident':55}{resident(daemon):8.1f} MiB")
    finally:
        stop(daemon)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
