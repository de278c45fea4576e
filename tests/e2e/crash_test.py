"""kill -9 of the daemon at many instants of the quickstart's backup: nothing stuck, nothing fenced, no snapshot half
written. FENCEPOST_CRASHES sets how many (50)."""
import json
import os
import random
import time
import unittest

from stack import APP1_DB, STORE, VERSITYGW, Stack, apply_postgres_dump, wait_for

CRASHES = int(os.environ.get("FENCEPOST_CRASHES", "50"))


class Crash(unittest.TestCase):
    def test_the_backup_survives_a_kill_at_any_instant(self):
        seed = int(os.environ.get("FENCEPOST_SEED", random.randrange(1 << 30)))
        print(f"seed {seed}", flush=True)
        chance = random.Random(seed)
        with Stack() as stack:
            stack.start()
            if VERSITYGW:
                stack.start_s3()
            else:
                stack.start_file_store()
            apply_postgres_dump(stack)
            stack.start_database(rows=60_000)
            stack.start_writer()
            began = time.monotonic()
            first = stack.finish_action(stack.start_action("backup", APP1_DB, profile=STORE))
            usual = time.monotonic() - began
            self.assertEqual(first["state"], "complete", first)

            violations, states = [], {}
            finished = [first]
            for number in range(CRASHES):
                instant = usual * 1.2 * number / CRASHES
                action = self.crash(stack, chance, instant)
                states[action["state"]] = states.get(action["state"], 0) + 1
                violations += [f"kill at {instant:.3f} s: {v}" for v in self.violations(stack, action)]
                finished.append(action)
            violations += self.snapshot_violations(stack, finished)
            print(f"{CRASHES} kills over {usual * 1.2:.2f} s of a backup: {len(violations)} violations; "
                  f"actions ended {states}", flush=True)
            self.assertEqual(violations, [])

    def crash(self, stack, chance, instant):
        identity = stack.start_action("backup", APP1_DB, profile=STORE)
        time.sleep(instant)
        stack.kill()
        stack.start()
        if chance.random() < 0.3:  # once more, while it is picking up the pieces
            time.sleep(chance.random() * 0.3)
            stack.kill()
            stack.start()
        return stack.finish_action(identity, 90)

    def violations(self, stack, action):
        found = []
        if action["state"] not in ("complete", "failed"):
            found.append(f"the action is {action['state']}")
        phases = {phase["name"]: phase for phase in action["phases"]}
        if phases["unfence"]["state"] not in ("complete", "failed"):
            found.append(f"deferPhase is {phases['unfence']['state']}")
        for phase in phases.values():
            if phase["state"] == "running":
                found.append(f"phase {phase['name']} is running")
        try:
            wait_for("the end of all obligations", lambda: not stack.open_obligations(), 30)
        except AssertionError:
            found.append(f"obligations are open: {json.dumps(stack.open_obligations())}")
        if stack.replay_is_paused():
            found.append("the replica is still fenced")
        return found

    def snapshot_violations(self, stack, actions):
        found = []
        check = stack.restic("check", "--read-data")
        if check.returncode != 0:
            found.append(f"restic check: {check.stderr.decode()}")
        snapshots = {s["id"]: s for s in json.loads(stack.restic("snapshots", "--json").stdout)}
        for action in actions:
            if action["state"] != "complete":
                continue
            identity = json.loads(action["artifacts"]["pgBackup"]["kopiaSnapshot"])["id"]
            if identity not in snapshots:
                found.append(f"{action['id']} is complete but its snapshot {identity} is not there")
        paths = [s["paths"][0] for s in snapshots.values()]
        if len(paths) != len(set(paths)):
            found.append("a dump that had finished was made again")
        for identity, snapshot in list(snapshots.items())[-10:]:
            dump = stack.restic("dump", identity, snapshot["paths"][0])
            if dump.returncode != 0 or b"-- PostgreSQL database dump complete" not in dump.stdout[-200:]:
                found.append(f"snapshot {identity} is not a whole dump")
        return found


if __name__ == "__main__":
    unittest.main()
