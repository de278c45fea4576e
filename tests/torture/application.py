"""The torture's subject as a whole application: a namespace with a database that is fenced while its volume is copied, and
another one that a blueprint dumps. One run is its whole life: a BackupAction, a RestoreAction into another namespace, and the
end of the restore point; the deaths come anywhere in it."""
import json
import time

from subject import PLAIN, Died, Run, Subject
from stack import wait_for

GROUP = "fencepost.io/v1alpha1"
API = f"/apis/{GROUP}"


class Life(Run):
    def __init__(self, subject):
        super().__init__(subject, f"{subject.work.name.lower().replace('_', '-')}-{subject.runs}")
        self.content = None  # the name of the RestorePointContent

    def judge_artifacts(self):
        self.violations += [f"half an artifact: {what}" for what in self.subject.half_artifacts()]


class ApplicationSubject(Subject):
    def prepare(self):
        super().prepare()
        script = (f'echo $EPOCHREALTIME dump >> {self.journal}\nhead -c {self.object_bytes} /dev/zero | '
                  'kando location push --path runs/$RUN -\nkando output path runs/$RUN\n')

        def phase(name, script, run):
            environment = [{"name": "TORTURE", "value": self.work.name}, {"name": "RUN", "value": run},
                           {"name": "FENCEPOST_PROFILE", "value": "{{ toJson .Profile }}"}]
            return {"func": "KubeTask", "name": name, "args": {
                "namespace": "default", "image": "tools", "command": ["bash", "-e", "-o", "pipefail", "-c", script],
                "podOverride": {"containers": [{"name": "container", "env": environment}]}}}
        held = "{{ .ArtifactsIn.copy.KeyValue.path }}"
        hooks = self.get("/api/v1/namespaces/torture/pods/db")["metadata"]["annotations"]
        fence = {"namespace": "app", "labelSelector": "kasten-enterprisedb.io/hasHooks=true", "timeLimit": self.limit_text}
        bound = lambda name, blueprint: {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {  # noqa: E731
            "name": name, "namespace": "app", "annotations": {"kanister.kasten.io/blueprint": blueprint}}}
        blueprint = lambda name, actions: {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "actions": actions,  # noqa: E731
                                           "metadata": {"name": name, "namespace": "default"}}
        self.apply("---\n".join(json.dumps(o) + "\n" for o in [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}},
            bound("database", "fenced"), bound("settings", "dumped"),
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "app"},
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
            blueprint("fenced", {
                "backupPrehook": {"phases": [{"func": "Fence", "name": "fence", "args": fence}]},
                "backupPosthook": {"phases": [{"func": "Unfence", "name": "unfence", "args": {"namespace": "app"}}]}}),
            blueprint("dumped", {
                "backup": {"outputArtifacts": {"copy": {"keyValue": {"path": "{{ .Phases.dump.Output.path }}"}}},
                           "phases": [phase("dump", script, "{{ .Time }}")]},
                "restore": {"inputArtifactNames": ["copy"], "phases": [phase("load", "kando location pull --path $RUN - | wc -c", held)]},
                "delete": {"inputArtifactNames": ["copy"], "phases": [phase("forget", "kando location delete --path $RUN", held)]}})]))
        uid = self.get("/api/v1/namespaces/app/configmaps/database")["metadata"]["uid"]
        self.apply(json.dumps({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "db", "namespace": "app", "annotations": hooks, "labels": {"kasten-enterprisedb.io/hasHooks": "true"},
                         "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "database", "uid": uid, "controller": True}]},
            "spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
                     "containers": [{"name": "db", "image": "db", "env": [{"name": "TORTURE", "value": self.work.name}],
                                     "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                                     "command": ["bash", "-c", "sleep infinity"]}]}}))
        wait_for("the database", lambda: self.get("/api/v1/namespaces/app/pods/db")["status"].get("phase") == "Running")
        self.data = self.volume(self.get("/api/v1/namespaces/app/persistentvolumeclaims/data"))
        (self.data / "rows").write_text("before the first run")
        wait_for("its command", lambda: list(self.processes().values()).count("sleep infinity") == 2)
        self.know_what_stays()

    def volume(self, claim):
        return self.work / "data" / "volumes" / claim["metadata"]["namespace"] / claim["metadata"]["uid"]

    # --- one run
    def run(self, kill_again=None):
        self.runs += 1
        self.kill_again = kill_again
        run = Life(self)
        rows = f"rows of {run.name}"
        (self.data / "rows").write_text(rows)
        self.act(run, "backup", "backupactions", "app", {"profile": PLAIN})
        self.look_at_backup(run)
        if run.content:
            subject = {"kind": "RestorePoint", "name": run.name, "namespace": "app"}
            other = f"to-{run.name}"
            self.insist(run, "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}}, (201, 409))
            self.act(run, "restore", "restoreactions", other, {"subject": subject})
            if run.states["restore"] == "complete":
                claim = self.insist(run, "GET", f"/api/v1/namespaces/{other}/persistentvolumeclaims/data")[1]
                found = (self.volume(claim) / "rows").read_text()
                if found != rows:
                    run.violations.append(f"restored {found!r} and not {rows!r}")
            self.vanish(run, f"/api/v1/namespaces/{other}")
            self.vanish(run, f"{API}/restorepointcontents/{run.content}")
        return run

    def insist(self, run, method, path, body=None, good=(200,)):
        while True:
            try:
                status, answer = self.ask(method, path, body)
                if status not in good:
                    run.violations.append(f"{method} {path}: {status} {answer}")
                return status, answer
            except Died:
                self.revive(run, self.kill_again)

    def act(self, run, what, plural, namespace, spec):
        """Drives one action to its end; its name makes it one, however often it is asked for."""
        kind = plural[:-7].capitalize() + "Action"
        body = {"apiVersion": GROUP, "kind": kind, "metadata": {"name": run.name}, "spec": spec}
        path = f"{API}/namespaces/{namespace}/{plural}"
        self.insist(run, "POST", path, body, (201, 409))
        while True:
            status, answer = self.insist(run, "GET", f"{path}/{run.name}")
            if status != 200:
                run.states[what] = "lost"
                return
            run.states[what] = answer.get("status", {}).get("state", "Pending").lower()
            if run.states[what] in ("complete", "failed", "cancelled", "skipped"):
                run.last[what] = answer["status"]
                return
            if time.monotonic() > run.until:
                run.violations.append(f"{what} is still {run.states[what]}: {json.dumps(answer)[:1500]}")
                return
            time.sleep(0.02)

    def vanish(self, run, path):
        """Deletes it, and waits until it has gone."""
        self.insist(run, "DELETE", path, good=(200, 202, 404))
        while self.insist(run, "GET", path, good=(200, 404))[0] == 200:
            if time.monotonic() > run.until:
                run.violations.append(f"{path} does not go")
                return
            time.sleep(0.02)

    def look_at_backup(self, run):
        """What counts is whole, and what does not count is not there."""
        points = self.insist(run, "GET", f"{API}/namespaces/app/restorepoints")[1]["items"]
        contents = self.insist(run, "GET", f"{API}/restorepointcontents")[1]["items"]
        dumps = sorted(f.name for f in (self.store / "runs").glob("*")) if (self.store / "runs").exists() else []
        if run.states["backup"] != "complete":
            if points or contents or dumps:
                run.violations.append(f"the backup is {run.states['backup']}, and {[p['metadata']['name'] for p in points]}, "
                                      f"{[c['metadata']['name'] for c in contents]}, dumps {dumps} are there")
            return
        if [p["metadata"]["name"] for p in points] != [run.name] or len(contents) != 1 or len(dumps) != 1:
            run.violations.append(f"one backup made {len(points)} restore points, {len(contents)} contents, {len(dumps)} dumps")
            return
        run.content = contents[0]["metadata"]["name"]
        if [v["claim"] for v in contents[0]["spec"]["volumes"]] != ["data"]:
            run.violations.append(f"the volumes are {contents[0]['spec']['volumes']}")

    def judge(self, run):
        for kind in ("restorepoints", "restorepointcontents", "volumesnapshots"):
            group = GROUP if kind.startswith("restore") else "snapshot.storage.k8s.io/v1"
            left = [thing["metadata"]["name"] for thing in self.get(f"/apis/{group}/{kind}")["items"]]
            if left:
                run.violations.append(f"left over: {kind} {left}")
        manifests = [s["metadata"]["name"] for s in self.get("/api/v1/namespaces/default/secrets")["items"]
                     if "fencepost.io/restore-point-content" in s["metadata"].get("labels", {})]
        dumps = [f.name for f in (self.store / "runs").glob("*")]
        if manifests or dumps:
            run.violations.append(f"left over: Secrets {manifests}, dumps {dumps}")
