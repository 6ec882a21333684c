#!/usr/bin/env python3
"""A longer run over TCP: `zsip load` at a release build and at a sanitized one, while others
connect and close by the thousand, are killed in the middle of messages, send garbage, never end
what they began, never read, end their direction before they are answered, and name ports for their
answers where somebody else listens, nobody, or we. Every request of load is answered, and at the
end memory and descriptors are what they were.

usage: soak_tcp.py --seconds N [--seed N]
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tcp"))
import tcp  # noqa: E402
from soak import check_load  # noqa: E402
from tcp import peers  # noqa: E402

RELEASE = str(ROOT / "build" / "cli" / "zsip")
SANITIZED = str(ROOT / "build-asan" / "cli" / "zsip")
HOSTILE = str(ROOT / "tests" / "tcp" / "test_hostile.py")
RATE = 1000
# Times so short that what hangs ends within the run; memory so little that it is reached.
OPTIONS = ("--tcp-first-byte-s", 2, "--tcp-message-s", 2, "--tcp-unsent-s", 2, "--tcp-idle-s", 5,
           "--tcp-unsent-bytes", "256K", "--tcp-memory", "8M", "--tcp-per-source", 4000,
           "--tcp-alias")
# Buffers and pools become memory in their first use, some of it late.
GROWN_BYTES_MAX = 24 << 20
DRAIN_S = 45


def misbehave(address, source):
    """One connection that does something it should not."""
    kind, message = source.randrange(9), tcp.request(body="x" * source.choice((18, 4000)))
    connection = tcp.Connection(address, receive_buffer=4096 if kind == 5 else None)
    connection.socket.setblocking(False)
    try:
        if kind == 0:
            connection.send(message[:source.randrange(1, len(message))])
        elif kind == 1:
            connection.send(source.randbytes(source.randrange(1, 3000)))
        elif kind == 2:
            connection.send(tcp.no_length(message))
        elif kind == 3:
            connection.send(b"\r\n" * source.randrange(1, 50))
        elif kind == 4:
            connection.send(message * 3 + message[:50])
        elif kind == 6:
            connection.send(message * source.randrange(3) + message[:source.randrange(1, 300)])
            connection.end_sending()
        elif kind == 7:
            port = source.choice((address[1], 1, source.randrange(1024, 65536)))
            message = message.replace(b"peer.invalid;", f"127.0.0.1:{port};alias;".encode(), 1)
            connection.socket.send(message * 300)
        elif kind == 8:
            connection.send(tcp.request(method="ACK") + peers.response_to(message) + message)
            connection.end_sending()
        else:
            for _ in range(8):
                connection.socket.send(message * 200)
    except OSError:
        pass
    return connection


def crowd(addresses, seed, stop):
    """Some hundred such connections a second; each is left alone for a while, then reset, closed
    or forgotten until the server ends it."""
    source, open_ones, count = random.Random(seed), [], 0
    while not stop.is_set():
        for address in addresses:
            try:
                open_ones.append(misbehave(address, source))
                count += 1
            except OSError:
                pass
        while len(open_ones) > 500:
            connection = open_ones.pop(source.randrange(len(open_ones)))
            source.choice((connection.reset, connection.close))()
        stop.wait(0.01)
    for connection in open_ones:
        connection.close()
    print(f"  {count} connections that misbehaved", flush=True)


def storms(servers, stop):
    """Connects and closes, every ten seconds for two of them."""
    while not stop.wait(8):
        running = [subprocess.Popen([sys.executable, HOSTILE, "--storm", server.address[0],
                                     str(server.port), str(kind)], stdout=subprocess.DEVNULL)
                   for server in servers for kind in range(2)]
        for program in running:
            program.wait(120)


def load(server, seconds, path):
    return peers.Program(RELEASE, "load", "--quiet", "--rate", RATE, "--duration", seconds,
                         "--json", path, "--connections", 8,
                         f"tcp:{server.address[0]}:{server.port}")


def check(name, server, before, settled):
    """What is wrong with it after everybody has left."""
    peers.until(lambda: server.descriptors() <= before)
    left, grown = server.descriptors() - before, server.rss_bytes() - settled
    print(f"  {name}: {left} descriptors more than before, {grown >> 10} KiB more than after a "
          f"quarter of the time", flush=True)
    faults = [] if left <= 0 else [f"{name}: {left} descriptors left open\n{server.sockets()}"]
    return faults + ([] if grown <= GROWN_BYTES_MAX else [f"{name}: memory grew by {grown} bytes"])


def soak(seconds, seed, folder):
    stop, faults = threading.Event(), []
    with tcp.serving(*OPTIONS, program=RELEASE) as plain, \
            tcp.serving(*OPTIONS, program=SANITIZED) as checked:
        servers = {"serve": plain, "sanitized serve": checked}
        before = {name: server.descriptors_alone() for name, server in servers.items()}
        loads = {name: load(server, seconds, os.path.join(folder, name))
                 for name, server in servers.items()}
        threads = [threading.Thread(target=crowd, args=([plain.address, checked.address], seed,
                                                        stop)),
                   threading.Thread(target=storms, args=([plain, checked], stop))]
        for thread in threads:
            thread.start()
        try:
            time.sleep(seconds / 4)
            settled = {name: server.rss_bytes() for name, server in servers.items()}
            for name, program in loads.items():
                faults += check_load(f"load at {name}", program, os.path.join(folder, name),
                                     seconds + DRAIN_S)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        for name, server in servers.items():
            faults += check(name, server, before[name], settled[name])
            if not server.answers():
                faults.append(f"{name} does not answer afterwards")
    for name, server in servers.items():
        ends = {key: count for key, count in server.counters().items()
                if count and key.startswith(("closed_", "refused_", "reads_stopped", "diverted"))}
        print(f"  {name}: {ends}", flush=True)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"== soak over TCP for {options.seconds} s, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        faults = soak(options.seconds, options.seed, folder)
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
