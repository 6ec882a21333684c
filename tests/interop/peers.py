"""What the interop tests share: programs that always end, free ports, and SIP messages as a peer
that is not zsip would write them. Standard library only; loopback only.

The program under test is named by the environment variable ZSIP.
"""
import contextlib
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HOST = "127.0.0.1"
SKIPPED = 77  # what Meson takes as "skipped"
SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")


def zsip():
    return os.environ.get("ZSIP", "build/cli/zsip")


def main(*tools):
    """Runs the tests of the calling file; skips all of them where a peer is not installed."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        print("skipped, not installed:", ", ".join(missing))
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)


def free_port(host=HOST):
    """A port that is free now, of UDP and of TCP. Not one of those that the kernel gives to whoever
    asks for any: the next connection of somebody else could take it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(1000):
        port = random.SystemRandom().randrange(10000, 32000)
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as udp, \
                socket.socket(family, socket.SOCK_STREAM) as tcp:
            udp.bind((host, port))
            tcp.bind((host, port))
            return port
    raise AssertionError(f"no port is free at {host}")


# ---- Time ----------------------------------------------------------------------------------------
#
# A test asserts what holds however slow the machine is: it waits for conditions, and long.

PATIENCE_S = 30


def until(happened, seconds=PATIENCE_S, pause=0.02):
    """Waits for a condition. Returns what it said last: something that is true, if it came so far.
    """
    deadline = time.monotonic() + seconds
    while not (said := happened()) and time.monotonic() < deadline:
        time.sleep(pause)
    return said


def listens(port, transport="udp"):
    """Whether a socket of this machine takes what comes to this port; nothing is sent to it."""
    for name in (transport, transport + "6"):
        with contextlib.suppress(OSError), open(f"/proc/net/{name}", encoding="ascii") as table:
            for row in (line.split() for line in table.readlines()[1:]):
                if int(row[1].rsplit(":", 1)[1], 16) == port and (
                        transport == "udp" or row[3] == "0A"):
                    return True
    return False


