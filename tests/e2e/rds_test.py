"""The functions about Amazon RDS against moto, a server of AWS' API (from PyPI), which checks signatures and policies too.

moto keeps what it is told of instances and snapshots, but runs no database: the dumps are of the quickstart's PostgreSQL,
which the Pod's PGHOSTADDR puts at the endpoint that moto has made up. It does at once what takes AWS minutes; a proxy in
front of it says "creating" for as long as a test wants it.
"""
import contextlib
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from stack import PYTHON, VERSITYGW, Stack, free_port, wait_for

if PYTHON.exists() and sys.prefix != str(PYTHON.parents[1]):
    os.execv(PYTHON, [str(PYTHON), *sys.argv])  # where the packages are
try:
    import boto3
    import moto  # noqa: F401
except ImportError:
    boto3 = None

REGION = "us-east-1"


class Moto:
    def __init__(self, clean_up, work, **environment):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        log = open(work / "moto.log", "ab")
        server = subprocess.Popen([PYTHON.parent / "moto_server", "-H", "127.0.0.1", "-p", str(self.port)], stdout=log, stderr=log,
                                  stdin=subprocess.DEVNULL, env=dict(os.environ, **environment))
        log.close()
        clean_up.callback(lambda: (server.kill(), server.wait()))
        wait_for("moto's start", lambda: socket.create_connection(("127.0.0.1", self.port)).close() or True)

    def client(self, service, key="AKID", secret="any"):
        return boto3.client(service, endpoint_url=self.url, aws_access_key_id=key, aws_secret_access_key=secret, region_name=REGION)


class Proxy:
    """Remembers what is asked; says of what `holds` names (the element of a status) that it is creating, where it is available."""

    def __init__(self, clean_up, target):
        self.actions, self.holds, proxy = [], None, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                proxy.actions.append(urllib.parse.parse_qs(body.decode())["Action"][0])
                request = urllib.request.Request(target + self.path, data=body, headers=dict(self.headers))
                try:
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        status, text = answer.status, answer.read().decode()
                except urllib.error.HTTPError as error:
                    status, text = error.code, error.read().decode()
                if proxy.holds:
                    text = text.replace(f"<{proxy.holds}>available<", f"<{proxy.holds}>creating<")
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                with contextlib.suppress(OSError):  # a daemon that was killed
                    self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        clean_up.callback(lambda: (server.shutdown(), server.server_close()))


def blueprint(name, **phases):
    """A Blueprint whose action `go` has these phases, each {func, args}, and keeps all their outputs."""
    return json.dumps({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "Blueprint", "metadata": {"name": name, "namespace": "default"},
                       "actions": {"go": {"phases": [{"name": phase, **what} for phase, what in phases.items()]}}})


