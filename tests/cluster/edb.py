"""A primary and two streaming replicas of PostgreSQL on volumes, decorated and fenced as EDB's operator does it."""
import json
import os
import subprocess
import sys

from cluster import HERE, ClusterTest, wait_for
from edb_operator import CLUSTER, FENCED, KASTEN, KIND
from stack import ROOT


class EdbCluster(ClusterTest):
    """A healthy Cluster of three instances in the class's namespace, with the operator running."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.get("crd", KIND) is None:  # where EDB's own operator is, its CRD stays
            cls.cluster.kubectl("apply", "-f", ROOT / "examples/edb-snapshot/crd.yaml")
        cls.cluster.kubectl("wait", "--for=condition=Established", f"crd/{KIND}", "--timeout=90s")
        cls.apply((HERE / "yaml/edb.yaml").read_text())
        owner = {"apiVersion": f"{KIND.split('.', 1)[1]}/v1", "kind": "Cluster", "name": CLUSTER, "controller": True,
                 "uid": cls.get(KIND, CLUSTER)["metadata"]["uid"]}
        cls.kubectl("patch", "statefulset", CLUSTER, "--type=merge", "-p", json.dumps({"metadata": {"ownerReferences": [owner]}}))
        cls.start_operator()
        cls.addClassCleanup(cls.stop_operator)
        wait_for("the Cluster's health", cls.is_healthy, 180)

    @classmethod
    def start_operator(cls):
        cls.operator = subprocess.Popen([sys.executable, HERE / "edb_operator.py", cls.namespace], stdin=subprocess.DEVNULL,
                                        env=dict(os.environ, KUBECONFIG=str(cls.cluster.kubeconfig)))

    @classmethod
    def stop_operator(cls):
        cls.operator.kill()
        cls.operator.wait()

    @classmethod
    def is_healthy(cls):
        found = cls.get(KIND, CLUSTER)
        return found.get("status", {}).get("phase") == "Cluster in healthy state" and cls.decorated("pods", "hasHooks") \
            and len(cls.decorated("pvc", "excluded")) == 2

    @classmethod
    def primary(cls):
        return cls.get(KIND, CLUSTER)["status"]["currentPrimary"]

    @classmethod
    def decorated(cls, kind, mark):
        return [thing["metadata"] for thing in cls.list(kind, "-l", f"{KASTEN}{mark}=true")]

    @classmethod
    def annotations(cls):
        return cls.get(KIND, CLUSTER)["metadata"]["annotations"]

    @classmethod
    def fence(cls, *instances):
        value = f"{FENCED}={json.dumps(instances)}" if instances else f"{FENCED}-"
        cls.kubectl("annotate", "--overwrite", KIND, CLUSTER, value)

    @classmethod
    def psql(cls, instance, sql):
        return cls.exec(instance, "psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", sql).stdout.strip()

    @classmethod
    def control_state(cls, instance):
        return cls.exec(instance, "bash", "/controller/manager", "control", "state").stdout.strip()

    @classmethod
    def wait_fenced(cls, instance):
        wait_for(f"the end of {instance}'s PostgreSQL", lambda: cls.control_state(instance) == "shut down in recovery")

    @classmethod
    def wait_caught_up(cls, instance):
        """Streams, and has what the primary has now."""
        position = cls.psql(cls.primary(), "select pg_current_wal_lsn()")
        caught_up = f"select pg_last_wal_replay_lsn() >= '{position}' from pg_stat_wal_receiver where status = 'streaming'"
        wait_for(f"{instance}'s catching up", lambda: cls.exec(instance, "psql", "-qAtc", caught_up, check=False).stdout == "t\n")
