#!/usr/bin/env python3
"""./dev bench rest: what zsip costs before it has done anything, with default options: time from
start to being ready (as a service manager hears it), resident memory at rest, sizes."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import figures
import peers

LIBRARY = figures.ROOT / "build" / "core" / "libzsip.so.0"
ECHO = figures.ROOT / "build" / "examples" / "example-echo"


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def serve_once(bench, manager, path):
    """From fork to READY=1, then its memory when it has slept for a moment."""
    environment = {**os.environ, "NOTIFY_SOCKET": path}
    began_ns = time.monotonic_ns()
    process = subprocess.Popen([figures.ZSIP, "serve", "--listen", f"udp:{peers.HOST}:0"],
                               stdout=subprocess.DEVNULL, env=environment)
    try:
        if b"READY=1" not in manager.recv(4096):
            raise SystemExit("zsip serve did not become ready")
        bench.sample("start-up of zsip serve", time.monotonic_ns() - began_ns, "ns")
        time.sleep(0.5)
        bench.sample("rss at rest, zsip serve", figures.rss_bytes(process.pid), "B")
    finally:
        end(process)
    manager.recv(4096)  # STOPPING=1


def echo_once(bench):
    """The library in a program of a few lines, one worker."""
    process = subprocess.Popen([ECHO, f"{peers.HOST}:0"], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        if process.poll() is not None:
            raise SystemExit("the example did not stay")
        bench.sample("rss at rest, example echo", figures.rss_bytes(process.pid), "B")
    finally:
        end(process)


def sizes(bench):
    if not shutil.which("strip"):
        bench.note("no strip here: no sizes")
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, file in (("library, stripped", LIBRARY), ("program, stripped", figures.ZSIP)):
            out = pathlib.Path(folder) / "stripped"
            subprocess.run(["strip", "-o", out, file], check=True)
            bench.sample(name, out.stat().st_size, "B")


def main():
    bench = figures.Bench("rest", sys.argv[1:], runs_default=11)
    sizes(bench)
    with tempfile.TemporaryDirectory() as folder, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = os.path.join(folder, "notify")
        manager.bind(path)
        manager.settimeout(20)
        for _ in range(bench.runs):
            serve_once(bench, manager, path)
    for _ in range(min(bench.runs, 3)):
        echo_once(bench)
    bench.finish()


if __name__ == "__main__":
    main()
