#!/usr/bin/env python3
"""Results as data: JSON against its schema, CSV, and HdrHistogram's log, read by a second hand."""
import csv
import pathlib
import tempfile
import unittest

from common import HOST, hdr_counts, load, peers, percentile, summed, validate, zsip


class Data(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        with peers.serving() as server:
            cls.ended, cls.data = load(
                server, cls.path, "--rate", 2000, "--duration", "2.5", "--workers", 2, "--warmup",
                "1.3", "--csv", cls.path / "run.csv", "--hlog", cls.path / "run.hlog")
        cls.csv = list(csv.DictReader((cls.path / "run.csv").open(newline="")))
        cls.hlog = (cls.path / "run.hlog").read_text().splitlines()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_json_is_as_the_schema_says(self):
        # 4: this machine was too busy to keep the plan.
        self.assertIn(self.ended.returncode, (0, 4), self.ended)
        self.assertEqual(self.ended.returncode, self.data["exit_status"])
        validate(self.data)

    def test_the_command_line_and_the_machine_are_there(self):
        self.assertEqual(["zsip", "load"], self.data["command"][:2])
        self.assertIn("--rate", self.data["command"])
        self.assertGreater(self.data["machine"]["cores"], 0)

    def test_counters_status_codes_and_seconds_agree(self):
        sent = self.data["counters"]["sent"]
        self.assertEqual(5000, sent)
        self.assertEqual({"200": sent}, self.data["status"])
        self.assertEqual(sent, sum(self.data["answered_by_sends"]))
        for key in ("sent", "answered"):
            self.assertEqual(sent, sum(second[key] for second in self.measured()))
        self.assertGreater(self.data["counters"]["warmup"], 2000)

    def measured(self):
        return [second for second in self.data["seconds"] if not second["warmup"]]

    def test_histograms_say_what_the_figures_say(self):
        for name in ("latency", "latency_from_send", "send_lag"):
            histogram = self.data[name]
            counts = hdr_counts(histogram["hdr"])
            self.assertEqual(histogram["count"], sum(counts.values()))
            for key, percent in (("p50_us", 50), ("p90_us", 90), ("p99_us", 99)):
                self.assertEqual(histogram[key], percentile(counts, percent, histogram["max_us"]))

    def test_seconds_add_up_to_the_whole(self):
        seconds = self.measured()
        parts = [hdr_counts(second["hdr"]) for second in seconds]
        self.assertEqual(hdr_counts(self.data["latency"]["hdr"]), summed(*parts))
        for second, counts in zip(seconds, parts):
            self.assertEqual(second["p99_us"], percentile(counts, 99, second["max_us"]))
        self.assertEqual(self.data["latency"]["max_us"], max(s["max_us"] for s in seconds))

    def test_csv_has_a_line_a_second(self):
        self.assertEqual(len(self.data["seconds"]), len(self.csv))
        for line, second in zip(self.csv, self.data["seconds"]):
            for key in ("sent", "answered", "failed", "pending", "p50_us", "p99_us", "max_us"):
                self.assertEqual(second[key], int(line[key]))
        self.assertEqual(self.data["started"], self.csv[0]["utc"])

    def test_hlog_has_the_same_histograms(self):
        lines = [line.removeprefix("Tag=warmup,").split(",") for line in self.hlog
                 if not line.startswith(("#", '"'))]
        self.assertEqual(2, len([line for line in self.hlog if line.startswith("Tag=warmup,")]))
        self.assertEqual([second["hdr"] for second in self.data["seconds"]],
                         [line[3] for line in lines])
        self.assertEqual([float(i) for i in range(len(lines))], [float(x[0]) for x in lines])
        self.assertIn("#[Histogram log format version 1.3]", self.hlog)


class Files(unittest.TestCase):
    def test_other_answers_are_counted_by_code(self):
        with tempfile.TemporaryDirectory() as folder, peers.serving("--status", "486") as server:
            _, data = load(server, folder, "--count", 50)
        validate(data)
        self.assertEqual({"486": 50}, data["status"])

    def test_csv_goes_to_standard_output_alone(self):
        with peers.serving() as server:
            ended = zsip("load", "--csv", "-", "--count", 10, f"udp:{HOST}:{server.port}")
        self.assertTrue(ended.stdout.startswith("second,utc,sent,"), ended.stdout)
        self.assertEqual(2, len(ended.stdout.splitlines()))

    def test_a_path_that_cannot_be_written_is_told_before_anything_is_sent(self):
        for option in ("--json", "--csv", "--hlog", "--html"):
            ended = zsip("load", option, "/nowhere/at/all", f"udp:{HOST}:{peers.free_port()}")
            self.assertEqual(64, ended.returncode)
            self.assertIn(f"{option} /nowhere/at/all", ended.stderr)
            self.assertEqual(1, len(ended.stderr.splitlines()))

    def test_a_full_disk_is_told(self):
        with peers.serving() as server:
            for option in ("--json", "--csv", "--hlog", "--html"):
                ended = zsip("load", option, "/dev/full", "--count", 10,
                             f"udp:{HOST}:{server.port}")
                self.assertEqual(1, ended.returncode, ended)
                self.assertIn(f"{option} /dev/full", ended.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
