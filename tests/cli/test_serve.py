"""`zsip serve`: what it answers, what it says, how it ends."""
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from common import Case, HOST, OK, USAGE, zsip
import peers


def ask(server, message, seconds=2.0):
    return peers.status_of(peers.ask(server.address, message, seconds))


def exchange(client, server, message, seconds=2.0):
    """One request from a socket that stays; the answer, or None."""
    client.sendto(message, server.address)
    ready = select.select([client], [], [], seconds)[0]
    return client.recv(65535) if ready else None


class Client(socket.socket):
    def __init__(self):
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.bind((HOST, 0))


class Started(peers.Program):
    """A server that is slow to answer, so that its first line tells when it is ready."""

    def __init__(self, *options):
        super().__init__(peers.zsip(), "serve", "--listen", f"udp:{HOST}:0", *options)
        deadline = time.monotonic() + 10
        while "listening on" not in self.output() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.port = int(re.search(r"udp:[\d.]+:(\d+)", self.output()).group(1))
        self.address = (HOST, self.port)


class Answers(Case):
    def test_status_is_for_messages_alone(self):
        with peers.serving("--status", 480, "--methods", "any") as server:
            self.assertEqual(480, ask(server, peers.request()))
            self.assertEqual(200, ask(server, peers.request("REGISTER", uri="sip:zsip.invalid")))
            self.assertEqual(200, ask(server, peers.request("OPTIONS")))

    def test_methods(self):
        with peers.serving("--methods", "MESSAGE,REGISTER") as server:
            self.assertEqual(200, ask(server, peers.request("REGISTER", uri="sip:zsip.invalid")))
            answer = peers.ask(server.address, peers.request("OPTIONS"))
            self.assertEqual(405, peers.status_of(answer))
            self.assertRegex(answer, rb"\r\nAllow: MESSAGE, REGISTER")

    def test_merged(self):
        for choice, second in (("482", 482), ("accept", 200)):
            with peers.serving("--merged", choice) as server:
                ids = (f"merged-{choice}", "tag")
                self.assertEqual(200, ask(server, peers.request(ids=ids)))
                self.assertEqual(second, ask(server, peers.request(ids=ids)))
            self.assertRegex(server.text, rf"1  requests that came by a second way.*--merged")

    def test_in_dialog(self):
        for choice, code in (("481", 481), ("accept", 200)):
            with peers.serving("--in-dialog", choice) as server:
                self.assertEqual(code, ask(server, peers.request(to_tag="there")))

    def test_accept(self):
        with peers.serving("--accept", "text/html") as server:
            self.assertEqual(415, ask(server, peers.request()))
            self.assertEqual(200, ask(server, peers.request(content_type="text/html")))

    def test_several_addresses_and_workers(self):
        other = peers.free_port()
        with peers.serving("--listen", f"udp:{HOST}:{other}", "--workers", 2) as server:
            for port in (server.port, other):
                for _ in range(20):
                    answer = peers.ask((HOST, port), peers.request())
                    self.assertEqual(200, peers.status_of(answer))

    def test_ipv6(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6 here")
        with peers.serving("--listen", "udp:[::1]:0") as server:
            port = int(re.search(r"udp:\[::1\]:(\d+)", server.output()).group(1))
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
                client.connect(("::1", port))
                client.send(peers.request())
                self.assertTrue(select.select([client], [], [], 2)[0])
                self.assertEqual(200, peers.status_of(client.recv(65535)))


class Streams(Case):
    """What tests/tcp does not look at: options and how they are told."""

    @staticmethod
    def connected(server):
        port = int(re.search(r"tcp:[\d.]+:(\d+)", server.output()).group(1))
        client = socket.create_connection((HOST, port), timeout=5)
        return client

    def test_requests_of_two_transports_get_answers(self):
        with peers.serving("--listen", f"tcp:{HOST}:0", "--workers", 2) as server:
            self.assertEqual(200, ask(server, peers.request()))
            for _ in range(4):
                with self.connected(server) as client:
                    client.sendall(peers.request())
                    self.assertEqual(200, peers.status_of(client.recv(65535)))

    def test_bounds_are_kept_and_counted(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "summary.json")
            with peers.serving("--listen", f"tcp:{HOST}:0", "--json", path, "--tcp-per-source", 2,
                               "--tcp-body-bytes", 10, "--tcp-first-byte-s", "300ms") as server:
                first, second, third = (self.connected(server) for _ in range(3))
                with self.assertRaises(ConnectionError):
                    third.recv(1)
                    raise ConnectionResetError  # closed is as good
                first.sendall(peers.request(body="x" * 11))
                self.assertEqual(513, peers.status_of(first.recv(65535)))
                self.assertEqual(b"", first.recv(1))
                self.assertEqual(b"", second.recv(1))
                for client in (first, second, third):
                    client.close()
            worker = peers.read_json(path)["worker"]
        self.assertEqual((1, 1, 1), tuple(worker[name] for name in (
            "refused_source", "closed_fault", "closed_first_byte")))

    def test_send_and_load_go_over_tcp(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "summary.json")
            with peers.serving("--listen", f"tcp:{HOST}:0", "--json", path) as server:
                port = int(re.search(r"tcp:[\d.]+:(\d+)", server.output()).group(1))
                sent = zsip("send", f"sip:bob@{HOST}:{port};transport=tcp", "Hello")
                self.assertEqual(OK, sent.returncode, sent.stderr)
                self.assertIn("from tcp:", sent.stdout)
                loaded = zsip("load", "--count", 500, "--window", 50, "--connections", 5,
                              f"tcp:{HOST}:{port}")
                self.assertEqual(OK, loaded.returncode, loaded.stderr)
            worker = peers.read_json(path)["worker"]
        self.assertEqual((6, 501), (worker["connections_accepted"], worker["messages_in"]))

    def test_default_is_udp_and_tcp(self):
        alone = ["unshare", "-rn"]
        if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no network of our own can be had")
        server = peers.Program(*alone, peers.zsip(), "serve")
        deadline = time.monotonic() + 10
        while "listening on" not in server.output() and time.monotonic() < deadline:
            time.sleep(0.01)
        server.stop()
        self.assertIn("udp:0.0.0.0:5060 tcp:0.0.0.0:5060", server.output())


class Delay(Case):
    def test_answers_come_late_and_in_order(self):
        with peers.serving("--delay", 200) as server, Client() as client:
            began = time.monotonic()
            requests = [peers.request() for _ in range(50)]
            for message in requests:
                client.sendto(message, server.address)
            got = []
            while len(got) < len(requests) and select.select([client], [], [], 2)[0]:
                got.append(client.recv(65535))
            took = time.monotonic() - began
        ids = [re.search(rb"Call-ID: (.*)\r", message).group(1) for message in requests]
        self.assertEqual(ids, [re.search(rb"Call-ID: (.*)\r", m).group(1) for m in got])
        self.assertGreaterEqual(took, 0.2)
        self.assertLess(took, 1.5)

    def test_term_answers_what_is_held_and_refuses_what_is_new(self):
        server = Started("--delay", 1000)
        try:
            with Client() as client:
                client.sendto(peers.request(), server.address)
                time.sleep(0.2)
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
                self.assertEqual(503, ask(server, peers.request()))
                self.assertTrue(select.select([client], [], [], 3)[0])
                self.assertEqual(200, peers.status_of(client.recv(65535)))
            self.assertEqual(OK, server.wait(5), server)
        finally:
            server.stop(signal.SIGKILL)

    def test_int_leaves_at_once(self):
        server = Started("--delay", 5000)
        with Client() as client:
            client.sendto(peers.request(), server.address)
            time.sleep(0.2)
            began = time.monotonic()
            self.assertEqual(OK, server.stop(signal.SIGINT), server)
        self.assertLess(time.monotonic() - began, 2)
        self.assertIn("held requests left unanswered", server.text)

    def test_more_than_may_be_held_get_503(self):
        with peers.serving("--delay", 500, "--held-max", 2) as server, Client() as client:
            time.sleep(0.6)  # what the fixture asked is answered
            for _ in range(5):
                client.sendto(peers.request(), server.address)
            got = [client.recv(65535) for _ in range(5)
                   if select.select([client], [], [], 2)[0]]
        self.assertEqual([200, 200, 503, 503, 503], sorted(map(peers.status_of, got)))


class Says(Case):
    def test_print_shows_messages_and_nothing_else_obeys(self):
        with peers.serving("--print") as server:
            ask(server, peers.request(body="Grüße,\r\nzwei Zeilen"))
            ask(server, peers.request(body="\x1b[2J\x9b2J\x07"))
            time.sleep(0.2)
            text = server.output()
        self.assertIn("MESSAGE sip:bob@zsip.invalid from sip:alice@peer.invalid, text/plain", text)
        self.assertIn("    Grüße,\n    zwei Zeilen\n", text)
        self.assertIn("\\x1b[2J", text)
        self.assertFalse({"\x1b", "\x9b", "\x07"} & set(text))

    def test_stats_and_json(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "serve.json")
            with peers.serving("--stats", 1, "--json", path) as server:
                for _ in range(10):
                    ask(server, peers.request())
                ask(server, b"MESSAGE sip:broken SIP/2.0\r\n\r\n", 0.1)
                time.sleep(1.5)
            data = peers.read_json(path)
        self.assertRegex(server.text, r"(?m)^ +1 s  in \d+/s  answered \d+/s")
        self.assertNotIn("\r", server.text)
        self.assertEqual("zsip serve 1", data["schema"])
        counters = data["endpoint"]
        self.assertGreaterEqual(counters["answered_2xx"], 11)
        self.assertEqual(counters["packets_in"], counters["answered_2xx"] + 1)
        self.assertEqual(1, counters["malformed_requests"] + counters["malformed_other"])

    def test_a_retransmission_is_answered_alike_and_counted(self):
        with peers.serving() as server, Client() as client:
            message = peers.request()
            first = exchange(client, server, message)
            self.assertEqual(first, exchange(client, server, message))
        self.assertIn("requests seen before", server.text)

    def test_summary_on_int_and_on_term(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server = peers.Serve()
            self.assertEqual(OK, server.stop(number), server)
            self.assertRegex(server.text, r"zsip serve: [\d.]+ s, \d+ requests, \d+ answered")


class Shape(Case):
    """A sink that stands in for servers of every kind, looked at through zsip load."""

    def load(self, *serve, load=()):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "load.json")
            with peers.serving(*serve) as server:
                zsip("load", "--lag-max", "9s", "--json", path, "--count", 2000, *load,
                     f"udp:{HOST}:{server.port}")
            return peers.read_json(path)

    def test_statuses_by_weight(self):
        status = self.load("--status", "200:90,503:8,486:2")["status"]
        self.assertEqual({"200", "503", "486"}, set(status))
        self.assertAlmostEqual(160, status["503"], delta=60)
        self.assertAlmostEqual(40, status["486"], delta=35)

    def test_delays_from_a_range(self):
        latency = self.load("--delay", "20-60", load=("--window", 500))["latency"]
        self.assertGreater(latency["min_us"], 19000)
        self.assertAlmostEqual(40000, latency["p50_us"], delta=12000)
        latency = self.load("--delay", "exp:20", load=("--window", 500))["latency"]
        self.assertAlmostEqual(20000, latency["mean_us"], delta=12000)
        self.assertGreater(latency["p99_us"], 50000)

    def test_drop(self):
        seen = self.load("--drop", "20%", load=("--window", 500, "--t1", 30))["counters"]
        self.assertEqual(2000, seen["answered_2xx"])
        self.assertAlmostEqual(400, seen["answered_late"], delta=120)

    def test_wrong_shapes_are_refused(self):
        for options, *words in ((("--status", "200:5,abc"), "weights"),
                                (("--status", "200:0"), "0"),
                                (("--status", "200,401"), "challenge"), (("--drop", "5"), "2.5%"),
                                (("--drop", "101%"), "share"), (("--delay", "9-5"), "10-80"),
                                (("--delay", "exp:"), "exp:20")):
            self.assert_refused(zsip("serve", *options), USAGE, *words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
