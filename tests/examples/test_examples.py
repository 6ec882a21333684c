"""Every example does what its first lines say. Loopback only; everything ends by itself.

usage: test_examples.py [FOLDER]    where the built examples are; environment: ZSIP, LIBZSIP_FOLDER
"""
import contextlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))
import peers  # noqa: E402

FOLDER = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build" / "examples")
HOST = peers.HOST


def program(name):
    path = FOLDER / f"example-{name}"
    if not path.exists():
        raise unittest.SkipTest(f"{path.name} is not built: what it needs is not there")
    return str(path)


@contextlib.contextmanager
def running(*arguments):
    process = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.text = process.communicate(timeout=60)[0]


def status_of_message(port, text="Watson, come here."):
    """The answer to one MESSAGE; retransmitted until there is one, for servers that just begin."""
    message = peers.request(body=text)
    for _ in range(20):
        answer = peers.ask((HOST, port), message, 0.5)
        if answer:
            return peers.status_of(answer)
    return None


def capture_of(*datagrams):
    """A pcap file: Ethernet, IPv4, UDP from and to port 5060."""
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    for number, data in enumerate(datagrams):
        udp = struct.pack(">HHHH", 5060, 5060, 8 + len(data), 0) + data
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                         bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])) + udp
        frame = bytes(12) + b"\x08\x00" + ip
        out += struct.pack("<IIII", 1700000000, number, len(frame), len(frame)) + frame
    return out


class Examples(unittest.TestCase):
    def test_echo(self):
        port, back = peers.free_port(), peers.free_port()
        with running(program("echo"), f"{HOST}:{port}"), \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind((HOST, back))
            client.settimeout(0.5)
            got = b""
            for _ in range(20):
                client.sendto(peers.request(body="say it again"), (HOST, port))
                with contextlib.suppress(socket.timeout):
                    while not (got.startswith(b"MESSAGE") and got.endswith(b"say it again")):
                        got = client.recv(65535)
                    break
            self.assertTrue(got.startswith(b"MESSAGE"), got)
            client.sendto(peers.response_to(got, "200 OK"), (HOST, port))

    def test_bulk(self):
        with peers.serving() as server:
            ended = subprocess.run([program("bulk"), f"{HOST}:{server.address[1]}", "5000", "hi"],
                                   capture_output=True, text=True, timeout=90, check=False)
            self.assertEqual((0, "5000 sent, 5000 accepted, 0 failed\n"),
                             (ended.returncode, ended.stdout), ended.stderr)

    def test_epoll(self):
        port = peers.free_port()
        with running(program("epoll"), port, 60):
            self.assertEqual(202, status_of_message(port))

    def test_uv(self):
        port = peers.free_port()
        with running(program("uv"), port):
            for _ in range(50):
                self.assertEqual(202, status_of_message(port))

    def test_filter(self):
        port = peers.free_port()
        with running(program("filter"), f"{HOST}:{port}", "casino"):
            self.assertEqual(200, status_of_message(port))
            self.assertEqual(403, status_of_message(port, "Win at the casino today"))
            for number in range(50):
                wanted = 403 if number % 2 else 200
                text = "casino" if number % 2 else "hello"
                self.assertEqual(wanted, status_of_message(port, text))

    def test_capture(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "calls.pcap"
            path.write_bytes(capture_of(peers.request(body="hello"), b"MESSAGE sip:x SIP/2.0\r\n"))
            ended = subprocess.run([program("capture"), path, "5060"], capture_output=True,
                                   text=True, timeout=60, check=True)
        first, second, third = ended.stdout.splitlines()
        self.assertRegex(first, r"MESSAGE from \S+ to \S+ Call-ID \S+, 5 bytes of body")
        self.assertRegex(second, "bad: ")
        self.assertEqual("2 messages, 1 of them bad", third)

    def test_watch_in_cxx(self):
        port = peers.free_port()
        with running(program("watch"), f"{HOST}:{port}", 2) as process:
            self.assertEqual(200, status_of_message(port, "one"))
            self.assertEqual(200, status_of_message(port, "two"))
            self.assertEqual(0, process.wait(60))
        self.assertEqual(2, len(re.findall(r"sip:\S+: (?:one|two)", process.text)), process.text)

    def test_parse_in_python(self):
        environment = dict(os.environ)
        if "LIBZSIP_FOLDER" in environment:
            environment["LD_LIBRARY_PATH"] = environment["LIBZSIP_FOLDER"]
        with tempfile.TemporaryDirectory() as folder:
            good, bad = pathlib.Path(folder) / "good.sip", pathlib.Path(folder) / "bad.sip"
            good.write_bytes(b"\r\n" + peers.request())
            bad.write_bytes(peers.request().replace(b"CSeq: ", b"CSeq: x", 1))
            ended = subprocess.run([sys.executable, ROOT / "examples" / "parse.py", good, bad],
                                   capture_output=True, text=True, timeout=60, env=environment,
                                   check=False)
        self.assertEqual(1, ended.returncode, ended.stderr)
        first, second = ended.stdout.splitlines()
        self.assertRegex(first, r"good.sip: MESSAGE from sip:\S+ to sip:\S+$")
        self.assertRegex(second, r"bad.sip: syntax error: CSeq.* at byte \d+$")

    def test_each_is_short(self):
        for path in (ROOT / "examples").glob("*.*"):
            if path.name != "meson.build":
                self.assertLess(len(path.read_text().splitlines()), 100, path)


if __name__ == "__main__":
    unittest.main()
