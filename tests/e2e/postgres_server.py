"""A real PostgreSQL of a test's own, in a folder, run as the user that PostgreSQL runs as."""
import os
import pathlib
import pwd
import subprocess

from stack import free_port, wait_for

BIN = next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True))).parent
USER = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def run(*words, check=True, environment=None, cwd=None):
    """As the user that PostgreSQL runs as."""
    who = dict(user=USER.pw_uid, group=USER.pw_gid, extra_groups=[]) if os.geteuid() == 0 else {}
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=180, cwd=cwd or "/tmp",
                            env=dict(os.environ, **(environment or {})), stdin=subprocess.DEVNULL, **who)
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result


class Archiving:
    """What is asked of a server that archives its WAL, wherever it runs: sql() does."""

    def archiver(self, column):
        return self.sql(f"select {column} from pg_stat_archiver")

    def has_archived(self, segment):
        return self.archiver(f"last_archived_wal collate \"C\" >= '{segment}'") == "t"

    def switch(self):
        """Ends the segment, and waits until it is archived."""
        segment = self.sql("create table if not exists noise (n int); insert into noise values (1); "
                           "select pg_walfile_name(pg_switch_wal())").splitlines()[-1]
        wait_for(f"the archiving of {segment}", lambda: self.has_archived(segment), 60)
        return segment


class Server(Archiving):
    """A PostgreSQL of its own in a folder."""

    def __init__(self, data, programs=BIN):
        self.data, self.programs, self.port = data, programs, free_port()

    def make(self, **settings):
        run(self.programs / "initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync")
        lines = [f"{key} = '{str(value).replace(chr(39), chr(39) * 2)}'" for key, value in settings.items()]
        with open(self.data / "postgresql.conf", "a") as file:
            file.write("\n".join(["listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", *lines, ""]))
        return self

    def start(self, check=True):
        started = run(self.programs / "pg_ctl", "-D", self.data, "-l", self.data.parent / f"{self.data.name}.log", "-w", "-t", "60",
                      "-o", f"-p {self.port} -c fsync=off", "start", check=False)
        if check and started.returncode != 0:
            raise AssertionError(f"PostgreSQL does not start:\n{self.log()[-3000:]}")
        return started

    def stop(self, mode="fast"):
        run(self.programs / "pg_ctl", "-D", self.data, "-m", mode, "-w", "stop", check=False)

    def log(self):
        return (self.data.parent / f"{self.data.name}.log").read_text()

    def sql(self, text):
        return run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-c", text,
                   "postgres").stdout.strip()
