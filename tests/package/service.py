#!/usr/bin/env python3
"""The units: what systemd says of them, and whether `zsip serve` gets by with the system calls that
they leave it.

usage: service.py PREFIX
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# What systemd itself has done before, or may always be done.
ALWAYS = {"execve", "arch_prctl"}


def output(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def verify(units):
    said = output("systemd-analyze", "verify", "--man=no", units / "zsip.service",
                  units / "zsip.socket", units / "zsip-tcp.socket")
    lines = [line for line in said.stderr.splitlines() if "zsip" in line]
    if lines:
        sys.exit("\n".join(lines))
    # In tenths; below 20 systemd calls a service OK, and most are above 90.
    said = output("systemd-analyze", "security", "--offline=true", "--threshold=20",
                  units / "zsip.service")
    exposure = re.search(r"Overall exposure level for zsip.service: (.*?)\s*\S*$", said.stdout,
                         re.MULTILINE)
    if said.returncode != 0 or exposure is None:
        sys.exit(f"units: {said.stdout[-2000:]}{said.stderr}")
    print(f"units: verified, exposure {exposure.group(1)}")


def expand(names):
    """System calls, groups of them resolved."""
    calls, groups, seen = set(), list(names), set()
    while groups:
        name = groups.pop()
        if not name.startswith("@"):
            calls.add(name)
        elif name not in seen:
            seen.add(name)
            listed = output("systemd-analyze", "syscall-filter", name).stdout
            groups += re.findall(r"^ +(@?[a-z0-9_-]+)$", listed, re.MULTILINE)
    return calls


def allowed(unit):
    calls = set()
    for line in unit.read_text().splitlines():
        match = re.match(r"SystemCallFilter=(~?)(.*)", line)
        if match:
            named = expand(match.group(2).split())
            calls = calls - named if match.group(1) else calls | named
    return calls


def used(program):
    """System calls of a server that starts, answers and ends."""
    with tempfile.NamedTemporaryFile("r") as trace:
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", trace.name, program, "serve", "--workers", "2",
             "--pin", "auto", "--listen", "udp:127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        port = re.search(r"udp:127.0.0.1:(\d+)", tracer.stdout.readline()).group(1)
        sent = output(program, "send", f"sip:test@127.0.0.1:{port}", "hello")
        time.sleep(0.2)
        children = pathlib.Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text()
        subprocess.run(["kill", f"-{signal.SIGTERM.value}", *children.split()], check=True)
        tracer.communicate(timeout=120)
        if sent.returncode != 0:
            sys.exit(f"units: no answer under strace: {sent.stderr}")
        return set(re.findall(r"^\d+ +([a-z0-9_]+)\(", trace.read(), re.MULTILINE))


def main():
    prefix = pathlib.Path(sys.argv[1])
    os.environ["LD_LIBRARY_PATH"] = str(prefix / "lib")
    units = prefix / "lib" / "systemd" / "system"
    if not shutil.which("systemd-analyze"):
        print("units: not looked at, there is no systemd-analyze")
        return
    verify(units)
    calls, ours = allowed(units / "zsip.service"), used(prefix / "bin" / "zsip")
    refused = ours - calls - ALWAYS
    if refused or "io_uring_enter" not in ours:
        sys.exit(f"units: refused to zsip serve: {' '.join(sorted(refused)) or 'nothing'}")
    print(f"units: {len(ours)} system calls used, of {len(calls)} allowed")


if __name__ == "__main__":
    main()
