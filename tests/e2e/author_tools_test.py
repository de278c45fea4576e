#!/usr/bin/env python3
"""What blueprint authors have: the JSON Schemas, judged by another implementation than ours; plan against a live server."""
import json
import subprocess
import unittest

import jsonschema
import yaml

from stack import FENCEPOST, ROOT, Stack

OBJECTS = """
apiVersion: v1
kind: Namespace
metadata: {name: app1}
---
apiVersion: v1
kind: Secret
metadata: {name: app1-db, namespace: app1, labels: {type: database-credential}}
stringData: {dbname: app1, password: hunter22}
---
apiVersion: v1
kind: Secret
metadata: {name: admin, namespace: default}
stringData: {username: postgres, password: hunter33}
---
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: dump, namespace: default}
actions:
  check:
    phases:
      - func: KubeTask
        name: work
        objects: {admin: {kind: Secret, name: admin, namespace: default}}
        args:
          image: tools:1
          command: [echo, done]
          podOverride:
            containers:
              - name: container
                env: [{name: PGPASSWORD, value: "{{ .Phases.work.Secrets.admin.Data.password | toString }}"}]
"""

BINDING = """---
apiVersion: config.kio.kasten.io/v1alpha1
kind: BlueprintBinding
metadata: {name: NAME, namespace: default}
spec:
  blueprintRef: {name: dump, namespace: default}
  resources:
    matchAll:
      - type: {operator: In, values: [{resource: secrets}]}
      - labels: {key: type, operator: In, values: [database-credential]}
"""


class Schemas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        schema = json.loads(subprocess.run([FENCEPOST, "schema"], check=True, capture_output=True, text=True).stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)

    def errors(self, path):
        documents = [document for document in yaml.safe_load_all(path.read_text()) if document]
        return [error.message for document in documents for error in self.validator.iter_errors(document)]

    def test_all_that_is_shipped_and_every_good_sample_is_valid(self):
        files = [*ROOT.glob("blueprints/*/blueprint.yaml"), *ROOT.glob("bindings/*.yaml"), *ROOT.glob("tests/golden/lint/*/good.yaml")]
        self.assertGreater(len(files), 60)
        for path in files:
            with self.subTest(path.relative_to(ROOT)):
                self.assertEqual(self.errors(path), [])

    def test_mistakes_of_shape_are_found(self):
        for rule in ("unknown-field", "unknown-function", "unknown-arg", "missing-arg", "wrong-type", "missing-field", "BND-E02", "BND-E03"):
            with self.subTest(rule):
                self.assertNotEqual(self.errors(ROOT / "tests/golden/lint" / rule / "bad.yaml"), [])


class Plan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack())
        cls.stack.start()
        cls.stack.apply(OBJECTS)

    def plan(self, *more):
        result = self.stack.cli("plan", "dump", "--action", "check", "--object", "secret/app1-db", "-n", "app1", *more, check=False)
        return result.returncode, result.stdout

    def versions(self):
        return {path: self.stack.get(path)["metadata"]["resourceVersion"] for path in ("/api/v1/secrets", "/apis/cr.kanister.io/v1alpha1/actionsets")}

    def test_what_can_run_is_told_so_and_nothing_changes(self):
        before = self.versions()
        code, output = self.plan()
        self.assertEqual(code, 0, output)
        self.assertIn("all render, and what they name is there", output)
        self.assertNotIn("hunter", output)
        self.assertEqual(self.versions(), before)

    def test_a_secret_that_went_is_missed_at_its_line(self):
        self.stack.cli("delete", "secret", "admin", "-n", "default")
        try:
            code, output = self.plan()
        finally:
            self.stack.apply(OBJECTS)
        self.assertEqual(code, 1)
        self.assertRegex(output, r"blueprint/dump:\d+:\d+: error: there is no Secret default/admin \[missing-object\]")

    def test_a_binding_in_anothers_shadow_is_told(self):
        self.stack.apply(BINDING.replace("NAME", "first"))
        self.stack.apply(BINDING.replace("NAME", "second"))
        output = self.plan()[1]
        self.assertRegex(output, r"bindings +warning +.*second.*BND-W03")

    def test_a_location_that_answers_is_told(self):
        self.stack.start_file_store()
        profile = self.stack.get("/apis/cr.kanister.io/v1alpha1/profiles")["items"][0]["metadata"]
        name = f"{profile['namespace']}/{profile['name']}"
        self.assertRegex(self.plan("--profile", name)[1], r"location +ok")


if __name__ == "__main__":
    unittest.main()
