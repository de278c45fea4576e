"""Every verb of the command line as a new user would run it, on a real daemon; progress on a real terminal; the scripts
that complete its words in real shells; the manual pages as man(1) shows them."""
import gzip
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from stack import BUILD, FENCEPOST, Stack, free_port, wait_for

BLUEPRINT = r"""
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: notes, namespace: default}
actions:
  backup:
    outputArtifacts:
      notes: {keyValue: {path: "{{ .Phases.dump.Output.path }}"}}
    phases:
      - func: KubeTask
        name: dump
        args:
          image: tools
          podOverride: {containers: [{name: container, env: [{name: TOKEN, value: "{{ .Object.data.token | b64dec }}"}]}]}
          command:
            - bash
            - -ec
            - |
              echo '###Phase-progress###: {"uploadedBytes":40000000,"percent":40}'
              echo "dumping {{ .Object.metadata.name }}"
              sleep {{ index .Options "sleep" | default "0" }}
              test "{{ index .Options "result" | default "good" }}" = good
              kando output path /backups/{{ .Object.metadata.name }}
      - func: KubeTask
        name: report
        args: {image: tools, command: [echo, "stored {{ .Phases.dump.Output.path }}"]}
    deferPhase:
      func: KubeTask
      name: tidy
      args: {image: tools, command: [echo, tidied]}
  restore:
    inputArtifactNames: [notes]
    phases:
      - func: KubeTask
        name: pull
        args: {image: tools, command: [echo, "from {{ .ArtifactsIn.notes.KeyValue.path }}"]}
      - func: KubeTask
        name: load
        args: {image: tools, command: ['{{ index .Options "load" | default "true" }}']}
---
apiVersion: config.kio.kasten.io/v1alpha1
kind: BlueprintBinding
metadata: {name: notes, namespace: default}
spec:
  blueprintRef: {name: notes, namespace: default}
  resources:
    matchAll:
      - type: {operator: In, values: [{resource: secrets}]}
      - labels: {key: app, operator: In, values: [notes]}
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: notes-db, namespace: app1, labels: {app: notes}}
stringData: {token: correct-horse-battery}
"""
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: app1}\n"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
BACKUP = ("run", "backup", "--object", "secret/notes-db", "-n", "app1")


