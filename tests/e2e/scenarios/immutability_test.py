"""A bucket with an object lock: what is backed up into it can be deleted by nobody for as long as its Profile says, is locked
anew while a restore point keeps it, and is freed when its restore point is retired and the lock has ended."""
import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from stack import ROOT, VERSITYGW, Stack, apply_postgres_dump, render, wait_for  # noqa: E402

PERIOD = 40  # seconds; with the quarter that is added the locks are for 50
LOCK_FILE = re.compile(r"/locks/[0-9a-f]{64}$")


@unittest.skipUnless(VERSITYGW, "SKIPPED: versitygw is not installed (scripts/install-deps --test)")
class Immutability(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.stack.start_s3_server(keeps_versions=True)
        cls.stack.s3("PUT", "locked", "-H", "x-amz-bucket-object-lock-enabled: true")
        profile = render(ROOT / "examples/profile-s3.yaml", S3_KEY="fencepost", S3_SECRET="fencepost-secret-key",
                         BUCKET="locked", STORE_HOST="127.0.0.1", S3_PORT=cls.stack.s3_port)
        cls.stack.apply(f"{profile}protectionPeriod: {PERIOD}s\n")
        cls.stack.start_database(2000)
        apply_postgres_dump(cls.stack)

    def versions(self):
        """Key and id of all that the bucket has, hidden or not, but for delete markers."""
        status, body = self.stack.s3("GET", "locked?versions=")
        self.assertEqual(status, 200)
        self.assertIn("<IsTruncated>false<", body)
        return [(re.search("<Key>(.*?)</Key>", entry)[1], re.search("<VersionId>(.*?)</VersionId>", entry)[1])
                for entry in re.findall("<Version>.*?</Version>", body, re.S)]

    def undeletable(self, versions):
        """Those of them that the store refuses to delete. The others are gone by then."""
        return [(key, version) for key, version in versions if self.stack.s3("DELETE", f"locked/{key}?versionId={version}")[0] == 403]

    def locked_until(self, version):
        status, body = self.stack.s3("GET", "locked/{}?retention=&versionId={}".format(*version))
        self.assertEqual(status, 200)
        return re.search("<RetainUntilDate>(.*?)<", body)[1]

    def protection(self):
        profile = self.stack.get("/apis/cr.kanister.io/v1alpha1/namespaces/default/profiles/store")
        return profile.get("status", {}).get("protection", {})

    def points(self):
        return json.loads(self.stack.cli("get", "restorepoints", "-n", "app1", "-o", "json").stdout)["items"]

    def test_1_nobody_deletes_what_was_backed_up(self):
        self.stack.cli("backup", "app1", "--profile", "store")
        self.assertEqual(len(self.points()), 1)
        held = [one for one in self.versions() if not LOCK_FILE.search(one[0])]
        self.assertGreaterEqual(len(held), 5)  # config, key, packs, index, snapshot
        self.assertEqual(self.undeletable(held), held)
        type(self).held, type(self).ends = held, {one: self.locked_until(one) for one in held}

    def test_2_it_stays_locked_for_as_long_as_the_restore_point_keeps_it(self):
        wait_for("locks anew", lambda: all(self.locked_until(one) > end for one, end in self.ends.items()), 60)
        self.assertEqual(self.undeletable(self.held), self.held)
        found = self.protection()
        self.assertIsNone(found.get("error"))
        self.assertGreaterEqual(found["objects"], len(self.held))

    def test_3_a_restore_point_that_is_retired_gives_its_bytes_back_when_the_lock_has_ended(self):
        content = self.points()[0]["spec"]["restorePointContentRef"]["name"]
        self.stack.cli("delete", "restorepointcontent", content)
        self.assertEqual(self.points(), [])
        packs = {one for one in self.held if "/data/" in one[0]}
        self.assertLessEqual(packs, set(self.versions()))
        wait_for("what is retained to be told", lambda: self.protection().get("retained", 0) >= len(packs), 30)
        self.assertRegex(self.protection()["retainedUntil"], "^20")
        self.assertGreater(self.protection()["retainedBytes"], 0)
        wait_for("the end of the bytes", lambda: not packs & set(self.versions()), 120)
        wait_for("that nothing is retained", lambda: self.protection()["retained"] == 0, 60)

    def test_4_a_bucket_without_object_lock_is_told_beforehand(self):
        profile = (ROOT / "examples/profile-s3.yaml").read_text().split("---\n")[-1].replace("name: store", "name: unlocked")
        self.stack.apply(profile.replace("@BUCKET@", "backups").replace("@STORE_HOST@:@S3_PORT@", f"127.0.0.1:{self.stack.s3_port}")
                         + "protectionPeriod: 720h\n")
        checks = self.stack.request("POST", "/v1/profiles/default/unlocked/validate")[1]
        failed = [check for check in checks["checks"] if not check["ok"]]
        self.assertEqual([check["name"] for check in failed], ["protect"])
        self.assertIn("has no object lock", failed[0]["detail"])
        refused = self.stack.cli("backup", "app1", "--profile", "unlocked", check=False)
        self.assertEqual(refused.returncode, 1)


if __name__ == "__main__":
    unittest.main()
