"""A stock kubectl against `fencepost serve`: what people and blueprints do with it, each answer as an API server's."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import threading
import time
import unittest

from stack import FENCEPOST, KUBECTL, Stack, wait_for

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "app"},
              "data": {"colour": "red"}}
CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
       "metadata": {"name": "clusters.postgresql.cnpg.io"},
       "spec": {"group": "postgresql.cnpg.io", "scope": "Namespaced", "names": {"kind": "Cluster", "plural": "clusters"},
                "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                              "additionalPrinterColumns": [
                                  {"name": "Instances", "type": "integer", "jsonPath": ".spec.instances"},
                                  {"name": "Healthy", "type": "string",
                                   "jsonPath": '.status.conditions[?(@.type=="Ready")].status'}],
                              "schema": {"openAPIV3Schema": {
                                  "type": "object", "description": "A cluster of PostgreSQL instances.",
                                  "properties": {"spec": {"type": "object", "properties": {
                                      "instances": {"type": "integer", "description": "How many there are."}}},
                                      "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}}}]}}


def pod(name, command, namespace="app", containers=("main",), **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
            "spec": {"terminationGracePeriodSeconds": 0, "restartPolicy": "Never", **spec,
                     "containers": [{"name": c, "image": "debian", "command": ["bash", "-c", command]} for c in containers]}}


@unittest.skipUnless(KUBECTL, "SKIPPED: no kubectl was built (scripts/install-deps --test, with Go)")
class Kubectl(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.config = cls.stack.work / "kubeconfig"
        cls.config.write_text(cls.stack.cli("kubeconfig").stdout)
        cls.stack.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}}))
        cls.stack.apply(json.dumps(pod("shell", "echo one; echo two; echo three; trap exit TERM; while :; do sleep 0.1; done",
                                       containers=("main", "side"))))
        wait_for("the Pod's start", lambda: cls.stack.pod_is_ready("app", "shell"))

    def kubectl(self, *arguments, text=None, check=True, namespace="app"):
        """stdout; with check=False the whole result."""
        environment = dict(os.environ, KUBECONFIG=str(self.config), HOME=str(self.stack.work))
        result = subprocess.run([KUBECTL, "-n", namespace, *map(str, arguments)], input=text, capture_output=True,
                                text=not isinstance(text, bytes), env=environment, timeout=60)
        if not check:
            return result
        self.assertEqual(result.returncode, 0, f"kubectl {' '.join(map(str, arguments))}\n{result.stdout}{result.stderr}")
        return result.stdout

    def refused(self, *arguments, text=None):
        """stderr of a command that must fail."""
        result = self.kubectl(*arguments, text=text, check=False)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        return result.stderr

    def apply(self, thing, *arguments):
        return self.kubectl("apply", "-f", "-", *arguments, text=json.dumps(thing))

    def json(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    # --- the plugin
    def test_the_command_line_is_a_plugin_of_kubectl(self):
        folder = self.stack.work / "plugins"
        folder.mkdir()
        (folder / "kubectl-fencepost").symlink_to(FENCEPOST)

        def kubectl(*arguments):
            result = subprocess.run([KUBECTL, *arguments], capture_output=True, text=True, timeout=60, env=dict(
                self.stack.environment, PATH=f"{folder}:{os.environ['PATH']}", HOME=str(self.stack.work)))
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            return result.stdout
        self.assertIn(f"{folder}/kubectl-fencepost\n", kubectl("plugin", "list"))
        usage = kubectl("fencepost", "--help")
        self.assertIn("Usage: kubectl fencepost [OPTIONS] SUBCOMMAND", usage)
        self.assertIn("  kubectl fencepost run backup --object secret/app1-db -n app1\n", usage)
        self.assertNotRegex(usage, r"(?m)^  fencepost |'fencepost ")
        self.assertIn("Usage: kubectl fencepost get ", kubectl("fencepost", "get", "--help"))
        self.assertRegex(kubectl("fencepost", "get", "pods", "-n", "app"), r"(?m)^shell +2/2 +Running ")

    # --- what there is
    def test_discovery_names_kinds_short_names_and_categories(self):
        resources = self.kubectl("api-resources", "--no-headers")
        for line in (r"^pods +po +v1 +true +Pod$", r"^actionsets +cr\.kanister\.io/v1alpha1 +true +ActionSet$",
                     r"^statefulsets +sts +apps/v1 +true +StatefulSet$",
                     r"^restorepointcontents +rpc +fencepost\.io/v1alpha1 +false +RestorePointContent$"):
            self.assertRegex(resources, re.compile(line, re.M))
        self.assertIn("config.kio.kasten.io/v1alpha1\n", self.kubectl("api-versions"))
        self.assertIn("pod/shell", self.kubectl("get", "all", "-o", "name"))
        version = self.kubectl("version", check=False)
        self.assertIn("Server Version: v1.34.0+fencepost", version.stdout)

    def test_tables_have_the_columns_of_each_kind(self):
        def header(*arguments):
            return re.split(r"  +", self.kubectl("get", *arguments).splitlines()[0].strip())
        self.assertEqual(header("pods"), ["NAME", "READY", "STATUS", "RESTARTS", "AGE"])
        self.assertEqual(header("pods", "-A", "-o", "wide"), ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE",
                                                              "NOMINATED NODE", "READINESS GATES"])
        self.assertRegex(self.kubectl("get", "pod", "shell", "--no-headers"), r"^shell +2/2 +Running +0 +\d+s$")
        self.apply(CONFIG_MAP)
        self.assertRegex(self.kubectl("get", "cm", "settings", "--no-headers", "--show-labels"), r"^settings +1 +\d+s +<none>$")
        kanister = {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "b"}, "actions": {}}
        self.kubectl("apply", "-f", "-", text=json.dumps(kanister), namespace="default")
        binding = {"apiVersion": "config.kio.kasten.io/v1alpha1", "kind": "BlueprintBinding", "metadata": {"name": "k10"},
                   "spec": {"blueprintRef": {"name": "b", "namespace": "default"},
                            "resources": {"matchAll": [{"type": {"operator": "In", "values": [{"resource": "nothing"}]}}]}}}
        self.kubectl("apply", "-f", "-", text=json.dumps(binding), namespace="default")
        wait_for("the binding's validation", lambda: re.search(
            r"^k10 +Success +\d+s$", self.kubectl("get", "blueprintbindings", "--no-headers", namespace="default").strip()))
        self.assertEqual(header("blueprintbindings", "-n", "default"), ["NAME", "DISABLED", "STATUS", "AGE"])
        action_set = {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": "go", "namespace": "default"},
                      "spec": {"actions": [{"name": "none", "blueprint": "b", "object": {"kind": "Namespace", "name": "app",
                                                                                         "namespace": "app"}}]}}
        self.apply(action_set, "-n", "default")
        self.kubectl("wait", "actionset/go", "--for=jsonpath={.status.state}=failed", "--timeout=90s", namespace="default")
        self.assertEqual(header("actionsets", "-n", "default"),
                         ["NAME", "PROGRESS", "SIZE DOWNLOADED B", "SIZE UPLOADED B", "ESTIMATED DOWNLOAD SIZE B",
                          "ESTIMATED UPLOAD SIZE B", "RUNNING PHASE", "LAST TRANSITION TIME", "STATE"])
        self.assertRegex(self.kubectl("get", "actionset", "go", "--no-headers", namespace="default"), r"failed\n$")

    def test_lists_come_in_pages_and_by_selectors(self):
        self.kubectl("create", "namespace", "pages")
        for namespace in ("pages", "app"):
            for number in range(7):
                self.apply({**CONFIG_MAP, "metadata": {"name": f"page-{number}", "namespace": namespace,
                                                       "labels": {"page": str(number % 2)}}}, "-n", namespace)
        names = self.kubectl("get", "cm", "-n", "pages", "--chunk-size=2", "-o", "name").split()
        self.assertEqual(names, [f"configmap/page-{n}" for n in range(7)])
        everywhere = self.kubectl("get", "cm", "-A", "-l", "page", "--chunk-size=3", "--no-headers").splitlines()
        self.assertEqual(len(everywhere), 14)
        self.assertEqual(self.kubectl("get", "cm", "-n", "pages", "-l", "page=1,page!=2", "-o", "name").split(),
                         ["configmap/page-1", "configmap/page-3", "configmap/page-5"])
        self.assertEqual(self.kubectl("get", "cm", "-n", "pages", "--field-selector", "metadata.name=page-4", "-o", "name").strip(),
                         "configmap/page-4")
        self.assertEqual(self.kubectl("delete", "cm", "-n", "pages", "-l", "page=0").count("deleted"), 4)
        self.kubectl("delete", "namespace", "pages", "--timeout=90s")
        self.assertIn('namespaces "pages" not found', self.refused("get", "ns", "pages"))

    def test_errors_are_worded_as_kubernetes_words_them(self):
        self.assertEqual(self.refused("get", "pod", "nobody"), 'Error from server (NotFound): pods "nobody" not found\n')
        self.kubectl("create", "configmap", "twice")
        self.assertEqual(self.refused("create", "configmap", "twice"),
                         'error: failed to create configmap: configmaps "twice" already exists\n')
        self.assertEqual(self.refused("create", "-f", "-", text=json.dumps({**CONFIG_MAP, "metadata": {"name": "x", "namespace": "no"}}),
                                      ).strip().splitlines()[-1],
                         'error: the namespace from the provided object "no" does not match the namespace "app". '
                         "You must pass '--namespace=no' to perform this operation.")
        invalid = self.refused("create", "configmap", "Bad_Name")
        self.assertIn("a lowercase RFC 1123 subdomain must consist of", invalid)
        stale = self.json("cm", "twice")
        self.kubectl("label", "cm", "twice", "a=b")
        stale["data"] = {"k": "v"}
        self.assertIn("the object has been modified; please apply your changes to the latest version",
                      self.refused("replace", "-f", "-", text=json.dumps(stale)))
        self.assertIn("the server doesn't have a resource type", self.refused("get", "unicorns"))
        self.assertIn('pod updates may not change fields other than',
                      self.refused("patch", "pod", "shell", "--type=merge", "-p", '{"spec":{"hostname":"other"}}'))

    # --- changes
    def test_apply_annotate_label_and_patches(self):
        thing = {**CONFIG_MAP, "metadata": {"name": "changing", "namespace": "app"}}
        self.assertEqual(self.apply(thing), "configmap/changing created\n")
        self.assertEqual(self.apply(thing), "configmap/changing unchanged\n")
        self.assertEqual(self.apply({**thing, "data": {"size": "big"}}), "configmap/changing configured\n")
        self.assertEqual(self.json("cm", "changing")["data"], {"size": "big"})  # what apply no longer names is gone
        self.kubectl("annotate", "cm", "changing", "note=one")
        self.kubectl("annotate", "cm", "changing", "note=two", "--overwrite")
        self.kubectl("label", "cm", "changing", "tier=db")
        self.assertEqual(self.json("cm", "changing")["metadata"]["annotations"]["note"], "two")
        self.kubectl("annotate", "cm", "changing", "note-")
        self.assertNotIn("note", self.json("cm", "changing")["metadata"]["annotations"])
        self.kubectl("patch", "cm", "changing", "--type=merge", "-p", '{"data":{"a":"1","size":null}}')
        self.kubectl("patch", "cm", "changing", "--type=json", "-p", '[{"op":"add","path":"/data/b","value":"2"}]')
        self.kubectl("patch", "cm", "changing", "--type=strategic", "-p", '{"data":{"c":"3"}}')
        self.assertEqual(self.json("cm", "changing")["data"], {"a": "1", "b": "2", "c": "3"})
        difference = self.kubectl("diff", "-f", "-", text=json.dumps({**thing, "data": {"a": "9"}}), check=False)
        self.assertEqual(difference.returncode, 1, difference.stderr)
        self.assertIn('-  a: "1"\n+  a: "9"\n', difference.stdout)
        self.assertEqual(self.json("cm", "changing")["data"]["a"], "1")

    def test_dry_runs_store_nothing(self):
        thing = {**CONFIG_MAP, "metadata": {"name": "dry", "namespace": "app"}}
        self.assertEqual(self.apply(thing, "--dry-run=server"), "configmap/dry created (server dry run)\n")
        self.assertIn("NotFound", self.refused("get", "cm", "dry"))
        self.apply(thing)
        self.kubectl("delete", "cm", "dry", "--dry-run=server")
        self.kubectl("annotate", "cm", "dry", "x=y", "--dry-run=server")
        self.assertNotIn("x", self.json("cm", "dry")["metadata"].get("annotations", {}))

    def test_typos_in_our_kinds_are_refused(self):
        blueprint = {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "typo", "namespace": "default"},
                     "actions": {"backup": {"phaces": []}}}
        text = self.refused("apply", "-n", "default", "-f", "-", text=json.dumps(blueprint))
        self.assertIn('strict decoding error: unknown field "actions.backup.phaces"', text)
        self.assertIn("created", self.kubectl("apply", "--validate=ignore", "-f", "-", text=json.dumps(blueprint), namespace="default"))
        blueprint["actions"]["backup"] = {"phases": "none"}
        self.assertIn("in body must be of type array",
                      self.refused("apply", "-n", "default", "-f", "-", text=json.dumps(blueprint)))

    def test_explain_tells_of_our_kinds_and_of_custom_ones(self):
        text = self.kubectl("explain", "blueprint.actions.phases")
        self.assertIn("func\t<string>", text)
        self.assertIn("The function, as in KubeTask.", text)
        self.assertIn("Which of the application's objects are backed up.", self.kubectl("explain", "backupactions.spec.filters"))
        self.assertIn("FIELD: spec <Object>", self.kubectl("explain", "pods.spec"))

    def test_server_side_apply_keeps_account_of_who_owns_what(self):
        thing = {**CONFIG_MAP, "metadata": {"name": "shared", "namespace": "app"}, "data": {"a": "1", "b": "1"}}
        self.assertEqual(self.apply(thing, "--server-side", "--field-manager=first"), "configmap/shared serverside-applied\n")
        mine = {**thing, "data": {"a": "2"}}
        conflict = self.refused("apply", "--server-side", "--field-manager=second", "-f", "-", text=json.dumps(mine))
        self.assertIn('conflict with "first"', conflict)
        self.assertIn(".data.a", conflict)
        self.apply(mine, "--server-side", "--field-manager=second", "--force-conflicts")
        self.assertEqual(self.json("cm", "shared")["data"], {"a": "2", "b": "1"})
        self.apply({**thing, "data": {}}, "--server-side", "--field-manager=first")  # gives b up; a is the other's by now
        shared = self.json("cm", "shared", "--show-managed-fields")
        self.assertEqual(shared["data"], {"a": "2"})
        owners = {entry["manager"]: entry["fieldsV1"] for entry in shared["metadata"]["managedFields"]}
        self.assertEqual(owners["second"], {"f:data": {"f:a": {}}})
        before = shared["metadata"]["resourceVersion"]
        self.apply(mine, "--server-side", "--field-manager=second")
        self.assertEqual(self.json("cm", "shared")["metadata"]["resourceVersion"], before)

    def test_custom_resource_definitions_add_types_and_take_their_objects_along(self):
        self.apply(CRD)
        self.kubectl("wait", "--for=condition=Established", "crd/clusters.postgresql.cnpg.io", "--timeout=90s")
        cluster = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "pg", "namespace": "app"},
                   "spec": {"instances": 3}}
        self.apply(cluster)
        self.kubectl("patch", "clusters.postgresql.cnpg.io", "pg", "--subresource=status", "--type=merge", "-p",
                     '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}')
        table = self.kubectl("get", "clusters.postgresql.cnpg.io").splitlines()
        self.assertEqual(table[0].split(), ["NAME", "INSTANCES", "HEALTHY"])
        self.assertEqual(table[1].split(), ["pg", "3", "True"])
        self.assertIn("How many there are.", self.kubectl("explain", "clusters.postgresql.cnpg.io.spec"))
        cluster["spec"] = {"instances": "three"}
        self.assertIn("spec.instances", self.refused("apply", "-f", "-", text=json.dumps(cluster)))
        self.kubectl("delete", "crd", "clusters.postgresql.cnpg.io", "--timeout=90s")
        self.assertIn("the server doesn't have a resource type", self.refused("get", "clusters.postgresql.cnpg.io"))
        self.apply(CRD)
        self.assertEqual(self.json("clusters.postgresql.cnpg.io")["items"], [])
        self.kubectl("delete", "crd", "clusters.postgresql.cnpg.io", "--timeout=90s")

    def test_deletion_follows_owners_and_waits_for_finalizers(self):
        self.apply({**CONFIG_MAP, "metadata": {"name": "owner", "namespace": "app"}})
        uid = self.json("cm", "owner")["metadata"]["uid"]
        owned = {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid,
                                      "blockOwnerDeletion": True}], "namespace": "app"}
        self.apply({**CONFIG_MAP, "metadata": {"name": "kept", **owned}})
        self.kubectl("delete", "cm", "owner", "--cascade=orphan", "--timeout=90s")
        wait_for("the owner's leaving", lambda: "ownerReferences" not in self.json("cm", "kept")["metadata"]
                 or not self.json("cm", "kept")["metadata"]["ownerReferences"])
        self.apply({**CONFIG_MAP, "metadata": {"name": "owner", "namespace": "app"}})
        owned["ownerReferences"][0]["uid"] = self.json("cm", "owner")["metadata"]["uid"]
        self.apply({**CONFIG_MAP, "metadata": {"name": "owned", **owned}})
        self.kubectl("delete", "cm", "owner", "--cascade=foreground", "--timeout=90s")
        self.assertIn("NotFound", self.refused("get", "cm", "owned"))

        self.apply({**CONFIG_MAP, "metadata": {"name": "held", "namespace": "app", "finalizers": ["example.com/hold"]}})
        self.kubectl("delete", "cm", "held", "--wait=false")
        self.assertIn("deletionTimestamp", self.json("cm", "held")["metadata"])
        self.kubectl("patch", "cm", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        self.assertIn("NotFound", self.refused("get", "cm", "held"))

    def test_watches_show_rows_as_things_change(self):
        environment = dict(os.environ, KUBECONFIG=str(self.config), HOME=str(self.stack.work))
        watch = subprocess.Popen([KUBECTL, "-n", "app", "get", "cm", "-l", "seen=yes", "-w", "--no-headers", "--output-watch-events"],
                                 stdout=subprocess.PIPE, text=True, env=environment)
        self.addCleanup(lambda: (watch.kill(), watch.wait(), watch.stdout.close()))
        lines = []
        threading.Thread(target=lambda: lines.extend(iter(watch.stdout.readline, "")), daemon=True).start()
        time.sleep(0.5)
        self.kubectl("create", "cm", "watched")
        self.kubectl("label", "cm", "watched", "seen=yes")
        self.kubectl("patch", "cm", "watched", "--type=merge", "-p", '{"data":{"k":"v"}}')
        self.kubectl("delete", "cm", "watched")
        wait_for("three events", lambda: len(lines) == 3, 10)
        self.assertEqual([line.split()[:3] for line in lines],
                         [["ADDED", "watched", "0"], ["MODIFIED", "watched", "1"], ["DELETED", "watched", "1"]])

    def test_deployments_are_scaled_and_rolled_out(self):
        template = pod("web", "sleep 1000")
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "app"},
                      "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}},
                               "template": {"metadata": {"labels": {"app": "web"}},
                                            "spec": {**template["spec"], "restartPolicy": "Always"}}}}
        self.apply(deployment)
        self.kubectl("rollout", "status", "deployment/web", "--timeout=90s")
        self.kubectl("scale", "deployment/web", "--replicas=2")
        self.kubectl("rollout", "status", "deployment/web", "--timeout=90s")
        self.assertRegex(self.kubectl("get", "deploy", "web", "--no-headers"), r"^web +2/2 +2 +2 +\d+s$")
        self.assertEqual(self.kubectl("exec", "deploy/web", "--", "echo", "hello"), "hello\n")
        self.kubectl("delete", "deployment", "web", "--timeout=90s")
        wait_for("the Pods' leaving", lambda: not self.kubectl("get", "po", "-l", "app=web", "-o", "name").strip(), 20)

    # --- Pods
    def test_describe_tells_what_a_pod_does(self):
        text = self.kubectl("describe", "pod", "shell")
        for expected in (r"^Name: +shell$", r"^Status: +Running$", r"^    Ready: +True$", r"^Events: "):
            self.assertRegex(text, re.compile(expected, re.M))

    def test_logs_follow_tail_since_and_previous(self):
        self.assertEqual(self.kubectl("logs", "shell", "-c", "main"), "one\ntwo\nthree\n")
        self.assertEqual(self.kubectl("logs", "shell", "-c", "main", "--tail=1"), "three\n")
        self.assertEqual(self.kubectl("logs", "shell", "-c", "main", "--since=1h", "--limit-bytes=5"), "one\nt")
        self.assertRegex(self.kubectl("logs", "shell", "-c", "main", "--timestamps", "--tail=1"), r"^\d{4}-\d\d-\d\dT\S+Z three\n$")
        self.assertIn("two", self.kubectl("logs", "-l", "app=shell", "--all-containers", "--tail=-1"))
        status, body, _ = self.stack.request("GET", "/api/v1/namespaces/app/pods/shell/log")
        self.assertEqual((status, body["reason"]), (400, "BadRequest"))
        self.assertIn("choose one of: [main side]", body["message"])
        self.assertIn('previous terminated container "main" in pod "shell" not found',
                      self.refused("logs", "shell", "-c", "main", "--previous"))
        self.apply(pod("again", "echo a run; sleep 0.3; exit 1", restartPolicy="Always"))
        wait_for("a restart", lambda: self.json("pod", "again")["status"].get("containerStatuses", [{}])[0].get("restartCount", 0) > 0, 20)
        self.assertRegex(self.kubectl("logs", "again", "--previous"), r"^a run\n$")
        self.apply(pod("talker", "for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done"))
        wait_for("its start", lambda: self.json("pod", "talker")["status"].get("phase") in ("Running", "Succeeded"))
        self.assertEqual(self.kubectl("logs", "talker", "-f"), "".join(f"line {i}\n" for i in range(1, 6)))
        self.kubectl("delete", "pod", "again", "talker", "--now")

    def test_exec_gives_output_errors_and_exit_codes(self):
        run = lambda *command, **more: self.kubectl("exec", "shell", "-c", "main", "--", *command, check=False, **more)
        result = run("bash", "-c", "echo out; echo err >&2; exit 7")
        self.assertEqual((result.returncode, result.stdout), (7, "out\n"))
        self.assertEqual(result.stderr, "err\ncommand terminated with exit code 7\n")
        self.assertEqual(run("true").returncode, 0)
        self.assertIn("executable file not found", run("no-such-program").stderr)
        self.assertIn("pod 'shell' does not have container 'other' (has: main, side)",
                      self.refused("exec", "shell", "-c", "other", "--", "true"))
        self.assertIn('pods "nobody" not found', self.refused("exec", "nobody", "--", "true"))

    def test_exec_takes_stdin_to_its_end(self):
        data = os.urandom(3 << 20)
        result = self.kubectl("exec", "-i", "shell", "-c", "main", "--", "sha256sum", text=data, check=False)
        self.assertEqual(result.stdout.decode().split()[0], hashlib.sha256(data).hexdigest())
        # A command that ends before its stdin does ends the exec.
        result = self.kubectl("exec", "-i", "shell", "-c", "main", "--", "head", "-c", "4", text=b"four" + data, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, b"four"))

    def test_exec_with_a_terminal_asked_for_and_none_there(self):
        result = self.kubectl("exec", "-it", "shell", "-c", "main", "--", "bash", "-c", "echo out; echo err >&2", text="", check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Unable to use a TTY", result.stderr)
        self.assertIn("out", result.stdout)

    def test_a_lot_of_output_comes_whole(self):
        result = self.kubectl("exec", "shell", "-c", "main", "--", "bash", "-c", "seq 1 300000; seq 1 100000 >&2")
        self.assertEqual(result, "".join(f"{i}\n" for i in range(1, 300001)))

    def test_files_are_copied_in_and_out(self):
        source = self.stack.work / "in.txt"
        source.write_text("copied\n" * 1000)
        self.kubectl("cp", source, "shell:/tmp/" + self.stack.work.name + ".txt", "-c", "main")
        self.addCleanup(pathlib.Path("/tmp/" + self.stack.work.name + ".txt").unlink, missing_ok=True)
        self.kubectl("cp", "shell:/tmp/" + self.stack.work.name + ".txt", self.stack.work / "out.txt", "-c", "main")
        self.assertEqual((self.stack.work / "out.txt").read_text(), source.read_text())

    def test_a_client_that_goes_ends_its_command(self):
        marker = f"7{os.getpid()}"
        environment = dict(os.environ, KUBECONFIG=str(self.config), HOME=str(self.stack.work))
        client = subprocess.Popen([KUBECTL, "-n", "app", "exec", "shell", "-c", "main", "--", "sleep", marker],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        is_running = lambda: subprocess.run(["pgrep", "-fx", f"sleep {marker}"], capture_output=True).returncode == 0
        wait_for("the command's start", is_running)
        client.kill()
        client.wait()
        wait_for("the command's end", lambda: not is_running(), 10)


class AfterARestart(unittest.TestCase):
    def test_a_watch_from_before_it_is_gone_and_so_is_a_list_never(self):
        with Stack() as stack:
            stack.start()
            stack.apply(json.dumps({**CONFIG_MAP, "metadata": {"name": "one", "namespace": "default"}}))
            version = stack.get("/api/v1/configmaps")["metadata"]["resourceVersion"]
            stack.kill()
            stack.start()
            status, body, _ = stack.request("GET", "/api/v1/configmaps?watch=1&timeoutSeconds=1&resourceVersion=1")
            self.assertEqual((status, body["reason"]), (410, "Expired"), body)
            names = [item["metadata"]["name"] for item in stack.get("/api/v1/configmaps")["items"]]
            self.assertEqual(names, ["one"])
            with stack.open("/api/v1/configmaps?watch=1&timeoutSeconds=1&sendInitialEvents=true&allowWatchBookmarks=true"
                            "&resourceVersionMatch=NotOlderThan") as answer:
                lines = [json.loads(line) for line in answer]
            self.assertEqual([line["type"] for line in lines], ["ADDED", "BOOKMARK"])
            self.assertEqual(lines[1]["object"]["metadata"]["annotations"], {"k8s.io/initial-events-end": "true"})
            self.assertGreaterEqual(int(lines[1]["object"]["metadata"]["resourceVersion"]), int(version))


if __name__ == "__main__":
    unittest.main()
