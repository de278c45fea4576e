"""What the end-to-end tests stand on: the real binaries, a real S3 server, and the quickstart's real PostgreSQL."""
import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FENCEPOST_BUILD", ROOT / "build"))
FENCEPOST = BUILD / "bin" / "fencepost"
KANDO = BUILD / "bin" / "kando"
VERSITYGW = shutil.which("versitygw") or shutil.which("versitygw", path=os.path.expanduser("~/go/bin"))
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))) / "fencepost"  # scripts/install-deps --test
KUBECTL = next(iter(sorted(CACHE.glob("kubectl-v*"), reverse=True)), None)
HELM = next(iter(sorted(CACHE.glob("helm-v*"), reverse=True)), None)
PYTHON = pathlib.Path(os.environ.get("FENCEPOST_PYTHON", CACHE / "python")) / "bin" / "python"  # with the packages that the tests take from PyPI
REPOSITORY_KEY = "a-key-that-only-the-example-knows"
TERMINAL = ("complete", "failed", "cancelled")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=60.0):
    """Polls until condition() is true; its last error is told where it never is."""
    until, last = time.monotonic() + seconds, None
    while time.monotonic() < until:
        try:
            if condition():
                return
            last = None
        except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s" + (f": {last}" if last else ""))


def render(path, **names):
    text = pathlib.Path(path).read_text()
    for name, value in names.items():
        text = text.replace(f"@{name}@", str(value))
    if left := re.search("@[A-Z0-9_]+@", text):
        raise AssertionError(f"{path}: nobody says what {left[0]} is")
    return text


