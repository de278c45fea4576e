"""Backups that are verified by a restore: with a real PostgreSQL, each restore point of the policy is restored beside
the live database, its rows are counted and its assertions asked, and nothing of that stays. A wrong answer, and a dump
with a flipped byte, make a restore point unusable. The live database never notices."""
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from stack import Stack, apply_postgres_dump, wait_for  # noqa: E402

ROWS = 20_000
POLICY = """
apiVersion: fencepost.io/v1alpha1
kind: Policy
metadata: {name: verified, namespace: default}
spec:
  frequency: "@onDemand"
  selector: {matchExpressions: [{key: k10.kasten.io/appNamespace, operator: In, values: [app1]}]}
  actions:
  - action: backup
    backupParameters:
      profile: {name: store}
      filters: {excludeResources: [{resource: pods}, {resource: persistentvolumeclaims}]}
      verify: restore
      verification: {assertions: %s}
"""
RIGHT = [{"name": "orders are there", "sql": "select count(*) > 0 from orders"},
         {"name": "every order has its payload", "sql": "select count(*) from orders where payload is null", "expect": 0},
         {"name": "as the application", "sql": "select current_user, session_user like 'fencepost_verify_%'", "expect": "app1|true"}]
SCRATCH = "select count(*) from pg_database where datname like 'fencepost_%'"
ROLES = "select count(*) from pg_roles where rolname like 'fencepost_verify_%'"
# What all databases have in common: who is there and may do what, databases and their settings.
COMMON = [f"select md5(string_agg(one::text, ',' order by one::text)) from {table} one" for table in
          ("pg_authid", "pg_auth_members", "pg_db_role_setting", "pg_shdescription",
           "(select oid, datname, datdba, datallowconn, datacl from pg_database)")]


