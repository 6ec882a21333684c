#!/usr/bin/env python3
"""Watching a run from outside: metrics as Prometheus reads them, packets as tshark does, and the
dashboard asks for nothing that is not there."""
import contextlib
import json
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from common import HOST, ROOT, peers, zsip


def scrape(url):
    with urllib.request.urlopen(url, timeout=peers.PATIENCE_S) as answer:
        return answer.headers, answer.read().decode()


def sent_so_far(url):
    """Requests; 0 while nobody answers there, or no second is over."""
    try:
        now = values(scrape(url)[1])
    except OSError:
        return 0
    return now["zsip_load_sent_total"] if now["zsip_load_latency_seconds_count"] > 0 else 0


def objectives(text):
    return {name: value for name, value in values(text).items()
            if name.startswith("zsip_load_objective_met")}


def objectives_so_far(url):
    """Nothing while nobody answers there, or no second is over."""
    try:
        return objectives(scrape(url)[1])
    except OSError:
        return {}


def values(text):
    """{name with labels: value}"""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def promtool(text):
    ended = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                           timeout=60, check=False, encoding="utf-8")
    return ended.returncode, ended.stdout + ended.stderr


# One in so many of our own questions whether the server is there would be drawn, too.
NOT_OURS = 'sip and not sip.Call-ID contains "peer.invalid"'


def packets(path, *fields, only=NOT_OURS):
    """Rows of fields of a capture, as tshark reads it."""
    ended = subprocess.run(
        ["tshark", "-r", path, "-Y", only, "-T", "fields", "-o", "udp.check_checksum:TRUE", "-o",
         "ip.check_checksum:TRUE", *(word for field in fields for word in ("-e", field))],
        capture_output=True, timeout=60, check=True, encoding="utf-8")
    return [line.split("\t") for line in ended.stdout.splitlines()]


