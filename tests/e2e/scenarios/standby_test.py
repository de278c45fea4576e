"""A standby: two installations, each with a daemon and a database of its own, and one location. The first backs its database
up and exports it; the second follows it by a policy that imports and restores. Its database has the first's rows, also
where its daemon is killed in the middle, and what its retention no longer keeps stays at the location."""
import base64
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from stack import ROOT, VERSITYGW, Stack, apply_postgres_dump, render, wait_for  # noqa: E402

SELECTOR = {"matchExpressions": [{"key": "k10.kasten.io/appNamespace", "operator": "In", "values": ["app1"]}]}
SECRET = {"includeResources": [{"resource": "secrets", "name": "app1-db"}]}
STORE = {"name": "store"}


def policy(name, **spec):
    return json.dumps({"apiVersion": "fencepost.io/v1alpha1", "kind": "Policy", "spec": {"selector": SELECTOR, **spec},
                       "metadata": {"name": name, "namespace": "default"}})


class Standby(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.here, cls.there = Stack(), Stack()
        for stack in (cls.here, cls.there):
            cls.addClassCleanup(stack.__exit__)
            stack.start()
            apply_postgres_dump(stack)
        if VERSITYGW:
            cls.here.start_s3()
            cls.there.apply(render(ROOT / "examples/profile-s3.yaml", S3_KEY="fencepost", S3_SECRET="fencepost-secret-key",
                                   BUCKET="backups", STORE_HOST="127.0.0.1", S3_PORT=cls.here.s3_port))
        else:
            cls.here.start_file_store()
            cls.there.apply(render(ROOT / "examples/profile-file.yaml", STORE=cls.here.work / "store"))
        cls.here.start_database(rows=2_000)
        cls.there.start_database(rows=10)
        # Of the first, as a preset has it: what runs when, and where to, is said once.
        cls.here.apply(json.dumps({"apiVersion": "fencepost.io/v1alpha1", "kind": "PolicyPreset",
                                   "metadata": {"name": "gold", "namespace": "default"},
                                   "spec": {"backup": {"frequency": "@onDemand", "profile": STORE},
                                            "export": {"profile": STORE}}}))
        cls.here.apply(policy("nightly", presetRef={"name": "gold"},
                              actions=[{"action": "backup", "backupParameters": {"filters": SECRET}}]))

    def items(self, stack, kind, namespace=None):
        where = ("-n", namespace) if namespace else ()
        return json.loads(stack.cli("get", kind, *where, "-o", "json").stdout)["items"]

    def rows(self, stack):
        return stack.psql(stack.primary_port, "app1db", "select count(*) from orders")

    def restored(self):
        shown = json.loads(self.there.cli("get", "policy", "standby", "-n", "default", "-o", "json").stdout)
        return shown["status"].get("restored", {}).get("app1", {}).get("restorePointContent")

    def export(self, name):
        self.here.apply(json.dumps({"apiVersion": "fencepost.io/v1alpha1", "kind": "RunAction",
                                    "metadata": {"name": name, "namespace": "default"},
                                    "spec": {"subject": {"kind": "Policy", "name": "nightly"}}}))
        run = lambda: json.loads(self.here.cli("get", "runaction", name, "-n", "default", "-o", "json").stdout)  # noqa: E731
        wait_for(f"the end of the run {name}", lambda: run()["status"].get("endTime"), 180)
        self.assertEqual(run()["status"]["state"], "Complete", run()["status"])
        return [c["metadata"]["name"] for c in self.items(self.here, "restorepointcontents")
                if c["metadata"]["name"].startswith(f"app1-{name}-export")][0]

    def test_the_second_installation_follows_the_first(self):
        first = self.export("first")
        port = base64.b64encode(str(self.there.primary_port).encode()).decode()
        to_its_own = {"subject": {"resource": "secrets"}, "json": [{"op": "replace", "path": "/data/port", "value": port}]}
        self.there.apply(policy("standby", frequency="* * * * *", retention={"hourly": 1}, actions=[
            {"action": "import", "importParameters": {"profile": STORE}},
            {"action": "restore", "restoreParameters": {"overwriteExisting": True, "filters": SECRET,
                                                        "transforms": [to_its_own]}}]))
        wait_for("the restore", lambda: self.items(self.there, "restoreactions", "app1"), 120)
        self.there.kill()
        self.there.start()
        wait_for("the end of the restore", lambda: self.restored() == first, 180)
        self.assertEqual(self.rows(self.there), "2000")
        self.assertEqual(len(self.items(self.there, "restoreactions", "app1")), 1)

        with self.there.open("/metrics") as metrics:
            self.assertRegex(metrics.read().decode(), r'fencepost_standby_data_timestamp_seconds\{application="app1"\} [1-9]')

        # Nothing new: the next run restores nothing.
        self.there.psql(self.there.primary_port, "app1db", "delete from orders where id > 100")
        runs = lambda: [r for r in self.items(self.there, "runactions", "default")  # noqa: E731
                        if r["status"].get("state") == "Complete"]
        count = len(runs())
        wait_for("the next run", lambda: len(runs()) > count, 120)
        self.assertEqual(self.rows(self.there), "100")

        self.here.psql(self.here.primary_port, "app1db", "delete from orders where id > 1500")
        second = self.export("second")
        wait_for("the end of the second restore", lambda: self.restored() == second, 240)
        self.assertEqual(self.rows(self.there), "1500")
        names = lambda: [c["metadata"]["name"] for c in self.items(self.there, "restorepointcontents")]  # noqa: E731
        wait_for("the retirement of the first", lambda: names() == [second])
        listed = json.loads(self.there.cli("import", "--profile", "store", "--list", "-o", "json").stdout)
        self.assertEqual([point["name"] for point in listed], [second, first])
        # The first installation's database is as it was.
        self.assertEqual(self.rows(self.here), "1500")

        # A preset that goes fails its policies, and takes nothing along.
        self.here.cli("delete", "policypreset", "gold", "-n", "default")
        verdict = lambda: json.loads(self.here.cli("get", "policy", "nightly", "-n", "default", "-o", "json").stdout)["status"]  # noqa: E731
        wait_for("the verdict", lambda: verdict()["validation"] == "Failed")
        self.assertIn("there is no PolicyPreset default/gold", verdict()["error"][0])
        self.assertEqual(len(self.items(self.here, "restorepointcontents")), 4)


if __name__ == "__main__":
    unittest.main()
