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


def ask(server, message, seconds=10.0):
    return peers.status_of(peers.ask(server.address, message, seconds))


def exchange(client, server, message, seconds=peers.PATIENCE_S):
    """One request from a socket that stays; the answer, or None."""
    client.sendto(message, server.address)
    ready = select.select([client], [], [], seconds)[0]
    return client.recv(65535) if ready else None


def finals(client, count):
    """So many final answers, or fewer if no more come; a 100 comes before those that take long."""
    got = []
    while len(got) < count and select.select([client], [], [], 10)[0]:
        status = peers.status_of(client.recv(65535))
        got += [status] if status >= 200 else []
    return got


class Client(socket.socket):
    def __init__(self):
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.bind((HOST, 0))


class Started(peers.Program):
    """A server that is slow to answer, so that its first line tells when it is ready."""

    def __init__(self, *options):
        super().__init__(peers.zsip(), "serve", "--listen", f"udp:{HOST}:0", *options)
        self.port = int(self.says(r"listening on udp:[\d.]+:(\d+)").group(1))
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
        with peers.serving("--max-age", 0, "--listen", "udp:[::1]:0") as server:
            port = int(re.search(r"udp:\[::1\]:(\d+)", server.output()).group(1))
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
                client.connect(("::1", port))
                client.send(peers.request())
                self.assertTrue(select.select([client], [], [], 10)[0])
                self.assertEqual(200, peers.status_of(client.recv(65535)))


class Streams(Case):
    """What tests/tcp does not look at: options and how they are told."""

    @staticmethod
    def connected(server):
        port = int(re.search(r"tcp:[\d.]+:(\d+)", server.output()).group(1))
        client = socket.create_connection((HOST, port), timeout=peers.PATIENCE_S)
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
                               "--tcp-body-bytes", 10, "--tcp-first-byte-s", 3) as server:
                first, second = (self.connected(server) for _ in range(2))
                # Reset as it connects, or after; closed is as good.
                with self.assertRaises(ConnectionError), self.connected(server) as third:
                    third.recv(1)
                    raise ConnectionResetError
                first.sendall(peers.request(body="x" * 11))
                self.assertEqual(513, peers.status_of(first.recv(65535)))
                self.assertEqual(b"", first.recv(1))
                self.assertEqual(b"", second.recv(1))
                for client in (first, second):
                    client.close()
            worker = peers.read_json(path)["worker"]
        self.assertEqual((1, 1, 1), tuple(worker[name] for name in (
            "refused_source", "closed_fault", "closed_first_byte")))

    def test_summary_says_which_bounds_held_and_help_says_the_same(self):
        units = {"K": 1 << 10, "M": 1 << 20}

        def number(text):
            if text in ("any", "no"):
                return 0
            return int(text.rstrip("KM")) * units.get(text[-1], 1)

        words = " ".join(zsip("serve", "--help").stdout.split())
        said = {name.replace("-", "_"): number(value) for name, value in re.findall(
            r"--tcp-([a-z-]+) (?:N|T|BYTES) .*?\((any|no|\d+[KM]?)[,)]", words)}
        said["memory_bytes"] = said.pop("memory")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "summary.json")
            with peers.serving("--listen", f"tcp:{HOST}:0", "--json", path):
                pass
            bounds = peers.read_json(path)["config"]["tcp"]
            with peers.serving("--listen", f"tcp:{HOST}:0", "--json", path, "--tcp-idle-s", 7,
                               "--tcp-per-source", 11, "--tcp-alias"):
                pass
            given = peers.read_json(path)["config"]["tcp"]
        self.assertFalse(bounds.pop("alias"))
        self.assertEqual(said, bounds)
        self.assertEqual({**bounds, "idle_s": 7, "per_source": 11, "alias": True}, given)

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
        server.says("listening on")
        server.stop()
        self.assertIn("udp:0.0.0.0:5060 tcp:0.0.0.0:5060", server.output())


