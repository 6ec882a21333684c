#!/usr/bin/env python3
"""Longer runs, all at once: `zsip load` and a flood of garbage at two servers, one of them built
with sanitizers; and `zsip load` at a peer that never answers. Nothing may crash, every request is
answered, memory stays flat, and everything ends by itself.

usage: soak.py --seconds N [--seed N]
"""
import argparse
import os
import pathlib
import random
import re
import socket
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))
import peers  # noqa: E402

RELEASE = str(ROOT / "build" / "cli" / "zsip")
SANITIZED = str(ROOT / "build-asan" / "cli" / "zsip")
RATE = 2000
TIMER_J_S = 32
# What one completed transaction may cost, and what may come and go besides. Of the 64 receive
# buffers of 64 KiB only a backlog fills more than the first pages: 0.6 s of standing still bring
# 2 MiB, and never more than 4.
RECORD_BYTES = 64
SLACK_BYTES = 5 << 20
# A client transaction that nobody answers ends after 64*T1; and then the summary.
DRAIN_S = 32 + 60


def rss_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024


def garbage(source):
    """One datagram of some bad kind, from a seeded source."""
    kind = source.randrange(7)
    whole = peers.request()
    if kind == 0:
        return source.randbytes(source.randrange(0, 1400))
    if kind == 1:
        return whole[:source.randrange(len(whole))]
    if kind == 2:
        bytes_ = bytearray(whole)
        for _ in range(source.randrange(1, 8)):
            bytes_[source.randrange(len(bytes_))] = source.randrange(256)
        return bytes(bytes_)
    if kind == 3:
        return b"\r\n" * source.randrange(3)
    if kind == 4:
        return peers.request(headers=["X: y"] * source.randrange(2000))
    if kind == 5:
        return b"MESSAGE sip:b@c SIP/2.0\r\n" + b"Via:" * source.randrange(4000)
    return b"SIP/2.0 200 OK\r\n" + whole.split(b"\r\n", 1)[1]


def flood(addresses, seed, stop):
    """About a thousand bad datagrams a second to each address, until told to stop."""
    source = random.Random(seed)
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((peers.HOST, 0))
        while not stop.is_set():
            for _ in range(20):
                for address in addresses:
                    sender.sendto(garbage(source), address)
                    sent += 1
            stop.wait(0.02)
    print(f"  {sent} bad datagrams", flush=True)


class Watch:
    """Resident memory of a process, second by second."""

    def __init__(self, name, program):
        self.name, self.program, self.seen = name, program, []

    def look(self):
        if self.program.running():
            self.seen.append(rss_bytes(self.program.pid))

    def check(self, growth_max):
        """From a quarter of the time on, no more than this is added."""
        settled = self.seen[len(self.seen) // 4]
        growth = max(self.seen) - settled
        print(f"  {self.name}: {settled >> 10} KiB after a quarter of {len(self.seen)} s, "
              f"{growth >> 10} KiB more at most, {growth_max >> 10} KiB allowed", flush=True)
        return [] if growth <= growth_max else [f"{self.name}: memory grew by {growth} bytes"]


def load(address, seconds, *options):
    return peers.Program(RELEASE, "load", f"udp:{address[0]}:{address[1]}",
                         "--duration", seconds, *options)


def check_load(name, program, path, seconds):
    """Every request was answered 2xx; that this machine was too busy to keep the plan is none of
    our business."""
    program.wait(seconds)
    seen = peers.read_json(path)["counters"] if os.path.exists(path) else {}
    if seen.get("sent", 0) > 0 and seen["sent"] == seen["answered_2xx"]:
        return []
    return [f"{name}: exit status {program.status}\n{program}"]


def check_silent(program):
    """Nobody answered, so it ends by itself and does not call that success."""
    status = program.wait(DRAIN_S)
    return [f"load at a silent peer ended with 0\n{program}"] if status == 0 else []


def soak(seconds, seed, folder):
    stop = threading.Event()
    faults = []
    with peers.serving(program=RELEASE) as plain, peers.serving(program=SANITIZED) as checked, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((peers.HOST, 0))
        files = [os.path.join(folder, name) for name in ("plain.json", "checked.json")]
        loads = [load(server.address, seconds, "--rate", RATE, "--json", file)
                 for server, file in zip((plain, checked), files)]
        unanswered = load(silent.getsockname(), seconds, "--window", 256)
        servers = [plain.address, checked.address]
        flooder = threading.Thread(target=flood, args=(servers, seed, stop))
        flooder.start()
        watches = [Watch("serve", plain), Watch("load at a silent peer", unanswered)]
        try:
            began = time.monotonic()
            for second in range(seconds):
                time.sleep(max(0, began + second + 1 - time.monotonic()))
                for watch in watches:
                    watch.look()
            for name, program, file in zip(("load", "load at sanitized"), loads, files):
                faults += check_load(name, program, file, DRAIN_S)
        finally:
            stop.set()
            flooder.join()
            for program in loads:
                program.stop()
        store = RATE * RECORD_BYTES * max(0, min(TIMER_J_S, seconds) - seconds // 4)
        faults += watches[0].check(store + SLACK_BYTES) + watches[1].check(SLACK_BYTES)
        faults += check_silent(unanswered)
        if peers.status_of(peers.ask(plain.address, peers.request())) != 200:
            faults.append("serve does not answer after the flood")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"== soak for {options.seconds} s, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        faults = soak(options.seconds, options.seed, folder)
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
