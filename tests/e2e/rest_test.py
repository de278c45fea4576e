"""The REST API as platforms meet it, from outside: its events over a crash, keys over a crash, TLS, tokens, sockets."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess
import threading
import time
import unittest

from stack import FENCEPOST, Stack, free_port, wait_for

SUBJECT = {"kind": "ConfigMap", "name": "thing", "namespace": "app"}


def blueprint(phases):
    return json.dumps({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": "steps", "namespace": "default"},
                       "actions": {"go": {"phases": phases}}})


def task(name, script, **more):
    return {"func": "KubeTask", "name": name, "args": {"namespace": "default", "image": "any", "command": ["sh", "-c", script]}, **more}


def start(stack, phases):
    stack.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}}))
    stack.apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "thing", "namespace": "app"}}))
    stack.apply(blueprint(phases))


class EventReader(threading.Thread):
    """An SSE client as the standard has it: it comes back with the last id that it has seen, whatever happened."""

    def __init__(self, stack, action):
        super().__init__(daemon=True)
        self.stack, self.action = stack, action
        self.events, self.last, self.connections, self.is_over = [], None, 0, False

    def run(self):
        until = time.monotonic() + 60
        while not self.is_over and time.monotonic() < until:
            try:
                self.read()
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)

    def read(self):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=20)) as connection:
            self.read_from(connection)

    def read_from(self, connection):
        headers = {"Accept": "text/event-stream"}
        if self.last is not None:
            headers["Last-Event-ID"] = self.last
        connection.request("GET", f"/v1/actions/{self.action}/events", headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(answer.status)
        self.connections += 1
        identity, data = None, []
        while line := answer.readline().decode():
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "id":
                identity = value
            elif field == "data":
                data.append(value)
            elif line == "\n" and data:
                if identity is not None:  # what has none is progress
                    self.events.append(json.loads("".join(data)))
                    self.last = identity
                identity, data = None, []
        self.is_over = bool(self.events) and self.events[-1]["type"] in ("action.completed", "action.failed")


class Events(unittest.TestCase):
    def test_no_event_is_lost_or_doubled_when_the_daemon_is_killed(self):
        with Stack() as stack:
            stack.start()
            start(stack, [task(f"step{i}", "sleep 0.25") for i in range(8)])
            action = stack.start_action("go", SUBJECT, blueprint="steps")
            readers = [EventReader(stack, action) for _ in range(3)]
            for reader in readers:
                reader.start()
            for _ in range(4):
                time.sleep(0.45)
                stack.kill()
                stack.start()
            done = stack.finish_action(action)
            self.assertEqual(done["state"], "complete", done)
            stored = stack.get(f"/v1/actions/{action}/events")["items"]
            self.assertEqual([event["seq"] for event in stored], list(range(1, len(stored) + 1)))
            self.assertEqual([event["type"] for event in stored],
                             ["action.started"] + ["phase.started", "phase.completed"] * 8 + ["action.completed"])
            for reader in readers:
                reader.join(30)
                self.assertEqual(reader.events, stored)
                self.assertGreater(reader.connections, 1)  # it was cut off: the test has tested something

    def test_a_client_that_comes_late_or_again_gets_the_rest(self):
        with Stack() as stack:
            stack.start()
            start(stack, [task("one", "true"), task("two", "exit 3")])
            action = stack.start_action("go", SUBJECT, blueprint="steps")
            self.assertEqual(stack.finish_action(action)["state"], "failed")
            reader = EventReader(stack, action)
            reader.last = "3"
            reader.read()
            self.assertEqual([(e["seq"], e["type"]) for e in reader.events],
                             [(4, "phase.started"), (5, "phase.failed"), (6, "action.failed")])
            self.assertIn("two", reader.events[-1]["error"])


class Keys(unittest.TestCase):
    def test_a_request_that_is_sent_again_after_a_crash_makes_no_second_action(self):
        with Stack() as stack:
            stack.start()
            start(stack, [task("one", "true")])
            body = {"action": "go", "subject": SUBJECT, "blueprint": "steps"}
            post = lambda: stack.request("POST", "/v1/actions", body, {"Idempotency-Key": "nightly"})
            status, first, _ = post()
            self.assertEqual(status, 201)
            stack.kill()
            stack.start()
            status, second, headers = post()
            self.assertEqual((status, second), (201, first))
            self.assertEqual(headers["Idempotency-Replayed"], "true")
            self.assertEqual(stack.finish_action(first["id"])["state"], "complete")
            self.assertEqual(len(stack.get("/v1/actions")["items"]), 1)

    def test_a_resumed_action_goes_on_where_the_failed_one_ended(self):
        with Stack() as stack:
            stack.start()
            runs, gate = stack.work / "runs", stack.work / "gate"
            start(stack, [task("dump", f"echo x >> {runs}; kando output id d1"), task("send", f"test -e {gate}")])
            failed = stack.finish_action(stack.start_action("go", SUBJECT, blueprint="steps"))
            self.assertEqual(failed["state"], "failed")
            gate.touch()
            status, resumed, _ = stack.request("POST", f"/v1/actions/{failed['id']}/resume")
            self.assertEqual(status, 201, resumed)
            done = stack.finish_action(resumed["id"])
            self.assertEqual(done["state"], "complete", done)
            self.assertEqual(done["phases"][0]["outputs"], {"id": "d1"})
            self.assertEqual(runs.read_text(), "x\n")
            status, retried, _ = stack.request("POST", f"/v1/actions/{failed['id']}/retry")
            self.assertEqual(status, 201)
            self.assertEqual(stack.finish_action(retried["id"])["state"], "complete")
            self.assertEqual(runs.read_text(), "x\nx\n")


class Authority:
    """A certificate authority in a folder, and what it signs."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.run("req", "-x509", *self.key("ca"), "-days", "2", "-out", "ca.pem", "-subj", "/CN=test-ca")

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key"]

    def sign(self, name, common_name):
        self.run("req", *self.key(name), "-out", f"{name}.csr", "-subj", f"/CN={common_name}")
        (self.folder / "ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
        self.run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                 "-extfile", "ext", "-out", f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"


class Security(unittest.TestCase):
    def setUp(self):
        self.stack = Stack()
        self.addCleanup(self.stack.__exit__)
        self.ca = Authority(self.stack.work / "pki")
        self.cert, self.key = self.ca.sign("server", "fencepost")
        self.tokens = self.stack.work / "tokens"
        self.admin = self.token("create", "admin", "--role", "admin")
        self.socket = self.stack.work / "s"
        self.stack.serve_options = ["--tls-cert", self.cert, "--tls-key", self.key, "--client-ca", self.ca.folder / "ca.pem",
                                    "--token-file", self.tokens, "--socket", self.socket]

    def token(self, *arguments):
        return subprocess.run([FENCEPOST, "token", *arguments, "--token-file", self.tokens], check=True, capture_output=True,
                              text=True).stdout.strip()

    def start(self):
        self.stack.start(wait=False)
        wait_for("the daemon's start", lambda: self.get("/readyz")[0] == 200, 20)

    def get(self, path, token=None, client=None, ca=None):
        context = ssl.create_default_context(cafile=ca or self.ca.folder / "ca.pem")
        if client:
            context.load_cert_chain(*client)
        with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", self.stack.port, timeout=20, context=context)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            return answer.status, answer.read(), connection.sock.version()

    def test_tokens_certificates_and_the_socket_let_in_who_they_should(self):
        self.start()
        self.assertEqual(self.get("/v1/actions")[0], 401)
        self.assertEqual(self.get("/v1/actions", "fencepost-" + "0" * 64)[0], 401)
        status, _, version = self.get("/v1/actions", self.admin)
        self.assertEqual((status, version), (200, "TLSv1.3"))
        self.assertNotIn(self.admin.removeprefix("fencepost-"), self.tokens.read_text())
        self.assertEqual(self.tokens.stat().st_mode & 0o777, 0o600)

        client = self.ca.sign("client", "platform")
        self.assertEqual(self.get("/v1/actions", client=client)[0], 403)
        self.token("create", "platform", "--certificate", "--role", "viewer", "-n", "app")
        self.assertEqual(self.get("/v1/actions", client=client)[0], 200)
        self.assertEqual(self.get("/api/v1/namespaces/app/pods", client=client)[0], 200)
        self.assertEqual(self.get("/api/v1/namespaces/other/pods", client=client)[0], 403)
        forged = Authority(self.stack.work / "forged").sign("client", "platform")
        with self.assertRaises((ssl.SSLError, OSError)):
            self.get("/v1/actions", client=forged)
        self.token("revoke", "platform")
        self.assertEqual(self.get("/v1/actions", client=client)[0], 403)

        # The command line: over the socket without a token, over TLS with one.
        cli = lambda *arguments, **more: subprocess.run([FENCEPOST, *arguments], capture_output=True, text=True,
                                                        env=dict(self.stack.environment, **more), timeout=60)
        self.assertEqual(cli("--server", f"unix:{self.socket}", "get", "secrets", "-A").returncode, 0)
        server = ["--server", f"https://127.0.0.1:{self.stack.port}", "--ca-file", str(self.ca.folder / "ca.pem")]
        self.assertEqual(cli(*server, "get", "secrets", "-A", FENCEPOST_TOKEN=self.admin).returncode, 0)
        refused = cli(*server, "get", "secrets", "-A")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("fencepost token create", refused.stderr)
        self.assertNotIn(self.admin, (self.stack.work / "daemon.log").read_text())

    def test_certificates_are_renewed_while_it_runs(self):
        self.start()
        self.assertEqual(self.get("/v1/actions", self.admin)[0], 200)
        self.cert.write_text("nonsense")
        time.sleep(1.5)
        self.assertEqual(self.get("/v1/actions", self.admin)[0], 200)  # what cannot be used changes nothing
        other = Authority(self.stack.work / "other")
        cert, key = other.sign("server", "fencepost")
        os.replace(key, self.key)
        os.replace(cert, self.cert)
        wait_for("the new certificate", lambda: self.get("/readyz", ca=other.folder / "ca.pem")[0] == 200, 10)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.get("/readyz")

    def test_it_does_not_listen_beyond_loopback_unless_tls_and_tokens_are_there(self):
        def ends(*options):
            result = subprocess.run([FENCEPOST, "serve", "--data-dir", self.stack.work / "data2", "--listen", f"0.0.0.0:{free_port()}",
                                     *options], capture_output=True, text=True, timeout=20)
            self.assertNotEqual(result.returncode, 0)
            return result.stderr
        self.assertIn("will not listen on 0.0.0.0", ends())
        self.assertIn("will not listen on 0.0.0.0", ends("--token-file", self.tokens))
        self.assertIn("will not listen on 0.0.0.0", ends("--tls-cert", self.cert, "--tls-key", self.key))
        self.tokens.chmod(0o644)
        self.assertIn("chmod 600", ends("--token-file", self.tokens, "--tls-cert", self.cert, "--tls-key", self.key))
        self.tokens.chmod(0o600)
        port = free_port()
        server = subprocess.Popen([FENCEPOST, "serve", "--data-dir", self.stack.work / "data2", "--listen", f"0.0.0.0:{port}",
                                   "--token-file", self.tokens, "--tls-cert", self.cert, "--tls-key", self.key],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.stack.port = port
            wait_for("the start", lambda: self.get("/readyz")[0] == 200, 20)
            self.assertEqual(self.get("/v1/actions")[0], 401)
            self.assertEqual(self.get("/v1/actions", self.admin)[0], 200)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)


if __name__ == "__main__":
    unittest.main()
