"""What the torture is done to: a daemon whose C library is in our hands (world.cpp), a small database that can be
fenced, and the reference run: prehook (fence), backup (a Pod that pushes an artifact), posthook (unfence). And the
judge: what must hold afterwards, whatever happened."""
import ctypes
import json
import mmap
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.error

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stack import BUILD, Stack, wait_for  # noqa: E402

SUBJECT = {"resource": "configmaps", "apiVersion": "v1", "name": "subject", "namespace": "torture"}
RUN = ("backupPrehook", "backup", "backupPosthook")
PLAIN = {"name": "plain", "namespace": "default"}


class Control(ctypes.Structure):
    """The mapped file that world.cpp explains."""
    _fields_ = [(name, ctypes.c_int64) for name in ("count", "kill_at", "is_torn", "power_cut", "fail_at", "fail_count",
                                                    "fail_errno", "clock_jump")] + [("last", ctypes.c_char * 128)]

    @classmethod
    def map(cls, path):
        path.write_bytes(bytes(ctypes.sizeof(cls)))
        with open(path, "r+b") as file:
            return cls.from_buffer(mmap.mmap(file.fileno(), 0))

    def arm(self, **numbers):
        """Everything passes, but for what is told; counting begins anew."""
        for name, _ in self._fields_[:-1]:
            if name != "clock_jump":
                setattr(self, name, 0)
        self.last = b""
        for name, number in numbers.items():
            setattr(self, name, number)


class Died(Exception):
    """The daemon has gone; what was asked of it may have happened or not."""


