"""The quickstart's PostgreSQL with databases that labelled Secrets describe, for the scenarios about them."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from stack import VERSITYGW, Stack, apply_postgres_dump  # noqa: E402

NO_VOLUMES = ("--exclude", "persistentvolumeclaims", "--exclude", "pods")


class LabelledDatabases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.stack.start_s3() if VERSITYGW else cls.stack.start_file_store()
        apply_postgres_dump(cls.stack)
        cls.stack.start_database(rows=2_000)

    @classmethod
    def make_secret(cls, name, annotations=None, **data):
        """Like app1-db's, but for these; a key that is None is left out."""
        secret = cls.object("secret", "app1-db")
        metadata = {"name": name, "namespace": "app1", "labels": secret["metadata"]["labels"],
                    "annotations": secret["metadata"].get("annotations", {}) if annotations is None else annotations}
        cls.stack.apply(json.dumps({"apiVersion": "v1", "kind": "Secret", "type": secret["type"], "metadata": metadata,
                                    "data": {key: value for key, value in secret["data"].items() if key not in data},
                                    "stringData": {key: value for key, value in data.items() if value is not None}}))

    @classmethod
    def object(cls, kind, name, namespace="app1"):
        return json.loads(cls.stack.cli("get", kind, name, "-n", namespace, "-o", "json").stdout)

    @classmethod
    def psql(cls, *statements, database="postgres"):
        return "\n".join(cls.sql(database, statement) for statement in statements)

    @classmethod
    def sql(cls, database, statement):
        return cls.stack.psql(cls.stack.primary_port, database, statement)

    def back_up(self, *options, check=True):
        """A backup of the namespace, without its volumes."""
        return self.stack.cli("backup", "app1", "--profile", "store", *NO_VOLUMES, *options, check=check)

    def points(self):
        return json.loads(self.stack.cli("get", "restorepoints", "-n", "app1", "-o", "json").stdout)["items"]

    def content_of(self, point):
        return self.object("restorepointcontent", point["spec"]["restorePointContentRef"]["name"])

    def snapshots(self):
        """The dumps in the repository, as stock restic tells them."""
        return json.loads(self.stack.restic("snapshots", "--json").stdout or b"[]")

    def stored(self):
        """Their names alone, which is quicker."""
        folder = self.stack.work / ("s3/backups/fencepost" if VERSITYGW else "store")
        return sorted(file.name for file in folder.glob("snapshots/*"))
