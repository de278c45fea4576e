#!/usr/bin/env python3
"""An API server that fails while `fencepost serve --kubernetes` works with it: cut off, slow, in conflict, forgetful."""
import time
import unittest

from cluster import wait_for
from faulty_api import ApiFaults


class Cuts(ApiFaults):
    def test_a_short_cut_is_waited_for_and_the_log_has_every_line_once(self):
        name = self.run_action("slow", wait=None)
        self.wait_running_job()
        with self.api.away():
            time.sleep(4)
        self.wait_state(name, "complete")
        phase = self.phases(name)["job"]
        self.assertEqual((phase["output"], phase["attempts"]), ({"done": "yes"}, 1))
        lines = [line for line in self.log_of(name, "job").splitlines() if line.startswith("line ")]
        self.assertEqual(lines, [f"line {n}" for n in range(1, 9)])
        self.assert_same_daemon()

    def test_a_watch_that_is_cut_goes_on(self):
        for _ in range(5):
            self.api.cut("watch=true")
            self.run_action("note", seconds=15)
        self.assert_same_daemon()

    def test_a_watch_whose_position_is_too_old_begins_with_a_new_list(self):
        gone = self.api.answer(410, "GET", "/actionsets?.*watch=true", message="too old resource version: 1 (2)")
        lists = self.api.count("GET", r"/actionsets\?limit=")
        self.api.cut("/actionsets?.*watch=true")
        self.run_action("note", seconds=15)
        self.assertEqual(gone.left, 0)
        # Webhooks are told of by a watch of their own: it may be the one that was refused, and lists a moment later.
        wait_for("the new list", lambda: self.api.count("GET", r"/actionsets\?limit=") > lists, 15)
        self.assert_same_daemon()

    def test_a_renewal_of_the_lease_that_hangs_does_not_cost_it(self):
        with self.api.holding("PUT", "/leases/") as renewal:
            self.assertTrue(renewal.is_met.wait(10))
            renewals = self.api.count("PUT", "/leases/")
            wait_for("the next renewal", lambda: self.api.count("PUT", "/leases/") > renewals + 1, 12)
        self.run_action("note")
        self.assert_same_daemon()

    def test_a_storm_of_conflicts_on_status_writes_ends_with_every_status_written(self):
        before = self.made()
        storm = self.api.answer(409, "PUT", "/actionsets/", times=12, message="the object has been modified")
        names = [self.run_action("note", wait=None) for _ in range(4)]
        for name in names:
            self.wait_state(name, "complete")
        self.assertEqual(storm.left, 0)
        self.assertEqual(len(self.made() - before), 4)

    def test_a_server_that_is_overloaded_is_given_the_time_that_it_asks_for(self):
        refused = self.api.answer(429, "PUT", "/actionsets/", times=2, headers="Retry-After: 2\r\n")
        began = time.monotonic()
        self.run_action("note")
        self.assertGreater(time.monotonic() - began, 2)
        self.assertEqual(refused.left, 0)

    def test_errors_of_the_server_are_tried_again_wherever_they_come(self):
        for method, pattern in (("GET", "/blueprints/"), ("GET", "/statefulsets/"), ("PUT", "/actionsets/"), ("POST", "/configmaps"), ("POST", "/events")):
            self.api.answer(500, method, pattern, times=2)
        before = self.made()
        self.run_action("note")
        self.assertEqual(len(self.made() - before), 1)

    def test_what_was_done_though_its_answer_was_lost_is_not_done_twice(self):
        before = self.made()
        made = self.api.lose_answer("POST", "/configmaps")
        written = self.api.lose_answer("PUT", "/actionsets/", times=2)
        name = self.run_action("note")
        self.assertEqual((made.left, written.left), (0, 0))
        [one] = self.made() - before
        self.assertEqual(self.get("actionset", name)["status"]["actions"][0]["artifacts"]["made"]["keyValue"]["name"], one)

    def test_a_job_pod_whose_creation_was_not_answered_is_made_once(self):
        created = self.api.lose_answer("POST", "/pods")
        posts = self.api.count("POST", r"/pods(\?|$)")
        name = self.run_action("look")
        self.assertEqual(created.left, 0)
        self.assertEqual(self.api.count("POST", r"/pods(\?|$)"), posts + 2)
        self.assertEqual(self.phases(name)["beside"]["attempts"], 1)

    def test_an_exec_that_was_not_begun_is_begun_again(self):
        refused = self.api.answer(500, "GET", "/exec?", times=2)
        name = self.run_action("look")
        self.assertEqual(refused.left, 0)
        self.assertEqual(self.phases(name)["inside"]["attempts"], 1)


if __name__ == "__main__":
    unittest.main()
