"""Wrong options and bad days: one line that says what, where and what to do; never status 0."""
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from common import Case, FAILED, HOST, OK, UNREACHED, USAGE, as_nobody, zsip
import peers

COMMANDS = ("serve", "send", "load", "parse")
TO = f"udp:{HOST}:9"
# Arguments, and what the line must hold.
FAULTS = [
    (["listen"], ["listen", "zsip help"]),
    (["serve", "--listn", "x"], ["--listn", "did you mean --listen?"]),
    (["serve", "--frobnicate"], ["--frobnicate", "zsip serve --help"]),
    (["serve", "--listen"], ["--listen", "wants a value"]),
    (["serve", "--print=yes"], ["--print=yes", "takes no value"]),
    (["serve", "udp:127.0.0.1:5060"], ["--listen"]),
    (["serve", "--listen", "udp:localhost:5060"], ["--listen", "udp:0.0.0.0:5060"]),
    (["serve", "--listen", "tls:127.0.0.1:5060"], ["tls", "only udp and tcp"]),
    (["serve", "--tcp-connections", "0"], ["--tcp-connections", "1.."]),
    (["serve", "--tcp-body-bytes", "1G"], ["--tcp-body-bytes", "921600"]),
    (["serve", "--tcp-memory", "3M"], ["--tcp-memory", "power of two"]),
    (["serve", "--tcp-idle-s", "0"], ["--tcp-idle-s", "0.001"]),
    (["serve", "--listen", "udp:127.0.0.1:99999"], ["99999"]),
    (["serve", "--status", "299x"], ["--status 299x", "not a SIP status code", "200..699"]),
    (["serve", "--status", "700"], ["700", "200..699"]),
    (["serve", "--status", "100"], ["100", "not a final answer"]),
    *[(["serve", "--status", str(code)], [str(code), "give another code"])
      for code in (301, 302, 305, 401, 405, 407, 408, 415, 420, 421, 422, 423, 489, 494)],
    (["serve", "--delay", "-1"], ["--delay -1", "0..30000"]),
    (["serve", "--delay", "1s"], ["--delay 1s", "0..30000"]),
    (["serve", "--delay", "70", "--t1", "1"], ["64*T1"]),
    (["serve", "--methods", "MESSAGE INVITE"], ["--methods"]),
    (["serve", "--methods", "MESSAGE,INVITE"], ["INVITE"]),
    (["serve", "--methods", ""], ["--methods"]),
    (["serve", "--merged", "483"], ["--merged 483", "482 or accept"]),
    (["serve", "--in-dialog", "482"], ["--in-dialog 482", "481 or accept"]),
    (["serve", "--advertise", "a b"], ["--advertise a b"]),
    (["serve", "--workers", "0"], ["--workers 0"]),
    (["serve", "--pin", "x"], ["--pin x", "auto"]),
    (["serve", "--pin", "1023"], ["--pin 1023", "may not run"]),
    (["serve", "--without", "gro,gsoo"], ["gsoo", "multishot"]),
    (["serve", "--json", "/nonexistent/x.json"], ["/nonexistent/x.json", "No such file"]),
    (["send"], ["no target"]),
    (["send", "bob@127.0.0.1", "x"], ["bob@127.0.0.1", "not a URI", "sip:bob@"]),
    (["send", "sip:b@127.0.0.1", "x", "y"], ["quotes"]),
    (["send", "sips:b@127.0.0.1", "x"], ["TLS"]),
    (["send", "tel:+123", "x"], ["--proxy"]),
    (["send", "sip:b@127.0.0.1;transport=sctp", "x"], ["transport=udp", "transport=tcp"]),
    (["send", "--body-file", "/nonexistent", "sip:b@127.0.0.1"], ["/nonexistent", "No such"]),
    (["send", "--body-file", "/dev/null", "sip:b@127.0.0.1", "x"], ["--body-file"]),
    (["send", "--header", "Subject", "sip:b@127.0.0.1", "x"], ["--header", "NAME: VALUE"]),
    (["send", "--header", "Contact: <sip:a@b>", "sip:b@127.0.0.1", "x"], ["Contact"]),
    (["send", "--expires", "never", "sip:b@127.0.0.1", "x"], ["--expires never"]),
    (["send", "--timeout", "soon", "sip:b@127.0.0.1", "x"], ["--timeout soon"]),
    (["send", "sip:b@127.0.0.1:9", "x" * 1400], ["1300", "--vouch"]),
    (["load"], ["no target"]),
    (["load", TO, TO], ["one target"]),
    (["load", "--rate", "fast", TO], ["--rate fast"]),
    (["load", "--rate", "-5", TO], ["--rate -5"]),
    (["load", "--window", "0", TO], ["--window 0"]),
    (["load", "--duration", "0x10", TO], ["--duration 0x10"]),
    (["load", "--method", "INVITE", TO], ["INVITE", "MESSAGE"]),
    (["load", "--users", "1", "--workers", "2", TO], ["--users 1"]),
    (["load", "--body-bytes", "1300", TO], ["1300", "--body-bytes", "--vouch"]),
    (["load", "--json", "/nonexistent/x.json", TO], ["/nonexistent/x.json"]),
    (["load", "--proxy", TO, "a@b"], ["a@b", "not a host"]),
    (["parse", "--frobnicate"], ["--frobnicate"]),
]


