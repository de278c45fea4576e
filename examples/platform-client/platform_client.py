#!/usr/bin/env python3
"""A backup platform's integration with Fencepost, whole, in Python's standard library.

  platform_client.py validate default/store                      can the profile's location be used?
  platform_client.py backup app1/secret/app1-db default/store    back up and follow; the same day's backup is made once
  platform_client.py list app1/secret/app1-db                    the restore points, newest first
  platform_client.py restore backup-x7k2p                        restore from one of them
  platform_client.py unprotected                                 databases that nothing backs up

The server is FENCEPOST_URL's; who asks says FENCEPOST_TOKEN (from `fencepost token create`)."""
import base64, datetime, hashlib, hmac, http.client, json, os, sys, time, urllib.error, urllib.parse, urllib.request
URL = os.environ.get("FENCEPOST_URL", "http://127.0.0.1:7420")


def open_request(method, path, body=None, **headers):
    """Sends it, and again while the server is away or busy: every request here may be repeated without harm."""
    headers |= {"Authorization": "Bearer " + os.environ.get("FENCEPOST_TOKEN", ""), "Content-Type": "application/json"}
    data = body if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers, method=method)
    for attempt in range(30):
        try:
            return urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                problem = json.loads(error.read() or b"{}")
                sys.exit(f"{error.code}: {problem.get('detail')}\n{problem.get('hint', '')}")
            time.sleep(float(error.headers.get("Retry-After", 1)))
        except OSError:
            time.sleep(min(5, 0.2 * 2**attempt))
    sys.exit(f"no server answers at {URL}")


def call(method, path, body=None, **headers):
    with open_request(method, path, body, **headers) as answer:
        return json.loads(answer.read() or b"null")


def follow(action):
    """Prints what happens until the end; goes on after the last event seen, whatever becomes of the connection or the server."""
    last, kind = "0", None
    while kind not in ("action.completed", "action.failed", "action.cancelled"):
        try:
            with open_request("GET", f"/v1/actions/{action}/events", **{"Accept": "text/event-stream", "Last-Event-ID": last}) as stream:
                for line in stream:
                    field, _, value = line.decode().rstrip("\n").partition(": ")
                    if field == "id":
                        last = value
                    elif field == "event":
                        kind = value
                    elif field == "data" and kind != "progress":
                        event = json.loads(value)
                        print(event["time"], kind, event.get("phase", ""), event.get("error", ""), flush=True)
        except (OSError, http.client.HTTPException):
            time.sleep(0.5)
    return call("GET", f"/v1/actions/{action}")


def run(body, key):
    action = follow(call("POST", "/v1/actions", body, **{"Idempotency-Key": key})["id"])
    print(action["id"], action["state"])
    sys.exit(action["state"] != "complete")


def backup(subject, profile):
    (namespace, kind, name), (where, store) = subject.split("/"), profile.split("/")
    run({"action": "backup", "subject": {"kind": kind, "name": name, "namespace": namespace},
         "profile": {"name": store, "namespace": where}}, f"backup {subject} {datetime.date.today()}")


def restore(point):
    run({"action": "restore", "from": point}, f"restore {point} {time.time_ns()}")


def restore_points(subject):
    query = urllib.parse.urlencode({"name": "backup", "state": "complete", "subject": subject, "limit": 100})
    for action in call("GET", f"/v1/actions?{query}")["items"]:
        print(action["id"], action["endedAt"], json.dumps(action["artifacts"]))


def validate(profile):
    answer = call("POST", f"/v1/profiles/{profile}/validate")
    print(*(f"{check['name']} {'ok' if check['ok'] else check['detail']}" for check in answer["checks"]), sep="\n")
    sys.exit(not answer["valid"])


def unprotected():
    print(*(f"{database['id']} {database['reason']}" for database in call("GET", "/v1/bindings/unprotected")["items"]), sep="\n")


def is_from_fencepost(secret, headers, body):
    """For the receiver of a webhook: was this delivery signed with our secret, and lately?"""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    return abs(time.time() - int(headers["webhook-timestamp"])) < 300 and hmac.compare_digest(wanted, headers["webhook-signature"])


if __name__ == "__main__":
    verbs = {"backup": backup, "restore": restore, "list": restore_points, "validate": validate, "unprotected": unprotected}
    verbs[sys.argv[1]](*sys.argv[2:]) if sys.argv[1:] and sys.argv[1] in verbs else sys.exit(__doc__)
