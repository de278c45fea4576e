#!/usr/bin/env python3
"""Milliseconds of a `wal push` and of a `wal fetch` in a folder, beside `cp` and an fsync of the same segments in the same run.

  tests/bench/wal.py [SEGMENTS]
"""
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCEPOST = pathlib.Path(os.environ.get("FENCEPOST_BUILD", ROOT / "build")) / "bin" / "fencepost"
SEGMENT = 16 << 20


def segment(number):
    """As a server writes it: half of it random, as compressed values are, half of it alike."""
    header = struct.pack("<HHIQIIQII", 0xD110, 2, 1, number * SEGMENT, 0, 0, 7_440_000_000_000_000_001, SEGMENT, 8192)
    pages = b"".join(os.urandom(4096) + bytes([number % 251]) * 4096 for _ in range(SEGMENT // 8192))
    return header + pages[len(header):]


def milliseconds(words):
    began = time.perf_counter()
    subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def told(what, times):
    print(f"{what:34} median {statistics.median(times):7.1f} ms   slowest {max(times):7.1f} ms")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    work = pathlib.Path(tempfile.mkdtemp(prefix="fencepost-bench-"))
    try:
        names = [f"00000001{number >> 8:08X}{number & 255:08X}" for number in range(1, count + 1)]
        for folder in ("pg_wal", "archive", "copies"):
            (work / folder).mkdir()
        for number, name in enumerate(names, 1):
            (work / "pg_wal" / name).write_bytes(segment(number))
        flags = ["--location", f"file://{work}/archive"]
        copied, pushed, again, fetched = [], [], [], []
        for name in names:
            copied.append(milliseconds(["dd", f"if={work}/pg_wal/{name}", f"of={work}/copies/{name}", "bs=1M", "conv=fsync", "status=none"]))
            pushed.append(milliseconds([FENCEPOST, "wal", "push", work / "pg_wal" / name, *flags]))
            again.append(milliseconds([FENCEPOST, "wal", "push", work / "pg_wal" / name, *flags]))
        for name in names:
            fetched.append(milliseconds([FENCEPOST, "wal", "fetch", name, work / "pg_wal" / "RECOVERYXLOG", *flags]))
        told("copy with fsync", copied)
        told("wal push", pushed)
        told("wal push, the same again", again)
        told("wal fetch, of 8 in 1 call", fetched)
        print(f"{'wal fetch, a segment on average':34}    {statistics.mean(fetched):10.1f} ms")
        print(f"{'the program alone (version)':34}    {milliseconds([FENCEPOST, 'version']):10.1f} ms")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