class Outside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        port = peers.free_port()
        cls.url = f"http://{HOST}:{port}/metrics"
        theirs = f"{HOST}:{peers.free_port()}"
        with peers.serving("--prometheus", theirs, "--pcap", cls.path / "serve.pcapng",
                           "--pcap-every", "50") as server:
            program = peers.Program(
                peers.zsip(), "load", "--rate", 2000, "--duration", "90", "--prometheus",
                f"{HOST}:{port}", "--pcap", cls.path / "load.pcapng", "--pcap-every", "50",
                "--json", cls.path / "run.json", f"udp:{HOST}:{server.port}")
            peers.until(lambda: sent_so_far(cls.url) > 1000)
            cls.headers, cls.load = scrape(cls.url)
            cls.refusals = [cls.status(cls.url[:-8] + path, **more) for path, more in (
                ("/", {}), ("/metrics", {"data": b"x"}), ("/..%2f", {}))]
            before = values(cls.load)["zsip_load_sent_total"]
            # For as long as it takes to see what these tests ask for, however late we look.
            peers.until(lambda: sent_so_far(cls.url) > before + 6000)
            cls.later = scrape(cls.url)[1]
            program.stop(signal.SIGINT, seconds=90)
            cls.serve = scrape(f"http://{theirs}/metrics")[1]
        cls.data = json.loads((cls.path / "run.json").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @staticmethod
    def status(url, **keywords):
        try:
            with urllib.request.urlopen(url, timeout=peers.PATIENCE_S, **keywords) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_promtool_finds_nothing(self):
        for text in (self.load, self.serve):
            self.assertEqual((0, ""), promtool(text))
        self.assertIn("version=0.0.4", self.headers["Content-Type"])

    def test_numbers_are_those_of_the_run(self):
        now, later, serve = values(self.load), values(self.later), values(self.serve)
        sent = "zsip_load_sent_total"
        all_sent = self.data["counters"]["sent"]
        self.assertGreater(now[sent], 1000)
        self.assertGreater(later[sent], now[sent])
        self.assertLessEqual(later[sent], self.data["counters"]["sent"])
        self.assertGreaterEqual(now[sent], now['zsip_load_responses_total{code="200"}'])
        self.assertGreater(now["zsip_load_latency_seconds_count"], 0)
        self.assertEqual(now["zsip_load_latency_seconds_count"],
                         now['zsip_load_latency_seconds_bucket{le="+Inf"}'])
        # And the questions whether it is there.
        more = serve["zsip_serve_endpoint_answered_2xx_total"] - all_sent
        self.assertTrue(0 <= more <= 200, more)
        self.assertLess(abs(now["process_start_time_seconds"] - time.time()), 600)

    def test_buckets_only_grow(self):
        counts = [value for name, value in values(self.load).items()
                  if name.startswith("zsip_load_latency_seconds_bucket")]
        self.assertEqual(sorted(counts), counts)
        self.assertEqual(20, len(counts))

    def test_what_is_no_scrape_is_refused(self):
        self.assertEqual([404, 405, 404], self.refusals)

    def test_the_dashboard_asks_for_what_is_there(self):
        text = (ROOT / "docs" / "grafana" / "zsip-load.json").read_text()
        asked = set(re.findall(r"\b((?:zsip|process)_\w+)\{", text)) | {"zsip_build_info"}
        there = {re.split("[{ ]", line)[0] for line in (self.load + self.serve).splitlines()
                 if not line.startswith("#")}
        self.assertGreater(len(asked), 15)
        self.assertEqual(set(), asked - there)
        panels = json.loads(text)["panels"]
        self.assertEqual(len(panels), len({panel["id"] for panel in panels}))

    def test_tshark_reads_whole_transactions(self):
        for name in ("load", "serve"):
            rows = packets(self.path / f"{name}.pcapng", "sip.Call-ID", "sip.Method",
                           "sip.Status-Code", "frame.packet_flags_direction")
            requests = {row[0] for row in rows if row[1] == "MESSAGE"}
            answers = {row[0] for row in rows if row[2] == "200"}
            self.assertEqual(requests, answers)
            # One in 50 of all, drawn by a hash.
            expected = self.data["counters"]["sent"] / 50
            self.assertTrue(0.5 < len(requests) / expected < 1.7, (len(requests), expected))

    def test_both_ends_drew_the_same_ones(self):
        one, other = ({row[0] for row in packets(self.path / f"{name}.pcapng", "sip.Call-ID")}
                      for name in ("load", "serve"))
        self.assertEqual(one, other)

    def test_nothing_in_a_capture_is_wrong(self):
        rows = packets(self.path / "load.pcapng", "ip.checksum.status", "udp.checksum.status",
                       "_ws.malformed", "udp.srcport", "udp.dstport")
        self.assertEqual({("1", "1", "")}, {tuple(row[:3]) for row in rows})
        port = self.data["config"]["remote"].split(":")[1]
        self.assertTrue(all(port in row[3:] for row in rows))

    def test_times_are_the_wall_clock(self):
        first = float(packets(self.path / "load.pcapng", "frame.time_epoch")[0][0])
        self.assertLess(abs(first - self.data["started_utc_us"] / 1e6), 60)


class Alone(unittest.TestCase):
    def test_objectives_as_they_stand(self):
        port = peers.free_port()
        with peers.serving("--delay", 5) as server:
            program = peers.Program(
                peers.zsip(), "load", "--rate", 200, "--duration", 60, "--slo",
                "p99<60s,p50<1us,errors<1%,send.p99<1s", "--prometheus", f"{HOST}:{port}",
                f"udp:{HOST}:{server.port}")
            try:
                peers.until(lambda: objectives_so_far(f"http://{HOST}:{port}/metrics"))
                text = scrape(f"http://{HOST}:{port}/metrics")[1]
            finally:
                program.stop()
        self.assertEqual({'zsip_load_objective_met{objective="p99<60s"}': 1,
                          'zsip_load_objective_met{objective="p50<1us"}': 0,
                          'zsip_load_objective_met{objective="errors<1%"}': 1}, objectives(text))
        self.assertEqual((0, ""), promtool(text))

    def test_messages_over_tcp(self):
        """Messages of their own: who reads the capture sees no pieces of a stream."""
        port = peers.free_port()
        with tempfile.TemporaryDirectory() as folder, peers.serving(
                "--listen", f"tcp:{HOST}:{port}"):
            path = pathlib.Path(folder) / "tcp.pcapng"
            ended = zsip("load", "--count", 20, "--window", 4, "--pcap", path, "--pcap-every", 1,
                         f"tcp:{HOST}:{port}")
            self.assertEqual(0, ended.returncode, ended)
            rows = packets(path, "sip.Call-ID", "sip.Method", "sip.Status-Code",
                           "sip.Via.transport", "_ws.malformed")
        self.assertEqual(20, len({row[0] for row in rows if row[1] == "MESSAGE"}))
        self.assertEqual({row[0] for row in rows if row[1] == "MESSAGE"},
                         {row[0] for row in rows if row[2] == "200"})
        self.assertEqual({("TCP", "")}, {tuple(row[3:]) for row in rows})

    def test_every_packet_of_a_retransmission(self):
        """As many as came to the peer: seven of each, if nobody is kept from his core."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "all.pcapng"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
                silent.bind((HOST, 0))
                zsip("load", "--count", 3, "--window", 3, "--t1", 20, "--pcap", path,
                     "--pcap-every", 1, f"udp:{HOST}:{silent.getsockname()[1]}")
                came = 0
                with contextlib.suppress(BlockingIOError):
                    while silent.recv(65535, socket.MSG_DONTWAIT):
                        came += 1
            rows = packets(path, "sip.Call-ID", "frame.packet_flags_direction")
        self.assertTrue(3 * 2 <= came <= 3 * 7, came)
        self.assertEqual(came, len(rows))
        self.assertEqual(3, len({row[0] for row in rows}))

    def test_ipv6(self):
        port = peers.free_port()
        with tempfile.TemporaryDirectory() as folder, \
                peers.serving("--listen", f"udp:[::1]:{port}"):
            path = pathlib.Path(folder) / "six.pcapng"
            zsip("load", "--count", 5, "--pcap", path, "--pcap-every", 1, f"udp:[::1]:{port}")
            rows = packets(path, "ipv6.src", "udp.checksum.status", "sip.Method")
        self.assertEqual(10, len(rows))
        self.assertEqual({("::1", "1")}, {tuple(row[:2]) for row in rows})

    def test_faults_are_told(self):
        taken = socket.socket()
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        target = f"udp:{HOST}:{peers.free_port()}"
        for arguments, word in (
                (["--prometheus", f"{HOST}:{port}"], "port taken"),
                (["--prometheus", "nonsense"], "--prometheus nonsense"),
                (["--pcap", "/nowhere/x"], "--pcap /nowhere/x"),
                (["--pcap-every", "5"], "--pcap FILE"),
                (["--pcap", "x", "--pcap-every", "0"], "--pcap-every")):
            ended = zsip("load", *arguments, target)
            self.assertEqual(64, ended.returncode, ended)
            self.assertIn(word, ended.stderr)
            self.assertEqual(1, len(ended.stderr.splitlines()), ended.stderr)
        taken.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
