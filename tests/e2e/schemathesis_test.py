"""The REST API against its own description: schemathesis makes requests from /openapi.json, right ones and wrong ones, and
looks whether the answers are what the document says. Installed by scripts/install-deps --test."""
import json
import os
import pathlib
import re
import subprocess
import unittest

from stack import FENCEPOST, ROOT, Stack

PYTHON = pathlib.Path(os.environ.get("FENCEPOST_PYTHON", pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
                                     / "fencepost" / "python"))


class Description(unittest.TestCase):
    def test_every_answer_is_one_that_the_document_describes(self):
        with Stack() as stack:
            tokens = stack.work / "tokens"
            create = [FENCEPOST, "token", "create", "schemathesis", "--role", "admin", "--token-file", tokens]
            token = subprocess.run(create, check=True, capture_output=True, text=True).stdout.strip()
            stack.serve_options = ["--token-file", tokens]
            stack.environment["FENCEPOST_TOKEN"] = token
            stack.start()
            for manifest in self.world(stack.work / "store"):
                stack.apply(json.dumps(manifest))
            result = subprocess.run(
                [PYTHON / "bin" / "schemathesis", "--config-file", ROOT / "tests/e2e/schemathesis.toml", "run",
                 stack.server + "/openapi.json", "--header", f"Authorization: Bearer {token}", "--checks", "all",
                 # One worker: in more threads Python 3.11 may fail to parse its own lambdas.
                 "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "15", "--workers", "1", "--seed", "1",
                 "--request-timeout", "30", "--continue-on-failure", "--no-color"],
                cwd=stack.work, capture_output=True, text=True, timeout=300)
            self.assertEqual(result.returncode, 0, result.stdout[-12000:] + result.stderr[-2000:])
            self.assertRegex(result.stdout, r"Tested: \d\d")
            cases = int(re.search(r"(\d+) generated", result.stdout)[1])
            self.assertGreater(cases, 500)
            states = {item["state"] for item in self.items(stack, token)}
            self.assertIn("complete", states)  # it has started actions that worked, not only been refused

    def items(self, stack, token):
        status, body, _ = stack.request("GET", "/v1/actions?limit=500", headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(status, 200, body)
        return body["items"]

    def world(self, store):
        """What the document's examples name."""
        def of(kind, name, namespace="default", group="cr.kanister.io/v1alpha1", **more):
            return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}

        phase = {"func": "KubeOps", "name": "make", "args": {"operation": "create", "namespace": "app1", "spec": json.dumps(
                 {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "made-"}})}}
        subject = {"apiVersion": "v1", "kind": "Secret", "resource": "secrets", "name": "app1-db", "namespace": "app1"}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app1"}}
        yield of("Secret", "app1-db", "app1", "v1", stringData={"password": "x"})
        yield of("Profile", "store", location={"type": "filestore", "path": str(store)})
        yield of("Blueprint", "quick", actions={"backup": {"phases": [phase]}, "restore": {"phases": [phase]}})
        yield of("BlueprintBinding", "quick", group="config.kio.kasten.io/v1alpha1",
                 spec={"blueprintRef": {"name": "quick", "namespace": "default"},
                       "resources": {"matchAll": [{"type": {"operator": "In", "values": [{"resource": "secrets"}]}}]}})
        yield of("ActionSet", "backup-x7k2p", spec={"actions": [{"name": "backup", "blueprint": "quick", "object": subject}]})
        yield of("Obligation", "obligation-1", group="fencepost.io/v1alpha1",
                 spec={"kind": "fence", "description": "it is fenced", "deadline": "2126-11-21T06:00:00Z", "subject": subject,
                       "action": "backup", "actionSet": {"name": "backup-x7k2p", "namespace": "default", "uid": "u"},
                       "pod": {"namespace": "app1", "name": "gone", "uid": "u"}},
                 status={"state": "Open", "createdAt": "2026-11-21T06:00:00Z", "attempts": 0})


if __name__ == "__main__":
    unittest.main()