@unittest.skipUnless(boto3 and VERSITYGW, "SKIPPED: no moto (scripts/install-deps --test) or no versitygw")
class Rds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        clean_up = cls.stack.clean_up
        cls.moto = Moto(clean_up, cls.stack.work)
        cls.proxy = Proxy(clean_up, cls.moto.url)
        cls.rds = cls.moto.client("rds")
        cls.stack.start(AWS_ENDPOINT_URL_RDS=cls.proxy.url)
        cls.stack.start_s3()
        # The same bucket without a repository: artifacts are objects.
        profile = json.loads(cls.stack.cli("get", "profile", "store", "-o", "json").stdout)
        profile["metadata"] = {"name": "plain", "namespace": "default"}
        del profile["repositoryKey"]
        profile["location"]["prefix"] = "plain"
        cls.stack.apply(json.dumps(profile))
        cls.stack.apply('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "subject", "namespace": "default"}}')
        ec2 = cls.moto.client("ec2")
        cls.group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        cls.rds.create_db_subnet_group(DBSubnetGroupName="apps", DBSubnetGroupDescription="of the applications",
                                       SubnetIds=[subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]])

    def setUp(self):
        self.proxy.holds = None
        self.proxy.actions.clear()

    def instance(self, name, **more):
        self.rds.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="postgres", EngineVersion="15.4",
                                    MasterUsername="postgres", MasterUserPassword="not asked for", AllocatedStorage=20,
                                    VpcSecurityGroupIds=[self.group], DBSubnetGroupName="apps", **more)

    def instances(self):
        return {each["DBInstanceIdentifier"]: each["InstanceCreateTime"] for each in self.rds.describe_db_instances()["DBInstances"]}

    def snapshots(self, instance):
        return [each["DBSnapshotIdentifier"] for each in
                self.rds.describe_db_snapshots(DBInstanceIdentifier=instance, SnapshotType="manual")["DBSnapshots"]]

    def begin(self, name, profile="plain", pod_override=None, **phases):
        self.stack.apply(blueprint(name, **phases))
        action = {"name": "go", "blueprint": name, "profile": {"name": profile, "namespace": "default"},
                  "object": {"apiVersion": "v1", "resource": "configmaps", "name": "subject", "namespace": "default"}}
        if pod_override:
            action["podOverride"] = pod_override
        self.stack.apply(json.dumps({"apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet",
                                     "metadata": {"name": name, "namespace": "default"}, "spec": {"actions": [action]}}))

    def finish(self, name, state="complete"):
        """The outputs of the phases, or the error of what had to fail."""
        def status():
            return json.loads(self.stack.cli("get", "actionset", name, "-o", "json").stdout).get("status", {})
        wait_for(f"the end of {name}", lambda: status().get("state") in ("complete", "failed"), 60)
        ended = status()
        self.assertEqual(ended["state"], state, json.dumps(ended))
        if state == "failed":
            return ended["error"]["message"]
        return {phase["name"]: phase.get("output", {}) for phase in ended["actions"][0]["phases"]}

    def run_phases(self, name, state="complete", **more):
        self.begin(name, **more)
        return self.finish(name, state)

    def kill_while(self, what, condition):
        wait_for(what, condition)
        self.stack.kill()
        self.stack.start(AWS_ENDPOINT_URL_RDS=self.proxy.url)

    def test_a_snapshot_is_taken_restored_over_its_instance_and_deleted(self):
        self.instance("orders")
        taken = self.run_phases("take", snapshot={"func": "CreateRDSSnapshot", "args": {"instanceID": "orders"}})["snapshot"]
        self.assertRegex(taken["snapshotID"], r"^orders-[0-9a-f]{10}$")
        self.assertEqual(taken, {"snapshotID": taken["snapshotID"], "instanceID": "orders", "allocatedStorage": "20GiB",
                                 "securityGroupID": f"- {self.group}\n", "dbSubnetGroup": "apps"})
        self.assertEqual(self.snapshots("orders"), [taken["snapshotID"]])
        before = self.instances()["orders"]
        self.run_phases("put-back", restore={"func": "RestoreRDSSnapshot", "args": {
            "instanceID": "orders", "snapshotID": taken["snapshotID"], "dbSubnetGroup": taken["dbSubnetGroup"]}})
        self.assertNotEqual(self.instances()["orders"], before)
        restored = self.rds.describe_db_instances(DBInstanceIdentifier="orders")["DBInstances"][0]
        self.assertEqual([each["VpcSecurityGroupId"] for each in restored["VpcSecurityGroups"]], [self.group])
        for name in ("delete", "delete-again"):
            self.run_phases(name, forget={"func": "DeleteRDSSnapshot", "args": {"snapshotID": taken["snapshotID"]}})
        self.assertEqual(self.snapshots("orders"), [])

    def test_what_aws_refuses_is_told_and_deletes_nothing(self):
        self.instance("refused")
        before = self.instances()["refused"]
        error = self.run_phases("no-such-snapshot", "failed", restore={"func": "RestoreRDSSnapshot", "args": {
            "instanceID": "refused", "snapshotID": "nowhere"}})
        self.assertIn("the RDS snapshot nowhere does not exist", error)
        self.assertEqual(self.instances()["refused"], before)
        error = self.run_phases("no-such-instance", "failed", snapshot={"func": "CreateRDSSnapshot", "args": {"instanceID": "nowhere"}})
        self.assertIn("there is no RDS database 'nowhere'", error)

    def test_an_aurora_cluster_comes_back_with_an_instance(self):
        self.rds.create_db_cluster(DBClusterIdentifier="aurora", Engine="aurora-postgresql", MasterUsername="u", MasterUserPassword="passpass",
                                   VpcSecurityGroupIds=[self.group], DBSubnetGroupName="apps")
        self.rds.create_db_instance(DBInstanceIdentifier="aurora-1", DBInstanceClass="db.r5.large", Engine="aurora-postgresql",
                                    DBClusterIdentifier="aurora")
        engine = {"dbEngine": "aurora-postgresql"}
        taken = self.run_phases("aurora", snapshot={"func": "CreateRDSSnapshot", "args": {"instanceID": "aurora", **engine}})["snapshot"]
        self.assertEqual((taken["allocatedStorage"], taken["securityGroupID"]), ("0GiB", f"- {self.group}\n"))
        # moto gives a snapshot of its own to a cluster that goes, by a name of the minute, and so refuses one cluster twice in one.
        self.run_phases("aurora-back", restore={"func": "RestoreRDSSnapshot", "args": {
            "instanceID": "aurora-again", "snapshotID": taken["snapshotID"], "securityGroupID": taken["securityGroupID"],
            "dbSubnetGroup": "apps", **engine}})
        cluster = self.rds.describe_db_clusters(DBClusterIdentifier="aurora-again")["DBClusters"][0]
        self.assertEqual([each["DBInstanceIdentifier"] for each in cluster["DBClusterMembers"]], ["aurora-again-instance-1"])
        self.run_phases("aurora-forget", forget={"func": "DeleteRDSSnapshot", "args": {"snapshotID": taken["snapshotID"], **engine}})
        with self.assertRaises(self.rds.exceptions.DBClusterSnapshotNotFoundFault):
            self.rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=taken["snapshotID"])

    def test_a_daemon_that_was_killed_goes_on_with_the_snapshot_it_had_begun(self):
        self.instance("killed")
        self.proxy.holds = "Status"
        self.begin("killed", snapshot={"func": "CreateRDSSnapshot", "args": {"instanceID": "killed"}})
        self.kill_while("the wait for the snapshot", lambda: "DescribeDBSnapshots" in self.proxy.actions)
        self.proxy.holds = None
        taken = self.finish("killed")["snapshot"]
        self.assertEqual(self.snapshots("killed"), [taken["snapshotID"]])

    def test_a_daemon_that_was_killed_does_not_delete_what_it_had_restored(self):
        self.instance("twice")
        self.rds.create_db_snapshot(DBInstanceIdentifier="twice", DBSnapshotIdentifier="twice-1")
        self.proxy.holds = "DBInstanceStatus"
        self.begin("twice", restore={"func": "RestoreRDSSnapshot", "args": {"instanceID": "twice", "snapshotID": "twice-1",
                                                                           "dbSubnetGroup": "apps"}})
        wait_for("the restore", lambda: "RestoreDBInstanceFromDBSnapshot" in self.proxy.actions)
        restored = self.instances()["twice"]
        self.kill_while("the wait for the instance", lambda: self.proxy.actions[-1] == "DescribeDBInstances")
        self.proxy.holds = None
        self.finish("twice")
        self.assertEqual(self.instances()["twice"], restored)
        self.assertEqual(self.proxy.actions.count("DeleteDBInstance"), 1)


    # --- dumps: a real PostgreSQL at the endpoint of moto's instances
    DATABASE = {"username": "postgres", "password": 'admin\'s "pass" $word\n', "dbEngine": "PostgreSQL", "namespace": "default"}
    AT_ITS_ADDRESS = {"containers": [{"name": "container", "env": [{"name": "PGHOSTADDR", "value": "127.0.0.1"}]}]}

    def database(self):
        if not hasattr(self.stack, "primary_port"):
            self.stack.start_database(rows=2_000)
            self.sql("postgres", "create database \"it's = odd\"")
            self.sql("it's = odd", "create table odd (t text); insert into odd values ('CREATE DATABASE postgres ;')")
        return self.stack.primary_port

    def sql(self, database, text):
        quoted = database.replace("'", "\\'")
        return self.stack.psql(self.stack.primary_port, f"dbname='{quoted}'", text)

    def checksum(self):
        return (self.sql("app1db", "select count(*), md5(string_agg(o::text, ',' order by o::text)) from orders o"),
                self.sql("it's = odd", "select * from odd"))

    def test_a_dump_of_a_snapshot_goes_to_the_store_and_comes_back(self):
        self.instance("dumped", Port=self.database())
        self.rds.create_db_snapshot(DBInstanceIdentifier="dumped", DBSnapshotIdentifier="dumped-1")
        for profile in ("plain", "store"):  # an object; a snapshot in a restic repository
            with self.subTest(profile):
                before = self.checksum()
                export = self.run_phases(f"export-{profile}", profile=profile, pod_override=self.AT_ITS_ADDRESS, export={
                    "func": "ExportRDSSnapshotToLocation", "args": {"instanceID": "dumped", "snapshotID": "dumped-1",
                                                                    "dbSubnetGroup": "apps", **self.DATABASE}})["export"]
                self.assertRegex(export["backupID"], r"^backup-[0-9a-f]{10}\.tar\.gz$")
                self.assertEqual((export["snapshotID"], export["instanceID"], export["securityGroupID"]),
                                 ("dumped-1", "dumped", f"- {self.group}\n"))
                self.assertEqual([name for name in self.instances() if name.startswith("dumped")], ["dumped"])
                if profile == "plain":
                    listing = subprocess.run(["tar", "-tzf", self.stack.work / "s3/backups/plain/dumped" / export["backupID"]],
                                             capture_output=True, text=True, check=True).stdout.split("\n")
                    self.assertIn("backup/app1db.sql", listing)
                    self.assertIn("backup/it's = odd.sql", listing)
                self.sql("postgres", "drop database app1db with (force)")
                self.sql("it's = odd", "insert into odd values ('since')")
                restored = self.run_phases(f"restore-{profile}", profile=profile, pod_override=self.AT_ITS_ADDRESS, restore={
                    "func": "RestoreRDSSnapshot", "args": {"instanceID": "dumped", "backupArtifactPrefix": "dumped",
                                                           "backupID": export["backupID"], **self.DATABASE}})["restore"]
                self.assertRegex(restored["endpoint"], r"^dumped\.")
                self.assertEqual(self.checksum(), before)

    def test_a_dump_that_fails_stores_nothing_and_leaves_no_instance(self):
        self.instance("broken", Port=self.database())
        self.rds.create_db_snapshot(DBInstanceIdentifier="broken", DBSnapshotIdentifier="broken-1")
        arguments = {"instanceID": "broken", "snapshotID": "broken-1", "dbSubnetGroup": "apps", **self.DATABASE}
        for name, more, told in (("wrong-password", {"password": "wrong"}, "password authentication failed"),
                                 ("wrong-database", {"databases": ["app1db", "nowhere"]}, '"nowhere" does not exist')):
            with self.subTest(name):
                error = self.run_phases(name, "failed", pod_override=self.AT_ITS_ADDRESS, export={
                    "func": "ExportRDSSnapshotToLocation", "args": {**arguments, **more}})
                self.assertIn(told, error)
                self.assertEqual([each for each in self.instances() if each.startswith("broken")], ["broken"])
        self.assertFalse((self.stack.work / "s3/backups/plain/broken").exists())

    def test_a_daemon_that_was_killed_goes_on_with_its_temporary_instance(self):
        self.instance("exported", Port=self.database())
        self.rds.create_db_snapshot(DBInstanceIdentifier="exported", DBSnapshotIdentifier="exported-1")
        self.proxy.holds = "DBInstanceStatus"
        self.begin("exported", pod_override=self.AT_ITS_ADDRESS, export={
            "func": "ExportRDSSnapshotToLocation", "args": {"instanceID": "exported", "snapshotID": "exported-1", "databases": "[app1db]",
                                                            "dbSubnetGroup": "apps", **self.DATABASE}})
        wait_for("the temporary instance", lambda: len([name for name in self.instances() if name.startswith("exported")]) == 2)
        self.kill_while("the wait for it", lambda: self.proxy.actions[-1] == "DescribeDBInstances")
        self.proxy.holds = None
        export = self.finish("exported")["export"]
        self.assertTrue((self.stack.work / "s3/backups/plain/exported" / export["backupID"]).exists())
        self.assertEqual([name for name in self.instances() if name.startswith("exported")], ["exported"])


