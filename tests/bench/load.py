#!/usr/bin/env python3
"""What the daemon bears: 10,000 actions at once, and 1,000,000 stored objects. Prints its memory, what the API takes, and
how many actions were lost (none may be: that is checked).

    tests/bench/load.py            ten minutes at most; needs a build in build/ (or FENCEPOST_BUILD)
    tests/bench/load.py --small    1,000 actions and 20,000 objects
"""
import concurrent.futures
import http.client
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from daemon import FENCEPOST, resident, start, stop  # noqa: E402

SMALL = "--small" in sys.argv[1:]
ACTIONS, OBJECTS = (1_000, 20_000) if SMALL else (10_000, 1_000_000)
OBJECT = {"apiVersion": "v1", "resource": "configmaps", "name": "gate", "namespace": "default"}
local = threading.local()


def call(port, method, path, body=None):
    """(status, answer, seconds), on this thread's own connection."""
    if getattr(local, "port", None) != port:
        local.connection, local.port = http.client.HTTPConnection("127.0.0.1", port, timeout=120), port
    began = time.monotonic()
    local.connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = local.connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text), time.monotonic() - began


def percentiles(times):
    times = sorted(times)
    return f"p50 {times[len(times) // 2] * 1000:7.2f} ms   p99 {times[int(len(times) * 0.99)] * 1000:7.2f} ms"


def many(workers, count, work):
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(count)))


def actions(folder):
    daemon, port, _ = start(folder)
    try:
        waits = {"func": "Wait", "name": "gate", "args": {"timeout": "30m", "conditions": {"allOf": [
            {"condition": '{{ if eq "{ $.data.open }" "yes" }}true{{ else }}false{{ end }}',
             "objectReference": dict(OBJECT)}]}}}
        call(port, "POST", "/api/v1/namespaces/default/configmaps",
             {"metadata": {"name": "gate", "namespace": "default"}, "data": {"open": "no"}})
        status, answer, _ = call(port, "POST", "/apis/cr.kanister.io/v1alpha1/namespaces/default/blueprints",
                                 {"metadata": {"name": "gate", "namespace": "default"}, "actions": {"go": {"phases": [waits]}}})
        assert status in (200, 201), answer
        began = time.monotonic()
        answers = many(16, ACTIONS, lambda n: call(port, "POST", "/v1/actions", {"action": "go", "subject": OBJECT, "blueprint": "gate"}))
        assert all(status == 201 for status, _, _ in answers), [a for a in answers if a[0] != 201][:1]
        print(f"POST of {ACTIONS} actions               {percentiles([t for _, _, t in answers])}   "
              f"{ACTIONS / (time.monotonic() - began):6.0f} a second")
        print(f"all of them open                      RSS {resident(daemon):7.1f} MiB")
        ids = [answer["id"] for _, answer, _ in answers]
        times = [t for _, _, t in many(4, 2_000, lambda n: call(port, "GET", f"/v1/actions/{ids[n % len(ids)]}"))]
        print(f"GET of one while they are open        {percentiles(times)}")
        began = time.monotonic()
        call(port, "PUT", "/api/v1/namespaces/default/configmaps/gate",
             {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gate", "namespace": "default"}, "data": {"open": "yes"}})
        ended = many(8, ACTIONS, lambda n: finish(port, ids[n]))
        print(f"the gate is opened                    {ended.count('complete')} of {ACTIONS} complete, "
              f"{ACTIONS - ended.count('complete')} lost, in {time.monotonic() - began:.1f} s")
        assert ended.count("complete") == ACTIONS, "an action was lost"
        print(f"all of them complete                  RSS {resident(daemon):7.1f} MiB")
    finally:
        stop(daemon)


def finish(port, identity):
    while True:
        _, answer, _ = call(port, "GET", f"/v1/actions/{identity}?wait=20s")
        if answer["state"] in ("complete", "failed"):
            return answer["state"]


def objects(folder):
    subprocess.run([FENCEPOST.parent / "bench_objects", folder, str(OBJECTS)], check=True)
    daemon, port, seconds = start(folder)
    try:
        print(f"a daemon on {OBJECTS} objects      ready in {seconds:6.2f} s   RSS {resident(daemon):7.1f} MiB")
        path = "/api/v1/namespaces/default/secrets"
        times = [t for _, _, t in many(4, 2_000, lambda n: call(port, "GET", f"{path}/s-{n * 7919 % OBJECTS}"))]
        print(f"GET of one                            {percentiles(times)}")
        times = [t for _, _, t in many(1, 20, lambda n: call(port, "GET", f"{path}?limit=500"))]
        print(f"a page of 500                         {percentiles(times)}")
        times = [t for _, _, t in many(1, 20, lambda n: call(port, "GET", f"{path}?labelSelector=app%3Da{n}&limit=500"))]
        print(f"a page of 500 by label                {percentiles(times)}")
        times = [t for _, _, t in many(4, 500, lambda n: call(port, "POST", path, {"metadata": {"name": f"new-{n}", "namespace": "default"}}))]
        print(f"POST of one                           {percentiles(times)}")
    finally:
        stop(daemon)


def main():
    for part in (actions, objects):
        work = tempfile.mkdtemp(prefix="fencepost-bench-")
        try:
            part(work + "/data")
        finally:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
