#!/usr/bin/env python3
"""Does for the PostgreSQL of yaml/edb.yaml what EDB's operator and its kasten add-on (an external backup adapter) do:
elects the instance to back up, decorates Pods and claims for it, publishes its hooks, and stops and starts the
PostgreSQL of the instances that the Cluster's annotation lists as fenced, while their Pods stay. Where the primary's Pod
goes, another replica than the elected one is promoted, and the old primary begins anew as a replica. A Cluster that was
restored begins with the instance whose volume has come back.

    KUBECONFIG=... edb_operator.py NAMESPACE

All that it decides is kept in the objects, so it may be killed and started again at any time."""
import json
import os
import subprocess
import sys
import time

from cluster import Kubernetes

CLUSTER = "cluster-example"
KIND = "clusters.postgresql.k8s.enterprisedb.io"
EDB = "k8s.enterprisedb.io/"
KASTEN = "kasten-enterprisedb.io/"
FENCED = EDB + "fencedInstances"
ELECTED = EDB + "backupInstance"
COLD_ON_PRIMARY = EDB + "snapshotAllowColdBackupOnPrimary"


def hook(name):
    return json.dumps(["/bin/bash", "/controller/manager", "snapshot", "hook", name, "backup"])


HOOKS = {KASTEN + "pre-backup-container": "postgres", KASTEN + "pre-backup-command": hook("pre"),
         KASTEN + "pre-backup-on-error": hook("onError"),
         KASTEN + "post-backup-container": "postgres", KASTEN + "post-backup-command": hook("post")}
MARKS = [KASTEN + mark for mark in ("hasHooks", "elected", "excluded")]


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


