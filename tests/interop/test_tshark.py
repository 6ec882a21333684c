"""Every kind of message zsip emits, read by the SIP dissector of Wireshark.

What came from zsip over loopback is put into a capture file, byte for byte, so that no right to
capture is needed.
"""
import contextlib
import os
import re
import select
import socket
import struct
import subprocess
import tempfile
import unittest

import peers

LINK_RAW_IPV4 = 228
# Expert severities: chat 0x200000, note 0x400000, warning 0x600000, error 0x800000.
SEVERITY_NOTE = 0x400000


def packet(payload):
    """An IPv4 and UDP header, with checksums, before what was received."""
    udp = struct.pack("!HHHH", 5060, 5060, 8 + len(payload), 0)
    address = bytes([127, 0, 0, 1])
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(payload), 1, 0, 64, 17, 0) + address * 2
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + udp + payload


def write_capture(path, payloads):
    with open(path, "wb") as file:
        file.write(struct.pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, LINK_RAW_IPV4))
        for number, payload in enumerate(payloads):
            data = packet(payload)
            file.write(struct.pack("!IIII", number, 0, len(data), len(data)) + data)


FIELDS = ("frame.protocols", "sip.Status-Code", "sip.Method", "sip.CSeq.seq", "sip.Call-ID",
          "sip.from.tag", "sip.Via.branch", "sip.Content-Length", "_ws.malformed",
          "_ws.expert.severity", "_ws.expert.message")


def dissect(payloads):
    """For each message: (status or method, list of complaints, tshark's and our own)."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sip.pcap")
        write_capture(path, payloads)
        names = [word for name in FIELDS for word in ("-e", name)]
        result = subprocess.run(
            ["tshark", "-r", path, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a",
             *names], capture_output=True, text=True, check=True, timeout=90)
    lines = result.stdout.splitlines()
    if len(lines) != len(payloads):
        raise AssertionError(f"{len(payloads)} messages, {len(lines)} lines: {result.stdout}")
    return [complaints(dict(zip(FIELDS, line.split("|", len(FIELDS) - 1))), payload)
            for line, payload in zip(lines, payloads)]


def complaints(seen, payload):
    found = []
    if ":sip" not in seen["frame.protocols"]:
        found.append("not taken for SIP")
    if seen["_ws.malformed"]:
        found.append("malformed")
    if any(int(s, 0) >= SEVERITY_NOTE for s in seen["_ws.expert.severity"].split(",") if s):
        found.append(seen["_ws.expert.message"])
    # The dissector is silent about fields it can't read, so what it read is looked at.
    for name in ("sip.Call-ID", "sip.from.tag", "sip.Via.branch"):
        if seen[name].encode() not in payload or not seen[name]:
            found.append(f"{name} is '{seen[name]}'")
    if not re.search(rb"(?im)^CSeq[ \t]*:[ \t]*%s " % seen["sip.CSeq.seq"].encode(), payload):
        found.append(f"CSeq is '{seen['sip.CSeq.seq']}'")
    body = payload.partition(b"\r\n\r\n")[2]
    if seen["sip.Content-Length"] != str(len(body)):
        found.append(f"Content-Length is '{seen['sip.Content-Length']}', body {len(body)} bytes")
    return seen["sip.Status-Code"] or seen["sip.Method"], found


class Dissector(unittest.TestCase):
    def assert_clean(self, kinds):
        """kinds: {name: (expected status or method, bytes)}"""
        for name, (_, payload) in kinds.items():
            self.assertIsNotNone(payload, f"nothing came for {name}")
        rows = dissect([payload for _, payload in kinds.values()])
        for (name, (expected, payload)), (seen, found) in zip(kinds.items(), rows):
            with self.subTest(name):
                self.assertEqual(str(expected), seen, payload)
                self.assertEqual([], found, payload)

    def test_dissector_does_complain(self):
        """The test can fail: faults of several kinds are noticed, and a good message is not."""
        good = peers.request()
        self.assertEqual([], dissect([good])[0][1])
        for old, new in ((b"CSeq: 1 ", b"CSeq: x "), (b"\r\n\r\n", b"\r\n"),
                         (b"Call-ID: ", b"Whatever: "), (b"Length: 18", b"Length: 19"),
                         (b"branch=", b"brunch="), (b";tag=", b";tug=")):
            with self.subTest(new):
                self.assertNotEqual([], dissect([good.replace(old, new)])[0][1])

    def test_responses(self):
        with peers.serving("--accept", "text/plain") as server:
            def answer(*arguments, **keywords):
                return peers.ask(server.address, peers.request(*arguments, **keywords))

            ids = ("merged@peer.invalid", "merged")
            self.assertIsNotNone(answer(ids=ids))
            self.assert_clean({
                "200 MESSAGE": (200, answer()),
                "200 OPTIONS": (200, answer("OPTIONS")),
                "400": (400, answer(headers=["Max-Forwards: many"])),
                "405": (405, answer("INVITE")),
                "415": (415, answer(content_type="application/octet-stream")),
                "416": (416, answer(uri="unheard-of:bob")),
                "420": (420, answer(headers=["Require: time-travel"])),
                "481": (481, answer(to_tag="nowhere")),
                "482": (482, answer(ids=ids)),
                "501": (501, answer("CONJURE")),
                "505": (505, answer(version="SIP/3.0")),
            })

    def test_cancel_and_refusals(self):
        with peers.serving("--status", 480, "--methods", "any") as server:
            self.assert_clean({
                "480 MESSAGE": (480, peers.ask(server.address, peers.request())),
                "481 CANCEL": (481, peers.ask(server.address, peers.request("CANCEL"))),
            })

    def test_requests(self):
        """What `zsip send` and `zsip load` send, caught by a socket that answers."""
        kinds = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.bind((peers.HOST, 0))
            place = f"{peers.HOST}:{listener.getsockname()[1]}"
            send = (f"sip:bob@{place}", "Watson, come here.")
            load = ("load", f"udp:{place}", "--count", 1, "--window", 1, "--method")
            for name, method, arguments in (
                    ("send", "MESSAGE", ("send", *send)),
                    ("send with Expires and Date", "MESSAGE", ("send", "--expires", 60, *send)),
                    ("send of a type", "MESSAGE", ("send", "--content-type", "text/html", *send)),
                    ("send with a header", "MESSAGE", ("send", "--header", "Subject: hi", *send)),
                    ("send by a proxy", "MESSAGE",
                     ("send", "--proxy", f"udp:{place}", "sip:bob@example.invalid", "Hello.")),
                    ("load MESSAGE", "MESSAGE", (*load, "MESSAGE")),
                    ("load OPTIONS", "OPTIONS", (*load, "OPTIONS")),
                    ("load REGISTER", "REGISTER", (*load, "REGISTER"))):
                with self.subTest(name):
                    kinds[name] = (method, self.caught(listener, arguments))
        self.assert_clean(kinds)

    def caught(self, listener, arguments):
        """What the program sends; it is answered, and must be content. Copies that the one before
        sent, since we were late, are nothing of its own."""
        with contextlib.suppress(BlockingIOError):
            while listener.recv(65535, socket.MSG_DONTWAIT):
                pass
        sender = peers.Program(peers.zsip(), *arguments)
        if not select.select([listener], [], [], peers.PATIENCE_S)[0]:
            sender.stop()
            self.fail(f"nothing came: {sender}")
        message, source = listener.recvfrom(65535)
        listener.sendto(peers.response_to(message), source)
        self.assertEqual(0, sender.wait(60), sender)
        return message


if __name__ == "__main__":
    peers.main("tshark")
