"""The torture's subject with the quickstart's real PostgreSQL and a real S3 server."""
import json

from subject import Subject
from stack import APP1_DB, STORE, VERSITYGW, apply_postgres_dump


class RealSubject(Subject):
    def __init__(self):
        super().__init__(time_limit="1800s", profile="s3" if VERSITYGW else "file")
        self.snapshots = 0

    def prepare(self):
        self.start()
        if VERSITYGW:
            self.start_s3()
        else:
            self.start_file_store()
        apply_postgres_dump(self)
        self.start_database(rows=5_000)
        self.know_what_stays()

    def body(self, run, action, pause):
        return {"action": action, "subject": APP1_DB, "profile": STORE}

    def artifact(self, run):
        return True  # judge() looks at the snapshots

    def half_artifacts(self):
        uploads = self.work / "s3" / "backups" / ".sgwtmp" / "multipart"
        return [str(f.relative_to(self.work)) for f in uploads.rglob("*") if f.is_file()]

    def judge(self, run):
        if self.replay_is_paused():
            run.violations.append("the replica's replay is paused")
        # Before the first backup there is no repository.
        snapshots = {s["id"]: s for s in json.loads(self.restic("snapshots", "--json").stdout or "[]")}
        new, self.snapshots = len(snapshots) - self.snapshots, len(snapshots)
        if new > 1:
            run.violations.append(f"{new} snapshots of one backup")
        if run.states["backup"] == "complete":
            identity = json.loads(run.last["backup"]["artifacts"]["pgBackup"]["kopiaSnapshot"])["id"]
            dump = self.restic("dump", identity, snapshots[identity]["paths"][0]) if identity in snapshots else None
            if not dump or b"-- PostgreSQL database dump complete" not in dump.stdout[-200:]:
                run.violations.append(f"complete, and its snapshot {identity} is not a whole dump")