class Usage(Case):
    def test_each_fault_is_one_line_and_64(self):
        for arguments, words in FAULTS:
            with self.subTest(" ".join(arguments)[:80]):
                self.assert_refused(zsip(*arguments), USAGE, *words)

    def test_help_is_there_for_each(self):
        for command in COMMANDS:
            with self.subTest(command):
                ended = zsip(command, "--help")
                self.assertEqual((OK, ""), (ended.returncode, ended.stderr))
                self.assertIn(f"usage: zsip {command}", ended.stdout)
                self.assertEqual(ended.stdout, zsip("help", command).stdout)
                for line in ended.stdout.splitlines():
                    self.assertLessEqual(len(line), 100, line)
        self.assertEqual(OK, zsip("help").returncode)
        self.assertEqual(USAGE, zsip().returncode)

    def test_version(self):
        self.assertRegex(zsip("--version").stdout, r"^zsip \d+\.\d+\.\d+\n$")


class Nobody:
    """A copy of the program that a user without privileges can run."""

    def __init__(self, case, folder):
        self.keywords = as_nobody()
        if self.keywords is None:
            case.skipTest("there is no user without privileges to run as")
        os.chmod(folder, 0o755)
        self.program = os.path.join(folder, "zsip")
        shutil.copy(peers.zsip(), self.program)
        library = os.path.join(os.path.dirname(peers.zsip()), "..", "core", "libzsip.so.0")
        if os.path.exists(library):
            shutil.copy(library, os.path.join(folder, "libzsip.so.0"))

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments], capture_output=True, timeout=30,
                              check=False, encoding="utf-8", stdin=subprocess.DEVNULL,
                              env={"LD_LIBRARY_PATH": os.path.dirname(self.program)},
                              **self.keywords)


class BadDays(Case):
    def test_a_port_taken_by_another_zsip(self):
        for workers in ((), ("--workers", 2)):
            with peers.serving(*workers) as server:
                ended = zsip("serve", "--listen", f"udp:{HOST}:{server.port}", *workers)
                self.assert_refused(ended, FAILED, f"{HOST}:{server.port}", "in use")

    def test_a_port_taken_by_somebody(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((HOST, 0))
            port = taken.getsockname()[1]
            ended = zsip("serve", "--listen", f"udp:{HOST}:{port}")
        self.assert_refused(ended, FAILED, f"{HOST}:{port}", "in use")

    def test_an_address_of_somebody_else(self):
        ended = zsip("serve", "--listen", "udp:192.0.2.1:5060")
        self.assert_refused(ended, FAILED, "192.0.2.1:5060")

    def test_a_port_that_is_not_ours_to_take(self):
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
            if int(file.read()) <= 1:
                self.skipTest("anybody may take any port here")
        with tempfile.TemporaryDirectory() as folder:
            ended = Nobody(self, folder).run("serve", "--listen", f"udp:{HOST}:1")
        self.assert_refused(ended, FAILED, f"{HOST}:1", "ermi")

    def test_a_file_that_may_not_be_written(self):
        with tempfile.TemporaryDirectory() as folder:
            nobody = Nobody(self, folder)
            path = os.path.join(folder, "x.json")
            with open(path, "w", encoding="ascii"):
                os.chmod(path, 0o444)
            self.assert_refused(nobody.run("load", "--json", path, TO), USAGE, path, "ermission")

    def test_a_name_that_does_not_resolve(self):
        for arguments in (("send", "sip:bob@nowhere.invalid", "x"),
                          ("load", "udp:nowhere.invalid:5060")):
            with self.subTest(arguments[0]):
                self.assert_refused(zsip(*arguments), UNREACHED, "nowhere.invalid", "resolve")


if __name__ == "__main__":
    unittest.main(verbosity=2)
