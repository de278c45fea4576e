#!/usr/bin/env python3
"""The scripts of this folder: whatever ends them, the machine is left as it was, and nobody's cluster is taken over."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from cluster import HERE, HOME, CannotHaveCluster, bring_up, wait_for

INSTANCE = str(100 + os.getpid() % 150)  # beside the one that the other tests use, and other runs of this


def run(script, *arguments, folder=HERE, **environment):
    return subprocess.run([folder / script, *arguments], env={**os.environ, "CLUSTER_INSTANCE": INSTANCE, **environment},
                          capture_output=True, text=True, timeout=300)


def traces():
    """What is there of the cluster on this machine."""
    links = subprocess.run(["ip", "-oneline", "link"], capture_output=True, text=True, check=True).stdout
    state = str(HOME / f"state{INSTANCE}")
    found = [line for line in links.splitlines() if f"fp-cluster{INSTANCE}" in line]
    found += [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if state in line]
    found += [str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(f"**/fencepost-cluster{INSTANCE}")]
    found += [path for path in (state, f"/run/fencepost-cluster{INSTANCE}") if os.path.exists(path)]
    for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if state in process.read_text():
                found.append(process.read_text().replace("\0", " "))
        except OSError:
            pass
    return found


class Lifecycle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            bring_up("api", instance=INSTANCE)
        except CannotHaveCluster as reason:
            raise unittest.SkipTest(f"SKIPPED: {reason}") from None
        run("down.sh")

    def tearDown(self):
        self.assertEqual(run("down.sh").returncode, 0)

    def test_down_leaves_nothing(self):
        self.assertEqual(run("up.sh", "api").returncode, 0)
        self.assertNotEqual(traces(), [])
        self.assertEqual(run("down.sh").returncode, 0)
        self.assertEqual(traces(), [])

    def test_a_killed_up_leaves_nothing_that_down_does_not_end(self):
        for seconds in (0.1, 0.3, 0.6, 1, 2):
            up = subprocess.Popen([HERE / "up.sh"], env={**os.environ, "CLUSTER_INSTANCE": INSTANCE}, start_new_session=True,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(seconds)
            os.killpg(up.pid, signal.SIGKILL)
            up.wait()
            self.assertEqual(run("down.sh").stderr, "")
            self.assertEqual(traces(), [], f"killed after {seconds} s")

    def test_a_cluster_ends_with_its_owner(self):
        owner = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(owner.wait)
        self.addCleanup(owner.kill)
        self.assertEqual(run("up.sh", "api", CLUSTER_OWNER=str(owner.pid)).returncode, 0)
        self.assertEqual(run("down.sh", CLUSTER_OWNER=str(os.getpid())).returncode, 0)
        self.assertNotEqual(traces(), [], "ended for somebody else")
        owner.kill()
        owner.wait()
        wait_for("its end", lambda: not traces())

    def test_another_checkout_is_told_whose_it_is(self):
        self.assertEqual(run("up.sh", "api").returncode, 0)
        with tempfile.TemporaryDirectory() as other:
            folder = pathlib.Path(other) / "tests" / "cluster"
            shutil.copytree(HERE, folder)
            result = run("up.sh", "api", folder=folder)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(f"{HERE.parents[1]} has it up", result.stderr)


if __name__ == "__main__":
    unittest.main()
