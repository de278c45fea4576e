#!/usr/bin/env python3
"""The Cluster of edb.py and its operator, before anything is tested on them."""
import json
import unittest

from cluster import wait_for
from edb import EdbCluster
from edb_operator import CLUSTER, ELECTED, FENCED, KASTEN, KIND


class Operator(EdbCluster):
    def setUp(self):
        self.addCleanup(self.wait_caught_up, f"{CLUSTER}-2")
        self.addCleanup(self.wait_caught_up, f"{CLUSTER}-3")
        self.addCleanup(self.fence)
        self.elected = self.annotations()[ELECTED]
        self.other = f"{CLUSTER}-2" if self.elected == f"{CLUSTER}-3" else f"{CLUSTER}-3"

    def run_hook(self, name):
        """The command that the elected Pod's annotations publish."""
        [pod] = self.decorated("pods", "hasHooks")
        return self.exec(pod["name"], *json.loads(pod["annotations"][KASTEN + name]),
                         options=("-c", pod["annotations"][KASTEN + "pre-backup-container"])).stdout

    def test_one_replica_is_elected_and_the_others_are_excluded(self):
        self.assertIn(self.elected, (f"{CLUSTER}-2", f"{CLUSTER}-3"))
        self.assertEqual([pod["name"] for pod in self.decorated("pods", "hasHooks")], [self.elected])
        self.assertEqual([claim["name"] for claim in self.decorated("pvc", "elected")], [f"pgdata-{self.elected}"])
        others = {f"{CLUSTER}-1", self.other}
        self.assertEqual({pod["name"] for pod in self.decorated("pods", "excluded")}, others)
        self.assertEqual({claim["name"] for claim in self.decorated("pvc", "excluded")}, {f"pgdata-{name}" for name in others})
        for thing in self.decorated("pods", "excluded") + self.decorated("pvc", "excluded"):
            self.assertIn(self.elected, thing["annotations"][KASTEN + "excluded-reason"])
        self.assertEqual(self.get(KIND, CLUSTER)["status"]["currentPrimary"], f"{CLUSTER}-1")

    def test_a_fenced_instance_is_shut_down_while_its_pod_stays(self):
        before = self.get("pod", self.elected)
        self.fence(self.elected)
        self.wait_fenced(self.elected)
        self.psql(f"{CLUSTER}-1", "create table while_fenced (n int)")
        self.assertNotEqual(self.exec(self.elected, "pg_isready", check=False).returncode, 0)
        after = self.get("pod", self.elected)
        self.assertEqual(after["metadata"]["uid"], before["metadata"]["uid"])
        self.assertEqual(after["status"]["containerStatuses"][0]["restartCount"], 0)
        self.fence()
        self.wait_caught_up(self.elected)
        self.assertEqual(self.psql(self.elected, "select count(*) from while_fenced"), "0")

    def test_the_published_hooks_fence_and_unfence_their_own_instance_only(self):
        self.fence(self.other)
        self.wait_fenced(self.other)
        self.assertIn("shut down in recovery", self.run_hook("pre-backup-command"))
        self.assertEqual(json.loads(self.annotations()[FENCED]), [f"{CLUSTER}-2", f"{CLUSTER}-3"])
        self.run_hook("post-backup-command")
        self.assertEqual(json.loads(self.annotations()[FENCED]), [self.other])
        self.wait_caught_up(self.elected)
        self.assertEqual(self.control_state(self.other), "shut down in recovery")

    def test_an_operator_that_was_killed_goes_on(self):
        self.fence(self.elected)
        self.wait_fenced(self.elected)
        self.stop_operator()
        self.fence()
        self.assertEqual(self.control_state(self.elected), "shut down in recovery")
        self.start_operator()
        self.wait_caught_up(self.elected)

    def test_another_is_elected_when_the_choice_is_forgotten(self):
        self.kubectl("annotate", KIND, CLUSTER, f"{ELECTED}-")
        wait_for("an election", lambda: self.annotations().get(ELECTED) in (f"{CLUSTER}-2", f"{CLUSTER}-3"))
        elected = self.annotations()[ELECTED]
        wait_for("its decoration", lambda: [pod["name"] for pod in self.decorated("pods", "hasHooks")] == [elected])


if __name__ == "__main__":
    unittest.main()
