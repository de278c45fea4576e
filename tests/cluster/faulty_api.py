"""An API server that fails as a test tells it: plain HTTP between a daemon and `kubectl proxy`, which knows the real one.

    api = FaultyApi(kubernetes)
    Stack(serve_options=["--kubernetes", "--kubeconfig", api.kubeconfig, ...]).start()
    with api.away(): ...
    api.answer(409, "PUT", "/actionsets/", times=10)"""
import contextlib
import itertools
import json
import re
import select
import socket
import struct
import subprocess
import tempfile
import threading
import time

from controller_test import ControllerTest
from stack import KUBECTL, Stack

HEAD_END = b"\r\n\r\n"
REASONS = {403: "Forbidden", 409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


def hang_up(connection):
    """Without a goodbye, as a machine that is switched off."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Fault:
    """What happens to the requests of this method whose path and query have `pattern` in them, so many times."""

    def __init__(self, method, pattern, times, act):
        self.method, self.pattern, self.left, self.act = method, re.compile(pattern), times, act
        self.is_met = threading.Event()
        self.may_go = threading.Event()


class FaultyApi:
    def __init__(self, kubernetes):
        self.clean_up = contextlib.ExitStack()
        proxy = subprocess.Popen([KUBECTL, "proxy", "--port=0", "--reject-paths=^$"], env=kubernetes.environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.clean_up.callback(lambda: (proxy.kill(), proxy.wait(), proxy.stdout.close()))
        self.upstream = ("127.0.0.1", int(proxy.stdout.readline().rsplit(":", 1)[1]))
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.clean_up.callback(lambda: (self.listener.shutdown(socket.SHUT_RDWR), self.listener.close()))
        self.lock = threading.Lock()
        self.faults, self.open, self.requests, self.is_away = [], {}, [], False
        file = self.clean_up.enter_context(tempfile.NamedTemporaryFile("w", suffix=".kubeconfig"))
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "faulty",
                   "clusters": [{"name": "faulty", "cluster": {"server": "http://127.0.0.1:%d" % self.listener.getsockname()[1]}}],
                   "users": [{"name": "faulty", "user": {}}],
                   "contexts": [{"name": "faulty", "context": {"cluster": "faulty", "user": "faulty"}}]}, file)
        file.flush()
        self.kubeconfig = file.name
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.cut()
        self.clean_up.close()

    # --- what a test asks for
    @contextlib.contextmanager
    def away(self):
        """Nobody is connected, and nobody gets a connection."""
        self.is_away = True
        self.cut()
        try:
            yield
        finally:
            self.is_away = False

    def cut(self, pattern=""):
        """The connections of these requests (a path and a query) that are open now."""
        with self.lock:
            for pair in [pair for target, pair in self.open.items() if re.search(pattern, target[1])]:
                for connection in pair:
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)

    def answer(self, status, method, pattern, times=1, headers="", message="so the test wants it"):
        body = json.dumps({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status, "reason": REASONS[status], "message": message})
        text = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n{body}"
        return self.add(method, pattern, times, lambda fault, client, _: client.sendall(text.encode()))

    def lose_answer(self, method, pattern, times=1):
        """The server does what is asked; who asks hears nothing of it."""
        def act(_, client, request):
            with socket.create_connection(self.upstream) as upstream:
                upstream.sendall(request)
                while upstream.recv(65536):
                    pass
            hang_up(client)
        return self.add(method, pattern, times, act)

    @contextlib.contextmanager
    def holding(self, method, pattern):
        """The next such request waits until the end; the Fault's is_met says that it has come."""
        def act(fault, client, request):
            fault.is_met.set()
            fault.may_go.wait()
            self.pass_on(client, request, (method, pattern))
        fault = self.add(method, pattern, 1, act)
        try:
            yield fault
        finally:
            fault.may_go.set()

    def add(self, method, pattern, times, act):
        fault = Fault(method, pattern, times, act)
        with self.lock:
            self.faults.append(fault)
        return fault

    def count(self, method, pattern):
        with self.lock:
            return sum(1 for asked, target in self.requests if asked == method and re.search(pattern, target))

    # --- the proxy
    def accept(self):
        for number in itertools.count():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_away:
                hang_up(client)
            else:
                threading.Thread(target=self.serve, args=(client, number), daemon=True).start()

    def serve(self, client, number):
        with contextlib.suppress(OSError), client:
            request = b""
            while HEAD_END not in request:
                piece = client.recv(65536)
                if not piece:
                    return
                request += piece
            head, body = request.split(HEAD_END, 1)
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if re.search(rb"(?i)\r\nexpect: *100-continue", head):
                client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while len(body) < int(length[1] if length else 0):
                body += client.recv(65536)
            if not re.search(rb"(?i)\r\nupgrade:", head):  # one request a connection, so that none hides behind another
                head = re.sub(rb"(?i)\r\n(connection|expect):[^\r]*", b"", head) + b"\r\nConnection: close"
            with self.lock:
                self.requests.append((method, target))
                fault = next((f for f in self.faults if f.left > 0 and f.method == method and f.pattern.search(target)), None)
                if fault:
                    fault.left -= 1
            if fault:
                fault.act(fault, client, head + HEAD_END + body)
            else:
                self.pass_on(client, head + HEAD_END + body, (number, target))

    def pass_on(self, client, request, name):
        with socket.create_connection(self.upstream) as upstream:
            with self.lock:
                self.open[name] = (client, upstream)
            try:
                if self.is_away:
                    return hang_up(client)
                upstream.sendall(request)
                while True:
                    for source in select.select([client, upstream], [], [])[0]:
                        piece = source.recv(65536)
                        if not piece:
                            return None
                        (upstream if source is client else client).sendall(piece)
            finally:
                with self.lock:
                    del self.open[name]


class ApiFaults(ControllerTest):
    """A daemon that reaches the API server through a proxy of this test's own."""
    api = None

    @classmethod
    def new_replica(cls):
        if cls.api is None:
            cls.api = FaultyApi(cls.cluster)
            cls.addClassCleanup(cls.api.close)
        stack = Stack(serve_options=["--kubernetes", "--kubeconfig", cls.api.kubeconfig, "--namespace", cls.namespace, "--install-crds"])
        cls.addClassCleanup(stack.__exit__)
        return stack

    def setUp(self):
        self.pid = self.stack.daemon.pid

    def assert_same_daemon(self):
        self.assertIsNone(self.stack.daemon.poll(), self.stack.log_tail())
        self.assertEqual(self.stack.daemon.pid, self.pid)

    def log_of(self, name, phase):
        return self.stack.open(f"/v1/actions/{name}/logs?phase={phase}").read().decode()

    def made(self):
        """What the action `note` has made, in all."""
        return {item["metadata"]["name"] for item in self.list("configmaps") if item["metadata"]["name"].startswith("made-")}