class Delay(Case):
    def test_answers_come_late_and_in_order(self):
        with peers.serving("--delay", 200, "--max-age", 0) as server, Client() as client:
            began = time.monotonic()
            requests = [peers.request() for _ in range(50)]
            for message in requests:
                client.sendto(message, server.address)
            got = []
            while len(got) < len(requests) and select.select([client], [], [], 10)[0]:
                got.append(client.recv(65535))
            took = time.monotonic() - began
        ids = [re.search(rb"Call-ID: (.*)\r", message).group(1) for message in requests]
        self.assertEqual(ids, [re.search(rb"Call-ID: (.*)\r", m).group(1) for m in got])
        self.assertGreaterEqual(took, 0.2)
        self.assertLess(took, 50 * 0.2, "one after the other")

    def hold(self, server, client):
        """A request that the server is known to have."""
        client.sendto(peers.request(), server.address)
        self.assertTrue(server.says(r"  held 1\b"), server)

    def test_term_answers_what_is_held_and_refuses_what_is_new(self):
        server = Started("--delay", 6000, "--stats", 1, "--max-age", 0)
        try:
            with Client() as client:
                self.hold(server, client)
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(503, peers.until(lambda: ask(server, peers.request(), 0.3)))
                self.assertEqual([200], finals(client, 1))
            self.assertEqual(OK, server.wait(peers.PATIENCE_S), server)
        finally:
            server.stop(signal.SIGKILL)

    def test_int_leaves_at_once(self):
        server = Started("--delay", 30000, "--stats", 1, "--max-age", 0)
        with Client() as client:
            self.hold(server, client)
            began = time.monotonic()
            self.assertEqual(OK, server.stop(signal.SIGINT), server)
        self.assertLess(time.monotonic() - began, 20, "it does not wait for the delay")
        self.assertIn("held requests left unanswered", server.text)

    def test_more_than_may_be_held_get_503(self):
        server = Started("--delay", 3000, "--held-max", 2, "--max-age", 0)
        with Client() as client:
            for _ in range(5):
                client.sendto(peers.request(), server.address)
            got = finals(client, 5)
        self.assertEqual(OK, server.stop(), server)
        self.assertEqual([200, 200, 503, 503, 503], sorted(got))


class Says(Case):
    def test_print_shows_messages_and_nothing_else_obeys(self):
        with peers.serving("--print") as server:
            ask(server, peers.request(body="Grüße,\r\nzwei Zeilen"))
            ask(server, peers.request(body="\x1b[2J\x9b2J\x07"))
            self.assertTrue(server.says(re.escape("\\x1b[2J")), server)
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
                self.assertTrue(server.says(r"(?m)^ +1 s  in \d+/s  answered \d+/s"), server)
            data = peers.read_json(path)
        self.assertNotIn("\r", server.text)
        self.assertEqual("zsip serve 1", data["schema"])
        counters = data["endpoint"]
        self.assertGreaterEqual(counters["answered_2xx"], 11)
        # Where this machine is slow a question comes twice, or has waited for too long.
        again = counters["retransmissions_in"] + counters["aged"] + counters["aged_again"]
        self.assertEqual(counters["packets_in"], counters["answered_2xx"] + again + 1)
        self.assertEqual(1, counters["malformed_requests"] + counters["malformed_other"])

    def test_a_retransmission_is_answered_alike_and_counted(self):
        with peers.serving("--max-age", 0) as server, Client() as client:
            message = peers.request()
            first = exchange(client, server, message)
            self.assertIsNotNone(first, server)
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
            with peers.serving("--max-age", 0, *serve) as server:
                zsip("load", "--lag-max", "99s", "--json", path, "--count", 2000, *load,
                     f"udp:{HOST}:{server.port}")
            return peers.read_json(path)

    def test_statuses_by_weight(self):
        status = self.load("--status", "200:90,503:8,486:2")["status"]
        self.assertEqual({"200", "503", "486"}, set(status))
        self.assertAlmostEqual(160, status["503"], delta=60)
        self.assertAlmostEqual(40, status["486"], delta=35)

    def test_delays_from_a_range(self):
        """A busy machine adds to what is asked for, and takes nothing away."""
        for delay, key, usual_us in (("20-60", "p50_us", 40000), ("exp:20", "mean_us", 20000)):
            latency, calm = peers.calmly(
                lambda delay=delay: self.load("--delay", delay, load=("--window", 500))["latency"])
            self.assertGreater(latency[key], usual_us - 5000)
            self.assertLess(latency[key], usual_us + (12000 if calm else 10000000))
            self.assertGreater(latency["p99_us"], 50000)
            if delay == "20-60":
                self.assertGreater(latency["min_us"], 19000)

    def test_drop(self):
        """One copy in ten is not seen; a transaction has seven."""
        seen, calm = peers.calmly(lambda: self.load(
            "--drop", "10%", load=("--window", 2000, "--t1", 200))["counters"])
        self.assertEqual(2000, seen["answered_2xx"])
        self.assertGreater(seen["answered_late"], 130)
        self.assertLess(seen["answered_late"], 270 if calm else 2001)

    def test_wrong_shapes_are_refused(self):
        for options, *words in ((("--status", "200:5,abc"), "weights"),
                                (("--status", "200:0"), "0"),
                                (("--status", "200,401"), "challenge"), (("--drop", "5"), "2.5%"),
                                (("--drop", "101%"), "share"), (("--delay", "9-5"), "10-80"),
                                (("--delay", "exp:"), "exp:20")):
            self.assert_refused(zsip("serve", *options), USAGE, *words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
