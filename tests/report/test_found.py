#!/usr/bin/env python3
"""What --find-max found: JSON against its schema, shown by zsip report, one search or several, and
on a page; and files that are none."""
import copy
import json
import pathlib
import tempfile
import unittest

import browser
from common import HOST, ROOT, jsonschema, load, peers, zsip

SCHEMA = json.loads((ROOT / "docs" / "load-find-max.schema.json").read_text())


class Found(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        with peers.serving("--delay", "3") as server:
            cls.ended = zsip("load", "--find-max", "--slo", "p50<2s", "--rate", 50, "--duration",
                             "0.3", "--drain", 0, "--repeats", 1, "--precision", "50%",
                             "--lag-max", "9s", "--max-pending", 40, "--json", cls.path / "a.json",
                             "--html", cls.path / "a.html", f"udp:{HOST}:{server.port}", seconds=90)
            load(server, cls.path, "--count", 10)
        cls.data = json.loads((cls.path / "a.json").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def other(self, name="b.json", **changes):
        data = copy.deepcopy(self.data)
        data.update(changes)
        (self.path / name).write_text(json.dumps(data))
        return self.path / name

    def test_json_is_as_the_schema_says(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        jsonschema.Draft202012Validator(SCHEMA).validate(self.data)
        self.assertGreater(len(self.data["probes"]), 0, self.ended)
        self.assertEqual("p50<2s", self.data["slo"])

    def test_it_is_shown(self):
        ended = zsip("report", self.path / "a.json")
        self.assertEqual(0, ended.returncode, ended)
        self.assertIn("--find-max --slo", ended.stdout)
        self.assertEqual(len(self.data["probes"]),
                         sum(" ms " in line or " us " in line or "/s " in line and "%" in line
                             for line in ended.stdout.splitlines()[3:]), ended.stdout)

    def test_two_side_by_side(self):
        more = self.other(maximum_per_s=150.0, lowest_per_s=140.0, highest_per_s=160.0, searches=3)
        less = self.other("c.json", maximum_per_s=100.0, lowest_per_s=90.0, highest_per_s=100.0,
                          at_least=False, interrupted=False)
        ended = zsip("report", less, more)
        self.assertEqual(0, ended.returncode, ended)
        self.assertIn("(median of 3 searches, 140/s to 160/s)", ended.stdout)
        self.assertIn("up to 100/s meet the objectives", ended.stdout)
        self.assertIn("against A: +50.0 %", ended.stdout)

    def test_the_page(self):
        ended = zsip("report", "--html", self.path / "two.html", self.path / "a.json", self.other())
        self.assertEqual(0, ended.returncode, ended)
        with browser.Browser() as window:
            for name, searches in (("a.html", 1), ("two.html", 2)):
                for width in (1200, 400):
                    window.open(self.path / name, width=width)
                    self.assertEqual([], window.complaints())
                    self.assertEqual(width, window.evaluate("document.documentElement.scrollWidth"))
                self.assertEqual(2 * searches,
                                 window.evaluate("document.querySelectorAll('svg').length"))
                self.assertEqual(searches * len(self.data["probes"]),
                                 window.evaluate("document.querySelectorAll('tbody tr').length"))

    def test_what_does_not_go_together_is_refused(self):
        for arguments, word in (
                (("--merge", self.path / "a.json"), "--merge"),
                (("--slo", "p99<1s", self.path / "a.json"), "--slo"),
                ((self.path / "a.json", self.path / "run.json"), "side by side"),
                ((self.path / "run.json", self.path / "a.json"), "side by side")):
            ended = zsip("report", *arguments)
            self.assertEqual(1, ended.returncode, ended)
            self.assertEqual(1, len(ended.stderr.splitlines()), ended.stderr)
            self.assertIn(word, ended.stderr)

    def test_what_is_wrong_is_named(self):
        probe = dict(self.data["probes"][0])
        for changes, words in (
                ({"schema": "zsip load find-max 9"}, "find-max 9"),
                ({"probes": 3}, "probes"), ({"slo": None}, "slo"), ({"command": [1]}, "command"),
                ({"probes": [dict(probe, outcome="x")]}, "probes[0].outcome"),
                ({"probes": [probe, dict(probe, p99_us=-1)]}, "probes[1].p99_us"),
                ({"probes": [dict(probe, objectives=[1])]}, "probes[0].objectives")):
            ended = zsip("report", self.other("w.json", **changes))
            self.assertEqual(1, ended.returncode, ended)
            self.assertEqual(1, len(ended.stderr.splitlines()), ended.stderr)
            self.assertIn(words, ended.stderr)

    def test_a_terminal_obeys_no_file(self):
        ended = zsip("report", self.other("e.json", slo="\x1b[2J\x07"))
        self.assertNotIn("\x1b", ended.stdout)
        page = zsip("report", "--html", "-", self.other("e.json", slo="<script>x</script>"))
        self.assertNotIn("<script>x", page.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
