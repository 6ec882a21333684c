#!/usr/bin/env python3
"""Does the test suite notice? Puts one deliberate fault after another into a copy of the tree,
builds what it touches, and runs the tests that have to notice: the transaction room's own for
faults of that room, the simulator and the unit tests of txn and core for the whole, and one
test for each bound and rule of connections, and for each rule of the parser. Every fault has to be
caught; one whose text is no longer found has to be brought up to date.

usage: run.py [--jobs N] [--only TEXT] [--keep]
"""
import argparse
import os
import pathlib
import platform
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from mutants import STREAMS, TXN, WHOLE
from parser_mutants import PARSER

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIMULATOR = ["tests/sim/sim", "--seeds", "30", "--transactions", "90000", "--jobs", "1"]
# What has to notice, and then name, file, old and new text.
MUTANTS = [("txn", *fault) for fault in TXN] + [("whole", *fault) for fault in WHOLE] + \
    [(f"{program}/{fault[4]}", *fault[:4])
     for program, faults in [*STREAMS.items(), *PARSER.items()] for fault in faults]
SECONDS_MAX = 90  # a fault that makes a test hang is caught, too
# What is waited for in vain is given up sooner than elsewhere.
ENVIRONMENT = {**os.environ, "ZSIP_TEST_TURNS": "1000"}
# What all kinds of vectors share gets its fault for one of them, which every such machine has: the
# others need not be compiled anew.
WAY = "parser/parse_neon.c" if platform.machine() == "aarch64" else "parser/parse_sse4.c"
# What only a processor that has this can run.
NEEDS = {"parser/block_sse4.h": "sse4_2", "parser/block_avx2.h": "avx2",
         "parser/block_avx512.h": "avx512_vbmi2"}
SUITES = sorted({mutant[0] for mutant in MUTANTS})


def processor_flags():
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return set(next((line for line in lines if line.startswith("flags")), "").split())


def alone(suite):
    """Runs one test of a Criterion program: "core/test-core-framing/its_name"."""
    program, name = suite.rsplit("/", 1)
    return [f"tests/{program}", "--filter", f"*/{name}"]


def run(command, folder):
    """(exit status, output); a command that does not end counts as failed."""
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS_MAX, check=False,
                              env=ENVIRONMENT)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired:
        return 124, "it does not end"


class Copy:
    """A copy of the tree with a build of its own."""

    def __init__(self, folder):
        self.tree = folder / "tree"
        self.build = folder / "build"
        shutil.copytree(ROOT, self.tree, ignore=shutil.ignore_patterns(
            ".git", "build*", "__pycache__", "figures", "dist"))
        self.must(["meson", "setup", str(self.build), str(self.tree), "--buildtype=debug",
                   "-Doptimization=1", "-Dwerror=false"], folder)
        listing = self.must(["ninja", "-C", str(self.build), "-t", "targets", "all"], folder)
        tests = sorted({line.split(":")[0] for line in listing.splitlines()
                        if re.match(r"tests/(txn|core)/test-[^/]+: .*LINKER", line)})
        if not tests:
            sys.exit("mutants: no unit tests of txn and core (is Criterion installed?)")
        own = [[test] for test in tests if test.startswith("tests/txn/")]
        self.suites = {"txn": own, "whole": [SIMULATOR, *([test] for test in tests)],
                       **{suite: [alone(suite)] for suite in SUITES if "/" in suite}}
        status, output = self.make("whole")
        if status != 0:
            sys.exit(f"mutants: the tree itself does not build\n{output}")

    @staticmethod
    def must(command, folder):
        status, output = run(command, folder)
        if status != 0:
            sys.exit(f"mutants: {' '.join(command)}\n{output}")
        return output

    def make(self, suite):
        command = ["ninja", "-C", str(self.build), "-j1",
                   *(command[0] for command in self.suites[suite])]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        return done.returncode, done.stdout.decode(errors="replace")

    def caught_by(self, suite):
        """Which test notices, or None."""
        for command in self.suites[suite]:
            status, output = run([str(self.build / command[0]), *command[1:]], self.build)
            if status != 0:
                return os.path.basename(command[0]), output
        return None, ""

    def place(self, name, text):
        """(file, text): what has to be written so that the named file has this text."""
        if not name.startswith("parser/shape_"):
            return self.tree / name, text
        shapes = (self.tree / "parser/shapes.h").read_text()
        shapes = shapes.replace(f'#include "{name}"', text)
        path = self.tree / WAY
        return path, path.read_text().replace('#include "parser/shapes.h"', shapes)

    def judge(self, mutant):
        """(verdict, detail) of one mutant; the tree is as before afterwards."""
        suite, _, name, old, new = mutant
        text = (self.tree / name).read_text()
        if text.count(old) != 1:
            return "GONE", f"{name} has its text {text.count(old)} times: mend the list"
        path, text = self.place(name, text.replace(old, new))
        before = path.read_text()
        path.write_text(text)
        try:
            status, output = self.make(suite)
            if status != 0:
                return "BROKEN", "it does not build:\n" + output
            test, output = self.caught_by(suite)
            if test is None:
                return "MISSED", "no test notices"
            lines = [line for line in output.splitlines() if "FAIL" in line or "fail" in line]
            return "caught", f"{test}: {lines[0].strip()[:110] if lines else 'ends badly'}"
        finally:
            path.write_text(before)