@unittest.skipUnless(boto3, "SKIPPED: no moto (scripts/install-deps --test)")
class Signatures(unittest.TestCase):
    def test_requests_are_signed_so_that_aws_knows_who_asks(self):
        with Stack() as stack:
            aws = Moto(stack.clean_up, stack.work, INITIAL_NO_AUTH_ACTION_COUNT="4")  # from the fifth on it checks
            iam = aws.client("iam")
            iam.create_user(UserName="backup")
            key = iam.create_access_key(UserName="backup")["AccessKey"]
            iam.put_user_policy(UserName="backup", PolicyName="backup", PolicyDocument=json.dumps({
                "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
                    "rds:DescribeDBInstances", "rds:CreateDBSnapshot", "rds:DescribeDBSnapshots"]}]}))
            aws.client("rds").create_db_instance(DBInstanceIdentifier="signed", DBInstanceClass="db.t3.micro", Engine="postgres",
                                                 MasterUsername="u", MasterUserPassword="passpass", AllocatedStorage=20)
            stack.start(AWS_ENDPOINT_URL=aws.url)
            stack.apply('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "subject", "namespace": "default"}}')
            for name, secret in (("right", key["SecretAccessKey"]), ("wrong", "not the secret")):
                stack.apply(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"},
                                        "stringData": {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": secret}}))
            keys = {"credentialsSource": "secret", "credentialsSecret": "aws", "region": REGION}
            stack.apply(blueprint("take", take={"func": "CreateRDSSnapshot", "args": {"instanceID": "signed", **keys}}))
            stack.apply(blueprint("forget", forget={"func": "DeleteRDSSnapshot", "args": {"snapshotID": "{{ .Options.id }}", **keys}}))

            def run(action, secret, **options):
                name = f"{action}-{secret}"
                stack.apply(json.dumps({
                    "apiVersion": "cr.kanister.io/v1alpha1", "kind": "ActionSet", "metadata": {"name": name, "namespace": "default"},
                    "spec": {"actions": [{"name": "go", "blueprint": action, "options": options,
                                          "secrets": {"aws": {"name": secret, "namespace": "default"}},
                                          "object": {"apiVersion": "v1", "resource": "configmaps", "name": "subject", "namespace": "default"}}]}}))

                def status():
                    return json.loads(stack.cli("get", "actionset", name, "-o", "json").stdout).get("status", {})
                wait_for(f"the end of {name}", lambda: status().get("state") in ("complete", "failed"))
                return status()

            done = run("take", "right")
            self.assertEqual(done["state"], "complete", done)
            taken = done["actions"][0]["phases"][0]["output"]["snapshotID"]
            self.assertIn("SignatureDoesNotMatch", run("take", "wrong")["error"]["message"])
            denied = run("forget", "right", id=taken)["error"]["message"]
            self.assertIn("DeleteDBSnapshot", denied)
            self.assertIn("AccessDenied", denied)

    def test_a_service_accounts_role_is_assumed(self):
        with Stack() as stack:
            aws = Moto(stack.clean_up, stack.work)
            role = aws.client("iam").create_role(RoleName="backup", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
            aws.client("rds").create_db_instance(DBInstanceIdentifier="of-a-role", DBInstanceClass="db.t3.micro", Engine="postgres",
                                                 MasterUsername="u", MasterUserPassword="passpass", AllocatedStorage=20)
            (stack.work / "token").write_text("a.service.account\n")
            asked = Proxy(stack.clean_up, aws.url)
            stack.start(AWS_ENDPOINT_URL=asked.url, AWS_REGION=REGION, AWS_ROLE_ARN=role, AWS_WEB_IDENTITY_TOKEN_FILE=str(stack.work / "token"))
            stack.apply('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "subject", "namespace": "default"}}')
            stack.apply(blueprint("take", take={"func": "CreateRDSSnapshot", "args": {"instanceID": "of-a-role",
                                                                                    "credentialsSource": "eks_service_account"}}))
            done = stack.finish_action(stack.start_action("go", {"apiVersion": "v1", "resource": "configmaps", "name": "subject",
                                                                 "namespace": "default"}, blueprint="take"))
            self.assertEqual(done["state"], "complete", done)
            self.assertEqual(asked.actions[0], "AssumeRoleWithWebIdentity")
            self.assertEqual(len(aws.client("rds").describe_db_snapshots(
                DBInstanceIdentifier="of-a-role", SnapshotType="manual")["DBSnapshots"]), 1)


if __name__ == "__main__":
    unittest.main()
