#!/usr/bin/env python3
"""What became of what was sent (--register): in the JSON, in what zsip report shows and adds up,
and on the page."""
import json
import pathlib
import re
import socket
import tempfile
import threading
import unittest

from common import HOST, peers, summed, hdr_counts, validate, zsip


class Core(threading.Thread):
    """Remembers contacts, accepts messages and passes them on: every tenth never, every seventh
    twice."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.settimeout(0.05)
        self.port, self.over = self.socket.getsockname()[1], False
        self.contacts, self.passed, self.seen = {}, 0, set()

    def deliver(self, message, user):
        self.passed += 1
        for copy in range(2 if self.passed % 7 == 0 else 1):
            via = f"Via: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{self.passed}-{copy}\r\n"
            line, rest = message.split(b"\r\n", 1)
            self.socket.sendto(line + b"\r\n" + via.encode() + rest, self.contacts[user])

    def run(self):
        while not self.over:
            try:
                message, source = self.socket.recvfrom(65535)
            except socket.timeout:
                continue
            if message.startswith(b"SIP/2.0"):
                continue
            user = re.search(rb"\nTo: <sip:(\w+)@", message).group(1)
            if message.startswith(b"REGISTER"):
                self.contacts[user] = source
            self.socket.sendto(peers.response_to(message), source)
            if message in self.seen:  # a copy, since this core was late
                continue
            self.seen.add(message)
            if message.startswith(b"MESSAGE") and (self.passed + 1) % 10 == 0:
                self.passed += 1
            elif message.startswith(b"MESSAGE"):
                self.deliver(message, user)


class Delivery(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        cls.runs = []
        for name in ("a", "b"):
            core = Core()
            core.start()
            cls.ended = zsip("load", "--register", 5, "--count", 100, "--window", 5, "--lag-max",
                             "9s", "--json", cls.path / f"{name}.json", "--html",
                             cls.path / f"{name}.html", "--hlog", cls.path / f"{name}.hlog",
                             f"udp:{HOST}:{core.port}", seconds=90)
            core.over = True
            core.join()
            core.socket.close()
            cls.runs.append(json.loads((cls.path / f"{name}.json").read_text()))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_the_run_tells(self):
        for run in self.runs:
            validate(run)
            self.assertEqual(5, run["registered"])
            self.assertEqual(90, run["counters"]["delivered"])
            self.assertEqual(90, run["one_way"]["count"])
            self.assertGreater(run["counters"]["duplicated"], 5)

    def test_its_report_shows_it(self):
        shown = zsip("report", self.path / "a.json").stdout
        self.assertRegex(shown, r"\n  Delivery\n +users registered +5\n")
        self.assertRegex(shown, r"delivered +90.00 %")
        self.assertRegex(shown, r"accepted and lost +10.00 %")
        self.assertRegex(shown, r"one way, p99 +\d")

    def test_the_page_shows_it(self):
        page = (self.path / "a.html").read_text()
        for words in (">Delivery<", "accepted and lost", "one way, to its delivery",
                      "<dt>delivered</dt><dd>90.00 %</dd>", "<th>one way</th>"):
            self.assertIn(words, page)

    def test_merged_runs_add_it_up(self):
        ended = zsip("report", "--merge", "--json", self.path / "all.json", self.path / "a.json",
                     self.path / "b.json")
        self.assertEqual(0, ended.returncode, ended)
        merged = json.loads((self.path / "all.json").read_text())
        validate(merged)
        self.assertEqual(10, merged["registered"])
        self.assertEqual(180, merged["counters"]["delivered"])
        self.assertEqual(summed(*(hdr_counts(run["one_way"]["hdr"]) for run in self.runs)),
                         hdr_counts(merged["one_way"]["hdr"]))
        self.assertRegex(ended.stdout, r"accepted and lost +10.00 %")

    def test_the_log_begins_when_the_run_does(self):
        log = (self.path / "a.hlog").read_text()
        start = float(re.search(r"StartTime: ([\d.]+)", log).group(1))
        self.assertAlmostEqual(self.runs[0]["started_utc_us"] / 1e6, start, places=2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
