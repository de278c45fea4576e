"""The Helm chart as helm renders it: golden files, what it must never grant, and values that it refuses. That it works
on a cluster is tests/cluster/chart_test.py."""
import json
import os
import re
import subprocess
import unittest

from stack import HELM, ROOT

CHART = ROOT / "charts/fencepost"
GOLDEN = ROOT / "tests/golden/chart"  # NAME.values.yaml gives NAME.yaml


@unittest.skipUnless(HELM, "SKIPPED: no helm was built (scripts/install-deps --test, with Go)")
class Chart(unittest.TestCase):
    maxDiff = None

    def helm(self, *arguments, check=True):
        result = subprocess.run([HELM, *arguments], capture_output=True, text=True, timeout=120)
        if check:
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result

    def template(self, *arguments, check=True):
        return self.helm("template", "fencepost", str(CHART), "--namespace", "backup", "--kube-version", "1.34.0", *arguments, check=check)

    def rules(self, *arguments):
        """(apiGroup, resource, verb) of every Role and ClusterRole that is granted."""
        text = self.template("--show-only", "templates/rbac.yaml", *arguments).stdout
        for rule in re.findall(r"- apiGroups: \[(.*)\]\n  resources: \[(.*)\]\n  verbs: \[(.*)\]", text):
            groups, resources, verbs = (re.split(r",\s*", part) for part in rule)
            yield from ((group.strip('"'), resource, verb) for group in groups for resource in resources for verb in verbs)

    def test_lint_finds_nothing(self):
        for values in sorted(GOLDEN.glob("*.values.yaml")):
            self.assertIn("0 chart(s) failed", self.helm("lint", "--strict", str(CHART), "--values", str(values)).stdout)

    def test_golden_files(self):
        for values in sorted(GOLDEN.glob("*.values.yaml")):
            text, golden = self.template("--values", str(values)).stdout, GOLDEN / values.name.replace(".values", "")
            if os.environ.get("UPDATE_GOLDEN"):
                golden.write_text(text)
            with self.subTest(golden.name):
                self.assertEqual(text, golden.read_text())

    def test_no_wildcard_and_no_list_of_secrets_is_granted(self):
        for arguments in ((), ("--set", "clusterWide=true")):
            rules = set(self.rules(*arguments))
            self.assertIn(("", "pods/exec", "create"), rules)
            self.assertFalse([rule for rule in rules if "*" in "".join(rule)])
            self.assertEqual({verb for group, resource, verb in rules if resource == "secrets"}, {"get"})
            self.assertFalse([rule for rule in rules if rule[2] in ("bind", "escalate", "impersonate")])

    def test_whole_applications_need_more_which_is_granted_by_name_and_when_asked_for(self):
        before = set(self.rules("--set", "clusterWide=true"))
        rules = set(self.rules("--set", "clusterWide=true,applications.enabled=true"))
        for rule in (("", "secrets", "list"), ("batch", "cronjobs", "create"), ("storage.k8s.io", "storageclasses", "list"), ("", "namespaces", "create")):
            self.assertIn(rule, rules - before)
        self.assertIn(("fencepost.io", "restorepointcontents", "create"), before)
        self.assertFalse([rule for rule in rules if "*" in "".join(rule) or rule[2] in ("bind", "escalate", "impersonate")])
        result = self.template("--set", "applications.enabled=true", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("applications.enabled needs clusterWide", result.stderr)

    def test_without_the_flag_nothing_is_granted_beyond_the_named_namespaces(self):
        text = self.template("--set", "applicationNamespaces={app1,backup}").stdout
        self.assertNotIn("ClusterRole", text)
        self.assertEqual(re.findall(r"kind: Role\nmetadata:\n  name: fencepost\n  namespace: (.*)", text), ["backup", "app1"])

    def test_wrong_values_are_refused_with_their_place(self):
        for setting, place in (("replica=3", "replica"), ("replicas=many", "/replicas"), ("jobPods.startTimeout=soon", "/jobPods/startTimeout"),
                               ("api.enabled=true", "/api/tlsSecret"), ("image.pullPolicy=Sometimes", "/image/pullPolicy"), ("jobPods.policy=strict", "/jobPods/policy"),
                               ("jobPods.imageMap={one}", "/jobPods/imageMap"), ("applications.extraRules={all}", "/applications/extraRules")):
            result = self.template("--set", setting, check=False)
            self.assertNotEqual(result.returncode, 0, setting)
            self.assertIn(place, result.stderr)
        result = self.template("--set", "serviceMonitor.enabled=true,serviceMonitor.tokenSecret.name=viewer", check=False)
        self.assertIn("needs api.enabled", result.stderr)

    def test_alerts_and_dashboard_use_metrics_that_there_are(self):
        source = (ROOT / "engine/api/metrics.cpp").read_text()
        shown = (CHART / "dashboards/fencepost.json").read_text()
        json.loads(shown)
        used = set(re.findall(r"fencepost_[a-z_]+", shown + (CHART / "templates/monitoring.yaml").read_text()))
        self.assertGreater(len(used), 5)
        for name in used:
            self.assertIn(f'"{name.removesuffix("_bucket")}"', source)


if __name__ == "__main__":
    unittest.main()
