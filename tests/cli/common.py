"""What the tests of the command line share: running zsip with its two outputs apart, and a peer
that answers as it is told. Loopback only; everything ends by itself.

The program under test is named by the environment variable ZSIP.
"""
import collections
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))
import peers  # noqa: E402

HOST = peers.HOST
SO_RCVBUFFORCE = 33
OK, FAILED, UNREACHED, MISSED, TAINTED, USAGE = 0, 1, 2, 3, 4, 64


def zsip(*arguments, text=None, seconds=90, **keywords):
    """Runs zsip to its end; status in .returncode, outputs in .stdout and .stderr."""
    given = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
    return subprocess.run([peers.zsip(), *map(str, arguments)], capture_output=True,
                          timeout=seconds, check=False, encoding="utf-8", errors="replace",
                          **given, **keywords)


class Case(unittest.TestCase):
    def assert_refused(self, ended, status, *words):
        """One line on stderr that holds the words, and this exit status. What a machine says that
        gives us smaller buffers than we ask for is not about the refusal."""
        lines = [line for line in ended.stderr.splitlines() if "socket buffer: asked" not in line]
        self.assertEqual(status, ended.returncode, ended)
        self.assertEqual(1, len(lines), ended.stderr)
        self.assertTrue(lines[0].startswith("zsip"), lines[0])
        for word in words:
            self.assertIn(word, lines[0])


class Peer(threading.Thread):
    """A UDP socket that answers requests with what answer(message, number) returns: datagrams, or
    None for silence. messages holds what came: all of it, once the peer has stopped."""

    def __init__(self, answer, family=socket.AF_INET, host=HOST):
        super().__init__(daemon=True)
        self.answer, self.messages, self.over = answer, [], False
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        # Room for what comes while this machine does other things.
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        self.socket.bind((host, 0))
        self.socket.settimeout(0.05)
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            try:
                message, source = self.socket.recvfrom(65535)
            except socket.timeout:
                if self.over:
                    return
                continue
            self.messages.append(message)
            for datagram in self.answer(message, len(self.messages)) or ():
                self.socket.sendto(datagram, source)

    def stop(self):
        self.over = True
        self.join(peers.PATIENCE_S)
        self.socket.close()

    def waits_for(self, count):
        """Waits until so many messages have come."""
        return peers.until(lambda: len(self.messages) >= count)


@contextlib.contextmanager
def peer(answer, **keywords):
    server = Peer(answer, **keywords)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def status(line):
    """An answer function: always this status."""
    return lambda message, number: [peers.response_to(message, line)]


def copies(messages):
    """{Call-ID: how often it came}, in the order of the first ones."""
    return collections.Counter(header(message, "Call-ID") for message in messages)


def first_copies(messages):
    """Without the retransmissions that a slow machine brings."""
    return list(dict.fromkeys(messages))


def header(message, name):
    """The value of a header field in a message, None if there is none."""
    for line in message.decode().split("\r\n\r\n")[0].split("\r\n")[1:]:
        if line.lower().startswith(name.lower() + ":"):
            return line.split(":", 1)[1].strip()
    return None


def as_nobody():
    """Keywords that run a program without privileges, or None where that can't be had."""
    if os.geteuid() != 0:
        return {}
    try:
        subprocess.run(["true"], user="nobody", check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return {"user": "nobody"}
