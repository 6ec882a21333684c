"""`zsip parse`: what it says of messages, of what is none, and with which exit code."""
import json
import pathlib
import tempfile
import unittest

from common import Case, FAILED, OK, ROOT, USAGE, zsip

DATA = ROOT / "tests" / "data"
TORTURE = DATA / "torture"
FRAME = (b"MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
         b"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: a\r\n"
         b"CSeq: 1 MESSAGE\r\n")

# Every field that has a function of its own, and what stands in its value: where in "parsed", and
# what. An element of a list first, then keys.
FIELDS = (
    ("Via: SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bK2;received=[2001:db8::1];rport=9;ttl=3;"
     "maddr=224.2.0.1;alias;keep=30;oc=20;oc-algo=\"loss,rate\";oc-validity=500;oc-seq=1282.1",
     {(0, "host"): "2001:db8::9", (0, "port"): 5060, (0, "received"): "2001:db8::1",
      (0, "rport"): "rport=9", (0, "ttl"): 3, (0, "maddr"): "224.2.0.1", (0, "alias"): True,
      (0, "keep"): "30", (0, "overload", "oc"): 20, (0, "overload", "validity_ms"): 500,
      (0, "overload", "algorithms"): "loss,rate", (0, "overload", "sequence"): "1282.1"}),
    ("Contact: *", {(0, "uri", "whole"): "*"}),
    ("Contact: \"A\" <sips:a@b:1;ob;lr>;q=0.7;expires=3600;+sip.instance=\"<urn:uuid:0>\";reg-id=1",
     {(0, "display"): '"A"', (0, "uri", "user"): "a", (0, "uri", "scheme"): "sips",
      (0, "uri", "port"): 1, (0, "uri", "ob"): True, (0, "uri", "lr"): True, (0, "q"): "0.7",
      (0, "expires"): "3600", (0, "+sip.instance"): '"<urn:uuid:0>"', (0, "reg-id"): "1"}),
    ("Route: <sip:a;lr>, <sip:b;lr>", {(1, "uri", "host"): "b"}),
    ("Record-Route: <sip:a;lr>", {(0, "uri", "host"): "a"}),
    ("Path: <sip:a;lr;ob>", {(0, "uri", "ob"): True}),
    ("Service-Route: <sip:a;lr>", {(0, "uri", "lr"): True}),
    ("Expires: 300", {(): 300}),
    ("Min-Expires: 60", {(): 60}),
    ("Max-Breadth: 69", {(): 69}),
    ("Flow-Timer: 120", {(): 120}),
    ("Date: Sat, 13 Nov 2010 23:29:00 GMT", {(): 1289690940}),
    ("Content-Disposition: session;handling=optional",
     {(0, "name"): "session", (0, "handling"): "optional"}),
    ("Content-Encoding: gzip, x", {(1, "name"): "x"}),
    ("Content-Language: fr", {(0, "name"): "fr"}),
    ("Accept: text/plain;q=0.5, */*", {(0, "name"): "text/plain", (0, "q"): "0.5",
                                       (1, "name"): "*/*"}),
    ("Accept-Encoding: gzip;q=1.0", {(0, "name"): "gzip", (0, "q"): "1.0"}),
    ("Accept-Language: da, en-gb;q=0.8", {(1, "name"): "en-gb"}),
    ("Allow: MESSAGE, OPTIONS", {(1, "name"): "OPTIONS"}),
    ("Require: path", {(0, "name"): "path"}),
    ("Proxy-Require: foo", {(0, "name"): "foo"}),
    ("Supported: path, outbound", {(1, "name"): "outbound"}),
    ("Unsupported: foo", {(0, "name"): "foo"}),
    ("Authorization: Digest username=\"a\", algorithm=SHA-512-256, username*=UTF-8''b",
     {("scheme",): "Digest", ("params", "username"): "a",
      ("params", "algorithm"): "SHA-512-256", ("params", "username*"): "UTF-8''b"}),
    ("Proxy-Authorization: Basic YQ==", {("scheme",): "Basic"}),
    ("WWW-Authenticate: Digest realm=\"a\", charset=UTF-8", {("params", "charset"): "UTF-8"}),
    ("Proxy-Authenticate: Digest realm=\"a\", opaque=\"\"", {("params", "opaque"): ""}),
    ("Authentication-Info: nextnonce=\"a\"", {("params", "nextnonce"): "a"}),
    ("Retry-After: 18000 (a);duration=3600",
     {("seconds",): 18000, ("comment",): "(a)", ("duration",): "3600"}),
    ("Warning: 301 isi.edu \"Incompatible\", 399 b \"c\"",
     {(0, "code"): 301, (0, "agent"): "isi.edu", (0, "text"): '"Incompatible"', (1, "code"): 399}),
    ("Reply-To: Bob <sip:bob@biloxi.com>", {(0, "display"): "Bob"}),
    ("In-Reply-To: a@b, c", {(0, "name"): "a@b", (1, "name"): "c"}),
    ("Server: HomeServer/2 (c)", {(0, "name"): "HomeServer", (0, "version"): "2",
                                  (1, "comment"): "(c)"}),
    ("User-Agent: x", {(0, "name"): "x"}),
    ("Timestamp: 54.5 .2", {("time",): "54.5", ("delay",): ".2"}),
    ("P-Asserted-Identity: <sip:a@b>, <tel:+1>", {(1, "uri", "user"): "+1"}),
    ("Reason: SIP;cause=200;text=\"x\"", {(0, "name"): "SIP", (0, "cause"): "200"}),
    ("Event: presence;id=1", {(0, "id"): "1"}),
    ("Subscription-State: active;expires=600", {(0, "expires"): "600"}),
    ("Priority: urgent", {(0, "name"): "urgent"}),
    ("Subject: any text", None),
)

