"""The Debian package: made twice with the same bytes, clean for lintian, installed, run as its unit would run it, and removed.

It is installed into a copy of this machine: an overlay whose changes are kept in memory, in a mount namespace of its own, so
that the machine stays as it is. There is no systemd in it: the test starts ExecStart itself, as an unprivileged user without
any capability, and is the service manager that is told READY=1."""
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from stack import BUILD, ROOT, free_port

USER = "61421"  # as systemd would choose one from its dynamic range, 61184 to 65519
UNIT = ROOT / "packaging/fencepost.service"
TASK = """
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: task, namespace: default}
actions:
  go:
    phases:
      - func: KubeTask
        name: go
        args:
          image: tools
          podOverride:
            containers: [{name: container, volumeMounts: [{name: note, mountPath: /mnt/note}]}]
            volumes: [{name: note, configMap: {name: note}}]
          command: [bash, -ec, 'kando output who "$(id -u)"; kando output note "$(cat /mnt/note/text)"']
---
apiVersion: v1
kind: ConfigMap
metadata: {name: note, namespace: default}
data: {text: mounted}
"""


def setting(name):
    return re.search(rf"^{name}=(.*)$", UNIT.read_text(), re.M)[1]


def make_package(folder, **environment):
    result = subprocess.run([ROOT / "scripts/package", folder], capture_output=True, text=True, timeout=600,
                            env=dict(os.environ, FENCEPOST_BUILD=str(BUILD), **environment))
    if result.returncode != 0:
        raise AssertionError(result.stdout + result.stderr)
    return pathlib.Path(result.stdout.strip().splitlines()[-1])


class Copy:
    """A copy of this machine that forgets what is done to it. Needs root."""

    SCRIPT = """
        mount -t tmpfs tmpfs "$1"
        mkdir "$1"/{upper,work,root}
        mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
        for one in proc dev sys; do mount --rbind /$one "$1/root/$one"; done
        mkdir -p "$1/root/old"
        cd "$1/root"
        pivot_root . old
        umount -l old
        mount -t tmpfs tmpfs /run
        mkdir -p /package
        echo ready
        exec sleep 1000"""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fencepost-copy-")
        self.process = subprocess.Popen(["unshare", "--mount", "bash", "-ec", self.SCRIPT, "bash", self.folder],
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("no copy of this machine could be made")

    def close(self):
        self.process.kill()
        self.process.communicate()
        os.rmdir(self.folder)

    def command(self, *words):
        return ["nsenter", "--mount", f"--target={self.process.pid}", *map(str, words)]

    def run(self, *words, check=True, **options):
        result = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=120, **options)
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, words))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def put(self, file):
        with open(file, "rb") as content:
            self.run("bash", "-c", f"cat > /package/{file.name}", stdin=content)
        return f"/package/{file.name}"


def setUpModule():
    global WORK, PACKAGE
    WORK = pathlib.Path(tempfile.mkdtemp(prefix="fencepost-package-"))
    unittest.addModuleCleanup(shutil.rmtree, WORK)
    PACKAGE = make_package(WORK / "one")


class Package(unittest.TestCase):
    def test_the_same_build_makes_the_same_package(self):
        time.sleep(1.1)
        again = make_package(WORK / "another/folder", TZ="Asia/Tokyo", LC_ALL="C")
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (PACKAGE, again)]
        self.assertEqual(*digests)

    def test_no_program_tells_where_it_was_built(self):
        for program in ("fencepost", "kando", "fencepost-supervisor"):
            content = (BUILD / "bin" / program).read_bytes()
            self.assertNotIn(str(ROOT).encode() + b"/", content, program)
            self.assertNotIn(str(BUILD).encode() + b"/", content, program)

    def test_lintian_finds_nothing(self):
        result = subprocess.run(["lintian", "--allow-root", "--tag-display-limit=0", "--fail-on=error,warning,info", PACKAGE],
                                capture_output=True, text=True, timeout=300)
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)

    def test_the_unit_is_hardened(self):
        result = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", UNIT], capture_output=True, text=True)
        exposure = re.search(r"Overall exposure level for fencepost.service: ([\d.]+)", result.stdout)
        self.assertLessEqual(float(exposure[1]), 2.5)
        self.assertEqual((setting("Type"), setting("DynamicUser"), setting("StateDirectory")), ("notify", "yes", "fencepost"))


