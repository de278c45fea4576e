"""What the tests on a real Kubernetes stand on: any cluster that FENCEPOST_TEST_KUBECONFIG points at, or else the
one-node cluster of this folder, brought up for this process and ended with it (see README.md)."""
import atexit
import contextlib
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "e2e"))
from stack import BUILD, CACHE, KUBECTL, ROOT, wait_for  # noqa: E402

HOME = pathlib.Path(os.environ.get("CLUSTER_HOME", CACHE / "cluster"))
INSTANCE = os.environ.get("CLUSTER_INSTANCE", "")  # which of this machine's clusters the tests share
KUBECONFIG = "FENCEPOST_TEST_KUBECONFIG"
NOT_HERE = 77  # up.sh: this machine does not allow a cluster

TOOLS = "local.test/tools:1"
POSTGRES = "local.test/postgres:1"
OUR_TOOLS = "ghcr.io/fencepost/tools:0.1.0"  # once Kubernetes.import_our_images() has run


class CannotHaveCluster(Exception):
    """This machine allows none; the text says why."""


def state_of(instance):
    """The folder of all that a one-node cluster forgets when it ends."""
    return HOME / f"state{instance}"


def bring_up(*arguments, instance=INSTANCE):
    """The one-node cluster's kubeconfig. It ends with this process where this one has brought it up."""
    variables = {"CLUSTER_OWNER": str(os.getpid()), "CLUSTER_WAIT": "1800", **os.environ, "CLUSTER_INSTANCE": instance}
    result = subprocess.run([HERE / "up.sh", *arguments], env=variables, stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode == NOT_HERE:
        raise CannotHaveCluster(result.stdout.strip().splitlines()[-1])
    if result.returncode:
        raise AssertionError(f"up.sh: exit {result.returncode}\n{result.stdout}")
    return state_of(instance) / "admin.kubeconfig"


def take_down(instance=INSTANCE):
    """Ends the cluster where it was brought up for this process."""
    variables = {**os.environ, "CLUSTER_OWNER": str(os.getpid()), "CLUSTER_INSTANCE": instance}
    subprocess.run([HERE / "down.sh"], env=variables, check=True)


@functools.cache
def our_images():
    """Archives of our images, made of this build."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    subprocess.run([ROOT / "scripts/build-images", folder], env=dict(os.environ, FENCEPOST_BUILD=str(BUILD)), check=True,
                   capture_output=True, timeout=600)
    return sorted(pathlib.Path(folder).glob("*.tar"))


class Kubernetes:
    """kubectl with what the tests ask of it. Namespaces are the default of every call."""

    def __init__(self, kubeconfig, instance=INSTANCE):
        self.kubeconfig = pathlib.Path(kubeconfig)
        self.instance = instance
        self.state = state_of(instance)
        self.environment = dict(os.environ, KUBECONFIG=str(self.kubeconfig))
        self.is_ours = self.kubeconfig == self.state / "admin.kubeconfig"

    def kubectl(self, *arguments, namespace="default", text=None, check=True, seconds=120):
        """The finished process."""
        result = subprocess.run([KUBECTL, "-n", namespace, *map(str, arguments)], input=text, capture_output=True,
                                text=not isinstance(text, bytes), env=self.environment, timeout=seconds)
        if check and result.returncode:
            raise AssertionError(f"kubectl {' '.join(map(str, arguments))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def apply(self, thing, namespace="default"):
        """YAML, or one object or several."""
        if not isinstance(thing, str):
            objects = thing if isinstance(thing, list) else [thing]
            thing = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        return self.kubectl("apply", "-f", "-", namespace=namespace, text=thing).stdout

    def get(self, *arguments, namespace="default"):
        """The object as JSON; None where there is none of that name."""
        text = self.kubectl("get", *arguments, "--ignore-not-found", "-o", "json", namespace=namespace).stdout
        return json.loads(text) if text else None

    def list(self, *arguments, namespace="default"):
        return json.loads(self.kubectl("get", *arguments, "-o", "json", namespace=namespace).stdout)["items"]

    def exec(self, pod, *command, namespace="default", text=None, check=True, options=()):
        arguments = ["exec", *(["-i"] if text is not None else []), *options, pod, "--", *command]
        return self.kubectl(*arguments, namespace=namespace, text=text, check=check)

    def wait_ready(self, *pods, namespace="default", seconds=120):
        self.kubectl("wait", "--for=condition=Ready", *(f"pod/{pod}" for pod in pods), f"--timeout={seconds}s",
                     namespace=namespace, seconds=seconds + 10)

    def make_namespace(self, name):
        """Its name, which no other run has."""
        name = f"{name}-{os.getpid()}"
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        wait_for("its service account", lambda: self.get("serviceaccount", "default", namespace=name))
        return name

    def delete_namespace(self, name):
        # Without their grace: tests end what runs in them when they want to see it end.
        self.kubectl("delete", "pods", "--all", "--grace-period=1", "--wait=false", namespace=name)
        if self.kubectl("delete", "namespace", name, "--timeout=300s", check=False, seconds=310).returncode:
            conditions = (self.get("namespace", name) or {}).get("status", {}).get("conditions", [])
            raise AssertionError(f"namespace {name} does not end:\n" + "\n".join(one["message"] for one in conditions))

    # --- what only the one-node cluster offers
    @property
    def host_address(self):
        """What Pods reach this machine by."""
        return f"10.99.{self.instance or 0}.1"

    @functools.cache
    def import_our_images(self):
        """Those that scripts/build-images makes of this build, by the names that the chart and blueprints use."""
        for archive in our_images():
            self.inside("ctr", "--address", self.state / "containerd/containerd.sock", "--namespace", "k8s.io", "images", "import", archive)

    def inside(self, *command):
        """A command in the cluster's namespaces, where Pods and Services have their addresses."""
        return subprocess.run([HERE / "inside.sh", *map(str, command)], capture_output=True, text=True, check=True, timeout=60,
                              env={**os.environ, "CLUSTER_INSTANCE": self.instance}).stdout

    @contextlib.contextmanager
    def failing(self, call, text):
        """Every CSI call of that name (CreateSnapshot, ...) fails with this text meanwhile."""
        fault = self.state / "csi" / "fail" / call
        fault.write_text(text)
        try:
            yield
        finally:
            fault.unlink()

    @contextlib.contextmanager
    def without(self, component):
        """kube-apiserver, kubelet, csi-snapshotter, ... is killed, and started again at the end."""
        self.inside("kill", "-KILL", (self.state / f"{component}.pid").read_text().strip())
        try:
            yield
        finally:
            bring_up(instance=self.instance)


@functools.cache
def cluster():
    """The Kubernetes of this process; raises CannotHaveCluster."""
    if not KUBECTL:
        raise CannotHaveCluster("no kubectl was built (scripts/install-deps --test, with Go)")
    return Kubernetes(os.environ.get(KUBECONFIG) or bring_up())


class ClusterTest(unittest.TestCase):
    """A class of tests with the cluster, and a namespace of its own that is deleted at its end."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        try:
            cls.cluster = cluster()
        except CannotHaveCluster as reason:
            raise unittest.SkipTest(f"SKIPPED: {reason}") from None
        cls.namespace = cls.cluster.make_namespace(cls.__name__.lower())
        cls.addClassCleanup(cls.cluster.delete_namespace, cls.namespace)

    @classmethod
    def need_one_node_cluster(cls):
        if not cls.cluster.is_ours:
            raise unittest.SkipTest("SKIPPED: only the one-node cluster of tests/cluster can do this")

    @classmethod
    def kubectl(cls, *arguments, **options):
        return cls.cluster.kubectl(*arguments, namespace=cls.namespace, **options).stdout

    @classmethod
    def apply(cls, thing):
        return cls.cluster.apply(thing, cls.namespace)

    @classmethod
    def get(cls, *arguments):
        return cls.cluster.get(*arguments, namespace=cls.namespace)

    @classmethod
    def list(cls, *arguments):
        return cls.cluster.list(*arguments, namespace=cls.namespace)

    @classmethod
    def exec(cls, pod, *command, **options):
        return cls.cluster.exec(pod, *command, namespace=cls.namespace, **options)

    @classmethod
    def start_pod(cls, name, command=("sleep", "infinity"), image=TOOLS, labels=None, claim=None):
        """A Pod, once it is ready; a claim is mounted at /data."""
        container = {"name": "main", "image": image, "imagePullPolicy": "IfNotPresent", "command": list(command)}
        spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
        if claim:
            container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
            spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
        cls.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {}}, "spec": spec})
        cls.cluster.wait_ready(name, namespace=cls.namespace)

    @classmethod
    def make_claim(cls, name, snapshot=None):
        """A bound PersistentVolumeClaim of the default class, empty or from a VolumeSnapshot."""
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        if snapshot:
            spec["dataSource"] = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": snapshot}
        cls.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec})
        cls.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", f"pvc/{name}", "--timeout=60s")

    @classmethod
    def make_snapshot(cls, name, claim):
        cls.apply({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"name": name},
                    "spec": {"source": {"persistentVolumeClaimName": claim}}})

    @classmethod
    def wait_snapshot(cls, name):
        cls.kubectl("wait", "--for=jsonpath={.status.readyToUse}=true", f"volumesnapshot/{name}", "--timeout=60s")