class Stalls(threading.Thread):
    """Watches how late this machine lets a sleeper wake, for as long as it is entered."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest_s, self.over = 0.0, threading.Event()

    def run(self):
        while not self.over.is_set():
            began = time.monotonic()
            time.sleep(0.005)
            self.longest_s = max(self.longest_s, time.monotonic() - began - 0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def calmly(run, stall_s=0.015, times=3):
    """For what can't but be a matter of time: how soon something is answered. Runs it once; again,
    so many times in all, where this machine stalled for that long meanwhile. Returns what the last
    run returned, and whether that one was calm: only then may an upper bound be asserted."""
    for _ in range(times):
        with Stalls() as stalls:
            result = run()
        if stalls.longest_s < stall_s:
            return result, True
    return result, False


# ---- Programs ------------------------------------------------------------------------------------


class Program:
    """A child process with its output in a file. stop() ends it and returns its exit status; what
    it printed is in text then."""

    def __init__(self, *arguments, cpu=None):
        self.arguments = [str(argument) for argument in arguments]
        if cpu is not None:
            self.arguments = ["taskset", "-c", str(cpu), *self.arguments]
        self.status, self.text = None, ""
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            self.arguments, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "TERM": "dumb"})

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        """What it printed so far; all of it once it has ended."""
        if not self.log.closed:
            self.log.seek(0)
            self.text = self.log.read().decode(errors="replace")
        return self.text

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds):
        """Exit status of a program that ends by itself; it has this long."""
        try:
            self.status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running after {seconds} s: {self}") from None
        finally:
            self.output()
            self.log.close()
        return self.status

    def says(self, pattern, seconds=PATIENCE_S):
        """Waits until its output has a match of this; the match, or None."""
        return until(lambda: re.search(pattern, self.output()) or not self.running(), seconds) and \
            re.search(pattern, self.output())

    def stop(self, number=signal.SIGTERM, seconds=PATIENCE_S):
        if self.running():
            self.process.send_signal(number)
        return self.wait(seconds)

    def __str__(self):
        return f"{' '.join(self.arguments)}\n{self.output()}"


def run(*arguments, seconds=60):
    """Runs a program to its end; returns it, with .status and .text."""
    program = Program(*arguments)
    program.wait(seconds)
    return program


class Serve(Program):
    """`zsip serve` on a free port, ready to answer; by TCP too where that is asked for."""

    def __init__(self, *options, cpu=None, program=None, tcp=False):
        self.port = free_port()
        self.address = (HOST, self.port)
        both = ("--listen", f"tcp:{HOST}:{self.port}") if tcp else ()
        super().__init__(program or zsip(), "serve", "--listen", f"udp:{HOST}:{self.port}",
                         *both, *options, cpu=cpu)
        deadline = time.monotonic() + PATIENCE_S
        while not ask(self.address, request("OPTIONS"), seconds=0.2):
            if not self.running() or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise AssertionError(f"does not answer: {self}")


@contextlib.contextmanager
def serving(*options, serve=Serve, **keywords):
    """A server for the length of a test: it must live to the end and then leave with status 0."""
    server = serve(*options, **keywords)
    try:
        yield server
        if not server.running():
            raise AssertionError(f"died: {server}")
        status = server.stop()
        if status != 0:
            raise AssertionError(f"exit status {status}: {server}")
    finally:
        if server.running():
            server.stop(signal.SIGKILL)


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


# ---- Messages ----------------------------------------------------------------------------------

_count = 0


def request(method="MESSAGE", uri="sip:bob@zsip.invalid", body="Watson, come here.", headers=(),
            version="SIP/2.0", to_tag=None, ids=None, content_type="text/plain"):
    """A request as bytes, with a branch, a Call-ID and a tag of its own, or those of ids."""
    global _count
    _count += 1
    call_id, tag = ids or (f"{os.getpid()}.{_count}@peer.invalid", f"t{_count}")
    if method in ("OPTIONS", "REGISTER", "CANCEL", "ACK"):
        body = ""
    lines = [
        f"{method} {uri} {version}",
        f"Via: SIP/2.0/UDP peer.invalid;branch=z9hG4bK{os.getpid()}x{_count};rport",
        "Max-Forwards: 70",
        f"From: <sip:alice@peer.invalid>;tag={tag}",
        f"To: <sip:bob@zsip.invalid>{';tag=' + to_tag if to_tag else ''}",
        f"Call-ID: {call_id}",
        f"CSeq: 1 {method}",
        *headers,
        *([f"Content-Type: {content_type}"] if body else []),
        f"Content-Length: {len(body.encode())}",
    ]
    return "\r\n".join([*lines, "", body]).encode()


def status_of(message):
    match = re.match(rb"SIP/2\.0 (\d{3}) ", message or b"")
    return int(match.group(1)) if match else None


def ask(address, message, seconds=10.0):
    """Sends a datagram, again after one second, three and seven, and returns the first that comes
    back; None if none does in this time: 200 ms old, a request is too old for a server that was
    kept from its core."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(address)
        deadline, pause = time.monotonic() + seconds, 1.0
        try:
            while (left := deadline - time.monotonic()) > 0:
                client.send(message)
                if select.select([client], [], [], min(pause, left))[0]:
                    return client.recv(65535)
                pause *= 2
        except ConnectionRefusedError:
            time.sleep(0.05)
        return None


def ask_tcp(address, message, seconds=10.0):
    """The same by a connection of its own, and the Via says so."""
    message = message.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP", 1)
    try:
        with socket.create_connection(address, seconds) as client:
            client.sendall(message)
            if select.select([client], [], [], seconds)[0]:
                return client.recv(65535)
    except OSError:
        time.sleep(0.05)
    return None


def response_to(message, status="200 OK"):
    """The response a plain server would write."""
    text = message.decode(errors="replace")
    kept = [line for line in text.split("\r\n\r\n")[0].split("\r\n")[1:]
            if re.match(r"(?i)(via|v|from|f|to|t|call-id|i|cseq)\s*:", line)]
    kept = [line + ";tag=peer" if re.match(r"(?i)(to|t)\s*:", line) else line for line in kept]
    return "\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""]).encode()