# What is no message, and the word that tells why.
NONE = (
    (b"", "nothing in it"),
    (FRAME.replace(b"\r\n", b"\n") + b"\n", "LF alone"),
    (FRAME.replace(b"\r\n", b"\r") + b"\r", "CR alone"),
    (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(16), "packet capture"),
    (b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", "packet capture"),
    (b"\xef\xbb\xbf" + FRAME + b"\r\n", "byte order mark"),
    (bytes(range(256)) * 4, "no SIP message"),
    (FRAME, "no empty line"),
    (FRAME + b"Content-Length: 9\r\n\r\nshort", "Content-Length counts bytes"),
)


def slices(value):
    """Every {"offset", "length", "value"} in what was printed."""
    if isinstance(value, dict):
        if {"offset", "length", "value"} <= value.keys():
            yield value
        for inner in value.values():
            yield from slices(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from slices(inner)


def at(value, path):
    for key in path:
        value = value[key]
    return value["value"] if isinstance(value, dict) and "value" in value else value


class Parse(Case):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(self.folder.cleanup)

    def file(self, data, name="a.sip"):
        path = pathlib.Path(self.folder.name) / name
        path.write_bytes(data)
        return path

    def ask(self, *arguments, status=OK, **keywords):
        """The JSON objects of one run."""
        ended = zsip("parse", "--json", *arguments, **keywords)
        self.assertEqual(status, ended.returncode, ended)
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def test_every_torture_message_gets_the_verdict_of_the_table(self):
        rows = [line.split() for line in (TORTURE / "table.txt").read_text().splitlines()
                if line and not line.startswith("#")]
        self.assertGreater(len(rows), 60)
        said = self.ask(*(TORTURE / row[0] for row in rows), status=FAILED)
        for (name, status, code, *_), answer in zip(rows, said, strict=True):
            self.assertEqual(status, answer["verdict"]["status"], name)
            self.assertEqual(status == "OK", answer["good"], name)
            if status != "OK":
                self.assertEqual(None if code == "drop" else int(code), answer["verdict"]["code"],
                                 name)
                self.assertTrue(answer["verdict"]["rule"], name)

    def test_every_slice_is_where_it_is_said_to_be(self):
        files = sorted(DATA.glob("messages/*.sip")) + sorted(TORTURE.glob("*.dat"))
        count = 0
        for path, answer in zip(files, self.ask(*files, status=FAILED), strict=True):
            data = path.read_bytes()[answer["offset"]:]
            for part in slices(answer):
                if "\ufffd" not in part["value"]:
                    end = part["offset"] + part["length"]
                    self.assertEqual(part["value"], data[part["offset"]:end].decode(), path)
                    count += 1
        self.assertGreater(count, 2000)

    def test_every_field_is_read_by_its_function(self):
        for line, wanted in FIELDS:
            with self.subTest(line):
                path = self.file(FRAME + line.encode() + b"\r\nContent-Length: 0\r\n\r\n")
                field = self.ask(path)[0]["fields"][-2]
                self.assertNotIn("fault", field)
                self.assertEqual(wanted is not None, "parsed" in field)
                for keys, value in (wanted or {}).items():
                    self.assertEqual(value, at(field["parsed"], keys), keys)

    def test_an_empty_row_is_marked_unless_its_field_may_hold_nothing(self):
        lists = b"Require:\r\nAccept: \r\nIn-Reply-To:\r\nRequire: a\r\n"
        path = self.file(FRAME + lists + b"Contact:\r\nRoute: \r\nServer:\r\nWarning:\r\n\r\n")
        fields = self.ask(path)[0]["fields"]
        for field in fields[-8:-4]:
            self.assertNotIn("fault", field)
        self.assertEqual([False] * 3 + [True], ["parsed" in field for field in fields[-8:-4]])
        for field in fields[-4:]:
            self.assertEqual("ERROR_SYNTAX", field["fault"]["status"], field)

    def test_a_field_that_nobody_needs_is_marked_and_leaves_the_message_good(self):
        path = self.file(FRAME + b"Date: yesterday\r\nContact: <sip:a@b\r\n\r\n")
        fields = self.ask(path)[0]["fields"]
        self.assertEqual("SIP-date", fields[-2]["fault"]["rule"])
        self.assertEqual("ERROR_SYNTAX", fields[-1]["fault"]["status"])
        lines = zsip("parse", path).stdout.splitlines()
        self.assertIn("good request", lines[0])
        self.assertEqual(2, sum(" !  " in line for line in lines), lines)

    def test_the_place_of_a_fault_is_shown(self):
        ended = zsip("parse", TORTURE / "badinv01.dat")
        lines = ended.stdout.splitlines()
        self.assertEqual(FAILED, ended.returncode)
        self.assertIn("ERROR_SYNTAX at 217 (line 7, column 29): Via parameter", lines[0])
        self.assertIn("deserves 400", lines[0])
        self.assertEqual(";;,;,,", lines[1][lines[2].index("^") - 1:])
        verdict = self.ask(TORTURE / "badinv01.dat", status=FAILED)[0]["verdict"]
        self.assertEqual((7, 29), (verdict["line"], verdict["column"]))

    def test_the_mark_stays_under_its_byte_in_a_long_line(self):
        path = self.file(FRAME + b"X: \x01" + b"x" * 300 + b"\r\n\r\n")
        lines = zsip("parse", path).stdout.splitlines()
        self.assertEqual("\\x01xxx", lines[1][lines[2].index("^"):][:7])
        path = self.file(FRAME + b"X: " + b"y" * 300 + b"\x01" + b"x" * 300 + b"\r\n\r\n")
        lines = zsip("parse", path).stdout.splitlines()
        self.assertEqual("\\x01xxx", lines[1][lines[2].index("^"):][:7])
        self.assertLess(len(lines[1]), 130)

    def test_a_bad_response_is_to_be_dropped(self):
        self.assertIn("to be dropped", zsip("parse", TORTURE / "bigcode.dat").stdout)
        self.assertNotIn("deserves", zsip("parse", TORTURE / "scalarlg.dat").stdout)

    def test_octets_behind_a_datagram_are_told(self):
        self.assertIn("450 behind it ignored", zsip("parse", TORTURE / "dblreq.dat").stdout)
        self.assertEqual(450, self.ask(TORTURE / "dblreq.dat")[0]["ignored_bytes"])

    def test_what_is_no_message_gets_a_line_that_says_why(self):
        for data, word in NONE:
            with self.subTest(word):
                path = self.file(data)
                ended = zsip("parse", path)
                self.assertEqual(FAILED, ended.returncode)
                self.assertIn(word, ended.stdout.splitlines()[1])
                self.assertEqual("", ended.stderr)
                self.assertIn(word, self.ask(path, status=FAILED)[0]["verdict"]["hint"])

    def test_what_can_not_be_read_gets_one_line(self):
        self.assert_refused(zsip("parse", "/nowhere/a"), FAILED, "/nowhere/a", "No such file")
        self.assert_refused(zsip("parse", self.folder.name), FAILED, self.folder.name,
                            "Is a directory")
        self.assert_refused(zsip("parse", "--stream", self.folder.name), FAILED, "Is a directory")
        self.assert_refused(zsip("parse", "--verbose"), USAGE, "--verbose")

    def test_a_file_without_an_end_takes_no_more_than_its_bound(self):
        self.assert_refused(zsip("parse", "/dev/zero"), FAILED, "/dev/zero", "16 MiB")
        ended = zsip("parse", "--stream", "/dev/zero")
        self.assertEqual(FAILED, ended.returncode)
        self.assertIn("byte 65535: header section: larger than the limit", ended.stdout)
        path = self.file(FRAME + b"Content-Length: 4000000000\r\n\r\n")
        self.assertIn("body: larger than the limit", zsip("parse", "--stream", path).stdout)

    def test_one_bad_file_among_good_ones_is_told_by_the_exit_code(self):
        good, bad = DATA / "messages" / "A.sip", TORTURE / "badinv01.dat"
        self.assertEqual([True, True], [a["good"] for a in self.ask(good, good)])
        self.assertEqual([True, False, True],
                         [a["good"] for a in self.ask(good, bad, good, status=FAILED)])
        self.assertEqual([True], [a["good"] for a in self.ask("/nowhere/a", good, status=FAILED)])

    def test_standard_input(self):
        text = (FRAME + b"\r\n").decode()
        for arguments in ((), ("-",)):
            ended = zsip("parse", *arguments, text=text)
            self.assertEqual(OK, ended.returncode)
            self.assertIn("stdin: 1: good request", ended.stdout)
        self.assertEqual("stdin", self.ask(text=text)[0]["file"])

    def test_a_stream_is_divided(self):
        one = FRAME + b"Content-Length: 2\r\n\r\nhi"
        path = self.file(b"\r\n\r\n" + one + b"\r\n" + one + one)
        answers = self.ask("--stream", path)
        self.assertEqual([4, 6 + len(one), 6 + 2 * len(one)], [a["offset"] for a in answers])
        self.assertEqual([1, 2, 3], [a["message"] for a in answers])
        self.assertIn("keep-alive ping at 2", zsip("parse", "--stream", path).stdout)

    def test_a_stream_of_many_reads_is_divided_alike(self):
        one = FRAME + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000
        answers = self.ask("--stream", self.file(one * 300))
        self.assertEqual([i * len(one) for i in range(300)], [a["offset"] for a in answers])
        self.assertTrue(all(a["good"] for a in answers))

    def test_a_stream_that_is_cut_short(self):
        one = FRAME + b"Content-Length: 2\r\n\r\nhi"
        answers = self.ask("--stream", self.file(one + one[:-1]), status=FAILED)
        self.assertEqual(["OK", "ERROR_LENGTH"], [a["verdict"]["status"] for a in answers])
        answers = self.ask("--stream", self.file(one + one[:50]), status=FAILED)
        self.assertEqual(["OK", "ERROR_TRUNCATED"], [a["verdict"]["status"] for a in answers])

    def test_a_stream_that_can_not_be_divided(self):
        one = FRAME + b"Content-Length: 2\r\n\r\nhi"
        answers = self.ask("--stream", self.file(one + FRAME + b"\r\n" + one), status=FAILED)
        self.assertEqual(["OK", "ERROR_MISSING", "ERROR_MISSING"],
                         [a["verdict"]["status"] for a in answers])
        self.assertEqual("stream", answers[-1]["kind"])
        self.assertEqual("Content-Length", answers[-1]["verdict"]["rule"])


if __name__ == "__main__":
    unittest.main()
