#!/usr/bin/env python3
"""Every page that --html writes fits a phone, whatever the data: names, paths and command lines
without a place to break, the largest numbers, every status there is, many objectives, and fonts
that are wider than ours. What is asked for here does not depend on what a run measured."""
import copy
import json
import pathlib
import sys
import tempfile
import unittest

import browser
from common import SCENARIOS, USERS, hdr_text, load, peers, zsip

WIDTHS = (320, 400)
HUGE = 2 ** 53 - 1
HOUR_US = 3600000000
WORD = "a-name/without_any_place.to:break" * 6
# Wider than every font that a page in a browser has by itself.
FONTS = ("", "html, body { font-size: 20px; font-family: monospace; letter-spacing: 1px; }")


def wide(value):
    """The same in JSON, with everything as wide as it can become."""
    if isinstance(value, dict):
        return {key: wide(part) for key, part in value.items()}
    if isinstance(value, list):
        return [wide(part) for part in value]
    if isinstance(value, str):
        return WORD
    return value if isinstance(value, bool) or value is None else HUGE


def histogram(total):
    """So many answers, most of them after an hour."""
    counts = {22000: total // 3, 23220: total - total // 3}
    return {"count": total, "min_us": HOUR_US // 2, "max_us": HOUR_US, "sum_us": HUGE,
            "hdr": hdr_text({index: count for index, count in counts.items() if count})}


def wide_run(data, answers):
    """A run whose every text and number is wide; of so many answers, which is how far the axis of
    the percentiles goes."""
    out = copy.deepcopy(data)
    for key in ("machine", "config", "verdict", "counters"):
        out[key] = wide(out[key])
    out["config"].update({WORD: WORD, "t1_s": HUGE})
    out["machine"][WORD] = WORD
    out["verdict"]["held"] = WORD
    out["verdict"]["tainted"] = False
    out.update(version=WORD, started=WORD, registered=HUGE, register_failed=HUGE)
    out["command"] += [WORD, "--" + WORD]
    out["status"] = {str(code): HUGE for code in range(200, 700)}
    out["answered_by_sends"] = [HUGE] * 11
    out["objectives"] = [
        {"objective": f"p99.{n}<" + "9" * 60, "met": n % 2 == 0, "value": HUGE, "unit": unit}
        for n in range(10) for unit in ("us", "share")]
    for key in ("latency", "latency_from_send", "send_lag", "held", "one_way"):
        out[key] = histogram(answers)
    second = wide({key: value for key, value in out["seconds"][0].items() if key != "hdr"})
    second.update({key: HOUR_US for key in second if key.endswith("_us")})
    out["seconds"] = [dict(second, warmup=n < 30) for n in range(90)]
    if "calls" in out:
        out["calls"] = wide(out["calls"])
    return out


class Phone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        # Names of files are as long as a file system lets them be.
        cls.path = pathlib.Path(cls.folder.name) / ("folder" * 20)
        cls.path.mkdir()
        users = cls.path / "users.csv"
        users.write_text(USERS)
        with peers.serving() as server:
            cls.plain = load(server, cls.path, "--count", 10, "--slo", "p99<10s")[1]
            cls.calls = load(server, cls.path, "--sf", SCENARIOS / "message.xml", "--inf", users,
                             "--count", 10, name="calls")[1]
            ended = zsip("load", "--find-max", "--slo", "p50<9s", "--rate", 20, "--duration", 0.1,
                         "--drain", 0, "--repeats", 1, "--precision", "50%", "--lag-max", "9s",
                         "--max-pending", 3, "--json", "-", f"udp:{peers.HOST}:{server.port}")
            cls.found = json.loads(ended.stdout)
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.folder.cleanup()

    def write(self, name, data):
        path = self.path / (name * 40 + ".json")
        path.write_text(json.dumps(data))
        return path

    def page(self, *arguments):
        page = self.path / "page.html"
        ended = zsip("report", "--html", page, *arguments)
        self.assertEqual(0, ended.returncode, ended.stderr)
        return page

    def fits(self, *arguments):
        page = self.page(*arguments)
        for width in WIDTHS:
            self.browser.open(page, width=width, height=800)
            self.browser.evaluate(
                "document.querySelectorAll('details').forEach(one => { one.open = true; })")
            for font in FONTS:
                self.browser.evaluate(
                    f"document.head.append(Object.assign(document.createElement('style'),"
                    f" {{ textContent: {json.dumps(font)} }}))")
                self.assertEqual([], self.browser.sticks_out(width)[:9], (width, font))

    def test_a_run(self):
        """Where the last name below the plot of percentiles stands depends on the count."""
        for answers in (1, 1010, 1300, 13 * 10 ** 5, 10 ** 12):
            with self.subTest(answers=answers):
                self.fits(self.write("run", wide_run(self.plain, answers)))

    def test_a_run_of_a_scenario(self):
        self.fits(self.write("calls", wide_run(self.calls, 1300)))

    def test_lengths_of_a_run(self):
        """Which seconds are named below a plot depends on how long the run was."""
        data = wide_run(self.plain, 1300)
        for count in (1, 3, 17, 61, 599, 3700):
            data["seconds"] = data["seconds"][:1] * count
            with self.subTest(seconds=count):
                self.fits(self.write("run", data))

    def test_runs_side_by_side(self):
        self.fits(self.write("a", wide_run(self.plain, 1300)), self.write("b", self.plain))
        self.fits(*(self.write(name, wide_run(self.calls, 1300)) for name in "abcdefgh"))

    def test_merged_runs(self):
        parts = [self.write(name, dict(self.plain, started_utc_us=number))
                 for number, name in enumerate("ab")]
        merged = self.path / "merged.json"
        ended = zsip("report", "--merge", "--json", merged, *parts)
        self.assertEqual(0, ended.returncode, ended.stderr)
        data = wide_run(json.loads(merged.read_text()), 1300)
        data["merged"] = wide(data["merged"])
        self.fits(self.write("m", data))

    def test_searches(self):
        data = copy.deepcopy(self.found)
        for key in ("machine", "config"):
            data[key] = wide(data[key])
        data.update(started=WORD, slo=WORD, maximum_per_s=1e9, lowest_per_s=1e9, searches=HUGE,
                    highest_per_s=1e9)
        data["command"].append(WORD)
        probe = dict(wide(data["probes"][0]), outcome="missed", loss=1, p50_us=HOUR_US,
                     p99_us=HOUR_US, max_us=HOUR_US)
        for probe["objectives"] in ([], [{"objective": WORD, "met": False, "value": HUGE,
                                          "unit": "us"}]):
            for count in (1, 3, 41):
                data["probes"] = [dict(probe, rate_per_s=1e9 + n) for n in range(count)]
                with self.subTest(probes=count):
                    self.fits(self.write("a", data))
        self.fits(self.write("a", data), self.write("b", data))

    def test_the_box_beside_the_pointer(self):
        """Wherever the pointer is, and it follows the arrow keys."""
        page = self.page(self.write("run", wide_run(self.plain, 1300)))
        for width in WIDTHS:
            self.browser.open(page, width=width, height=800)
            for plot in range(3):
                self.browser.evaluate(f"document.querySelectorAll('.plot')[{plot}].focus()")
                for key in ["ArrowRight"] + ["PageDown"] * 10:
                    for kind in ("keyDown", "keyUp"):
                        self.browser.call("Input.dispatchKeyEvent", type=kind, key=key)
                    self.assertTrue(peers.until(lambda: self.browser.evaluate(
                        "document.querySelector('.tip')?.innerText")))
                    self.assertEqual([], self.browser.sticks_out(width), (plot, key))


if __name__ == "__main__":
    if browser.PROGRAM is None:
        print("skipped: there is no chromium here")
        sys.exit(77)
    unittest.main(verbosity=2)
