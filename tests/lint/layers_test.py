#!/usr/bin/env python3
"""Proves the layer table of the design from the #includes, and the house rules that need no compiler.

    main -> {api, cli, functions, protect} -> {run, binding, lint, policy, archive} -> {model, cluster, location} -> {template, net, aws} -> value -> base
"""
import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What a layer may include besides itself.
BELOW = {
    "base": set(),
    "value": {"base"},
    "template": {"base", "value"},
    "net": {"base"},
    "model": {"base", "value", "template"},
    "lint": {"base", "value", "template", "model"},
    "policy": {"base", "value", "model"},
    "cluster": {"base", "value", "net", "supervisor"},
    "aws": {"base", "net"},
    "location": {"base", "value", "template", "net", "aws"},
    "archive": {"base", "value", "net", "aws", "location"},
    "binding": {"base", "value", "template", "model", "cluster"},
    "run": {"base", "value", "template", "net", "model", "cluster", "aws", "location"},
    "functions": {"base", "value", "template", "net", "model", "cluster", "aws", "location", "run"},
    "protect": {"base", "value", "template", "net", "model", "cluster", "location", "run", "binding", "policy"},
    "api": {"base", "value", "template", "net", "model", "cluster", "location", "run", "binding", "lint"},
    "cli": {"base", "value", "template", "net", "model", "cluster", "location", "run", "binding", "lint", "policy", "protect", "archive", "api", "supervisor"},
    "kando": {"base", "value", "net", "location", "archive"},
    "supervisor": set(),
}
THIRD_PARTY = re.compile(r"boost|curl|sqlite3|nlohmann|yaml-cpp|openssl|zstd|re2|fmt/|CLI|prometheus|catch2")
HEAVY = {"boost/beast": 2, "nlohmann/": 1, "yaml-cpp/": 1, "CLI/": 2}  # header: .cpp files that may include it


def layer_of(path):
    parts = path.relative_to(ROOT).parts
    if parts[0] == "functions":
        return "functions"
    return parts[1] if len(parts) > 2 else "main"


def sources(*endings):
    for folder in ("engine", "functions"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in endings:
                yield path


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


class Layers(unittest.TestCase):
    def test_includes_point_only_downwards(self):
        wrong = []
        for path in sources(".h", ".cpp"):
            layer = layer_of(path)
            if layer == "main":
                continue
            for number, quote, name in includes(path):
                target = name.split("/")[0]
                if quote == '"' and target in BELOW and target != layer and target not in BELOW[layer]:
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: {layer} may not include {name}")
        self.assertEqual(wrong, [])

    def test_every_folder_is_a_known_layer(self):
        folders = {p.name for p in (ROOT / "engine").iterdir() if p.is_dir() and any(p.rglob("*.cpp"))}
        self.assertEqual(folders - set(BELOW), set())

    def test_no_third_party_type_in_a_header(self):
        wrong = [f"{path.relative_to(ROOT)}:{number}: {name}" for path in sources(".h")
                 for number, _, name in includes(path) if THIRD_PARTY.search(name)]
        self.assertEqual(wrong, [])

    def test_heavy_headers_are_in_few_files(self):
        for header, most in HEAVY.items():
            users = [str(path.relative_to(ROOT)) for path in sources(".cpp")
                     if any(name.startswith(header) for _, _, name in includes(path))]
            self.assertLessEqual(len(users), most, f"{header}: {users}")

    def test_headers_say_what_they_are(self):
        wrong = []
        for path in sources(".h"):
            text = path.read_text()
            if not text.startswith("//") or "#pragma once" not in text:
                wrong.append(str(path.relative_to(ROOT)))
        self.assertEqual(wrong, [])

    def test_no_naked_new_thread_or_mutex_outside_base(self):
        wrong = []
        for path in sources(".h", ".cpp"):
            if layer_of(path) in ("base", "supervisor"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                code = line.split("//")[0]
                if re.search(r"std::thread\b(?!::)|std::async|co_await|co_return|\.detach\(\)", code):
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
        self.assertEqual(wrong, [])

    def test_no_unfinished_marks(self):
        wrong = [f"{path.relative_to(ROOT)}:{number}" for path in sources(".h", ".cpp")
                 for number, line in enumerate(path.read_text().splitlines(), 1)
                 if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)]
        self.assertEqual(wrong, [])

    def test_programs_are_executable(self):
        wrong = [str(path.relative_to(ROOT)) for folder in ("scripts", "tests", "examples", ".ci") for path in (ROOT / folder).rglob("*")
                 if path.is_file() and not os.access(path, os.X_OK) and path.open("rb").read(2) == b"#!"]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
