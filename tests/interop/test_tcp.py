"""SIPp, Kamailio and sipsak on the other side of a connection, and tshark on what crosses it."""
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

import kamailio
import peers
import sipp
import test_tshark

CALLS = 2000


def needs(tool):
    return unittest.skipIf(shutil.which(tool) is None, f"{tool} is not installed")


@needs("sipp")
class Sipp(unittest.TestCase):
    def drives(self, transport, rate):
        with peers.serving(tcp=True) as server:
            driver = sipp.client(server.address, rate, CALLS, 90, transport=transport)
            status, figures = driver.finish(100)
        self.assertEqual(0, status, driver)
        self.assertEqual(CALLS, figures["SuccessfulCall(C)"], figures)
        self.assertEqual(0, figures["Retransmissions(C)"], figures)

    def test_all_calls_over_one_connection(self):
        self.drives("t1", 1000)

    def test_a_connection_for_each_call(self):
        self.drives("tn", 500)

    def answers(self, *arguments):
        """Runs zsip at SIPp as a server, whose address stands for "tcp:"."""
        server = sipp.server(transport="t1")
        try:
            place = f"tcp:{peers.HOST}:{server.port}"
            return peers.run(peers.zsip(), *(place if part == "tcp:" else part
                                             for part in arguments))
        finally:
            server.stop()

    def test_send_to_it(self):
        sent = self.answers("send", "--proxy", "tcp:", "sip:bob@sipp.invalid", "Watson.")
        self.assertEqual(0, sent.status, sent)

    def test_load_to_it(self):
        for count in (1, 8):
            loaded = self.answers("load", "--count", CALLS, "--window", 16, "--connections", count,
                                  "--quiet", "tcp:")
            self.assertEqual(0, loaded.status, loaded)


@needs("kamailio")
class Kamailio(unittest.TestCase):
    def load(self, address, transport, count=CALLS):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "load.json")
            program = peers.run(peers.zsip(), "load", "--quiet", "--window", 16, "--count", count,
                                "--json", path, f"{transport}:{address[0]}:{address[1]}",
                                seconds=120)
            self.assertEqual(0, program.status, program)
            self.assertEqual(count, peers.read_json(path)["counters"]["answered_2xx"])

    def test_it_answers_load(self):
        server = kamailio.Kamailio("kamailio-answer.cfg", tcp=True)
        try:
            self.load(server.address, "tcp")
        finally:
            server.end()

    def test_it_relays_to_serve_over_connections_of_its_own(self):
        for transport in ("udp", "tcp"):
            with self.subTest(transport), peers.serving(tcp=True) as server:
                fill = {"@PORT@": f"{server.port};transport=tcp"}
                proxy = kamailio.Kamailio("kamailio-relay.cfg", fill, tcp=True)
                try:
                    self.load(proxy.address, transport)
                finally:
                    proxy.end()


@needs("sipsak")
class Sipsak(unittest.TestCase):
    def test_options_over_tcp(self):
        with peers.serving(tcp=True) as server:
            asked = peers.run("sipsak", "-vvv", "-E", "tcp", "-s",
                              f"sip:bob@{peers.HOST}:{server.port}", seconds=60)
        self.assertEqual(0, asked.status, asked.text)
        self.assertIn("SIP/2.0 200", asked.text)


@needs("tshark")
class Tshark(unittest.TestCase):
    def test_a_stream_cut_anywhere_is_reassembled_and_dissected(self):
        """What zsip answers to 40 requests, in segments that end in the middle of messages."""
        requests = [peers.request().replace(b"/UDP", b"/TCP", 1) for _ in range(40)]
        with peers.serving(tcp=True) as server, \
                socket.create_connection(server.address, 30) as connection:
            connection.sendall(b"".join(requests))
            answers = b""
            while answers.count(b"\r\n\r\n") < len(requests):
                self.assertTrue(select.select([connection], [], [], 30)[0], answers)
                answers += connection.recv(65536)
        seen = dissect(answers, 333)
        self.assertEqual(["200"] * len(requests), [status for row in seen for status in row])


def segment(payload, sequence, number):
    """One TCP segment from port 5060 in an IPv4 packet; the checksum of TCP is left out."""
    address = bytes([127, 0, 0, 1])
    tcp = struct.pack("!HHIIBBHHH", 5060, 40000, sequence, 1, 0x50, 0x18, 65535, 0, 0)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), number, 0, 64, 6, 0) + address * 2
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + tcp + payload


def write_capture(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144,
                               test_tshark.LINK_RAW_IPV4))
        for number, data in enumerate(frames):
            file.write(struct.pack("!IIII", number, 0, len(data), len(data)) + data)


def dissect(stream, cut):
    """The status codes that each frame ends, as tshark reads a capture of this stream."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sip.pcap")
        pieces = [stream[at:at + cut] for at in range(0, len(stream), cut)]
        write_capture(path, [segment(piece, 1 + at * cut, at)
                             for at, piece in enumerate(pieces)])
        shown = subprocess.run(
            ["tshark", "-r", path, "-o", "tcp.check_checksum:FALSE", "-T", "fields", "-E",
             "occurrence=a", "-e", "sip.Status-Code"],
            capture_output=True, text=True, check=True, timeout=90).stdout
    return [re.findall(r"\d{3}", line) for line in shown.splitlines()]


if __name__ == "__main__":
    unittest.main(verbosity=2)