def in_terminal(arguments, environment, seconds=60):
    """What a command writes to a terminal, and its exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(arguments[0], [str(a) for a in arguments], environment)
    output, until = b"", time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                piece = os.read(fd, 65536)
            except OSError:
                break
            if not piece:
                break
            output += piece
    os.close(fd)
    return output.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Verbs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start()
        cls.files = pathlib.Path(tempfile.mkdtemp(dir=cls.stack.work))
        (cls.files / "notes.yaml").write_text(BLUEPRINT)
        (cls.files / "secret.yaml").write_text(NAMESPACE + "---" + SECRET)
        cls.cli("apply", "-f", cls.files)
        cls.first = cls.cli(*BACKUP, "-o", "name").stdout.strip().split("/")[1]

    @classmethod
    def cli(cls, *arguments, **options):
        return cls.stack.cli(*map(str, arguments), **options)

    def refused(self, code, *arguments, **options):
        result = self.cli(*arguments, check=False, **options)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stderr

    def get_action(self, identity):
        return self.stack.get(f"/v1/actions/{identity}")

    def wait_until_it_dumps(self, identity):
        wait_for("the phase's start", lambda: [p for p in self.get_action(identity)["phases"] if p["state"] == "running"])

    # --- objects
    def test_apply_says_what_it_did_and_get_shows_it(self):
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: '1'}\n"
        self.assertEqual(self.stack.apply(text % "applied"), "configmap/applied created\n")
        self.assertEqual(self.stack.apply(text % "applied"), "configmap/applied unchanged\n")
        self.assertEqual(self.stack.apply((text % "applied").replace("'1'", "'2'")), "configmap/applied configured\n")
        self.assertRegex(self.cli("get", "cm", "applied").stdout, r"NAME +DATA +AGE\napplied +1 ")
        self.assertEqual(json.loads(self.cli("get", "cm/applied", "-o", "json").stdout)["data"], {"a": "2"})
        self.assertIn("\ndata:\n  a: \"2\"\n", self.cli("get", "cm", "applied", "-o", "yaml").stdout)
        self.assertEqual(self.cli("get", "cm", "applied", "-o", "jsonpath={.data.a}").stdout, "2")
        self.assertEqual(self.cli("get", "cm", "applied", "-o", "name").stdout, "configmap/applied\n")
        self.assertEqual(self.cli("delete", "cm", "applied").stdout, "configmap/applied deleted\n")
        self.assertIn("did you mean 'json'?", self.refused(2, "get", "cm", "-o", "jsn"))
        self.refused(1, "get", "cm", "applied")

    def test_jsonpath_takes_lists_apart(self):
        lines = self.cli("get", "actionsets", "-o",
                         r'jsonpath={range .items[?(@.status.state=="complete")]}{.metadata.name} {.status.state}{"\n"}{end}')
        self.assertIn(f"{self.first} complete\n", lines.stdout)

    def test_what_get_names_can_be_got(self):
        for name in self.cli("get", "actionsets", "-o", "name").stdout.split():
            self.assertIn(name.split("/")[1], self.cli("get", name, "-o", "json").stdout)

    def test_describe_shows_phases_and_events_and_hides_secrets(self):
        text = self.cli("describe", "actionset", self.first).stdout
        for part in (f"Name:         {self.first}", "Phases\n  NAME", "dump     complete", "Events\n", "Executing phase dump"):
            self.assertIn(part, text)
        text = self.cli("describe", "secret/notes-db", "-n", "app1").stdout
        self.assertIn("token: 21 bytes", text)
        self.assertIn("app=notes", text)
        self.assertNotIn("correct-horse", text)
        self.assertNotIn("Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5", text)

    # --- actions
    def test_run_tells_each_phase_on_a_line_and_names_the_artifact(self):
        result = self.cli(*BACKUP)
        lines = result.stdout.splitlines()
        self.assertRegex(lines[0], r"^backup-\w+ runs backup of the blueprint notes \(the binding notes matches it\)$")
        self.assertRegex(result.stdout, r"\nphase dump: complete in [\d.]+m?s, 40.0 MB, [\d.]+ [kMG]?B/s\n")
        self.assertRegex(result.stdout, r"\nphase tidy: complete in [\d.]+m?s\n")
        self.assertEqual(lines[-1], 'artifact notes: {"keyValue":{"path":"/backups/notes-db"}}')
        self.assertNotIn("\x1b", result.stdout + result.stderr)

    def test_a_failed_action_is_exit_code_1_and_points_at_its_logs(self):
        result = self.cli(*BACKUP, "--option", "result=bad", check=False)
        self.assertEqual(result.returncode, 1)
        identity = result.stdout.split()[0]
        self.assertIn(f"{identity} is failed\n", result.stdout)
        self.assertIn(f"fencepost logs {identity}", result.stderr)
        self.assertIn("dumping notes-db", self.cli("logs", identity, "--phase", "dump").stdout)

    def test_progress_on_a_terminal_is_drawn_in_place_with_bytes_rate_and_time_left(self):
        arguments = [FENCEPOST, *BACKUP, "--option", "sleep=2"]
        output, code = in_terminal(arguments, self.stack.environment)
        self.assertEqual(code, 0)
        self.assertRegex(output, r"\x1b\[\d+A\x1b\[2K")
        self.assertRegex(COLOUR.sub("", output), r"▸ dump  running  [\d.]+m?s, 40.0 MB, [\d.]+ MB/s, 40%, \d+s left")
        self.assertRegex(output, r"\x1b\[32m✓\x1b\[0m dump")
        output, code = in_terminal(arguments[:-2], dict(self.stack.environment, NO_COLOR="1"))
        self.assertEqual(code, 0)
        self.assertNotRegex(output, r"\x1b\[3\dm")
        self.assertRegex(output, r"\x1b\[2K  ✓ dump")

    def test_cancel_ends_an_action_and_watch_tells_with_exit_code_3(self):
        identity = self.cli(*BACKUP, "--option", "sleep=60", "--detach", "-o", "name").stdout.strip().split("/")[1]
        self.wait_until_it_dumps(identity)
        self.assertIn(f"'{identity}' is running", self.refused(1, "retry", identity))
        watch = subprocess.Popen([FENCEPOST, "watch", identity], stdout=subprocess.PIPE, text=True, env=self.stack.environment)
        self.assertIn("is asked to cancel", self.cli("cancel", identity).stdout)
        output = watch.communicate(timeout=30)[0]
        self.assertEqual(watch.returncode, 3)
        self.assertIn(f"{identity} is cancelled\n", output)
        self.assertIn("phase tidy: complete", output)

    def test_ctrl_c_cancels_what_run_waits_for(self):
        run = subprocess.Popen([FENCEPOST, *BACKUP, "--option", "sleep=60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, env=self.stack.environment)
        identity = run.stdout.readline().split()[0]
        self.wait_until_it_dumps(identity)
        run.send_signal(signal.SIGINT)
        output, errors = run.communicate(timeout=30)
        self.assertEqual(run.returncode, 3, output + errors)
        self.assertIn(f"cancelling {identity}", errors)
        self.assertEqual(self.get_action(identity)["state"], "cancelled")

    def test_retry_runs_the_same_again(self):
        failed = self.cli(*BACKUP, "--option", "result=bad", "--option", "sleep=0.1", check=False).stdout.split()[0]
        result = self.cli("retry", failed, "-o", "json", check=False)
        again = json.loads(result.stdout)
        self.assertEqual(result.returncode, 1)
        self.assertNotEqual(again["id"], failed)
        before = self.get_action(failed)
        for member in ("action", "subject", "blueprint", "options"):
            self.assertEqual(again[member], before[member])
        self.refused(1, "retry", "nowhere")
        self.assertIn("complete", self.refused(1, "retry", self.first))

    def test_retry_resume_goes_on_behind_what_is_done(self):
        failed = self.cli("run", "restore", "--from", self.first, "--option", "load=false", check=False).stdout.split()[0]
        self.assertEqual([p["state"] for p in self.get_action(failed)["phases"]], ["complete", "failed"])
        self.assertIn("from /backups", self.cli("logs", failed).stdout)
        result = self.cli("retry", failed, "--resume", check=False)
        resumed = result.stdout.split()[0]
        self.assertEqual((result.returncode, resumed == failed), (1, False), result.stderr)
        self.assertEqual([p["state"] for p in self.get_action(resumed)["phases"]], ["complete", "failed"])
        self.assertNotIn("from /backups", self.cli("logs", resumed).stdout)
        cleaned = self.cli(*BACKUP, "--option", "result=bad", check=False).stdout.split()[0]
        self.assertIn("deferPhase has cleaned up", self.refused(1, "retry", cleaned, "--resume"))

    def test_restore_takes_the_artifact_of_the_backup(self):
        action = json.loads(self.cli("run", "restore", "--from", self.first, "-o", "json").stdout)
        self.assertEqual(self.cli("logs", action["id"]).stdout, "from /backups/notes-db\n")
        self.assertEqual((action["state"], action["from"]), ("complete", self.first))

    def test_watch_without_an_id_tells_of_every_action(self):
        watch = subprocess.Popen([FENCEPOST, "watch"], stdout=subprocess.PIPE, text=True, env=self.stack.environment)
        end = threading.Timer(30, watch.kill)
        end.start()
        try:
            identity = self.cli(*BACKUP, "-o", "name").stdout.strip().split("/")[1]
            states = []
            for line in watch.stdout:
                if line.startswith(f"{identity}  backup of app1/notes-db  "):
                    states.append(line.split("  ")[2].strip())
                if states and states[-1] == "complete":
                    break
            self.assertIn("running", states)
            self.assertEqual(states[-1], "complete")
        finally:
            end.cancel()
            watch.kill()
            watch.communicate()

    def test_logs_follow_to_the_end(self):
        identity = self.cli(*BACKUP, "--option", "sleep=1", "--detach", "-o", "name").stdout.strip().split("/")[1]
        lines = [line for line in self.cli("logs", identity, "-f").stdout.splitlines() if not line.startswith("###")]
        self.assertEqual(lines, ["dumping notes-db", "stored /backups/notes-db", "tidied"])

    # --- what would run
    def test_explain_and_obligations(self):
        self.assertIn("✓ notes", self.cli("explain", "secret/notes-db", "-n", "app1").stdout)
        name = self.cli("explain", "secret/notes-db", "-n", "app1", "-o", "jsonpath={.blueprint.name}").stdout
        self.assertEqual(name, "notes")
        self.assertEqual(self.cli("obligations").stdout, "Nothing is fenced or paused.\n")
        self.assertEqual(self.cli("obligations", "-o", "yaml").stdout, "items: []\n")

    def test_render_shows_what_a_run_runs(self):
        options = ("--action", "backup", "--object", "secret/notes-db", "-n", "app1", "--show-secrets", "-o", "json")
        view = json.loads(self.cli("render", *options).stdout)
        identity = self.cli(*BACKUP, "--option", "sleep=2", "--detach", "-o", "name").stdout.strip().split("/")[1]
        options += ("--option", "sleep=2")
        view = json.loads(self.cli("render", *options).stdout)

        def job():
            pods = json.loads(self.cli("get", "pods", "-A", "-o", "json").stdout)["items"]
            uid = json.loads(self.cli("get", "actionset", identity, "-o", "json").stdout)["metadata"]["uid"]
            return [p for p in pods if p["metadata"].get("labels", {}).get("fencepost.io/action-set") == uid]

        wait_for("the phase's Pod", job)
        container = job()[0]["spec"]["containers"][0]
        args = view["phases"][0]["args"]
        self.assertEqual(container["command"], args["command"])
        self.assertIn(args["podOverride"]["containers"][0]["env"][0], container["env"])
        self.cli("watch", identity)

    def test_render_from_files_needs_no_server_and_hides_secrets(self):
        result = self.cli("render", self.files / "notes.yaml", "-f", self.files / "secret.yaml", "--action", "backup", "--object",
                          "secret/notes-db", "-n", "app1", "--server", "127.0.0.1:1")
        self.assertIn("phase dump: KubeTask\n", result.stdout)
        self.assertIn("value: \"<token of secret app1/notes-db>\"".replace('"', ""), result.stdout.replace('"', "").replace("'", ""))
        self.assertIn("stored <dump.path>", result.stdout)
        self.assertNotIn("correct-horse", result.stdout)

    def test_render_of_a_restore_takes_the_artifacts_of_a_backup(self):
        view = json.loads(self.cli("render", "notes", "--action", "restore", "--object", "secret/notes-db", "-n", "app1", "--from",
                                   self.first, "-o", "json").stdout)
        self.assertEqual(view["phases"][0]["args"]["command"], ["echo", "from /backups/notes-db"])

    def test_lint_and_version_need_no_server(self):
        environment = dict(self.stack.environment, FENCEPOST_SERVER="127.0.0.1:1")
        run = lambda *words: subprocess.run([FENCEPOST, *words], env=environment, capture_output=True, text=True)
        self.assertEqual(run("lint", str(self.files)).returncode, 0)
        (self.stack.work / "wrong.yaml").write_text(BLUEPRINT.replace("KubeTask", "KubeTusk"))
        wrong = run("lint", str(self.stack.work / "wrong.yaml"))
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("did you mean 'KubeTask'?", wrong.stdout)
        self.assertRegex(run("version").stdout, r"^fencepost \d+\.\d+\.\d+\n$")
        self.assertEqual(json.loads(run("version", "-o", "json").stdout)["name"], "fencepost")
        self.assertEqual(run("get", "pods").returncode, 4)


class Configuration(unittest.TestCase):
    """serve by flag, environment and file, on a real daemon."""

    def test_the_daemon_obeys_flag_environment_and_file_in_that_order(self):
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            port, other = free_port(), free_port()
            (work / "fencepost.yaml").write_text(f"dataDir: {work}/data\nlisten: 127.0.0.1:{other}\nlogLevel: error\n")
            environment = dict(os.environ, FENCEPOST_CONFIG=str(work / "fencepost.yaml"), FENCEPOST_LISTEN=f"127.0.0.1:{port}",
                               FENCEPOST_SERVER=f"127.0.0.1:{port}")
            shown = subprocess.run([FENCEPOST, "config", "show", "--log-level", "warning"], env=environment, capture_output=True,
                                   text=True, check=True).stdout
            self.assertRegex(shown, rf"listen +127.0.0.1:{port} +FENCEPOST_LISTEN ")
            self.assertRegex(shown, rf"dataDir +{work}/data +fencepost.yaml:1 ")
            self.assertRegex(shown, r"logLevel +warning +--log-level ")
            log = open(work / "log", "wb")
            daemon = subprocess.Popen([FENCEPOST, "serve", "--log-level", "info"], env=environment, stderr=log)
            try:
                wait_for("the daemon's start", lambda: subprocess.run([FENCEPOST, "get", "namespaces"], env=environment,
                                                                      capture_output=True).returncode == 0, 20)
                self.assertTrue((work / "data/cluster.db").exists())
                self.assertIn('"msg":"ready"', (work / "log").read_text())
            finally:
                daemon.terminate()
                daemon.wait(20)
                log.close()
            self.assertEqual(daemon.returncode, 0)

    def test_a_wrong_file_is_exit_code_2_with_place_and_hint(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("dataDir: /tmp/x\nlistn: 127.0.0.1:1\n")
            file.flush()
            for words in (["serve", "--config", file.name], ["config", "check", file.name], ["config", "show", "--config", file.name]):
                result = subprocess.run([FENCEPOST, *words], capture_output=True, text=True)
                self.assertEqual(result.returncode, 2)
                self.assertIn(f"{file.name}:2:1: error: there is no setting 'listn'", result.stdout + result.stderr)
                self.assertIn("did you mean 'listen'?", result.stdout + result.stderr)


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scripts = pathlib.Path(tempfile.mkdtemp())
        cls.environment = dict(os.environ, PATH=f"{FENCEPOST.parent}:{os.environ['PATH']}", FENCEPOST_SERVER="127.0.0.1:1")
        for shell in ("bash", "zsh", "fish"):
            text = subprocess.run([FENCEPOST, "completion", shell], capture_output=True, text=True, check=True).stdout
            (cls.scripts / f"fencepost.{shell}").write_text(text)

    def bash(self, line):
        words = line.split(" ")
        script = (f"source {self.scripts}/fencepost.bash\nCOMP_WORDS=({' '.join(repr(w) for w in words)})\n"
                  f"COMP_CWORD={len(words) - 1}\n_fencepost\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n")
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=self.environment,
                              cwd=self.scripts).stdout.split()

    def fish(self, line):
        script = f"source {self.scripts}/fencepost.fish; complete -C '{line}'"
        output = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True,
                                env=self.environment, cwd=self.scripts).stdout
        return [one.split("\t")[0] for one in output.splitlines()]

    CASES = (("fencepost de", ["delete", "describe"]),
             ("fencepost config ", ["check", "show"]),
             ("fencepost completion ", ["bash", "fish", "zsh"]),
             ("fencepost get bluep", ["blueprintbindings", "blueprints"]),
             ("fencepost get pods -o js", ["json", "jsonpath="]),
             ("fencepost get pods --sel", ["--selector"]),
             ("fencepost serve --log-level e", ["error"]),
             ("fencepost apply -f fencepost.b", ["fencepost.bash"]))

    def test_bash_completes_verbs_kinds_choices_flags_and_files(self):
        for line, expected in self.CASES:
            with self.subTest(line):
                self.assertEqual(sorted(self.bash(line)), expected)

    def test_fish_completes_the_same(self):
        for line, expected in self.CASES:
            with self.subTest(line):
                self.assertEqual(sorted(self.fish(line)), expected)

    ZSHRC = """
        autoload -Uz compinit
        compinit -u -D
        source {scripts}/fencepost.zsh
        cd {scripts}
        _tell() {{
            compadd() {{ local -a found; builtin compadd -O found "$@" 2>/dev/null; print -rl -- "FOUND:"$^found; }}
            _main_complete
            print "TO""LD"
        }}
        zle -C tell list-choices _tell
        bindkey '^X' tell
        print "REA""DY"
        """
    # A real interactive zsh on a terminal of its own; ^X makes it print what Tab would offer, ^U clears the line.
    ZSH = """
        zmodload zsh/zpty
        zpty z zsh -i
        zpty -r z piece '*READY*'
        for line in "$@"; do
            print -r -- "LINE:$line"
            zpty -n -w z "$line"$'\\x18'
            zpty -r z piece '*TOLD*'
            print -r -- "$piece"
            zpty -n -w z $'\\x15'
        done
        zpty -d z"""

    def test_zsh_completes_the_same(self):
        (self.scripts / ".zshrc").write_text(self.ZSHRC.format(scripts=self.scripts))
        output = subprocess.run(["zsh", "-f", "-c", self.ZSH, "zsh", *(line for line, _ in self.CASES)], capture_output=True,
                                text=True, timeout=60, env=dict(self.environment, TERM="dumb", ZDOTDIR=str(self.scripts))).stdout
        answers = output.split("LINE:")[1:]
        for (line, expected), answer in zip(self.CASES, answers, strict=True):
            with self.subTest(line):
                self.assertEqual(sorted(set(re.findall(r"FOUND:(\S+)", answer))), expected, answer)


class Manuals(unittest.TestCase):
    def test_man_shows_every_page_without_a_warning(self):
        pages = sorted((BUILD / "generated/share/man").glob("man*/*.gz"))
        names = {page.name for page in pages}
        verbs = re.findall(r"^  (\w+) {2,}", subprocess.run([FENCEPOST, "--help"], capture_output=True, text=True).stdout, re.M)
        self.assertEqual(names, {"fencepost.1.gz", "kando.1.gz", "fencepost.yaml.5.gz"} |
                         {f"fencepost-{verb}.1.gz" for verb in verbs if not verb.isdigit()})
        for page in pages:
            with self.subTest(page.name):
                result = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True,
                                        env=dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8"))
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertIn("NAME", result.stdout)
                source = gzip.decompress(page.read_bytes())
                parsed = subprocess.run(["lexgrog", page], capture_output=True, text=True).stdout
                self.assertIn(page.name.split(".1")[0].split(".5")[0] + " - ", parsed, source[:300])


if __name__ == "__main__":
    unittest.main()
