"""What the benches in Python share: rows with their median, one table, one JSON file, and the
machine that a figure means nothing without. The same format as harness.c writes."""
import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Peers, ports and processes are the same in a test and in a bench.
sys.path.insert(0, str(ROOT / "tests" / "interop"))

ZSIP = str(ROOT / "build" / "cli" / "zsip")


def two_cpus():
    """A core for the server and one for the generator; the same where there is only one."""
    cpus = sorted(os.sched_getaffinity(0))
    return cpus[0], cpus[-1]


def _value(path, key):
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith(key):
                    return line[len(key):].strip(" \t:=\"\n")
    except OSError:
        pass
    return "?"


def _output(*arguments):
    try:
        result = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "?"
    return result.stdout.strip()


def machine():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    return {
        "cpu": _value("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_mb": pages // 1000000,
        "os": _value("/etc/os-release", "PRETTY_NAME"),
        "kernel": platform.release(),
        "compiler": "gcc " + _output("gcc", "-dumpfullversion"),
    }


class Bench:
    """Collects samples by row name, in the order in which names first appear."""

    def __init__(self, name, arguments, runs_default=3, parts=(), parts_default=None):
        """parts: the names of what the bench is made of, of which --only asks for some."""
        parser = argparse.ArgumentParser(prog=f"./dev bench {name}")
        parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")
        parser.add_argument("--runs", type=int, default=runs_default)
        if parts:
            parser.add_argument("--only", metavar="LIST",
                                default=",".join(parts_default or parts),
                                help=f"parts to measure: {','.join(parts)}")
        options = parser.parse_args(arguments)
        self.parts = options.only.split(",") if parts else []
        unknown = [part for part in self.parts if part not in parts]
        if unknown:
            parser.error(f"no part {unknown[0]}; there are {','.join(parts)}")
        self.name, self.json_path, self.runs = name, options.json, max(options.runs, 1)
        self.rows, self.notes = {}, []
        self.began, self.stolen = time.monotonic(), stolen_s()

    def sample(self, name, value, unit):
        self.rows.setdefault(name, (unit, []))[1].append(float(value))

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def finish(self):
        self.note(f"taken from this machine by others on its host: "
                  f"{stolen_s() - self.stolen:.2f} s of CPU time in "
                  f"{time.monotonic() - self.began:.0f} s")
        about = machine()
        rows = [{"name": name, "value": statistics.median(samples), "unit": unit,
                 "min": min(samples), "max": max(samples), "runs": len(samples)}
                for name, (unit, samples) in self.rows.items()]
        print(f"{self.name}, {about['cpu']}, {about['cores']} cores, {about['os']}, "
              f"Linux {about['kernel']}, {about['compiler']}\n")
        print(f"{'row':<36} {'median':>14} {'':<4} {'min':>14} {'max':>14} {'runs':>5}")
        for row in rows:
            digits = 2 if row["value"] < 100 else 1 if row["value"] < 10000 else 0
            print(f"{row['name']:<36} {row['value']:>14.{digits}f} {row['unit']:<4} "
                  f"{row['min']:>14.{digits}f} {row['max']:>14.{digits}f} {row['runs']:>5}")
        print("".join(f"\n{note}" for note in self.notes))
        if self.json_path:
            commit = _output("git", "describe", "--always", "--dirty", "--abbrev=12")
            with open(self.json_path, "w", encoding="utf-8") as file:
                json.dump({"bench": self.name, "machine": about, "commit": commit, "rows": rows,
                           "notes": self.notes}, file, indent=1)
                file.write("\n")


def stolen_s():
    """CPU time that a virtual machine was made to wait for, so far: what long latencies come from
    there."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def progress(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def rss_bytes(pid):
    """Resident memory of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        match = re.search(r"^VmRSS:\s+(\d+) kB", file.read(), re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0


def cpu_ns(pid):
    """CPU time of a process so far, user and system."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000000000 // os.sysconf("SC_CLK_TCK")


def sleep_until(moment):
    """moment: as time.monotonic() counts."""
    time.sleep(max(0.0, moment - time.monotonic()))
