#!/usr/bin/env python3
"""./dev run: ten seconds of `zsip load` at `zsip serve`, each on a core of its own, with what both
say once a second and at the end. Exit 0 only if every request was answered.

usage: demo.py ZSIP
"""
import signal
import subprocess
import sys
import threading
import time

import figures
import peers

SECONDS = 10
WINDOW = 256


def answers(port, server):
    """Waits until the server does; False if it left instead."""
    deadline = time.monotonic() + 10
    while server.poll() is None and time.monotonic() < deadline:
        if peers.ask((peers.HOST, port), peers.request("OPTIONS"), seconds=0.2):
            return True
    return False


def start(name, cpu, *arguments):
    """Runs a program on a core; its lines come out with its name before them."""
    process = subprocess.Popen(
        ["taskset", "-c", str(cpu), *arguments], stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=1)

    def relay():
        for line in process.stdout:
            print(f"{name} | {line.rstrip()}", flush=True)

    thread = threading.Thread(target=relay)
    thread.start()
    return process, thread


def finish(process, thread, seconds):
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"demo: still running after {seconds} s, killed", flush=True)
        process.kill()
        process.wait()
    thread.join(5)
    return process.returncode


def main():
    program, port = sys.argv[1], peers.free_port()
    address = f"udp:{peers.HOST}:{port}"
    server_cpu, load_cpu = figures.two_cpus()
    print(f"== {program} serve on core {server_cpu}, load on core {load_cpu}: "
          f"{SECONDS} seconds of MESSAGE, {WINDOW} at a time", flush=True)
    server, server_thread = start("serve", server_cpu, program, "serve", "--listen", address,
                                  "--stats", "1")
    status = 1
    if answers(port, server):
        load, load_thread = start("load ", load_cpu, program, "load", address,
                                  "--window", str(WINDOW), "--duration", str(SECONDS))
        status = finish(load, load_thread, SECONDS + 60)
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
    server_status = finish(server, server_thread, 15)
    return 1 if status != 0 or server_status != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