class VerifiedBackups(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.stack.start_file_store()
        apply_postgres_dump(cls.stack)
        cls.stack.start_database(rows=ROWS)
        # Dumped with the rest, and never to be started: its slot is the live one's.
        cls.sql("create subscription news connection 'host=127.0.0.1 dbname=news' publication news with (connect = false)", "app1db")
        # Of whom the dump tells, not pg_dump: they are gone in the midst of the tests.
        cls.sql("create role keepers", "app1db")
        cls.sql("create role watch login password 'watch'; grant keepers to watch", "app1db")
        cls.sql("create table kept (n int); alter table kept owner to keepers; grant select on kept to watch", "app1db")
        cls.sql("grant create on database app1db to watch; alter role watch in database app1db set work_mem to '5MB'", "app1db")
        cls.sql("alter role keepers in database app1db set work_mem to '6MB'", "app1db")
        cls.live = cls.fingerprint()

    # --- what is asked of the stack
    @classmethod
    def sql(cls, statement, database="postgres"):
        return cls.stack.psql(cls.stack.primary_port, database, statement)

    @classmethod
    def fingerprint(cls):
        """The live database's rows, its files, the server's roles, and what has ever been written to it."""
        return [cls.sql("select md5(string_agg(o::text, ',' order by o::text)) from orders o", "app1db"),
                cls.sql("select string_agg(oid::text || relfilenode, ',' order by oid) from pg_class where relkind = 'r' "
                        "and relnamespace = 'public'::regnamespace", "app1db"),
                cls.sql("select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables", "app1db"),
                cls.sql("select subname || subenabled || subslotname from pg_subscription"),
                *[cls.sql(query) for query in COMMON]]

    def object(self, kind, name, namespace="app1"):
        return json.loads(self.stack.cli("get", kind, name, "-n", namespace, "-o", "json").stdout)

    def content_of(self, point):
        return self.object("restorepointcontent", self.object("restorepoint", point)["spec"]["restorePointContentRef"]["name"])

    def verification_of(self, point):
        return self.content_of(point)["status"]["verification"]

    def apply_policy(self, assertions):
        self.stack.apply(POLICY % json.dumps(assertions))

    def start_run(self, name):
        self.stack.apply(json.dumps({"apiVersion": "fencepost.io/v1alpha1", "kind": "RunAction",
                                     "metadata": {"name": name, "namespace": "default"},
                                     "spec": {"subject": {"kind": "Policy", "name": "verified"}}}))

    def run_policy(self, name):
        self.start_run(name)
        wait_for(f"the end of {name}", lambda: self.object("runaction", name, "default")["status"]["state"]
                 in ("Complete", "Failed"), 120)
        return self.object("runaction", name, "default")["status"]

    def scratch_namespaces(self):
        items = json.loads(self.stack.cli("get", "namespaces", "-o", "json").stdout)["items"]
        return [i["metadata"]["name"] for i in items if "fencepost.io/verification" in i["metadata"].get("labels", {})]

    def nothing_is_left(self):
        self.assertEqual(self.scratch_namespaces(), [])
        self.assertEqual(self.sql(SCRATCH), "0")
        self.assertEqual(self.sql(ROLES), "0")
        self.assertEqual(self.stack.open_obligations(), [])
        self.assertEqual(self.fingerprint(), self.live)

    # --- the tests, in this order
    def test_1_a_run_verifies_what_it_has_made(self):
        self.apply_policy(RIGHT)
        status = self.run_policy("run-1")
        self.assertEqual(status["state"], "Complete", status)
        found = self.verification_of("run-1")
        self.assertEqual(found["state"], "Passed", found)
        restore = found["restore"]
        (asked,) = restore["resources"]
        self.assertEqual(asked["resource"], "secrets/app1-db")
        self.assertEqual(asked["tables"], {"public.orders": ROWS, **{t: asked["tables"][t] for t in asked["tables"] if t != "public.orders"}})
        self.assertEqual(restore["rows"], sum(asked["tables"].values()))
        self.assertEqual([a["passed"] for a in asked["assertions"]], [True] * 3, asked)
        self.assertGreater(restore["rtoSeconds"], 0)
        self.assertLess(restore["rtoSeconds"], 60)
        self.assertIn("Passed", self.stack.cli("get", "restorepoints", "-n", "app1").stdout)
        shown = self.stack.get(f"/v1/restorepoints/{self.content_of('run-1')['metadata']['name']}")
        self.assertEqual(shown["verification"]["restore"]["rtoSeconds"], restore["rtoSeconds"])
        told = self.stack.open("/metrics").read().decode()
        self.assertIn('fencepost_verification_passed{application="app1"} 1', told)
        self.assertRegex(told, r'fencepost_verification_rto_seconds\{application="app1"\} 0?\.?[1-9]')
        self.nothing_is_left()

    def test_2_a_wrong_answer_makes_it_unusable_until_it_is_verified_again(self):
        self.apply_policy(RIGHT + [{"name": "twice as many", "sql": "select count(*) from orders", "expect": 2 * ROWS},
                                   {"name": "no such table", "sql": "select 1 from nothing"}])
        status = self.run_policy("run-2")
        self.assertEqual(status["state"], "Failed")
        self.assertEqual(status["error"]["message"], "the verification failed of app1")
        found = self.verification_of("run-2")
        self.assertIn(f"the assertion 'twice as many' wants '{2 * ROWS}', and got '{ROWS}'; and 1 more", found["message"])
        self.assertIn('relation "nothing" does not exist', found["restore"]["resources"][0]["assertions"][-1]["error"])
        refused = self.stack.cli("restore", "run-2", "-n", "app1", "--include", "secrets", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("twice as many", refused.stdout + refused.stderr)
        # A look alone does not make good what a restore has found bad.
        looked = self.stack.cli("validate", "run-2", "-n", "app1")
        self.assertIn("validate it with a restore again", looked.stderr)
        self.assertEqual(self.verification_of("run-2")["state"], "Failed")
        shown = self.stack.cli("validate", "run-2", "-n", "app1", "--restore", "--assert", "select count(*) > 0 from orders").stdout
        self.assertIn("public.orders", shown)
        self.assertIn("Passed", shown)
        self.assertEqual(self.verification_of("run-2")["state"], "Passed")
        self.nothing_is_left()

    def test_3_roles_that_are_gone_are_back_for_the_verification_alone(self):
        self.sql("drop table kept; revoke all on database app1db from watch; drop role watch, keepers", "app1db")
        type(self).live = self.fingerprint()
        asked = {"select tableowner from pg_tables where tablename = 'kept'": "keepers",
                 "select string_agg(rolname, ',' order by rolname) from pg_roles where rolname in ('watch', 'keepers') and not rolcanlogin": "keepers,watch",
                 "select pg_has_role('watch', 'keepers', 'member')": "true"}
        self.stack.apply(json.dumps({
            "apiVersion": "fencepost.io/v1alpha1", "kind": "ValidateAction", "metadata": {"name": "gone", "namespace": "app1"},
            "spec": {"subject": {"kind": "RestorePoint", "name": "run-2", "namespace": "app1"},
                     "restore": {"assertions": [{"sql": sql, "expect": answer} for sql, answer in asked.items()]}}}))
        wait_for("the end of it", lambda: self.object("validateaction", "gone").get("status", {}).get("state") in ("Complete", "Failed"), 60)
        self.assertEqual(self.verification_of("run-2")["state"], "Passed", self.verification_of("run-2"))
        self.nothing_is_left()

    def test_4_queries_change_nothing_and_reach_nothing(self):
        hostile = ["delete from orders returning true", "select true; drop table orders", "\\! touch /tmp/never",
                   "select set_config('role', 'postgres', false) = 'postgres'",
                   "select set_config('session_authorization', 'postgres', false) = 'postgres'",
                   "select pg_read_file('/etc/hostname') is not null", "copy (select 1) to program 'true'"]
        failed = self.stack.cli("validate", "run-1", "-n", "app1", "--restore", *[w for sql in hostile for w in ("--assert", sql)], check=False)
        self.assertEqual(failed.returncode, 1, failed.stdout)
        answers = self.verification_of("run-1")["restore"]["resources"][0]["assertions"]
        self.assertEqual([a["passed"] for a in answers], [False] * len(hostile), answers)
        self.assertTrue(all("error" in a for a in answers), answers)
        self.nothing_is_left()

    def test_5_a_daemon_that_dies_leaves_nothing_behind(self):
        """Killed over and over, at another moment of the verification each time; and then it still passes."""
        self.apply_policy(RIGHT)
        for attempt, seconds in enumerate((0.0, 0.5, 1.0, 1.5, 2.0)):
            name = f"killed-{attempt}"
            self.start_run(name)
            wait_for("the verification's start", lambda: self.scratch_namespaces() != [], 60)
            time.sleep(seconds)
            self.stack.kill()
            self.stack.start()
            wait_for(f"the end of {name}", lambda: self.object("runaction", name, "default")["status"]["state"]
                     in ("Complete", "Failed"), 120)
            self.assertEqual(self.object("runaction", name, "default")["status"]["state"], "Complete", self.stack.log_tail())
            self.assertEqual(self.verification_of(name)["state"], "Passed")
            self.nothing_is_left()

    def test_6_one_that_is_cancelled_or_deleted_leaves_nothing_behind(self):
        validation = {"apiVersion": "fencepost.io/v1alpha1", "kind": "ValidateAction",
                      "spec": {"subject": {"kind": "RestorePoint", "name": "run-2", "namespace": "app1"},
                               "restore": {"assertions": [{"sql": "select pg_sleep(60) is not null"}]}}}
        for name, end in (("cancelled", "cancel"), ("deleted", "delete")):
            self.stack.apply(json.dumps({**validation, "metadata": {"name": name, "namespace": "app1"}}))
            wait_for("the query", lambda: self.sql("select count(*) from pg_stat_activity where query like '%pg_temp.answer(query)%' "
                                                   "and datname like 'fencepost_verify_%'") == "1", 60)
            self.assertEqual(self.sql("select count(*), bool_or(subenabled) from pg_subscription"), "2|f")
            if end == "cancel":
                self.stack.request("POST", f"/v1/namespaces/app1/validations/{name}/cancel")
            else:
                self.stack.cli("delete", "validateaction", name, "-n", "app1")
            wait_for("the end of it", lambda: self.scratch_namespaces() == [], 60)
            wait_for("the end of the database", lambda: self.sql(SCRATCH) == "0", 30)
            self.nothing_is_left()
        self.assertEqual(self.object("validateaction", "cancelled")["status"]["state"], "Cancelled")
        self.assertEqual(self.verification_of("run-2")["state"], "Passed")  # nothing was found

    def test_7_a_flipped_byte_makes_it_unusable(self):
        packs = {p: p.read_bytes() for p in (self.stack.work / "store").rglob("data/*/*") if p.is_file()}
        for pack, text in packs.items():
            pack.chmod(0o600)
            pack.write_bytes(text[:len(text) // 4] + bytes([text[len(text) // 4] ^ 1]) + text[len(text) // 4 + 1:])
        failed = self.stack.cli("validate", "run-1", "-n", "app1", "--restore", "--percent", "0", check=False)
        self.assertEqual(failed.returncode, 1, failed.stdout + failed.stderr)
        found = self.verification_of("run-1")
        self.assertEqual(found["state"], "Failed")
        # The piece may be one that already the look at what is there wants.
        self.assertRegex(found["message"], "^artifact pgBackup of secrets/app1-db|restore of secrets/app1-db failed")
        self.assertIn("Failed", self.stack.cli("get", "restorepoints", "-n", "app1").stdout)
        refused = self.stack.cli("restore", "run-1", "-n", "app1", "--include", "secrets", check=False)
        self.assertIn("has found the restore point damaged", refused.stdout + refused.stderr)
        self.nothing_is_left()
        for pack, text in packs.items():
            pack.write_bytes(text)

    def test_8_an_export_is_verified_from_its_location(self):
        self.stack.apply((POLICY % json.dumps(RIGHT)).replace("      verify: restore\n", "").replace("      verification:", "  - action: export\n"
                         "    exportParameters:\n      profile: {name: store}\n      verify: restore\n      verification:"))
        status = self.run_policy("run-7")
        self.assertEqual(status["state"], "Complete", status)
        self.assertEqual([s["name"] for s in status["steps"]],
                         ["backup of app1", "export of app1 to store", "verification of the export of app1 to store"])
        self.assertNotIn("verification", self.content_of("run-7")["status"])
        self.assertEqual(self.verification_of("run-7-export-1")["restore"]["resources"][0]["tables"]["public.orders"], ROWS)
        self.nothing_is_left()


if __name__ == "__main__":
    unittest.main()