class Subject(Stack):
    def __init__(self, time_limit="20s", profile="file", object_bytes=20_000, tmpfs=None):
        super().__init__()
        self.time_limit = float(time_limit[:-1])
        self.limit_text = time_limit
        self.control = Control.map(self.work / "control")
        self.journal = self.work / "journal"
        self.journal.touch()
        self.runs = 0
        self.known_rest = set()  # what an earlier run left: told once
        self.profile = profile
        self.object_bytes = object_bytes
        if tmpfs:
            (self.work / "data").mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={tmpfs}", "torture", self.work / "data"], check=True)
            self.clean_up.callback(subprocess.run, ["umount", "-l", self.work / "data"])

    # --- the daemon in our hands
    def start(self, wait=True, **environment):
        super().start(wait, LD_PRELOAD=str(BUILD / "bin" / "libtorture_world.so"), TORTURE_CONTROL=str(self.work / "control"),
                      TORTURE_FOLDER=str(self.work / "data"), **environment)

    def is_dead(self):
        return self.daemon.poll() is not None

    def reap(self):
        self.daemon.wait(20)

    def ask(self, method, path, body=None, headers=None):
        """As request(), but a daemon that dies meanwhile is Died, and one that cannot write is asked again."""
        until = time.monotonic() + 60
        while True:
            try:
                status, answer, _ = self.request(method, path, body, headers)
            except (urllib.error.URLError, ConnectionError, OSError, json.JSONDecodeError) as error:
                for _ in range(200):
                    if self.is_dead():
                        raise Died() from error
                    time.sleep(0.005)
                raise
            if status < 500 or time.monotonic() > until:
                return status, answer
            time.sleep(0.1)

    # --- the database, and its blueprint
    def prepare(self):
        self.start()
        self.start_store()
        hook = "echo $EPOCHREALTIME {} >> " + str(self.journal)
        annotations = {f"kasten-enterprisedb.io/{when}-backup-command": json.dumps(["bash", "-c", hook.format(what)])
                       for when, what in (("pre", "fence"), ("post", "unfence"))}
        mark = [{"name": "TORTURE", "value": self.work.name}]
        script = (f'echo $EPOCHREALTIME dump $RUN >> {self.journal}\nsleep ${{PAUSE:-0}}\n'
                  f'head -c {self.object_bytes} /dev/zero | kando location push --path runs/$RUN -\n'
                  'kando output path runs/$RUN\n')
        pod = {"spec": {"containers": [{"name": "container", "env": mark + [
            {"name": "RUN", "value": "{{ .Options.run }}"}, {"name": "PAUSE", "value": "{{ .Options.pause }}"},
            {"name": "FENCEPOST_PROFILE", "value": "{{ toJson .Profile }}"}]}]}}
        fence = {"namespace": "torture", "labelSelector": "kasten-enterprisedb.io/hasHooks=true", "timeLimit": self.limit_text}
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "torture"}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "subject", "namespace": "torture"}},
            {"apiVersion": "v1", "kind": "Pod",
             "metadata": {"name": "db", "namespace": "torture", "annotations": annotations,
                          "labels": {"kasten-enterprisedb.io/hasHooks": "true"}},
             "spec": {"containers": [{"name": "db", "image": "db", "command": ["sleep", "infinity"], "env": mark}]}},
            {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint",
             "metadata": {"name": "reference", "namespace": "default"},
             "actions": {
                 "backupPrehook": {"phases": [{"func": "Fence", "name": "fence", "args": fence}]},
                 "backup": {"outputArtifacts": {"copy": {"keyValue": {"path": "{{ .Phases.copy.Output.path }}"}}},
                            "phases": [{"func": "KubeTask", "name": "copy", "args": {
                                "image": "tools", "podOverride": pod["spec"], "command": ["bash", "-e", "-o", "pipefail", "-c", script]}}]},
                 "backupPosthook": {"phases": [{"func": "Unfence", "name": "unfence", "args": {"namespace": "torture"}}]},
                 # The same in one action: what most platforms start.
                 "whole": {"outputArtifacts": {"copy": {"keyValue": {"path": "{{ .Phases.copy.Output.path }}"}}},
                           "phases": [{"func": "Fence", "name": "fence", "args": fence},
                                      {"func": "KubeTask", "name": "copy", "args": {
                                          "image": "tools", "podOverride": pod["spec"],
                                          "command": ["bash", "-e", "-o", "pipefail", "-c", script]}}],
                           "deferPhase": {"func": "Unfence", "name": "unfence", "args": {"namespace": "torture"}}}}}]
        self.apply("---\n".join(json.dumps(o) + "\n" for o in objects))
        wait_for("the database", lambda: json.loads(
            self.cli("get", "pod", "db", "-n", "torture", "-o", "json").stdout)["status"]["phase"] == "Running")
        wait_for("its command", lambda: "sleep infinity" in self.processes().values())
        self.know_what_stays()

    def know_what_stays(self):
        """What is here now is here after each run."""
        self.pods = {pod["metadata"]["name"] for pod in self.get("/api/v1/pods")["items"]}
        self.stays = set(self.processes())

    def start_store(self):
        """The profile `plain`: objects as they are, so that the judge sees with his own eyes what is there."""
        if self.profile == "s3":
            self.start_s3()
            location = {"type": "s3Compliant", "bucket": "backups", "prefix": "plain", "region": "us-east-1",
                        "endpoint": f"http://127.0.0.1:{self.s3_port}"}
            secret = {"apiVersion": "v1", "kind": "Secret", "name": "s3-credentials", "namespace": "default"}
            credential = {"type": "keyPair", "keyPair": {"idField": "id", "secretField": "secret", "secret": secret}}
            self.store = self.work / "s3" / "backups" / "plain"
        else:
            self.store = self.work / "store"
            self.store.mkdir()
            location, credential = {"type": "filestore", "path": str(self.store)}, None
        profile = {"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Profile", "metadata": PLAIN, "location": location}
        self.apply(json.dumps(dict(profile, credential=credential) if credential else profile))

    def artifact(self, run):
        path = self.store / "runs" / run
        return path.exists() and path.stat().st_size == self.object_bytes

    def half_artifacts(self):
        """What a writer has left unfinished: temporary files of a folder, uploads of an S3 server."""
        places = [self.store / ".fencepost-tmp", self.work / "s3" / "backups" / ".sgwtmp" / "multipart"]
        found = [str(f.relative_to(self.work)) for place in places if place.exists() for f in place.rglob("*") if f.is_file()]
        runs = self.store / "runs"
        return found + [f"{f.name} has {f.stat().st_size} bytes" for f in (runs.iterdir() if runs.exists() else ())
                        if f.stat().st_size != self.object_bytes]

    # --- one reference run
    def run(self, kill_again=None, actions=RUN, pause="0"):
        """Drives the actions one after the other as a platform would, over any number of deaths; the daemon is started
        again after each, armed by kill_again() if that is given. Returns the Run for the judge."""
        self.runs += 1
        run = Run(self, f"{self.work.name}-{self.runs}")
        for action in actions:
            if action == "backup" and run.states.get("backupPrehook", "complete") != "complete":
                continue  # as Kasten: without its prehook there is no backup, but the posthook is run
            self.drive(run, action, pause, kill_again)
        return run

    def body(self, run, action, pause):
        return {"action": action, "subject": SUBJECT, "blueprint": "reference", "profile": PLAIN,
                "options": {"run": run.name, "pause": pause}}

    def drive(self, run, action, pause="0", kill_again=None):
        body, identity = self.body(run, action, pause), None
        while True:
            try:
                if identity is None:
                    # The key makes it one action, however often it is asked for.
                    status, answer = self.ask("POST", "/v1/actions", body, {"Idempotency-Key": f"{run.name}-{action}"})
                    if status not in (200, 201):
                        run.violations.append(f"POST {action}: {status} {answer}")
                        run.states[action] = "refused"
                        return
                    identity = answer["id"]
                    run.told(identity, answer)
                status, answer = self.ask("GET", f"/v1/actions/{identity}?wait=2s")
                if status == 404:
                    run.violations.append(f"the action {identity} was promised and is lost")
                    identity = None
                    continue
                run.told(identity, answer)
                if answer["state"] in ("complete", "failed"):
                    run.states[action] = answer["state"]
                    run.last[action] = answer
                    return
                if time.monotonic() > run.until:
                    run.violations.append(f"{identity} is still {answer['state']}: {json.dumps(answer)[:1500]}")
                    run.states[action] = "stuck"
                    return
            except Died:
                self.revive(run, kill_again)

    def revive(self, run, kill_again=None):
        """After a death; more deaths while it starts are met in the same way."""
        while True:
            self.reap()
            run.deaths += 1
            run.points.append(self.control.last.decode(errors="replace"))
            self.control.arm(**(kill_again() if kill_again and run.deaths == 1 else {}))
            self.start(wait=False)
            until = time.monotonic() + 60
            while time.monotonic() < until:
                if self.is_dead():
                    break
                try:
                    if self.is_ready():
                        return
                except (OSError, AssertionError):
                    time.sleep(0.01)
            else:
                raise AssertionError(f"the daemon does not start: {self.log_tail()}")

    def calm(self, run):
        """From here on nothing is harmed; a daemon that has met its point meanwhile is started again."""
        self.control.kill_at = self.control.fail_at = 0
        if self.control.last or self.is_dead():
            self.revive(run)
        self.control.arm()

    def judge(self, run):
        """What else must hold of this subject."""

    def events(self, since=0):
        """What the database went through: [(time, what, run)]."""
        result = []
        for line in self.journal.read_text().splitlines()[since:]:
            at, what, *name = line.split()
            result.append((float(at.replace(",", ".")), what, name[0] if name else ""))
        return result

    def processes(self):
        """All that the daemon has started and that still runs: {pid: command line}."""
        found = {}
        for folder in pathlib.Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == self.daemon.pid:
                continue
            try:
                line = (folder / "cmdline").read_bytes()
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            if str(self.work).encode() in line or f"TORTURE={self.work.name}\0".encode() in environment:
                found[folder.name] = line.replace(b"\0", b" ").decode(errors="replace").strip()
        return found