class Operator:
    def __init__(self, kubernetes, namespace):
        self.kubernetes = kubernetes
        self.namespace = namespace
        self.told = {}  # a Pod's uid -> whether it was told to be fenced

    def manager(self, instance, *command, check=True):
        return self.kubernetes.exec(instance, "bash", "/controller/manager", *command, namespace=self.namespace, check=check)

    def patch(self, thing, labels=None, annotations=None):
        """Sets these, where they differ; None removes one."""
        metadata = {}
        for field, wanted in (("labels", labels), ("annotations", annotations)):
            there = thing["metadata"].setdefault(field, {})
            changes = {key: value for key, value in (wanted or {}).items() if there.get(key) != value}
            if changes:
                metadata[field] = changes
        if metadata:
            kind = KIND if thing["kind"] == "Cluster" else thing["kind"]
            self.kubernetes.kubectl("patch", kind, thing["metadata"]["name"], "--type=merge", "-p",
                                    json.dumps({"metadata": metadata}), namespace=self.namespace)

    def observe(self):
        """The Cluster, and by instance its Pod and its claim."""
        things = self.kubernetes.list(f"{KIND},pods,pvc", "-l", f"{EDB}cluster={CLUSTER}", namespace=self.namespace)
        of_kind = lambda kind: [thing for thing in things if thing["kind"] == kind]
        pods = {pod["metadata"]["name"]: pod for pod in of_kind("Pod") if pod["status"]["phase"] == "Running"}
        claims = {claim["metadata"]["name"].removeprefix("pgdata-"): claim for claim in of_kind("PersistentVolumeClaim")}
        return next(iter(of_kind("Cluster")), None), pods, claims

    def reconcile(self):
        cluster, pods, claims = self.observe()
        if cluster is None:
            return
        annotations = cluster["metadata"].setdefault("annotations", {})
        fenced = json.loads(annotations.get(FENCED, "[]"))
        self.fence(pods, fenced)
        if pods and not cluster.get("status", {}).get("targetPrimary"):
            self.begin(cluster, pods, claims)
        self.fail_over(cluster, pods, fenced)
        self.label_roles(pods)
        if "kasten" in json.loads(annotations.get(EDB + "addons", "[]")):
            is_primary = annotations.get(ELECTED) == cluster.get("status", {}).get("currentPrimary")
            if annotations.get(ELECTED) not in pods or (is_primary and COLD_ON_PRIMARY not in annotations):
                self.elect(cluster, pods)
            elif len(claims) == cluster["spec"]["instances"]:
                self.decorate(annotations[ELECTED], pods, claims)
        self.report(cluster, pods)

    def fence(self, pods, fenced):
        for name, pod in pods.items():
            wanted = name in fenced or "*" in fenced
            uid = pod["metadata"]["uid"]
            if self.told.get(uid) != wanted:
                self.manager(name, "fence" if wanted else "unfence")
                self.told[uid] = wanted

    def begin(self, cluster, pods, claims):
        """Says which instance is the first: before a Pod runs there are all claims that a restore brings."""
        restored = [name for name, claim in claims.items() if KASTEN + "elected" in claim["metadata"].get("labels", {})]
        self.report(cluster, pods, target=(restored or [f"{CLUSTER}-1"])[0])

    def fail_over(self, cluster, pods, fenced):
        status = cluster.get("status", {})
        primary, first = status.get("currentPrimary"), status.get("targetPrimary")
        if not primary and first in pods and is_ready(pods[first]) and self.manager(first, "lag").stdout.startswith("t"):
            self.promote(cluster, pods, first)  # it was a replica when its volume was copied
        if not primary or (primary in pods and pods[primary]["metadata"]["uid"] == status.get("primaryUid")):
            return
        able = [name for name, pod in pods.items() if name not in (primary, *fenced) and is_ready(pod)]
        # One that was promoted by an operator which died then is the one.
        able.sort(key=lambda name: (self.manager(name, "lag").stdout.startswith("t"), name == cluster["metadata"]["annotations"].get(ELECTED)))
        if able:
            self.promote(cluster, pods, able[0])

    def promote(self, cluster, pods, name):
        self.manager(name, "promote")
        self.patch(pods[name], labels={EDB + "instanceName": name, EDB + "instanceRole": "primary", "role": "primary"})
        self.report(cluster, pods, promoted=name)

    def label_roles(self, pods):
        """Instances that have no role yet: which the Service of the primary goes by."""
        for name, pod in pods.items():
            if EDB + "instanceRole" not in pod["metadata"]["labels"]:
                result = self.manager(name, "lag", check=False)
                if result.returncode == 0:
                    role = "replica" if result.stdout.startswith("t") else "primary"
                    self.patch(pod, labels={EDB + "instanceName": name, EDB + "instanceRole": role, "role": role})

    def elect(self, cluster, pods):
        """The replica that is farthest ahead once all are well; the primary only where it is alone and may be stopped."""
        if len(pods) < cluster["spec"]["instances"] or not all(map(is_ready, pods.values())):
            return
        lags = {name: self.manager(name, "lag").stdout.strip().split("|") for name in pods}
        replicas = {name: int(position) for name, (in_recovery, position) in lags.items() if in_recovery == "t"}
        if replicas:
            self.patch(cluster, annotations={ELECTED: max(sorted(replicas), key=replicas.get)})
        elif cluster["metadata"]["annotations"].get(COLD_ON_PRIMARY) in ("enabled", "true"):
            self.patch(cluster, annotations={ELECTED: next(iter(pods))})

    def decorate(self, elected, pods, claims):
        reason = f"instance {elected} was elected for the backup"
        for name, thing in [*pods.items(), *claims.items()]:
            chosen = [] if name != elected else [KASTEN + "hasHooks"] if thing["kind"] == "Pod" else [KASTEN + "elected"]
            marks = chosen or [KASTEN + "excluded"]
            has = thing["metadata"].get("labels", {})
            labels = {mark: "true" if mark in marks else None for mark in MARKS if mark in marks or mark in has}
            noted = thing["metadata"].get("annotations", {})
            wanted = HOOKS if chosen == [KASTEN + "hasHooks"] else {} if chosen else {KASTEN + "excluded-reason": reason}
            gone = {key: None for key in [*HOOKS, KASTEN + "excluded-reason"] if key in noted and key not in wanted}
            self.patch(thing, labels=labels, annotations={**gone, **wanted})

    def report(self, cluster, pods, promoted=None, target=None):
        ready = sum(map(is_ready, pods.values()))
        before = cluster.get("status", {})
        status = {"instances": cluster["spec"]["instances"], "readyInstances": ready,
                  "currentPrimary": before.get("currentPrimary", ""), "primaryUid": before.get("primaryUid", ""),
                  "targetPrimary": target or before.get("targetPrimary", ""),
                  "phase": "Cluster in healthy state" if ready == cluster["spec"]["instances"] else "Waiting for the instances to become active"}
        first = [name for name, pod in pods.items() if pod["metadata"]["labels"].get("role") == "primary"]
        if promoted or (first and not status["currentPrimary"]):
            status["currentPrimary"] = promoted or first[0]
            status["primaryUid"] = pods[status["currentPrimary"]]["metadata"]["uid"]
        if before != status:
            self.kubernetes.kubectl("patch", KIND, CLUSTER, "--subresource=status", "--type=merge", "-p",
                                    json.dumps({"status": status}), namespace=self.namespace)
            cluster["status"] = status


def main():
    operator = Operator(Kubernetes(os.environ["KUBECONFIG"]), sys.argv[1])
    while True:
        try:
            operator.reconcile()
        except (AssertionError, subprocess.TimeoutExpired) as error:  # a Pod that ends, an API server that is away: seen again the next time
            print(error, file=sys.stderr, flush=True)
        time.sleep(0.3)


if __name__ == "__main__":
    main()
