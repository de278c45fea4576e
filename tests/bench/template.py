#!/usr/bin/env python3
"""What a render costs, beside Go's text/template in the same run, on the same corpus: a dump's script as blueprints
have it, every templated argument of the shipped blueprints, and 200 generated ones, with realistic parameters.

Kanister builds sprig's function map, parses and executes for every string; so three figures are Go's, two are ours."""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = pathlib.Path(os.environ.get("FENCEPOST_BUILD", ROOT / "build")) / "bin" / "bench_template"
ORACLE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "fencepost" / "template-oracle"
VALGRIND = shutil.which("valgrind")

ADMIN = {"Data": {name: {"$bytes": "b3JkZXJz"} for name in ("username", "password", "dbname", "host", "port")}}
# What the phases of PostgreSQL's blueprints tell, all of them together.
PHASE = {"Secrets": {"admin": ADMIN, "app": ADMIN},
         "Output": {name: name for name in ("path bytes lsn time collate ctype encoding pod podUid obligation name prefix label finished "
                                            "startLsn startWal stopLsn stopWal systemIdentifier timeline").split()}}
PARAMS = {
    "StatefulSet": {"Name": "pg", "Namespace": "app1", "Pods": ["pg-0", "pg-1"], "Containers": [["postgres"], ["postgres"]]},
    "Time": "2026-11-21T05:12:30.123456789Z",
    "Options": {"database": "orders", "jobs": "4", "format": "custom", "keep": "14", "claim": "restored", "scratch": "look-1", "countRows": "true", "queries": "[]"},
    "Secrets": {"db": {"Data": {"user": {"$bytes": "cG9zdGdyZXM="}, "password": {"$bytes": "czNjcjN0"}}}},
    "ConfigMaps": {"settings": {"Data": {"host": "pg.app1.svc", "port": "5432"}}},
    "Object": {"metadata": {"name": "app1-db", "namespace": "app1", "labels": {"app": "orders", "tier": "gold"},
                            "annotations": {"fencepost.io/replica-selector": "role=replica", "fencepost.io/pod": "pg-1",
                                            "fencepost.io/container": "postgres", "fencepost.io/image": "postgres:15",
                                            "fencepost.io/restore-claim": "restored"}},
               "data": {"host": "cGctcnc=", "port": "NTQzMg==", "dbname": "b3JkZXJz", "username": "b3JkZXJz", "password": "czNjcjN0"}},
    "Profile": {"Location": {"type": "s3Compliant", "bucket": "backups", "endpoint": "https://s3.local", "prefix": "prod", "region": "eu"},
                "Credential": {"Type": "keyPair", "KeyPair": {"ID": "AKIA", "Secret": "x"}}, "SkipSSLVerify": False},
    "ArtifactsIn": {"dump": {"KeyValue": {"path": "pg/app1/2026.dump", "size": "1234"}, "KopiaSnapshot": ""},
                    "pgBackup": {"KeyValue": {"path": "pg/app1/2026.dump"}, "KopiaSnapshot": "{\"id\":\"b058b195b97c\"}"},
                    "baseBackup": {"KeyValue": {"prefix": "wal/pg", "name": "base_000000010000000000000004"}, "KopiaSnapshot": ""},
                    "pgBackRest": {"KeyValue": {"label": "20261121-051230F"}, "KopiaSnapshot": ""},
                    "walG": {"KeyValue": {"name": "base_000000010000000000000004"}, "KopiaSnapshot": ""},
                    "fence": {"KeyValue": {"pod": "pg-1", "podUid": "7f3b", "obligation": "fence-1"}, "KopiaSnapshot": ""}},
    "Phases": {name: PHASE for name in ("ask", "backup", "check", "drop", "dump", "fence", "push", "restore")},
}

# A dump as blueprints write it: 900 bytes with ten actions.
DUMP = """set -o pipefail
set -o errexit
export PGHOST='{{ .ConfigMaps.settings.Data.host }}'
export PGPORT='{{ .ConfigMaps.settings.Data.port | default "5432" }}'
export PGUSER='{{ .Secrets.db.Data.user | toString }}'
export PGPASSWORD='{{ .Secrets.db.Data.password | toString }}'
BACKUP_LOCATION="postgres/{{ .StatefulSet.Namespace }}/{{ .StatefulSet.Name }}/{{ toDate "2006-01-02T15:04:05.999999999Z07:00" .Time | date "2006-01-02T15-04-05" }}/backup.dump"
# One transaction sees all of it; whoever restores can do so in parallel.
pg_dump --format=custom --compress=0 --no-owner --no-privileges --jobs=1 --dbname='{{ .Options.database }}' \\
    | kando location push --profile '{{ toJson .Profile }}' --path "${BACKUP_LOCATION}" -
kando output backupLocation "${BACKUP_LOCATION}"
kando output database "{{ .Options.database | quote | trimAll "\\"" }}"
echo "the dump is stored; it can be listed with: kando location list --path postgres/ and be restored by the action restore"
echo "done"
"""

