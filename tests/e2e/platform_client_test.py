"""A platform's integration: the example client against a real daemon and a real PostgreSQL, and a webhook's receiver."""
import http.server
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
import unittest

from stack import FENCEPOST, ROOT, Stack, apply_postgres_dump, wait_for

CLIENT = ROOT / "examples/platform-client/platform_client.py"
SUBJECT = "app1/secret/app1-db"


def load_client():
    spec = importlib.util.spec_from_file_location("platform_client", CLIENT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class PlatformClient(unittest.TestCase):
    def client(self, *arguments, code=0):
        environment = dict(os.environ, FENCEPOST_URL=self.stack.server, FENCEPOST_TOKEN=self.token)
        result = subprocess.run([sys.executable, CLIENT, *arguments], capture_output=True, text=True, timeout=120, env=environment)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr + self.stack.log_tail())
        return result.stdout + result.stderr

    def test_it_backs_up_lists_and_restores_a_database(self):
        with Stack() as self.stack:
            tokens = self.stack.work / "tokens"
            def create(name, role, *more):
                return subprocess.run([FENCEPOST, "token", "create", name, "--role", role, *more, "--token-file", tokens], check=True,
                                      capture_output=True, text=True).stdout.strip()
            self.stack.environment["FENCEPOST_TOKEN"] = create("admin", "admin")
            self.token = create("platform", "operator", "-n", "app1")
            self.stack.serve_options = ["--token-file", tokens]
            self.stack.start()
            self.stack.start_file_store()
            self.stack.start_database(2000)
            unprotected = self.client("unprotected")
            self.assertIn("app1/pods/pg-primary", unprotected)
            apply_postgres_dump(self.stack)
            self.assertEqual(self.client("validate", "default/store").split(),
                             "open ok write ok read ok list ok lock ok delete ok".split())

            output = self.client("backup", SUBJECT, "default/store")
            self.assertIn("phase.completed dump", output)
            point = output.split()[-2]
            self.assertEqual(self.client("backup", SUBJECT, "default/store").split()[-2], point)  # once a day
            self.assertTrue(self.client("list", SUBJECT).startswith(point))
            self.stack.psql(self.stack.primary_port, "app1db", "drop table orders")
            self.assertTrue(self.client("restore", point).endswith("complete\n"))
            self.assertEqual(self.stack.psql(self.stack.primary_port, "app1db", "select count(*) >= 2000 from orders"), "t")

            environment = dict(os.environ, FENCEPOST_URL=self.stack.server, FENCEPOST_TOKEN=self.token)
            curl = subprocess.run([CLIENT.with_name("curl.sh")], capture_output=True, text=True, timeout=120, env=environment)
            self.assertEqual(curl.returncode, 0, curl.stdout + curl.stderr)
            self.assertIn("event: action.completed", curl.stdout)
            self.assertEqual(json.loads(curl.stdout.splitlines()[-1])["state"], "complete")

            self.assertIn("there is no Secret", self.client("backup", "app1/secret/nobody", "default/store", code=1).replace("secrets", "Secret"))
            self.assertIn("403", self.client("backup", "default/secret/x", "default/store", code=1))
            self.assertLess(len(CLIENT.read_text().splitlines()), 100)


class Receiver(http.server.ThreadingHTTPServer):
    """Takes events; refuses as many as it is told to."""

    def __init__(self):
        self.taken, self.tries, self.refuse, self.bad = [], 0, 0, []
        self.secret = None
        receiver, client = self, load_client()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.tries += 1
                if not client.is_from_fencepost(receiver.secret, self.headers, body):
                    receiver.bad.append(body)
                if client.is_from_fencepost("another secret, not ours", self.headers, body) or \
                        client.is_from_fencepost(receiver.secret, self.headers, body + b" "):
                    receiver.bad.append(b"a forged one would be taken")
                is_refused = receiver.refuse > 0
                receiver.refuse -= is_refused
                if not is_refused:
                    receiver.taken.append((self.headers["Content-Type"], self.headers["webhook-id"], json.loads(body)))
                self.send_response(500 if is_refused else 204)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/hook"