@unittest.skipIf(os.geteuid() != 0, "a copy of this machine needs root")
class Installed(unittest.TestCase):
    def setUp(self):
        self.copy = Copy()
        self.addCleanup(self.copy.close)
        self.package = self.copy.put(PACKAGE)
        self.copy.run("dpkg", "--install", self.package)

    def files(self):
        return self.copy.run("dpkg", "--listfiles", "fencepost").stdout.split()

    def test_it_brings_programs_manuals_completions_blueprints_and_a_configuration(self):
        self.assertRegex(self.copy.run("fencepost", "version").stdout, r"^fencepost \d")
        self.assertRegex(self.copy.run("kando", "version").stdout, r"^kando ")
        self.assertEqual(self.copy.run("fencepost", "config", "check").stdout, "/etc/fencepost/fencepost.yaml is fine\n")
        self.assertEqual(self.copy.run("fencepost", "lint", "/usr/share/fencepost/blueprints/postgres-dump",
                                       "/usr/share/fencepost/bindings").returncode, 0)
        files = self.files()
        self.assertIn("Usage: kubectl fencepost [OPTIONS]", self.copy.run("kubectl-fencepost", "--help").stdout)
        for name in ("/usr/share/man/man1/fencepost-run.1.gz", "/usr/share/man/man1/kubectl-fencepost.1.gz", "/usr/share/man/man5/fencepost.yaml.5.gz",
                     "/usr/share/bash-completion/completions/fencepost", "/usr/share/zsh/vendor-completions/_fencepost",
                     "/usr/share/fish/vendor_completions.d/fencepost.fish", "/lib/systemd/system/fencepost.service"):
            self.assertIn(name, files)
        self.assertIn("fencepost run backup", self.copy.run("man", "fencepost-run").stdout)
        self.assertEqual(self.copy.run("md5sum", "--quiet", "-c", "/var/lib/dpkg/info/fencepost.md5sums", cwd="/").stdout, "")
        verified = self.copy.run("systemd-analyze", "verify", "/lib/systemd/system/fencepost.service")
        self.assertEqual(verified.stdout + verified.stderr, "")

    def test_it_runs_as_its_unit_runs_it(self):
        port = free_port()
        name = f"fencepost-test-{os.getpid()}"
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind("\0" + name)
        manager.settimeout(20)
        self.copy.run("install", "-d", "-o", USER, "-g", USER, "-m", setting("StateDirectoryMode"), "/var/lib/fencepost")
        server = f"127.0.0.1:{port}"
        daemon = subprocess.Popen(
            self.copy.command("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs",
                              "--bounding-set=-all", "--inh-caps=-all", "env", "-i", "PATH=/usr/bin:/bin", f"NOTIFY_SOCKET=@{name}",
                              f"FENCEPOST_LISTEN={server}", *shlex.split(setting("ExecStart"))),
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (daemon.kill(), daemon.communicate()))
        self.assertEqual(manager.recv(4096).decode(), f"READY=1\nSTATUS=listening on {server}")

        def cli(*words, **options):
            return self.copy.run("fencepost", "--server", server, *words, **options).stdout

        cli("apply", "-f", "/usr/share/fencepost/blueprints/postgres-dump/blueprint.yaml", "-f", "/usr/share/fencepost/bindings")
        self.assertEqual(cli("get", "blueprints", "-o", "name"), "blueprint.cr.kanister.io/postgres-dump\n")
        cli("apply", "-f", "-", input=TASK)
        action = json.loads(cli("run", "go", "--blueprint", "task", "--object", "configmap/note", "-o", "json"))
        self.assertEqual(action["phases"][0]["outputs"], {"who": USER, "note": "mounted"})

        os.kill(daemon.pid, signal.SIGTERM)
        self.assertEqual(manager.recv(4096).decode(), "STOPPING=1")
        self.assertEqual(daemon.wait(20), 0, daemon.stderr.read())

    def test_it_keeps_what_the_administrator_wrote_until_it_is_purged(self):
        self.copy.run("bash", "-c", "echo 'logLevel: debug' >> /etc/fencepost/fencepost.yaml; mkdir -p /var/lib/fencepost; "
                                    "touch /var/lib/fencepost/cluster.db")
        files = self.files()
        self.copy.run("dpkg", "--install", self.package, stdin=subprocess.DEVNULL)
        self.assertIn("logLevel: debug", self.copy.run("cat", "/etc/fencepost/fencepost.yaml").stdout)
        self.copy.run("dpkg", "--remove", "fencepost")
        self.assertIn("logLevel: debug", self.copy.run("cat", "/etc/fencepost/fencepost.yaml").stdout)
        self.copy.run("dpkg", "--purge", "fencepost")
        left = self.copy.run("bash", "-c", "for one; do [[ ! -e $one && ! -L $one ]] || [[ -d $one ]] || echo $one; done", "bash",
                             *files).stdout
        self.assertEqual(left, "")
        self.assertEqual(self.copy.run("ls", "/etc/fencepost", check=False).returncode, 2)
        self.assertEqual(self.copy.run("ls", "/var/lib/fencepost").stdout, "cluster.db\n")


if __name__ == "__main__":
    unittest.main()
