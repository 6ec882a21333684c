"""What the tests over TCP share: `zsip serve` on a TCP port, connections that send and read SIP,
peers that misbehave, and what a server must look like afterwards.

A test runs against whichever Place it is given: loopback, or the far side of a virtual wire.
"""
import contextlib
import itertools
import os
import pathlib
import re
import select
import signal
import socket
import struct
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))
sys.path.insert(0, str(ROOT / "bench"))
import netns  # noqa: E402
import peers  # noqa: E402

PATIENCE_S = peers.PATIENCE_S


class Place:
    """Where the server is, what stands before its command line to put it there, and where we are
    for it."""

    def __init__(self, host=peers.HOST, prefix=(), near=peers.HOST):
        self.host, self.prefix, self.near = host, prefix, near


LOOPBACK = Place()


def request(**keywords):
    """A MESSAGE, or what peers.request() is asked for, over TCP."""
    return peers.request(**keywords).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP", 1)


def header(message, name):
    match = re.search(rb"(?im)^" + name.encode() + rb"[ \t]*:[ \t]*(.*?)\r$", message)
    return match.group(1) if match else None


def no_length(message):
    """The same message without its Content-Length."""
    return re.sub(rb"(?im)^Content-Length:.*\r\n", b"", message, count=1)


class Connection:
    """A connection, and the messages that come by it."""

    def __init__(self, address, receive_buffer=None, source=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_S)
        self.buffer = b""
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind(source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def message(self, seconds=PATIENCE_S):
        """The next message; b"" at the end of the stream, None if nothing came in time. Keep-alives
        before it are left out."""
        deadline = time.monotonic() + seconds
        while True:
            self.buffer = self.buffer.lstrip(b"\r\n")
            head, empty, rest = self.buffer.partition(b"\r\n\r\n")
            if empty:
                length = int(header(head + b"\r\n", "Content-Length") or 0)
                if len(rest) >= length:
                    self.buffer = rest[length:]
                    return head + empty + rest[:length]
            if not self._more(deadline):
                return None if time.monotonic() >= deadline else b""

    def _more(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.socket], [], [], left)[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return False
        self.buffer += data
        return data != b""

    def bytes(self, count, seconds=PATIENCE_S):
        """So many bytes as they come, or fewer if no more do."""
        deadline = time.monotonic() + seconds
        while len(self.buffer) < count and self._more(deadline):
            pass
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def ask(self, message=None, seconds=PATIENCE_S):
        """The status of the answer to a message."""
        self.send(message or request())
        return peers.status_of(self.message(seconds))

    def closed(self, seconds=PATIENCE_S):
        """Whether the other side ends it, by FIN or reset, within this time. What still comes is
        thrown away."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            left = max(0, deadline - time.monotonic())
            if not select.select([self.socket], [], [], left)[0]:
                return False
            try:
                if self.socket.recv(1 << 20) == b"":
                    return True
            except ConnectionError:
                return True
        return False

    def reset(self):
        """Ends it by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()


class Serve(peers.Program):
    """`zsip serve` on a free TCP port, ready to answer."""

    def __init__(self, *options, place=LOOPBACK, program=None, limit_files=None):
        self.folder = tempfile.TemporaryDirectory()
        self.json_path = os.path.join(self.folder.name, "serve.json")
        self.port = free_port(place)
        self.address, self.prefix = (place.host, self.port), place.prefix
        limit = () if limit_files is None else ("prlimit", f"--nofile={limit_files}")
        super().__init__(*place.prefix, *limit, program or peers.zsip(), "serve", "--listen",
                         f"tcp:{place.host}:{self.port}", "--json", self.json_path, *options)
        deadline = time.monotonic() + PATIENCE_S
        while not self.answers(5):
            if not self.running() or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise AssertionError(f"does not answer: {self}")
            time.sleep(0.05)

    def answers(self, seconds=PATIENCE_S):
        """Whether a newcomer is served."""
        try:
            with Connection(self.address) as connection:
                return connection.ask(seconds=seconds) is not None
        except OSError:
            return False

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def descriptors_alone(self):
        """Those of a server that nobody is connected to: whoever asked before is gone then."""
        if not peers.until(lambda: self.connections() == 0):
            raise AssertionError(f"somebody is still connected: {self.sockets()}")
        return self.descriptors()

    def connections(self):
        """Those that it has not closed."""
        shown = peers.run(*self.prefix, "ss", "-Htan", f"sport = :{self.port}")
        return sum(line.startswith(("ESTAB", "CLOSE-WAIT")) for line in shown.text.splitlines())

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024

    def sockets(self):
        """Its side of all connections, as text."""
        shown = peers.run(*self.prefix, "ss", "-tanpemi", f"sport = :{self.port}")
        links = {name: os.readlink(f"/proc/{self.pid}/fd/{name}")
                 for name in os.listdir(f"/proc/{self.pid}/fd")}
        ring = next(name for name, link in links.items() if "io_uring" in link)
        with open(f"/proc/{self.pid}/fdinfo/{ring}", encoding="ascii") as file:
            return f"{shown.text}{links}\n{file.read()}"

    def counters(self):
        """The worker's, after its end."""
        return peers.read_json(self.json_path)["worker"]


_far_ports = itertools.count(5060)


def free_port(place=LOOPBACK):
    if place.prefix:
        return next(_far_ports)  # a namespace of our own: everything is free there
    return peers.free_port(place.host)


def serving(*options, **keywords):
    """A server for the length of a test: it must live to the end and then leave with status 0."""
    return peers.serving(*options, serve=Serve, **keywords)


@contextlib.contextmanager
def nothing_left(test, server, grown_bytes_max=8 << 20):
    """What stands inside leaves memory and descriptors of the server as they were. Receive buffers
    and pools become memory when they are first used, and then stay: 4 MiB of them, and a little."""
    descriptors, rss = server.descriptors_alone(), server.rss_bytes()
    yield
    if not peers.until(lambda: server.descriptors() <= descriptors):
        test.fail(f"descriptors left open: {server.descriptors()}, were {descriptors}\n"
                  f"{server.sockets()}")
    test.assertLessEqual(server.rss_bytes() - rss, grown_bytes_max, "memory not given back")


@contextlib.contextmanager
def listening(place=LOOPBACK):
    """A listener that the server can reach."""
    with socket.socket() as listener:
        listener.bind((place.near, 0))
        listener.listen(16)
        listener.settimeout(PATIENCE_S)
        yield listener


def accepted(listener):
    """The next connection that comes in, as a Connection."""
    connection = Connection.__new__(Connection)
    connection.socket, _ = listener.accept()
    connection.socket.settimeout(PATIENCE_S)
    connection.buffer = b""
    return connection


class Case(unittest.TestCase):
    place = LOOPBACK
    wire = None  # the virtual one, where there is one

    def serving(self, *options, **keywords):
        return serving(*options, place=self.place, **keywords)

    def connection(self, server, **keywords):
        connection = Connection(server.address, **keywords)
        self.addCleanup(connection.close)
        return connection

    def assert_serves(self, server, connection=None):
        """A newcomer is served, and so is who was there before."""
        self.assertTrue(server.running(), server)
        self.assertTrue(server.answers(), "a newcomer is not served")
        if connection is not None:
            self.assertEqual(200, connection.ask(), "who was there before is not served")


def main():
    """Runs the tests of the calling file; with --wire against a server on the far side of a virtual
    wire. Skips all of them where network namespaces are not allowed."""
    if "--wire" not in sys.argv:
        unittest.main(verbosity=2)
    sys.argv.remove("--wire")

    def use(pair):
        Case.place = Place(pair.server_address, pair.server, pair.client_address)
        Case.wire = pair
    main_across(netns.pair(segmentation=True), use)


def main_across(way, use):
    """Runs the tests of the calling file across a way of netns, which use() is told of. Skips all
    of them where network namespaces are not allowed."""
    try:
        with way as made:
            use(made)
            ended = unittest.main(verbosity=2, exit=False)
    except netns.Refused as refused:
        print("skipped, no network namespaces here:", refused)
        sys.exit(peers.SKIPPED)
    sys.exit(0 if ended.result.wasSuccessful() else 1)