class Webhooks(unittest.TestCase):
    def setUp(self):
        self.stack = Stack()
        self.addCleanup(self.stack.__exit__)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.server_close)
        self.addCleanup(self.receiver.shutdown)
        self.stack.start()
        for kind, name, more in (("Namespace", "app", {}), ("ConfigMap", "thing", {"namespace": "app"})):
            self.stack.apply(json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **more}}))
        task = {"func": "KubeTask", "name": "work", "args": {"namespace": "default", "image": "any", "command": ["sleep", "0.7"]}}
        self.stack.apply(json.dumps({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "actions": {"go": {"phases": [task]}},
                                     "metadata": {"name": "steps", "namespace": "default"}}))

    def subscribe(self, **more):
        status, hook, _ = self.stack.request("POST", "/v1/webhooks", {"name": "platform", "url": self.receiver.url, **more})
        self.assertEqual(status, 201, hook)
        self.receiver.secret = hook["secret"]
        return hook

    def start(self):
        return self.stack.start_action("go", {"kind": "ConfigMap", "name": "thing", "namespace": "app"}, blueprint="steps")

    def types(self):
        return [event["type"].removeprefix("io.fencepost.") for _, _, event in self.receiver.taken]

    def test_events_are_signed_cloudevents_and_come_again_until_they_are_taken(self):
        self.subscribe(events=["action.*", "phase.completed"])
        self.receiver.refuse = 2
        action = self.start()
        wait_for("the last event", lambda: "action.completed" in self.types(), 20)
        self.assertEqual(self.types(), ["action.started", "phase.completed", "action.completed"])
        self.assertEqual(self.receiver.tries, 5)
        self.assertEqual(self.receiver.bad, [])
        content_type, identity, event = self.receiver.taken[0]
        self.assertTrue(content_type.startswith("application/cloudevents+json"))
        self.assertEqual(event["specversion"], "1.0")
        self.assertEqual(event["id"], identity)
        self.assertEqual(event["source"], f"/v1/actions/{action}")
        self.assertEqual(event["subject"], "app/configmaps/thing")
        self.assertEqual(event["data"]["event"]["seq"], 1)
        hook = self.stack.get("/v1/webhooks/platform")
        self.assertNotIn("secret", hook)
        self.assertIn("lastDeliveryAt", hook)
        self.assertNotIn(self.receiver.secret, json.dumps(self.stack.get("/apis/fencepost.io/v1alpha1/webhooks")))

    def test_no_event_is_lost_when_the_daemon_is_killed_or_the_action_is_deleted(self):
        self.subscribe()
        self.receiver.refuse = 1_000_000  # nobody takes anything for now
        first, second = self.start(), self.start()
        wait_for("a try", lambda: self.receiver.tries > 0, 20)
        for action in (first, second):
            self.stack.finish_action(action)
        status, _, _ = self.stack.request("DELETE", f"/apis/cr.kanister.io/v1alpha1/namespaces/default/actionsets/{second}")
        self.assertEqual(status, 200)
        self.stack.kill()
        self.stack.start()
        self.receiver.refuse = 0
        def ended():
            return {event["source"] for _, _, event in self.receiver.taken if event["type"].endswith("action.completed")}
        wait_for("both ends", lambda: ended() == {f"/v1/actions/{first}", f"/v1/actions/{second}"}, 40)
        self.assertEqual(self.receiver.bad, [])
        for action in (first, second):
            events = [e for _, _, e in self.receiver.taken if e["source"] == f"/v1/actions/{action}"]
            self.assertEqual(sorted({e["data"]["event"]["seq"] for e in events}), [1, 4])
        wait_for("the deleted one's end", lambda: self.stack.request("GET", f"/v1/actions/{second}")[0] == 404, 10)
        told = len(self.receiver.taken)
        self.stack.stop()
        self.stack.start()
        time.sleep(1)
        self.assertEqual(len(self.receiver.taken), told)  # what was told whole is not told again

    def test_a_webhook_that_is_deleted_holds_nothing_back(self):
        self.subscribe()
        self.receiver.refuse = 1_000_000
        action = self.start()
        self.stack.finish_action(action)
        self.assertEqual(self.stack.request("DELETE", "/v1/webhooks/platform")[0], 204)
        self.assertEqual(self.stack.request("GET", "/v1/webhooks/platform")[0], 404)
        self.stack.request("DELETE", f"/apis/cr.kanister.io/v1alpha1/namespaces/default/actionsets/{action}")
        wait_for("the action's end", lambda: self.stack.request("GET", f"/v1/actions/{action}")[0] == 404, 10)


if __name__ == "__main__":
    unittest.main()
