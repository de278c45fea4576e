#!/usr/bin/env python3
"""An API server that is away for a minute in the middle of a phase."""
import threading
import time
import unittest

from cluster import wait_for
from faulty_api import ApiFaults

OUTAGE = 60  # seconds: longer than a Lease lasts


class Outage(ApiFaults):
    def restart_when_it_ends(self):
        """As a kubelet would."""
        while not self.is_over.wait(0.2):
            if self.stack.daemon.poll() is not None:
                self.ends.append(self.stack.daemon.returncode)
                self.stack.start(wait=False)

    def test_an_api_server_that_is_away_for_longer_than_the_lease_costs_no_phase(self):
        self.is_over, self.ends = threading.Event(), []
        kubelet = threading.Thread(target=self.restart_when_it_ends)
        self.addCleanup(kubelet.join)
        self.addCleanup(self.is_over.set)
        kubelet.start()
        name = self.run_action("slow", wait=None)
        self.wait_running_job()
        with self.api.away():
            began = time.monotonic()
            during = self.run_action("note", wait=None)
            wait_for("the end of a daemon that no longer leads", lambda: self.ends, 30)
            time.sleep(max(0.0, began + OUTAGE - time.monotonic()))
        self.wait_state(name, "complete", 60)
        self.wait_state(during, "complete", 30)
        phase = self.phases(name)["job"]
        self.assertEqual((phase["output"], phase["attempts"]), ({"done": "yes"}, 1))
        self.assertEqual(self.ends, [1])
        wait_for("the job Pod's end", lambda: not self.job_pods())


if __name__ == "__main__":
    unittest.main()
