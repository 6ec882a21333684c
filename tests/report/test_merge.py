#!/usr/bin/env python3
"""zsip report: several hosts' runs as one, exactly; runs side by side; and files that are none."""
import copy
import json
import pathlib
import re
import tempfile
import threading
import time
import unittest

from common import (HOST, SCENARIOS, USERS, hdr_counts, load, peers, percentile, summed, validate,
                    zsip)


class Merge(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        cls.parts = {}
        with peers.serving("--delay", "3") as server:
            threads = [threading.Thread(target=cls.one, args=(server, name, rate))
                       for name, rate in (("a", 1500), ("b", 700))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        cls.names = [cls.path / "a.json", cls.path / "b.json"]
        cls.ended = zsip("report", "--merge", "--json", cls.path / "all.json", *cls.names)
        cls.all = json.loads((cls.path / "all.json").read_text())

    @classmethod
    def one(cls, server, name, rate):
        cls.parts[name] = load(server, cls.path, "--rate", rate, "--duration", 2, name=name)[1]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_a_merged_run_is_as_the_schema_says(self):
        self.assertEqual(0, self.ended.returncode, self.ended)
        validate(self.all)
        self.assertEqual(2, len(self.all["merged"]))

    def test_counts_add_up(self):
        for key in ("counters", "status"):
            for name, value in self.all[key].items():
                parts = [part[key].get(name, 0) for part in self.parts.values()]
                self.assertEqual(sum(parts), value, name)
        self.assertEqual(4400, self.all["counters"]["sent"])
        self.assertEqual(2200, self.all["config"]["rate_per_s"])

    def test_histograms_add_up_bucket_by_bucket(self):
        for name in ("latency", "latency_from_send", "send_lag"):
            counts = summed(*(hdr_counts(part[name]["hdr"]) for part in self.parts.values()))
            merged = self.all[name]
            self.assertEqual(counts, hdr_counts(merged["hdr"]))
            for key, percent in (("p50_us", 50), ("p99_us", 99)):
                self.assertEqual(percentile(counts, percent, merged["max_us"]), merged[key])
            self.assertEqual(sum(part[name]["sum_us"] for part in self.parts.values()),
                             merged["sum_us"])
            self.assertEqual(max(part[name]["max_us"] for part in self.parts.values()),
                             merged["max_us"])

    def test_each_second_adds_up_too(self):
        self.assertEqual(4400, sum(second["sent"] for second in self.all["seconds"]))
        counts = summed(*(hdr_counts(second["hdr"]) for second in self.all["seconds"]))
        self.assertEqual(hdr_counts(self.all["latency"]["hdr"]), counts)

    def test_another_start_shifts_the_seconds(self):
        late = copy.deepcopy(self.parts["b"])
        late["started_utc_us"] = self.parts["a"]["started_utc_us"] + 10_200_000
        (self.path / "late.json").write_text(json.dumps(late))
        ended = zsip("report", "--merge", "--json", "-", self.names[0], self.path / "late.json")
        merged = json.loads(ended.stdout)
        self.assertEqual(10 + len(late["seconds"]), len(merged["seconds"]))
        self.assertEqual(late["seconds"][0]["sent"], merged["seconds"][10]["sent"])
        self.assertEqual(0, merged["seconds"][5]["sent"])
        self.assertEqual(self.all["latency"]["hdr"], merged["latency"]["hdr"])
        self.assertIn("began 10 s after", ended.stderr)

    def test_a_merged_run_merges_on(self):
        third = copy.deepcopy(self.parts["b"])
        third["started_utc_us"] += 1
        (self.path / "third.json").write_text(json.dumps(third))
        ended = zsip("report", "--merge", "--json", "-", self.path / "all.json",
                     self.path / "third.json")
        merged = json.loads(ended.stdout)
        self.assertEqual(4400 + 1400, merged["counters"]["sent"])
        validate(merged)

    def test_the_files_of_a_merged_run(self):
        ended = zsip("report", "--merge", "--csv", self.path / "all.csv", "--hlog",
                     self.path / "all.hlog", *self.names)
        self.assertEqual(0, ended.returncode, ended)
        lines = (self.path / "all.csv").read_text().splitlines()
        self.assertEqual(1 + len(self.all["seconds"]), len(lines))
        hdr = [line.split(",")[3] for line in (self.path / "all.hlog").read_text().splitlines()
               if line[0].isdigit()]
        self.assertEqual([second["hdr"] for second in self.all["seconds"]], hdr)

    def test_a_merged_run_is_judged_anew(self):
        for slo, status, word in (("p99<1s,loss<=0%", 0, "met"), ("p50<1us,loss<1%", 3, "MISSED")):
            ended = zsip("report", "--merge", "--slo", slo, *self.names)
            self.assertIn(ended.returncode, (status, 4), ended)
            self.assertRegex(ended.stdout, rf"{word} +p")
        self.assertEqual(64, zsip("report", "--slo", "p99", *self.names).returncode)

    def test_the_same_run_twice_is_refused(self):
        ended = zsip("report", "--merge", self.names[0], self.names[0])
        self.assertEqual(1, ended.returncode)
        self.assertIn("the same run", ended.stderr)

    def test_side_by_side(self):
        ended = zsip("report", *self.names)
        self.assertEqual(0, ended.returncode, ended)
        self.assertIn("rate_per_s: 1500.0  ->  700.0", ended.stdout)
        one, other = (part["counters"]["sent"] / part["arrival_s"] for part in
                      (self.parts["a"], self.parts["b"]))
        seen = re.search(r"sent +([\d,]+)/s +([\d,]+)/s +(-\d+\.\d) %", ended.stdout)
        seen = [float(text.replace(",", "")) for text in seen.groups()]
        for expected, value in zip((one, other, 100 * other / one - 100), seen):
            self.assertAlmostEqual(expected, value, delta=1)
        self.assertRegex(ended.stdout, r"answered 2xx +100.00 % +100.00 % +=")

    def test_a_run_against_itself_changes_nothing(self):
        ended = zsip("report", self.names[0], self.names[0])
        self.assertNotIn("What was not alike", ended.stdout)
        self.assertNotRegex(ended.stdout, r"[+-]\d+\.\d %")


class Together(unittest.TestCase):
    def test_two_programs_begin_at_one_instant(self):
        """Each in a process of its own, as on two machines: told the instant, merged afterwards."""
        with tempfile.TemporaryDirectory() as name, peers.serving() as server:
            folder = pathlib.Path(name)
            moment = int(time.time()) + 8
            instant = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
            programs = [peers.Program(peers.zsip(), "load", "--rate", rate, "--duration", 1,
                                      "--lag-max", "9s", "--start-at", instant, "--json",
                                      folder / f"{rate}.json", f"udp:{HOST}:{server.port}")
                        for rate in (300, 500)]
            for program in programs:
                self.assertEqual(0, program.wait(60), program)
            names = [folder / f"{rate}.json" for rate in (300, 500)]
            ended = zsip("report", "--merge", "--json", folder / "all.json", *names)
            self.assertEqual(0, ended.returncode, ended)
            parts = [json.loads(path.read_text()) for path in names]
            merged = json.loads((folder / "all.json").read_text())
        validate(merged)
        for part in (*parts, merged):
            self.assertEqual(moment * 1000000, part["started_utc_us"])
        self.assertEqual(800, merged["counters"]["sent"])
        self.assertEqual([0, 0], [part["offset_s"] for part in merged["merged"]])
        for at in range(max(len(part["seconds"]) for part in parts)):
            self.assertEqual(sum(part["seconds"][at]["sent"] for part in parts
                                 if at < len(part["seconds"])), merged["seconds"][at]["sent"])
        self.assertEqual(summed(*(hdr_counts(part["latency"]["hdr"]) for part in parts)),
                         hdr_counts(merged["latency"]["hdr"]))


class Calls(unittest.TestCase):
    """What became of the calls of a scenario."""

    def test_calls_and_steps_add_up(self):
        with tempfile.TemporaryDirectory() as name, peers.serving() as server:
            folder, parts = pathlib.Path(name), []
            (folder / "users.csv").write_text(USERS)
            for run, scenario, calls in (("a", "message", 20), ("b", "message", 30),
                                         ("c", "options", 5)):
                parts.append(load(server, folder, "--sf", SCENARIOS / f"{scenario}.xml", "--inf",
                                  folder / "users.csv", "--count", calls, name=run)[1]["calls"])
            plain = load(server, folder, "--count", 10, name="plain")[1]

            def merged(*names):
                ended = zsip("report", "--merge", "--json", folder / "all.json", "--html",
                             folder / "all.html", *(folder / f"{each}.json" for each in names))
                self.assertEqual(0, ended.returncode, ended)
                out = json.loads((folder / "all.json").read_text())
                validate(out)
                return out, (folder / "all.html").read_text(), ended.stdout + ended.stderr

            both, page, _ = merged("a", "b")
            mixed, _, said = merged("a", "c")
            beside, _, _ = merged("plain", "a")
        self.assertNotIn("calls", plain)
        self.assertEqual((50, 50, 0), tuple(both["calls"][key]
                                            for key in ("started", "succeeded", "failed")))
        for at, step in enumerate(both["calls"]["steps"]):
            self.assertEqual(sum(part["steps"][at]["messages"] for part in parts[:2]),
                             step["messages"])
        self.assertIn("<h2>Calls</h2>", page)
        self.assertIn("send MESSAGE", page)
        self.assertEqual((25, []), (mixed["calls"]["started"], mixed["calls"]["steps"]))
        self.assertIn("not alike in the steps", said)
        self.assertEqual(parts[0], beside["calls"])


class Wrong(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        with peers.serving() as server:
            cls.good = load(server, cls.path, "--count", 100)[1]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def refused(self, text, *words):
        path = self.path / "wrong.json"
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        ended = zsip("report", path)
        self.assertEqual(1, ended.returncode, ended)
        lines = ended.stderr.splitlines()
        self.assertEqual(1, len(lines), ended.stderr)
        for word in ("wrong.json", *words):
            self.assertIn(word, lines[0])

    def but(self, *path, value=None):
        data = copy.deepcopy(self.good)
        at = data
        for key in path[:-1]:
            at = at[key]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        return data

    def test_what_is_no_json(self):
        self.refused("{\n \"schema\": \n}", "line 3")
        self.refused("", "line 1")

    def test_what_is_json_and_no_run(self):
        self.refused("[]", "schema")
        self.refused({"schema": "zsip serve 1"}, "no result of zsip load")

    def test_another_version(self):
        self.refused(self.but("schema", value="zsip load 3"), "zsip load 3", "zsip load 2")

    def test_what_is_missing_is_named(self):
        for path in (("counters",), ("status",), ("latency",), ("latency", "hdr"), ("seconds",),
                     ("generator", "busy"), ("arrival_s",), ("config",), ("command",),
                     ("answered_by_sends",), ("held", "count"), ("verdict",)):
            self.refused(self.but(*path), path[-1])

    def test_what_can_not_be_is_named(self):
        self.refused(self.but("counters", "sent", value=-1), "counters.sent")
        self.refused(self.but("status", "200", value="x"), "status.200")
        self.refused(self.but("latency", "count", value=7), "latency", "disagree")
        self.refused(self.but("latency", "hdr", value="HISTFAAA"), "latency.hdr")
        self.refused(self.but("seconds", 0, value=3), "seconds[0]")
        self.refused(self.but("answered_by_sends", 0, value="x"), "answered_by_sends")
        self.refused(self.but("command", 0, value=1), "command")

    def test_no_file_and_no_such_file(self):
        self.assertEqual(64, zsip("report").returncode)
        ended = zsip("report", self.path / "none.json")
        self.assertEqual(1, ended.returncode)
        self.assertIn("none.json", ended.stderr)
        self.assertEqual(64, zsip("report", "--json", "x", self.path / "run.json").returncode)
        self.assertEqual(64, zsip("report", *["x"] * 9).returncode)

    def test_a_terminal_obeys_no_file(self):
        (self.path / "esc.json").write_text(
            json.dumps(self.but("command", 1, value="\x1b[2J\x07")))
        ended = zsip("report", self.path / "esc.json")
        self.assertEqual(0, ended.returncode)
        self.assertNotIn("\x1b", ended.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
