#!/usr/bin/env python3
"""./dev bench: runs a bench by name.

usage: run.py --list | NAME [OPTION...]
"""
import shutil
import subprocess
import sys

from figures import ROOT

BUILD = ROOT / "build" / "bench"
# The JSON of each bench's last whole run, for report.
KEPT = ROOT / "build" / "results"
# Name: (what it measures, program). A program in C is built; a script drives what is built.
BENCHES = {
    "compare": ("zsip beside Kamailio, sofia-sip, SIPp, and parsers of osip2 and re",
                ROOT / "bench" / "compare.py"),
    "endpoint": ("the endpoint fed from memory: parse to reply, no kernel",
                 BUILD / "micro" / "bench-endpoint"),
    "first": ("the whole stack, plain datagrams, a core each; SIPp", ROOT / "bench" / "first.py"),
    "limit": ("what the kernel alone echoes, and the transport without SIP",
              BUILD / "limit" / "bench-limit"),
    "load": ("zsip load at its limit: plain, trains, SIPp; how late it sends, what honesty costs",
             ROOT / "bench" / "generator.py"),
    "overload": ("goodput and p99 when more comes than can be served",
                 ROOT / "bench" / "overload.py"),
    "parser": ("ns per message and per operation of the parser", BUILD / "micro" / "bench-parser"),
    "report": ("bench/RESULTS.md and plots, from the JSON of what was measured",
               ROOT / "bench" / "report.py"),
    "rest": ("start-up, memory at rest and sizes, default options", ROOT / "bench" / "rest.py"),
    "tcp": ("zsip over TCP beside the kernel's echo and Kamailio; idle connections; SIPp",
            ROOT / "bench" / "tcp.py"),
    "scenario": ("the same scenario file in zsip and SIPp; what watching a run costs",
                 ROOT / "bench" / "scenario.py"),
    "udp": ("zsip over UDP: trains and plain, beside the kernel; latency, memory, veth",
            ROOT / "bench" / "udp.py"),
    "txn": ("ns and bytes per transaction", BUILD / "micro" / "bench-txn"),
}


def main():
    arguments = sys.argv[1:]
    if arguments in ([], ["--list"]):
        for name, (what, program) in BENCHES.items():
            if program.exists():
                print(f"  {name:<10} {what}")
        return 0
    name, *options = arguments
    what, program = BENCHES.get(name, ("", None))
    if program is None or not program.exists():
        print(f"no bench '{name}' is built here; ./dev bench lists them", file=sys.stderr)
        return 64
    print(f"== bench {name}: {what}", flush=True)
    command = [str(program), *options]
    if program.suffix == ".py":
        command.insert(0, sys.executable)
    keeps = name != "report" and "--only" not in options
    given = options[options.index("--json") + 1:][:1] if "--json" in options else []
    path = KEPT / f"{name}.json"
    if keeps and not given:
        KEPT.mkdir(parents=True, exist_ok=True)
        command += ["--json", str(path)]
    status = subprocess.run(command, check=False).returncode
    if keeps and status == 0 and given and given[0] != "-":
        KEPT.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(given[0], path)
    return status


if __name__ == "__main__":
    sys.exit(main())
