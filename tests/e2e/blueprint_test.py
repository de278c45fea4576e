"""Blueprints that were written for a cluster run on this host as they are: their Pods find the API with the usual
files and variables, and kubectl, kando, psql, pg_dump and jq do there what they do in any Pod."""
import json
import os
import pathlib
import pwd
import re
import subprocess
import unittest

from stack import KUBECTL, PYTHON, ROOT, STORE, Stack, free_port, render, wait_for

BLUEPRINTS = pathlib.Path(__file__).parent / "blueprints"
CLUSTER = {"group": "postgresql.k8s.enterprisedb.io", "apiVersion": "v1", "resource": "clusters", "name": "cluster-example",
           "namespace": "edb"}


@unittest.skipUnless(KUBECTL, "SKIPPED: no kubectl was built (scripts/install-deps --test, with Go)")
class OnTheLaptop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.put_beside_the_daemon(kubectl=KUBECTL)
        cls.stack.start()

    def run_action(self, action, subject, **more):
        done = self.stack.finish_action(self.stack.start_action(action, subject, **more), 60)
        self.assertEqual(done["state"], "complete", json.dumps(done, indent=1)[:3000])
        return done

    # --- fencing from bash, on a real PostgreSQL replica
    def psql(self, port, sql):
        environment = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(port), PGUSER="postgres", PGPASSWORD="superuser-password")
        return subprocess.run(["psql", "--no-psqlrc", "-qAt", "-d", "postgres", "-c", sql], capture_output=True, text=True,
                              check=True, env=environment, timeout=60).stdout.strip()

    def start_instances(self):
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.ports = [free_port(), free_port()]
        cluster = json.loads(self.stack.cli("get", "clusters", "cluster-example", "-n", "edb", "-o", "json").stdout)
        for number, role in ((1, "primary"), (2, "replica")):
            mark = 'kasten-enterprisedb.io/hasHooks: "true"' if role == "replica" else 'kasten-enterprisedb.io/excluded: "true"'
            self.stack.apply(render(ROOT / "examples/edb-snapshot/instance.yaml", NUMBER=number, ROLE=role, MARK="volume: data",
                                    POD_MARK=mark, CLUSTER_UID=cluster["metadata"]["uid"], INSTANCE_PORT=self.ports[number - 1],
                                    PRIMARY_PORT=self.ports[0], POSTGRES_UID=user.pw_uid, POSTGRES_GID=user.pw_gid))
            wait_for(f"the {role}'s readiness", lambda: self.stack.pod_is_ready("edb", f"cluster-example-{number}"))

    def pod(self):
        return json.loads(self.stack.cli("get", "pod", "cluster-example-2", "-n", "edb", "-o", "json").stdout)

    def control_state(self):
        claim = json.loads(self.stack.cli("get", "pvc", "cluster-example-2", "-n", "edb", "-o", "json").stdout)
        folder = self.stack.work / "data/volumes/edb" / claim["metadata"]["uid"] / "pgdata"
        text = subprocess.run(["/usr/lib/postgresql/15/bin/pg_controldata", folder], capture_output=True, text=True, check=True).stdout
        return re.search(r"^Database cluster state: *(.*)$", text, re.M)[1]

    def test_a_replica_is_fenced_from_bash(self):
        self.stack.cli("apply", "-f", str(ROOT / "examples/edb-snapshot/crd.yaml"), "-f", str(ROOT / "examples/edb-snapshot/cluster.yaml"),
                       "-f", str(BLUEPRINTS / "edb-hooks.yaml"))
        self.start_instances()
        wait_for("streaming", lambda: self.psql(self.ports[0], "select state from pg_stat_replication") == "streaming")
        done = self.run_action("backupPrehook", CLUSTER, blueprint="edb-hooks")
        self.assertEqual(done["artifacts"]["fence"]["keyValue"], {"pod": "cluster-example-2"})
        self.assertEqual(self.control_state(), "shut down in recovery")
        self.assertEqual(self.pod()["metadata"]["annotations"]["example.com/fenced-for"], "cluster-example")
        self.psql(self.ports[0], "create table while_fenced (n int)")

        self.run_action("backupPosthook", CLUSTER, blueprint="edb-hooks")
        wait_for("catching up", lambda: self.psql(self.ports[1], "select count(*) from pg_tables where tablename = 'while_fenced'") == "1")
        self.assertNotIn("example.com/fenced-for", self.pod()["metadata"]["annotations"])
        self.assertEqual(self.stack.open_obligations(), [])

    # --- a dump through a pipe
    def test_a_database_is_dumped_and_restored_through_pipes(self):
        self.stack.start_file_store()
        self.stack.start_database(rows=2000)
        self.stack.cli("apply", "-f", str(BLUEPRINTS / "flexible-server.yaml"))
        secret = {"resource": "secrets", "apiVersion": "v1", "name": "app1-db", "namespace": "app1"}
        done = self.run_action("backup", secret, blueprint="flexible-server", profile=STORE)
        self.assertEqual(done["artifacts"]["pgBackup"]["keyValue"], {"tables": "1"})
        checksum = "select md5(string_agg(o::text, '' order by id)) from orders o"
        before = self.stack.psql(self.stack.primary_port, "app1db", checksum)
        self.stack.psql(self.stack.primary_port, "app1db", "drop table orders")
        self.run_action("restore", secret, **{"from": done["id"]})
        self.assertEqual(self.stack.psql(self.stack.primary_port, "app1db", checksum), before)

    # --- what a container finds
    def run_pod(self, name, script, **spec):
        """A Pod's log once it has ended well."""
        self.stack.apply(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
                                     "spec": {"restartPolicy": "Never", **spec,
                                              "containers": [{"name": "main", "image": "x", "command": ["bash", "-euc", script]}]}}))
        phase = lambda: json.loads(self.stack.cli("get", "pod", name, "-o", "json").stdout)["status"].get("phase")
        wait_for("the Pod's end", lambda: phase() in ("Succeeded", "Failed"), 30)
        with self.stack.open(f"/api/v1/namespaces/default/pods/{name}/log") as log:
            text = log.read().decode()
        self.assertEqual(phase(), "Succeeded", text[-2000:])
        return text

    def test_the_usual_files_and_variables_lead_to_the_api(self):
        user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else os.geteuid()
        text = self.run_pod("finder", r'''
            files=/var/run/secrets/kubernetes.io/serviceaccount
            echo "$(cat $files/namespace) $(id -u)"
            ask() { curl -sS --cacert $files/ca.crt "$@" https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/default; }
            ask -H "Authorization: Bearer $(cat $files/token)" | jq -r .metadata.name
            ask | jq -r .reason
            ask -H "Authorization: Bearer not-the-token" | jq -r .reason
            curl -sS --cacert $files/ca.crt -H "Authorization: Bearer $(cat $files/token)" \
                https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/v1/actions | jq -r .code''',
                            securityContext={"runAsUser": user})
        self.assertEqual(text.split("\n"), [f"default {user}", "default", "Unauthorized", "Unauthorized", "404", ""])

    def test_who_wants_no_access_gets_none(self):
        text = self.run_pod("loner", "echo ${KUBERNETES_SERVICE_HOST-none} ${KUBECONFIG-none}; "
                                     "ls /var/run/secrets/kubernetes.io 2>/dev/null || echo no files", automountServiceAccountToken=False)
        self.assertEqual(text, "none none\nno files\n")

    @unittest.skipUnless(PYTHON.exists(), "SKIPPED: no Python package kubernetes (scripts/install-deps --test)")
    def test_the_python_client_configures_itself_in_a_pod(self):
        script = ("from kubernetes import client, config\n"
                  "for load in (config.load_incluster_config, config.load_config):\n"
                  "    load()\n"
                  "    print([n.metadata.name for n in client.CoreV1Api().list_namespace().items if n.metadata.name == 'default'])\n")
        self.assertEqual(self.run_pod("python", f"{PYTHON} -c \"{script}\""), "['default']\n['default']\n")

    def test_pods_keep_their_access_when_the_daemon_starts_again(self):
        self.stack.apply(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stays", "namespace": "default"},
                                     "spec": {"terminationGracePeriodSeconds": 0, "containers": [
                                         {"name": "main", "image": "x", "command": ["sleep", "1000"]}]}}))
        wait_for("its start", lambda: self.stack.pod_is_ready("default", "stays"))
        environment = dict(os.environ, KUBECONFIG=str(self.stack.work / "kubeconfig"))
        (self.stack.work / "kubeconfig").write_text(self.stack.cli("kubeconfig").stdout)
        ask = [KUBECTL, "exec", "stays", "--", "kubectl", "get", "ns", "default", "-o", "name"]
        for _ in range(2):
            self.assertEqual(subprocess.run(ask, capture_output=True, text=True, env=environment, timeout=60).stdout, "namespace/default\n")
            self.stack.kill()
            self.stack.start()


if __name__ == "__main__":
    unittest.main()