def work(copy, todo, results):
    while True:
        try:
            index = todo.get_nowait()
        except queue.Empty:
            return
        began = time.monotonic()
        verdict, detail = copy.judge(MUTANTS[index])
        results[index] = verdict
        print(f"{verdict:7} {time.monotonic() - began:5.1f} s  {MUTANTS[index][1]}: {detail}",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--only", default="", help="those with this text in their name, or "
                        "in that of the program that has to notice")
    parser.add_argument("--keep", action="store_true", help="leave the copies for a look")
    options = parser.parse_args()
    chosen = [i for i, mutant in enumerate(MUTANTS) if options.only in f"{mutant[0]} {mutant[1]}"]
    flags = processor_flags()
    left_out = [i for i in chosen if NEEDS.get(MUTANTS[i][2]) not in flags | {None}]
    chosen = [i for i in chosen if i not in left_out]
    # One file's faults one after the other: a file that is mended is compiled once more.
    chosen.sort(key=lambda i: MUTANTS[i][2])
    began = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="zsip-mutants-"))
    try:
        results = run_all(folder, chosen, max(1, min(options.jobs, len(chosen))))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    caught = sum(verdict == "caught" for verdict in results.values())
    for index in left_out:
        print(f"left out: {MUTANTS[index][1]}: this processor has no {NEEDS[MUTANTS[index][2]]}")
    print(f"mutants: {caught} of {len(chosen)} caught in {time.monotonic() - began:.0f} s")
    return 0 if chosen and caught == len(chosen) else 1


def run_all(folder, chosen, jobs):
    copies = [None] * jobs
    makers = []
    for job in range(jobs):
        (folder / str(job)).mkdir()

        def make(job=job):
            copies[job] = Copy(folder / str(job))
        makers.append(threading.Thread(target=make))
        makers[-1].start()
    for maker in makers:
        maker.join()
    if None in copies:
        sys.exit("mutants: a copy could not be built")
    for suite in sorted({MUTANTS[index][0] for index in chosen}):
        status, output = copies[0].make(suite)
        test, output = copies[0].caught_by(suite) if status == 0 else ("the build", output)
        if test is not None:
            sys.exit(f"mutants: {test} fails without any fault\n{output}")
    todo, results = queue.Queue(), {}
    for index in chosen:
        todo.put(index)
    workers = [threading.Thread(target=work, args=(copy, todo, results)) for copy in copies]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


if __name__ == "__main__":
    sys.exit(main())
