#!/usr/bin/env python3
"""The live view, in tmux with a server of its own: what it shows, its keys, narrow windows, and the
terminal as it was behind it. Skips (77) where tmux is not installed."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import peers  # noqa: E402

LINE = re.compile(r"sent +([\d,.]+)/s")


class Terminal:
    """A shell in tmux, of this size."""

    def __init__(self, columns=100, rows=30):
        self.folder = tempfile.TemporaryDirectory()
        self.base = ["tmux", "-S", os.path.join(self.folder.name, "socket"), "-f", "/dev/null"]
        environment = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        subprocess.run([*self.base, "-u", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                        "env PS1='$ ' sh"], check=True, env=environment, timeout=60)

    def type(self, *keys):
        subprocess.run([*self.base, "send-keys", *keys], check=True, timeout=60)

    def run(self, *arguments):
        self.type(" ".join(map(str, arguments)), "Enter")

    def resize(self, columns, rows):
        subprocess.run([*self.base, "resize-window", "-x", str(columns), "-y", str(rows)],
                       check=True, timeout=60)

    def screen(self):
        return subprocess.run([*self.base, "capture-pane", "-p"], check=True, timeout=60,
                              capture_output=True, encoding="utf-8").stdout

    def value(self, name):
        return subprocess.run([*self.base, "display-message", "-p", "#{" + name + "}"], check=True,
                              timeout=60, capture_output=True, encoding="utf-8").stdout.strip()

    def wait_for(self, pattern, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            text = self.screen()
            if re.search(pattern, text):
                return text
            time.sleep(0.1)
        raise AssertionError(f"no {pattern} on the screen:\n{text}")

    def end(self):
        subprocess.run([*self.base, "kill-server"], check=False, timeout=60)
        self.folder.cleanup()


def number(text, label):
    return float(re.search(label + r" +([\d,.]+)", text).group(1).replace(",", ""))


class Live(unittest.TestCase):
    def setUp(self):
        self.terminal = Terminal()
        self.addCleanup(self.terminal.end)

    def load(self, server, *options):
        self.terminal.run(peers.zsip(), "load", *options, f"udp:{peers.HOST}:{server.port}")

    def assert_normal(self):
        for name, value in (("alternate_on", "0"), ("cursor_flag", "1")):
            self.assertTrue(peers.until(lambda wanted=(name, value): self.terminal.value(
                wanted[0]) == wanted[1]), name)

    def assert_given_back(self):
        """The shell's own screen, cursor and echo."""
        terminal = self.terminal
        terminal.wait_for(r"answered 2xx")
        self.assert_normal()
        terminal.run("echo", "back=$((40+2))")
        terminal.wait_for(r"echo back=\$\(\(40\+2\)\)\s+back=42")

    def test_load_shows_its_figures_and_takes_keys(self):
        with peers.serving() as server:
            self.load(server, "--rate", 1000, "--duration", 60)
            text = self.terminal.wait_for(r"sent +[1-9][\d,]*/s")
            for word in ("answered", "pending", "latency p50", "latency p99", "latency max",
                         "unanswered", "retransmissions", "own CPU", "behind the plan", "keys:"):
                self.assertIn(word, text)
            self.assertRegex(text, "[\u2581-\u2588]")
            self.assertEqual("1", self.terminal.value("alternate_on"))
            self.terminal.type("*")
            self.terminal.wait_for(r"1,100/s")
            self.terminal.type("-")
            self.terminal.wait_for(r"1,090/s")
            self.terminal.type("p")
            self.terminal.wait_for(r"PAUSED[\s\S]*sent +0/s")
            self.terminal.type("p")
            self.terminal.wait_for(r"sent +1,\d\d\d/s")
            self.terminal.type("q")
            self.terminal.wait_for("changed by hand 4 times")
            self.assert_given_back()

    def whole(self, columns, rows):
        """Whether the screen shows the view once, from its first line on."""
        lines, title = self.terminal.screen().splitlines(), "zsip load"[:columns]
        return len(lines) <= rows and [line.startswith(title) for line in lines].count(True) == 1 \
            and lines[0].startswith(title)

    def test_a_narrow_window_shows_whole_lines_cut_not_wrapped(self):
        with peers.serving() as server:
            self.load(server, "--rate", 500, "--duration", 60)
            self.terminal.wait_for(r"sent +[1-9]")
            for columns, rows in ((30, 12), (12, 5), (100, 30)):
                self.terminal.resize(columns, rows)
                self.assertTrue(peers.until(lambda size=(columns, rows): self.whole(*size)),
                                self.terminal.screen())
            self.terminal.wait_for(r"sent +\d+/s")
            self.terminal.type("Q")
            self.assert_given_back()

    def test_a_signal_and_a_crash_give_the_terminal_back(self):
        for name in ("INT", "SEGV"):
            with self.subTest(signal=name), peers.serving() as server:
                self.load(server, "--window", 4, "--duration", 60)
                self.terminal.wait_for(r"sent +[1-9]")
                pid = self.terminal.value("pane_pid")
                child = subprocess.run(["pgrep", "-P", pid], capture_output=True, check=True,
                                       encoding="ascii").stdout.split()[0]
                subprocess.run(["kill", f"-{name}", child], check=True)
                self.assert_normal()
                self.terminal.run("echo", f"{name}=$((40+2))")
                self.terminal.wait_for(rf"{name}=42")

    def test_serve_shows_its_figures_and_ends_by_key(self):
        port = peers.free_port()
        self.terminal.run(peers.zsip(), "serve", "--listen", f"udp:{peers.HOST}:{port}")
        self.terminal.wait_for("zsip serve 127.0.0.1")
        ended = peers.run(peers.zsip(), "load", "--rate", 500, "--duration", 2, "--lag-max", "99s",
                          "--quiet", f"udp:{peers.HOST}:{port}")
        self.assertIn("answered 2xx", ended.text)
        text = self.terminal.wait_for(r"requests +\d")
        for word in ("answered", "retransmitted to us", "remembered", "own CPU"):
            self.assertIn(word, text)
        self.terminal.type("q")
        self.terminal.wait_for("final responses 2xx")
        self.assert_normal()


class Plain(unittest.TestCase):
    def test_no_terminal_no_view(self):
        with peers.serving() as server:
            ended = peers.run(peers.zsip(), "load", "--rate", 200, "--duration", 1.5, "--lag-max",
                              "99s", f"udp:{peers.HOST}:{server.port}")
        self.assertNotIn("\033", ended.text)
        self.assertIn("1 s  sent", ended.text)

    def test_quiet_says_nothing_meanwhile(self):
        with peers.serving() as server:
            ended = peers.run(peers.zsip(), "load", "--rate", 200, "--duration", 1.5, "--lag-max",
                              "99s", "--quiet", f"udp:{peers.HOST}:{server.port}")
        self.assertNotIn("1 s  sent", ended.text)


if __name__ == "__main__":
    if shutil.which("tmux") is None:
        print("skipped, not installed: tmux")
        sys.exit(peers.SKIPPED)
    unittest.main(verbosity=2)
