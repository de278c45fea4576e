"""The databases behind labelled Secrets: one BackupAction of the namespace dumps each of them, beside its objects, into
one restore point; one database is restored alone; the whole comes back in a second tenant's namespace."""
import json
import unittest

from labelled_databases import LabelledDatabases

DATABASES = ("app1-db", "app2-db", "app3-db")


class LabelledSecrets(LabelledDatabases):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_databases()

    @classmethod
    def make_databases(cls):
        """Two more beside app1db, each with its labelled Secret."""
        for name in DATABASES[1:]:
            database = name.replace("-", "")
            cls.psql(f"create role {database} login password 'secret'", f"create database {database} owner {database}")
            cls.sql(database, f"create table things as select n, '{name}' whose from generate_series(1, 500) n")
            cls.make_secret(name, dbname=database, username=database, password="secret")

    def test_1_one_restore_point_of_three_databases(self):
        plan = json.loads(self.stack.cli("backup", "app1", "--plan", "-o", "json").stdout)
        self.assertEqual([r["name"] for r in plan["resources"]], list(DATABASES))
        self.assertEqual({r["blueprint"] for r in plan["resources"]}, {"postgres-dump"})
        self.assertIn("backup-", self.back_up().stdout)
        points = self.points()
        self.assertEqual(len(points), 1)
        type(self).point = points[0]["metadata"]["name"]
        self.assertEqual([r["artifacts"]["pgBackup"]["keyValue"]["database"] for r in self.content_of(points[0])["spec"]["resources"]],
                         ["app1db", "app2db", "app3db"])
        self.assertEqual(self.stack.open_obligations(), [])

    def test_2_one_database_is_restored_alone(self):
        self.psql("drop database app2db with (force)", "drop database app3db with (force)")
        self.stack.cli("restore", self.point, "-n", "app1", "--include", "secrets/app2-db")
        self.assertEqual(self.psql("select count(*), min(whose) from things", database="app2db"), "500|app2-db")
        self.assertEqual(self.psql("select count(*) from pg_database where datname = 'app3db'"), "0")

    def test_3_all_of_them_for_a_second_tenant(self):
        into_tenant2 = ["restore", self.point, "-n", "app1", "--into", "tenant2", "--include", "secrets", "--include", "configmaps"]
        refused = self.stack.cli(*into_tenant2, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("secrets/app1-db leads to the database that the application in namespace app1 uses", refused.stderr)
        self.psql(*[f"drop database if exists {name.replace('-', '')} with (force)" for name in DATABASES])
        self.stack.cli(*into_tenant2, "--overwrite")
        self.assertEqual(self.psql("select count(*) from orders", database="app1db") > "0", True)
        for name in DATABASES[1:]:
            self.assertEqual(self.psql("select count(*) from things", database=name.replace("-", "")), "500")
        self.assertEqual(self.object("secret", "app3-db", "tenant2")["data"], self.object("secret", "app3-db")["data"])

    def test_4_the_end_of_a_restore_point_frees_its_dumps(self):
        content = self.object("restorepoint", self.point)["spec"]["restorePointContentRef"]["name"]
        self.stack.cli("delete", "restorepointcontent", content)
        self.assertNotEqual(self.stack.cli("get", "restorepoint", self.point, "-n", "app1", check=False).returncode, 0)
        self.assertEqual(self.snapshots(), [])

    def test_5_a_database_that_is_away_fails_the_backup_and_leaves_nothing(self):
        self.psql("drop database app2db with (force)")
        failed = self.back_up(check=False)
        self.assertEqual(failed.returncode, 1, failed.stderr)
        self.assertIn("backup of secrets/app2-db failed", failed.stdout + failed.stderr)
        self.assertEqual(self.points(), [])
        self.assertEqual(self.snapshots(), [])
        self.assertEqual(self.stack.open_obligations(), [])


if __name__ == "__main__":
    unittest.main()
