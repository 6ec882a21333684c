#!/usr/bin/env python3
"""The page that --html writes, in a real Chromium: it asks the network for nothing, complains of
nothing, fits a phone, shows what the data says, and opens at once."""
import copy
import json
import os
import pathlib
import random
import sys
import tempfile
import unittest

import browser
from common import SCENARIOS, USERS, load, peers, zsip

# Where to leave pictures for people to look at.
PICTURES = os.environ.get("PICTURES")


def ten_minutes(data):
    """A run of 600 s made of the seconds of a short one, of uneven rates."""
    out = copy.deepcopy(data)
    dice = random.Random(1)
    seconds = [copy.deepcopy(dice.choice(data["seconds"])) for _ in range(600)]
    for second in seconds:
        second["sent"] = dice.randint(90000, 110000)
        second["answered"] = dice.randint(90000, 110000)
        for key in ("p50_us", "p99_us", "p99_9_us", "max_us"):
            second[key] = second[key] * dice.randint(50, 150) // 100
    out["seconds"], out["arrival_s"] = seconds, 600.0
    return out


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        with peers.serving("--delay", "2") as server:
            cls.ended, cls.data = load(server, cls.path, "--rate", 800, "--duration", 3, "--slo",
                                       "p99<10s,loss<0.01%", "--html", cls.path / "run.html")
            load(server, cls.path, "--window", 8, "--duration", 2, name="other")
            (cls.path / "users.csv").write_text(USERS)
            load(server, cls.path, "--sf", SCENARIOS / "message.xml", "--inf",
                 cls.path / "users.csv", "--count", 10, "--html", cls.path / "calls.html",
                 name="calls")
        zsip("report", "--html", cls.path / "two.html", cls.path / "run.json",
             cls.path / "other.json")
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.folder.cleanup()

    def clean(self, name, **keywords):
        path = self.path / name
        self.browser.open(path, **keywords)
        others = [url for url in self.browser.asked_for()
                  if url != f"file://{path}" and not url.startswith("data:")]
        self.assertEqual([], others)
        self.assertEqual([], self.browser.complaints())
        if PICTURES:
            dark = "-dark" if keywords.get("dark") else ""
            width = keywords.get("width", 1200)
            self.browser.picture(f"{PICTURES}/{name.split('.')[0]}-{width}{dark}.png")

    def fits(self, width):
        self.assertEqual(width, self.browser.evaluate("document.documentElement.scrollWidth"))

    def test_nothing_is_asked_for_and_nothing_is_wrong(self):
        for name in ("run.html", "two.html"):
            self.clean(name)
            self.fits(1200)
            self.clean(name, dark=True)

    def test_it_fits_a_phone(self):
        for name in ("run.html", "two.html", "calls.html"):
            self.clean(name, width=400, height=800)
            self.fits(400)
        small = self.browser.evaluate(
            "Math.min(...[...document.querySelectorAll('main *')].filter(e => e.innerText)"
            ".map(e => parseFloat(getComputedStyle(e).fontSize)))")
        self.assertGreaterEqual(small, 12)

    def colour(self):
        return self.browser.evaluate("getComputedStyle(document.body).backgroundColor")

    def test_dark_is_dark_and_print_is_light(self):
        self.clean("run.html")
        light = self.colour()
        self.clean("run.html", dark=True)
        self.assertNotEqual(light, self.colour())
        self.browser.call("Emulation.setEmulatedMedia", media="print", features=[
            {"name": "prefers-color-scheme", "value": "dark"}])
        self.assertEqual("rgb(255, 255, 255)", self.colour())
        pages = self.browser.call("Page.printToPDF", printBackground=True)["data"]
        self.assertGreater(len(pages), 10000)

    def test_it_says_what_the_data_says(self):
        self.clean("run.html")
        text = self.browser.evaluate("document.body.innerText")
        sent = f"{self.data['counters']['sent']:,}"
        for words in (sent, "200 OK", "at the first send", "p99.9", "--rate 800 --duration 3",
                      self.data["machine"]["kernel"], "met p99<10s"):
            self.assertIn(words, text)
        self.assertEqual(3, self.browser.evaluate("document.querySelectorAll('svg').length"))
        rows = self.browser.evaluate("document.querySelectorAll('details tbody tr').length")
        self.assertEqual(len(self.data["seconds"]), rows)

    def test_calls_of_a_scenario_are_shown(self):
        self.clean("calls.html")
        text = self.browser.evaluate("document.body.innerText")
        for words in ("Calls", "message.xml", "calls that came to the end of the scenario",
                      "send MESSAGE", "recv 200"):
            self.assertIn(words, text)

    def test_two_runs_are_told_apart(self):
        self.clean("two.html")
        text = self.browser.evaluate("document.body.innerText")
        for words in ("2 runs side by side", "A answered", "B p99", "window: 65536  ->  8",
                      "What changed"):
            self.assertIn(words, text)

    def tip(self, *words):
        """Waits until the box beside the pointer has all these words, and nothing if there are
        none: the page answers to what happened when it comes to it."""
        def shown():
            text = self.browser.evaluate("document.querySelector('.tip')?.innerText ?? ''")
            return (all(word in text for word in words) if words else text == "") or None
        self.assertTrue(peers.until(shown), (words, self.browser.evaluate(
            "document.querySelector('.tip')?.innerText ?? ''")))

    def test_values_come_by_mouse_and_by_keys(self):
        self.clean("run.html")
        box = self.browser.evaluate(
            "(() => { const b = document.querySelector('.plot').getBoundingClientRect();"
            " return [b.left, b.top, b.width]; })()")
        self.browser.call("Input.dispatchMouseEvent", type="mouseMoved",
                          x=box[0] + box[2] / (len(self.data["seconds"]) - 1), y=box[1] + 50)
        self.tip("1 s", f"{self.data['seconds'][1]['answered']}/s")
        self.browser.evaluate("document.querySelectorAll('.plot')[2].focus()")
        for _ in range(3):
            self.browser.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight")
        self.tip("p21")
        self.browser.call("Input.dispatchKeyEvent", type="keyDown", key="Escape")
        self.tip()

    def test_hostile_text_stays_text(self):
        evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&\u2028"
        data = copy.deepcopy(self.data)
        data["command"].append(evil)
        data["machine"]["host"] = data["config"]["remote"] = evil
        data["config"][evil] = data["verdict"]["why"] = data["version"] = evil
        data["objectives"][0]["objective"] = evil
        data["started"] = evil
        (self.path / "evil.json").write_text(json.dumps(data))
        for files in (["evil.json"], ["evil.json", "other.json"]):
            ended = zsip("report", "--html", self.path / "evil.html",
                         *(self.path / name for name in files))
            self.assertEqual(0, ended.returncode, ended)
            self.clean("evil.html")
            self.assertEqual(4, self.browser.evaluate("document.scripts.length"))
            self.assertEqual(0, self.browser.evaluate("document.images.length"))
            self.assertIn("<img src=x", self.browser.evaluate("document.body.innerText"))

    def test_ten_minutes_are_small_and_open_at_once(self):
        (self.path / "long.json").write_text(json.dumps(ten_minutes(self.data)))
        zsip("report", "--html", self.path / "long.html", self.path / "long.json")
        self.assertLess((self.path / "long.html").stat().st_size, 1_000_000)
        self.clean("long.html")
        # The event that tells of it is over a little later.
        took_ms = peers.until(lambda: self.browser.evaluate(
            "performance.getEntriesByType('navigation')[0].loadEventEnd"))
        self.assertGreater(took_ms, 0)
        print(f"ten minutes: {(self.path / 'long.html').stat().st_size} B, {took_ms:.0f} ms")
        self.assertLess(took_ms, 5000)

    def test_longer_runs_are_drawn_in_fewer_points(self):
        data = ten_minutes(self.data)
        data["seconds"] *= 5
        (self.path / "hour.json").write_text(json.dumps(data))
        zsip("report", "--html", self.path / "hour.html", self.path / "hour.json")
        self.assertLess((self.path / "hour.html").stat().st_size, 1_000_000)
        self.clean("hour.html")
        self.assertEqual(600, self.browser.evaluate(
            "document.querySelectorAll('details tbody tr').length"))

    def test_a_run_without_any_answer(self):
        data = zsip("load", "--json", "-", "--html", self.path / "none.html", "--count", 5,
                    f"udp:127.0.0.1:{peers.free_port()}")
        self.assertEqual(2, data.returncode, data)
        self.clean("none.html")
        self.assertIn("unreachable", self.browser.evaluate("document.body.innerText"))


if __name__ == "__main__":
    if browser.PROGRAM is None:
        print("skipped: there is no chromium here")
        sys.exit(77)
    unittest.main(verbosity=2)
