"""What ICMP errors say of a path (RFC 3261 section 18.1.1): that it is narrower than the interface,
and requests too large for it go over TCP from then on; that there is no TCP at its end, and a
request that went over TCP for its size alone goes once more over UDP."""
import contextlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import tcp
from tcp import netns, peers

# As narrow as a path of IPv6 may be.
MTU = 1280
ROUTES = []


class Narrow(unittest.TestCase):
    def exchange(self, route, count, body_bytes):
        """zsip load sends so many over UDP, one behind the other, at zsip serve behind the router.
        What the server saw, by transport, and what load says."""
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/serve.json"
            server = peers.Program(*route.server, peers.zsip(), "serve", "--json", path,
                                   "--listen", f"udp:{route.address}:5060",
                                   "--listen", f"tcp:{route.address}:5060")
            try:
                server.says("listening")
                load = peers.run(*route.client, peers.zsip(), "load", "--count", count,
                                 "--window", 1, "--body-bytes", body_bytes,
                                 "--json", f"{folder}/load.json",
                                 f"udp:{route.address}:5060")
                self.assertEqual(0, load.status, load.text)
            finally:
                server.stop()
            return peers.read_json(path), peers.read_json(f"{folder}/load.json"), load.text

    def test_larger_requests_go_over_tcp_once_the_path_is_known(self):
        for route in ROUTES:
            with self.subTest(route.family):
                served, load, text = self.exchange(route, 5, 910)
                size = int(re.search(r"MESSAGE of (\d+) B", text).group(1))
                self.assertTrue(MTU < size + 28 and size < 1300, size)
                self.assertEqual(5, load["counters"]["answered_2xx"], text)
                # The first was lost, cut by the kernel when it was sent again, and answered.
                worker = served["worker"]
                self.assertGreaterEqual(worker["datagrams_in"], 1)
                self.assertEqual(1, worker["connections_accepted"])
                self.assertEqual(4, worker["messages_in"])

    def test_smaller_ones_stay_with_udp(self):
        for route in ROUTES:
            with self.subTest(route.family):
                served, load, text = self.exchange(route, 3, 100)
                self.assertEqual(3, load["counters"]["answered_2xx"], text)
                self.assertEqual(0, served["worker"]["connections_accepted"])


class NoTcp(unittest.TestCase):
    def test_protocol_unreachable_sends_it_once_more_over_udp(self):
        for route in ROUTES:
            with self.subTest(route.family), no_tcp(route):
                server = peers.Program(*route.server, peers.zsip(), "serve",
                                       "--listen", f"udp:{route.address}:5060")
                try:
                    server.says("listening")
                    sent = peers.run(*route.client, peers.zsip(), "send", "--vouch", "--timeout",
                                     30, f"sip:bob@{route.address}:5060", "x" * 1000)
                    self.assertIn("from udp:", sent.text)
                    sent = peers.run(*route.client, peers.zsip(), "send", "--vouch", "--timeout",
                                     30, f"sip:bob@{route.address}:5060", "x" * 1400)
                    self.assertEqual(0, sent.status, sent.text)
                    self.assertIn("from udp:", sent.text)
                    # Who says TCP gets TCP, or nothing.
                    sent = peers.run(*route.client, peers.zsip(), "send", "--timeout", 30,
                                     f"sip:bob@{route.address}:5060;transport=tcp", "x")
                    self.assertEqual(2, sent.status, sent.text)
                finally:
                    server.stop()


@contextlib.contextmanager
def no_tcp(route):
    """The far machine drops segments; a program there answers them as one that has no TCP."""
    family = ("-6",) if route.family == "IPv6" else ()
    rules = (("add", "pref", "10", "lookup", "local"), ("del", "pref", "0"),
             ("add", "pref", "1", "ipproto", "tcp", "blackhole"))
    back = (("del", "pref", "1"), ("add", "pref", "0", "lookup", "local"), ("del", "pref", "10"))
    for rule in rules:
        subprocess.run([*route.server, "ip", *family, "rule", *rule], check=True)
    program = peers.Program(*route.server, sys.executable, __file__, "--no-tcp", route.family)
    try:
        program.says("ready")
        yield
    finally:
        program.stop()
        for rule in back:
            subprocess.run([*route.server, "ip", *family, "rule", *rule], check=True)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) // 2 * 2]))
    total += data[-1] << 8 if len(data) % 2 else 0
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def answer_unreachable(family):
    """Says to each segment that comes in that its protocol is not known here."""
    kinds = {"IPv4": (0x0800, socket.AF_INET, socket.IPPROTO_ICMP, 9, slice(12, 16)),
             "IPv6": (0x86DD, socket.AF_INET6, socket.IPPROTO_ICMPV6, 6, slice(8, 24))}
    ether, kind, icmp, protocol_at, source_at = kinds[family]
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ether))
    out = socket.socket(kind, socket.SOCK_RAW, icmp)
    print("ready", flush=True)
    while True:
        packet, where = tap.recvfrom(65536)
        if where[2] == socket.PACKET_OUTGOING or packet[protocol_at] != socket.IPPROTO_TCP:
            continue
        if family == "IPv4":
            error = struct.pack("!BBHI", 3, 2, 0, 0) + packet[:28]
            error = error[:2] + struct.pack("!H", checksum(error)) + error[4:]
        else:
            # The kernel adds the checksum.
            error = struct.pack("!BBHI", 4, 1, 0, protocol_at) + packet[:1000]
        out.sendto(error, (socket.inet_ntop(kind, packet[source_at]), 0))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--no-tcp"]:
        answer_unreachable(sys.argv[2])
    tcp.main_across(netns.narrow(MTU), ROUTES.extend)