PIECES = ["{{ .StatefulSet.Name }}", "{{ .StatefulSet.Namespace }}", "{{ index .StatefulSet.Pods 0 }}", "{{ .Options.database }}", "{{ .Time }}",
          "{{ .Secrets.db.Data.password | toString }}", "{{ .Options.jobs | default \"1\" }}", "{{ .Object.metadata.labels.app | upper }}",
          "{{ .ArtifactsIn.dump.KeyValue.path }}", "{{ .Phases.dump.Output.path | quote }}", "{{ printf \"%s-%s\" .StatefulSet.Name .Options.keep }}",
          "{{ if eq .Options.format \"custom\" }}-Fc{{ else }}-Fp{{ end }}", "{{ range .StatefulSet.Pods }}{{ . }} {{ end }}",
          "{{ with .Object.metadata }}{{ .name }}{{ end }}", "{{ .Profile.Location.bucket }}/{{ .Profile.Location.prefix }}", "{{ toJson .Profile.Location }}"]
TEXTS = [" --flag=", "\nexport X=", "/", " ", "\necho done\n", "s3://", "\npg_restore --clean --if-exists --dbname=", " | kando location push --path "]


def corpus():
    pick = random.Random(7)
    generated = ["".join(pick.choice(TEXTS) + pick.choice(PIECES) for _ in range(pick.randint(1, 8))) for _ in range(200)]
    return generated


def shipped():
    """Those of PostgreSQL's blueprints, which PARAMS are for: a field's value, or a line of a script. Conditions of a Wait
    are left out: they see the object that is waited for."""
    values = [re.sub(r"^[\w -]+: ", "", line).strip() for file in sorted(ROOT.glob("blueprints/postgres-*/blueprint.yaml"))
              for line in file.read_text().splitlines() if "{{" in line and " condition: " not in line]
    return [value[1:-1] if value[0] in "'\"" else value for value in values]


def lines_of(templates):
    return "".join(json.dumps({"template": text, "data": PARAMS, "missingkey": "error", "funcs": "kanister"}) + "\n" for text in templates)


def measured(program, templates):
    return json.loads(subprocess.run(program, input=lines_of(templates), text=True, stdout=subprocess.PIPE, check=True).stdout)


def instructions(what, templates):
    """Of one render, counted by callgrind: what more rounds take than the first one alone."""
    more = max(5, 400 // len(templates))
    counts = []
    for rounds in (1, 1 + more):
        said = subprocess.run([VALGRIND, "--tool=callgrind", "--callgrind-out-file=/dev/null", BENCH, what, str(rounds)], input=lines_of(templates),
                              text=True, capture_output=True, check=True).stderr
        counts.append(int(re.search(r"Collected : (\d+)", said)[1]))
    return (counts[1] - counts[0]) / more / len(templates)


def show(title, templates):
    print(f"{title}: {len(templates)} templates, {sum(map(len, templates)) / len(templates):.0f} bytes each")
    ours = measured([BENCH], templates)
    go = measured([ORACLE, "bench"], templates) if ORACLE.exists() else {}
    rows = [("Go, Kanister's way", go.get("kanister")), ("Go, map built once", go.get("parse+execute")), ("Go, execution alone", go.get("execute")),
            ("Fencepost, parse and execute", ours["parse+execute"]), ("Fencepost, execution alone", ours["execute"])]
    for name, row in rows:
        if row and name.startswith("Fencepost") and VALGRIND:
            row["instructions"] = instructions("execute" if "alone" in name else "parse+execute", templates)
        if row is None:
            print(f"  {name:30}  SKIPPED: there is no Go here")
        else:
            print(f"  {name:30} {row['ns']:9.0f} ns {row['allocations']:7.1f} allocations {row['bytes']:8.0f} bytes"
                  + (f" {row['instructions']:9.0f} instructions" if "instructions" in row else ""))
    if go:
        print(f"  parse and execute: {go['parse+execute']['ns'] / ours['parse+execute']['ns']:.1f} times faster than Go with the map built once, "
              f"{go['kanister']['ns'] / ours['parse+execute']['ns']:.1f} times than Kanister's way; execution alone "
              f"{go['execute']['ns'] / ours['execute']['ns']:.1f} times faster than Go's")


show("a pg_dump script", [DUMP])
show("the shipped blueprints", shipped())
show("generated", corpus())
show("a field", ["{{ .StatefulSet.Namespace }}"])