class Stack:
    """A daemon in a temporary folder, with what a test asks for beside it. Use as a context manager."""

    def __init__(self, serve_options=()):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="fencepost-e2e-"))
        self.work.chmod(0o755)
        self.port = free_port()
        self.server = f"http://127.0.0.1:{self.port}"
        self.environment = dict(os.environ, FENCEPOST_SERVER=self.server)
        self.serve_options = list(serve_options)
        self.program = FENCEPOST
        self.daemon = None
        self.clean_up = contextlib.ExitStack()
        self.clean_up.callback(shutil.rmtree, self.work, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.daemon:
            self.stop()
        self.end_pods()
        self.clean_up.close()

    def put_beside_the_daemon(self, **programs):
        """The daemon from a folder of its own, with these programs in every container's PATH."""
        folder = self.work / "bin"
        folder.mkdir()
        ours = {name: FENCEPOST.parent / name for name in ("fencepost", "kando", "fencepost-supervisor")}
        for name, program in {**ours, **programs}.items():
            shutil.copy2(program, folder / name)
        self.program = folder / "fencepost"

    # --- the daemon
    def start(self, wait=True, **environment):
        """The daemon, with these variables beside the usual ones."""
        log = open(self.work / "daemon.log", "ab")
        self.daemon = subprocess.Popen([self.program, "serve", "--data-dir", self.work / "data", "--listen",
                                        f"127.0.0.1:{self.port}", *self.serve_options],
                                       stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                       env=dict(self.environment, **environment))
        log.close()
        if wait:
            wait_for("the daemon's start", self.is_ready, 20)

    def is_ready(self):
        if self.daemon.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.daemon.returncode}: {self.log_tail()}")
        with urllib.request.urlopen(self.server + "/readyz", timeout=5) as answer:
            return answer.status == 200

    def kill(self):
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()

    def stop(self):
        if self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self.daemon = None

    def peak_memory(self):
        """The most that the daemon has taken so far, in MiB."""
        status = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def log_tail(self, lines=20):
        return "\n".join((self.work / "daemon.log").read_text(errors="replace").splitlines()[-lines:])

    def end_pods(self):
        for file in self.work.glob("data/pods/*/*/supervisor.pid"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(file.read_text().split()[0]), signal.SIGTERM)
        time.sleep(0.3)
        for file in self.work.glob("data/pods/*/*/supervisor.pid"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(file.read_text().split()[0]), signal.SIGKILL)

    # --- talking to it
    def request(self, method, path, body=None, headers=None, content_type="application/json"):
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data=data, method=method, headers=dict(headers or {}))
        if data is not None:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null"), dict(answer.headers)
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text or b"null"), dict(error.headers)

    def get(self, path):
        status, body, _ = self.request("GET", path)
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body}")
        return body

    def open(self, path):
        """The answer as it comes."""
        return urllib.request.urlopen(self.server + path, timeout=60)

    def cli(self, *arguments, text=None, check=True):
        result = subprocess.run([FENCEPOST, *arguments], input=text, capture_output=True, text=True, env=self.environment,
                                timeout=120)
        if check and result.returncode != 0:
            raise AssertionError(f"fencepost {' '.join(map(str, arguments))}: exit {result.returncode}\n"
                                 f"{result.stdout}{result.stderr}")
        return result

    def apply(self, text):
        return self.cli("apply", "-f", "-", text=text).stdout

    def start_action(self, action, subject, **more):
        status, body, _ = self.request("POST", "/v1/actions", {"action": action, "subject": subject, **more})
        if status != 201:
            raise AssertionError(f"POST /v1/actions: {status} {body}")
        return body["id"]

    def finish_action(self, identity, seconds=120):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            action = self.get(f"/v1/actions/{identity}?wait=5s")
            if action["state"] in TERMINAL:
                return action
        raise AssertionError(f"{identity} is still {action['state']} after {seconds} s: {json.dumps(action)[:2000]}")

    def open_obligations(self):
        return self.get("/v1/obligations")["items"]

    # --- what stands beside it
    def start_s3_server(self, host="127.0.0.1", keeps_versions=False):
        """A real S3 server with one bucket. With versions it deletes and locks as S3 does."""
        self.s3_port = free_port()
        (self.work / "s3" / "backups").mkdir(parents=True)
        versions = []
        if keeps_versions:
            versions = ["--versioning-dir", self.work / "s3-versions"]
            versions[1].mkdir()
        log = open(self.work / "s3.log", "ab")
        server = subprocess.Popen([VERSITYGW, "--port", f"{host}:{self.s3_port}", "--quiet", "posix", *versions, self.work / "s3"],
                                  stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                  env=dict(os.environ, ROOT_ACCESS_KEY="fencepost", ROOT_SECRET_KEY="fencepost-secret-key"))
        log.close()
        self.clean_up.callback(lambda: (server.kill(), server.wait()))
        wait_for("the S3 server's start", lambda: socket.create_connection((host, self.s3_port)).close() or True)

    def start_s3(self):
        """That server, and the profile `store` that points at it."""
        self.start_s3_server()
        self.apply(render(ROOT / "examples/profile-s3.yaml", S3_KEY="fencepost", S3_SECRET="fencepost-secret-key",
                          BUCKET="backups", STORE_HOST="127.0.0.1", S3_PORT=self.s3_port))
        self.repository = f"s3:http://127.0.0.1:{self.s3_port}/backups/fencepost"

    def s3(self, method, path, *arguments):
        """The S3 server's answer to what curl sends it: its status and body."""
        result = subprocess.run(["curl", "-sS", "-X", method, "--user", "fencepost:fencepost-secret-key", "--aws-sigv4",
                                 "aws:amz:us-east-1:s3", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-w", "\n%{http_code}",
                                 *arguments, f"http://127.0.0.1:{self.s3_port}/{path}"],
                                check=True, capture_output=True, text=True, timeout=30)
        body, _, status = result.stdout.rpartition("\n")
        return int(status), body

    def start_file_store(self):
        (self.work / "store").mkdir()
        self.apply(render(ROOT / "examples/profile-file.yaml", STORE=self.work / "store"))
        self.repository = str(self.work / "store")

    def restic(self, *arguments):
        return subprocess.run(["restic", "--no-cache", "-q", "-r", self.repository, *arguments], capture_output=True,
                              env=dict(os.environ, AWS_ACCESS_KEY_ID="fencepost", RESTIC_PASSWORD=REPOSITORY_KEY,
                                       AWS_SECRET_ACCESS_KEY="fencepost-secret-key"), timeout=300)

    def start_database(self, rows):
        """The quickstart's primary and streaming replica with that many rows, and its Secret app1/app1-db."""
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.primary_port, self.replica_port = free_port(), free_port()
        self.names = dict(PRIMARY_HOST="127.0.0.1", PRIMARY_PORT=self.primary_port, REPLICA_HOST="127.0.0.1",
                          REPLICA_PORT=self.replica_port, LISTEN="127.0.0.1", ROWS=rows, POSTGRES_IMAGE="postgres:15",
                          POSTGRES_UID=user.pw_uid, POSTGRES_GID=user.pw_gid)
        self.apply(render(ROOT / "examples/quickstart/database.yaml", **self.names))
        wait_for("the primary's readiness", lambda: self.pod_is_ready("app1", "pg-primary"))
        scripts = json.loads(self.cli("get", "configmap", "postgres-scripts", "-n", "app1", "-o", "json").stdout)
        self.psql(self.primary_port, "postgres", scripts["data"]["load.sql"])
        wait_for("the replica's readiness", lambda: self.pod_is_ready("app1", "pg-replica"))
        wait_for("streaming", lambda: self.psql(self.primary_port, "postgres",
                                                "select state from pg_stat_replication") == "streaming")
        caught_up = "select count(*) from pg_tables where tablename = 'orders'"
        wait_for("the replica's catching up", lambda: self.psql(self.replica_port, "app1db", caught_up) == "1")

    def start_writer(self):
        self.apply(render(ROOT / "examples/quickstart/writer.yaml", **self.names))

    def pod_is_ready(self, namespace, name):
        pod = json.loads(self.cli("get", "pod", name, "-n", namespace, "-o", "json").stdout)
        return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))

    def psql(self, port, database, sql):
        environment = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(port), PGUSER="postgres",
                           PGPASSWORD='admin\'s "pass" $word')
        return subprocess.run(["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"],
                              input=sql, capture_output=True, text=True, check=True, env=environment, timeout=120).stdout.strip()

    def replay_is_paused(self):
        return self.psql(self.replica_port, "postgres", "select pg_get_wal_replay_pause_state()") != "not paused"


APP1_DB = {"resource": "secrets", "apiVersion": "v1", "name": "app1-db", "namespace": "app1"}
STORE = {"name": "store", "namespace": "default"}


def apply_postgres_dump(stack):
    stack.cli("apply", "-f", str(ROOT / "blueprints/postgres-dump/blueprint.yaml"), "-f", str(ROOT / "bindings/postgres-dump.yaml"))