class Run:
    """What was seen of one run, and the judgement over it."""

    def __init__(self, subject, name):
        self.subject, self.name = subject, name
        self.since = len(subject.journal.read_text().splitlines())
        self.until = time.monotonic() + 60
        self.states, self.last, self.complete = {}, {}, {}
        self.violations, self.points, self.deaths = [], [], 0
        self.may_fail = False  # the harm was something else than a death

    def told(self, identity, action):
        """What the API has told once must stay so."""
        for phase in action["phases"]:
            key = (identity, phase["name"])
            if phase["state"] == "complete":
                self.complete[key] = True
            elif key in self.complete:
                self.violations.append(f"phase {phase['name']} of {identity} was complete and is {phase['state']}")

    def judge(self, slack=0.5):
        subject = self.subject
        self.settle()
        subject.judge(self)
        events = [e for e in subject.events(self.since) if e[2] in ("", self.name)]
        fences = [at for at, what, _ in events if what == "fence"]
        dumps = [at for at, what, name in events if what == "dump"]
        if len(fences) > 1:
            self.violations.append(f"fenced {len(fences)} times: the phase was run twice")
        if len(dumps) > 1:
            self.violations.append(f"dumped {len(dumps)} times: the phase was run twice")
        marks = [e for e in events if e[1] in ("fence", "unfence")]
        if marks and marks[-1][1] == "fence":
            self.violations.append("still fenced")
        for number, (at, what, _) in enumerate(marks):
            if what == "fence" and number + 1 < len(marks) and marks[number + 1][0] - at > subject.time_limit + slack:
                self.violations.append(f"fenced for {marks[number + 1][0] - at:.2f} s, allowed were {subject.time_limit} s")
        self.judge_artifacts()
        if not self.deaths and not self.may_fail and any(state != "complete" for state in self.states.values()):
            self.violations.append(f"nothing was killed, and yet it ended {self.states}: "
                                   f"{[a.get('error') for a in self.last.values()]}")
        return self.violations

    def judge_artifacts(self):
        subject = self.subject
        for action in ("backup", "whole"):
            if self.states.get(action) == "complete":
                if not self.last[action]["artifacts"]:
                    self.violations.append(f"{action} is complete without its artifact: {self.last[action]}")
                if not subject.artifact(self.name):
                    self.violations.append(f"{action} is complete and its artifact is not there")
        for what in subject.half_artifacts():
            self.violations.append(f"half an artifact: {what}")

    def settle(self):
        """A moment after the end nothing may be left: no obligation, no process, no folder."""
        def left():
            subject = self.subject
            rest = [f"obligation {o['description']}: {o.get('lastError', '')}" for o in subject.open_obligations()]
            pods = [p for p in subject.get("/api/v1/pods")["items"]]
            rest += [f"Pod {p['metadata']['name']}" for p in pods if p["metadata"]["name"] not in subject.pods]
            uids = {p["metadata"]["uid"] for p in pods}
            for folder, known in (("pods", uids), ("guards", set()), ("snapshots", set())):
                path = subject.work / "data" / folder
                if path.exists():
                    rest += [f"folder {folder}/{entry.name}" for entry in path.iterdir() if entry.name not in known]
            return rest + [f"process {line}" for pid, line in subject.processes().items() if pid not in subject.stays]
        until = time.monotonic() + 60
        while rest := [what for what in left() if what not in self.subject.known_rest]:
            if time.monotonic() > until:
                break
            time.sleep(0.02)
        self.violations += [f"left over: {what}" for what in rest]
        self.subject.known_rest |= set(rest)


def in_threads(count, work):
    """work(number) in so many threads; the first exception of any is raised."""
    failures = []

    def guarded(number):
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - it is raised again below, in the main thread
            failures.append(error)
    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
