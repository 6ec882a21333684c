#!/usr/bin/env python3
"""The same scenario files in zsip and in SIPp: both run them to the end, and the peer counts the
same messages. What SIPp has and zsip has not is named before anything is sent. Skips (77) where
SIPp is not installed."""
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))
import peers  # noqa: E402

FILES = ROOT / "examples" / "scenarios"
CALLS = 200
USERS = "SEQUENTIAL\n" + "".join(f"user{i:03};example.com;secret{i}\n" for i in range(50))


def dumped(name):
    """A scenario that SIPp brings along; it leaves with status 99 then."""
    return subprocess.run(["sipp", "-sd", name], check=False, timeout=20,
                          stdout=subprocess.PIPE).stdout


class Registrar(threading.Thread):
    """Answers as a server does, with a challenge first where it is asked for one. Counts what came:
    (method, had credentials that are right)."""

    def __init__(self, challenge=False, algorithm="MD5"):
        super().__init__(daemon=True)
        self.challenge, self.algorithm, self.over = challenge, algorithm, False
        self.counts, self.seen, self.wrong = {}, set(), []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((peers.HOST, 0))
        self.socket.settimeout(0.05)
        self.port = self.socket.getsockname()[1]

    def run(self):
        while not self.over:
            try:
                message, source = self.socket.recvfrom(65535)
            except socket.timeout:
                continue
            self.socket.sendto(self.answer(message.decode()), source)

    def stop(self):
        self.over = True
        self.join(peers.PATIENCE_S)
        self.socket.close()

    def answer(self, text):
        method = text.split(" ", 1)[0]
        branch = re.search(r"branch=([^;\s]+)", text).group(1)
        credentials = re.search(r"(?im)^Authorization: Digest (.*)$", text)
        right = credentials is not None and self.right(credentials.group(1), method)
        if branch not in self.seen:  # a copy counts once
            self.seen.add(branch)
            key = (method, right)
            self.counts[key] = self.counts.get(key, 0) + 1
        if not self.challenge or right:
            return peers.response_to(text.encode(), "200 OK")
        if credentials is not None:
            self.wrong.append(text)
        extra = ("401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"example.com\", "
                 f"nonce=\"n0\", qop=\"auth\", algorithm={self.algorithm}")
        return peers.response_to(text.encode(), extra)

    def right(self, text, method):
        part = {name: value.strip('"') for name, value in
                re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', text)}

        def hashed(line):
            return hashlib.new(self.algorithm.replace("-", ""), line.encode()).hexdigest()
        number = int(part["username"].removeprefix("user"))
        first = hashed(f"{part['username']}:example.com:secret{number}")
        second = hashed(f"{method}:{part['uri']}")
        if "qop" in part:
            middle = f"{part['nonce']}:{part['nc']}:{part['cnonce']}"
            expected = hashed(f"{first}:{middle}:auth:{second}")
        else:
            expected = hashed(f"{first}:{part['nonce']}:{second}")
        return part["response"] == expected


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.users = self.folder / "users.csv"
        self.users.write_text(USERS, encoding="utf-8")

    def at(self, registrar, *command):
        """What a registrar counts when this client runs against it."""
        registrar.start()
        try:
            ended = peers.run(*command, f"{peers.HOST}:{registrar.port}", seconds=120)
        finally:
            registrar.stop()
        return ended, registrar.counts


class Clients(Folder):
    def both(self, scenario, *options, **keywords):
        """The counts of a run by SIPp and of one by zsip."""
        common = ["-sf", FILES / scenario, *options, "-r", 400, "-m", CALLS]
        sipp, by_sipp = self.at(Registrar(**keywords), "sipp", *common, "-i", peers.HOST,
                                "-nostdin", "-timeout", "90s", "-timeout_error")
        zsip, by_zsip = self.at(Registrar(**keywords), peers.zsip(), "load", *common, "-l", 200,
                                "--lag-max", "99s")
        self.assertEqual(0, sipp.status, sipp)
        self.assertEqual(0, zsip.status, zsip)
        return by_sipp, by_zsip

    def test_message(self):
        by_sipp, by_zsip = self.both("message.xml", "-inf", self.users)
        self.assertEqual({("MESSAGE", False): CALLS}, by_zsip)
        self.assertEqual(by_sipp, by_zsip)

    def test_options(self):
        by_sipp, by_zsip = self.both("options.xml", "-s", "ping")
        self.assertEqual({("OPTIONS", False): 2 * CALLS}, by_zsip)
        self.assertEqual(by_sipp, by_zsip)

    def test_register_with_authentication(self):
        expected = {("REGISTER", False): CALLS, ("REGISTER", True): CALLS}
        zsip, by_zsip = self.at(Registrar(challenge=True), peers.zsip(), "load", "-sf",
                                FILES / "register.xml", "-inf", self.users, "-r", 400, "-m", CALLS,
                                "--lag-max", "99s")
        self.assertEqual(0, zsip.status, zsip)
        self.assertEqual(expected, by_zsip)
        # SIPp takes no keyword inside of [authentication], but one in the injection file.
        users = self.folder / "auth.csv"
        users.write_text("SEQUENTIAL\n" + "".join(
            f"user{i:03};example.com;[authentication username=user{i:03} password=secret{i}]\n"
            for i in range(50)), encoding="utf-8")
        text = (FILES / "register.xml").read_text(encoding="utf-8")
        script = self.folder / "register.xml"
        script.write_text(text.replace(
            "[authentication username=[field0] password=[field2]]", "[field2]"), encoding="utf-8")
        for program, options in (("sipp", ("-i", peers.HOST, "-nostdin")),
                                 (f"{peers.zsip()}", ("--lag-max", "99s"))):
            name = [program] if program == "sipp" else [program, "load"]
            ended, counts = self.at(Registrar(challenge=True), *name, "-sf", script, "-inf", users,
                                    "-r", 400, "-m", CALLS, *options)
            self.assertEqual(0, ended.status, ended)
            self.assertEqual(expected, counts, program)

    def test_register_with_sha_256(self):
        registrar = Registrar(challenge=True, algorithm="SHA-256")
        zsip, counts = self.at(registrar, peers.zsip(), "load", "-sf", FILES / "register.xml",
                               "-inf", self.users, "-r", 400, "-m", CALLS, "--lag-max", "99s")
        self.assertEqual(0, zsip.status, zsip)
        self.assertEqual({("REGISTER", False): CALLS, ("REGISTER", True): CALLS}, counts)

    def test_a_wrong_password_fails_the_calls(self):
        self.users.write_text(USERS.replace("secret", "wrong"), encoding="utf-8")
        zsip, _ = self.at(Registrar(challenge=True), peers.zsip(), "load", "-sf",
                          FILES / "register.xml", "-inf", self.users, "-r", 400, "-m", 50,
                          "--lag-max", "99s")
        self.assertEqual(1, zsip.status, zsip)
        self.assertIn("a 401 came, which is not expected here", zsip.text)


class Servers(Folder):
    def drive(self, server):
        """What a client saw of a server: its JSON."""
        path = self.folder / "load.json"
        try:
            ended = peers.run(peers.zsip(), "load", "--rate", 400, "--count", CALLS, "--json", path,
                              "--lag-max", "99s", "--quiet", f"{peers.HOST}:{server.port}",
                              seconds=120)
            self.assertEqual(0, ended.status, ended)
        finally:
            server.stop()
        return peers.read_json(path)["counters"]

    def sipp(self, script):
        server = peers.Program("sipp", "-sf", script, "-i", peers.HOST, "-p",
                               port := peers.free_port(), "-nostdin")
        server.port = port
        peers.until(lambda: peers.listens(port) or not server.running())
        return server

    def test_uas(self):
        by_sipp = self.drive(self.sipp(FILES / "uas.xml"))
        server = peers.Serve("-sf", FILES / "uas.xml")
        by_zsip = self.drive(server)
        self.assertEqual(CALLS, by_zsip["answered_2xx"])
        self.assertEqual(by_sipp["answered_2xx"], by_zsip["answered_2xx"])
        self.assertRegex(server.text, rf"send 200 +{CALLS}\b")

    def test_sipps_own_scenario_runs_unchanged(self):
        script = self.folder / "ooc.xml"
        script.write_bytes(dumped("ooc_default"))
        by_sipp = self.drive(self.sipp(script))
        by_zsip = self.drive(peers.Serve("-sf", script))
        self.assertEqual(CALLS, by_zsip["answered_2xx"])
        self.assertEqual(by_sipp["answered_2xx"], by_zsip["answered_2xx"])

    def test_sipp_drives_a_scenario_of_ours(self):
        server = peers.Serve("-sf", FILES / "uas.xml", "-m", CALLS)
        sipp = peers.run("sipp", "-sf", FILES / "message.xml", "-inf", self.users, "-r", 400, "-m",
                         CALLS, "-i", peers.HOST, "-nostdin", "-timeout", "90s",
                         f"{peers.HOST}:{server.port}", seconds=120)
        self.assertEqual(0, sipp.status, sipp)
        self.assertEqual(0, server.wait(60), server)
        self.assertRegex(server.text, rf"{CALLS} +calls that came to the end")


class Named(Folder):
    """Nothing is sent, and a line says file, line and what."""

    def refused(self, *arguments):
        ended = peers.run(peers.zsip(), *arguments, seconds=20)
        self.assertEqual(64, ended.status, ended)
        return ended.text

    def test_scenarios_of_sipp_that_invite(self):
        for name in ("uac", "uas", "regexp", "branchc", "branchs", "uac_pcap", "3pcc-C-A"):
            script = self.folder / f"{name}.xml"
            script.write_bytes(dumped(name))
            text = self.refused("load", "-sf", script, "127.0.0.1:9")
            lines = script.read_text(encoding="latin-1").splitlines()
            named = re.findall(rf"{name}.xml:(\d+): (INVITE|ACK|<sendCmd>|<recvCmd>)", text)
            self.assertTrue(named, text)
            for number, what in named:
                self.assertIn(what.strip("<>"), lines[int(number) - 1])

    def test_a_server_scenario_is_sent_to_serve_and_back(self):
        self.assertIn("zsip serve --sf", self.refused("load", "-sf", FILES / "uas.xml", "127.1:9"))
        self.assertIn("zsip load --sf", self.refused("serve", "-sf", FILES / "options.xml"))

    def test_an_injection_file_with_a_broken_line(self):
        self.users.write_text("SEQUENTIAL\na;b;c\nx\x01y\n", encoding="utf-8")
        text = self.refused("load", "-sf", FILES / "message.xml", "-inf", self.users, "127.0.0.1:9")
        self.assertIn("users.csv:3: a control character", text)


class Options(unittest.TestCase):
    def sipps(self):
        text = subprocess.run(["sipp", "-h"], check=False, timeout=20, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8").stdout
        return re.findall(r"(?m)^   -(\w+) *:", text.split("Signal handling")[0])

    def test_each_option_of_sipp_is_known_and_in_the_table(self):
        table = (ROOT / "docs" / "from-sipp.md").read_text(encoding="utf-8")
        names = self.sipps()
        self.assertGreater(len(names), 90)
        for name in names:
            with self.subTest(option=name):
                self.assertIn(f"`-{name}`", table)
                ended = peers.run(peers.zsip(), "load", f"-{name}", "1", "2", "--frobnicate")
                self.assertEqual(64, ended.status, ended)
                self.assertNotIn(f"-{name}: no such option", ended.text)

    def test_over_tcp(self):
        port = peers.free_port()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        summary = os.path.join(folder.name, "serve.json")
        for mode, connections in (("t1", 1), ("tn", 200)):  # two requests a call
            server = peers.Program(peers.zsip(), "serve", "--listen", f"tcp:{peers.HOST}:{port}",
                                   "--methods", "any", "--json", summary)
            try:
                self.assertTrue(server.says("listening on"), server)
                ended = peers.run(peers.zsip(), "load", "-sf", FILES / "options.xml", "-t", mode,
                                  "-r", 200, "-m", 100, "-l", 20, "--lag-max", "99s",
                                  f"{peers.HOST}:{port}")
                self.assertEqual(0, ended.status, ended)
                self.assertRegex(ended.text, r"\b100 +calls that came to the end")
            finally:
                server.stop()
            with open(summary, encoding="utf-8") as file:
                self.assertEqual(connections,
                                 json.load(file)["worker"]["connections_accepted"])

    def test_a_new_connection_each_receives_no_requests(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "asked.xml"
            text = (FILES / "options.xml").read_text(encoding="utf-8")
            path.write_text(text.replace('<pause distribution="uniform" min="5" max="20"/>',
                                         '<recv request="MESSAGE"/>'), encoding="utf-8")
            ended = peers.run(peers.zsip(), "load", "-sf", path, "-t", "tn", f"{peers.HOST}:9")
        self.assertEqual(64, ended.status, ended)
        self.assertRegex(ended.text, r"--new-connection: \S+asked\.xml:\d+ waits for a request")

    def test_the_line_everybody_types(self):
        with tempfile.TemporaryDirectory() as folder, peers.serving() as server:
            users = os.path.join(folder, "users.csv")
            with open(users, "w", encoding="utf-8") as file:
                file.write(USERS)
            ended = peers.run(peers.zsip(), "load", "--sf", FILES / "message.xml", "--inf", users,
                              "-r", 500, "-m", CALLS, "-l", 500, "-s", "bob", "-au", "u", "-ap",
                              "p", "-t", "u1", "--lag-max", "99s", f"{peers.HOST}:{server.port}")
        self.assertEqual(0, ended.status, ended)
        self.assertRegex(ended.text, rf"{CALLS} +calls that came to the end")


if __name__ == "__main__":
    peers.main("sipp")
