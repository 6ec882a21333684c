"""What the requests of `zsip load` say: names, bodies, headers, templates, injection files."""
import os
import re
import tempfile
import unittest

from common import Case, HOST, OK, USAGE, first_copies, header, peer, status, zsip


def sent(*options, count=1):
    """The requests as they arrive at a peer that answers 200."""
    with peer(status("200 OK")) as server:
        ended = zsip("load", "--lag-max", "9s", "--window", 1, "--count", count, "--quiet",
                     *options, f"udp:{HOST}:{server.port}")
    if ended.returncode != OK:
        raise AssertionError(ended)
    return first_copies(server.messages)


def body(message):
    return message.split(b"\r\n\r\n", 1)[1]


class Requests(Case):
    def file(self, text):
        handle, path = tempfile.mkstemp()
        self.addCleanup(os.unlink, path)
        with os.fdopen(handle, "wb") as out:
            out.write(text)
        return path

    def test_names_from_patterns(self):
        messages = sent("--to", "sip:bob%04d@example.com", "--from", "sip:alice%04d@example.org",
                        "--users", 3, count=5)
        self.assertEqual([f"sip:bob{n:04}@example.com" for n in (0, 1, 2, 0, 1)],
                         [message.split()[1].decode() for message in messages])
        self.assertEqual({1}, {len(set(map(len, messages)))})
        self.assertTrue(header(messages[0], "From").startswith("<sip:alice0001@example.org>;tag="))

    def test_names_from_a_file(self):
        path = self.file(b"SEQUENTIAL\n# people\nann;example.com;42\nbernadette;example.org;7\n")
        options = ("--inf", path, "--to", "sip:[field0]@[field1]", "--header", "X-Age: [field2]")
        messages = sent(*options, count=4)
        self.assertEqual(["sip:ann@example.com", "sip:bernadette@example.org"] * 2,
                         [message.split()[1].decode() for message in messages])
        self.assertEqual("7", header(messages[1], "X-Age"))
        for message in messages:
            self.assertEqual(str(len(body(message))), header(message, "Content-Length").strip())

    def test_a_broken_file_is_told_with_its_line(self):
        path = self.file(b"SEQUENTIAL\nann;a\nbob\x01;b\n")
        self.assert_refused(zsip("load", "--inf", path, "udp:127.0.0.1:5060"), USAGE, path, "3")
        path = self.file(b"SEQUENTIAL\nann;a\nbob\n")
        self.assert_refused(zsip("load", "--inf", path, "--to", "sip:[field0]@[field1]",
                                 "udp:127.0.0.1:5060"), USAGE, path, "3")
        path = self.file(b"SEQUENTIAL\nann\n")
        self.assert_refused(zsip("load", "--inf", path, "--users", 2, "udp:127.0.0.1:5060"), USAGE,
                            "1 lines")

    def test_random_order_uses_every_line(self):
        path = self.file(b"RANDOM\n" + b"".join(b"u%d\n" % n for n in range(50)))
        messages = sent("--inf", path, "--to", "sip:[field0]@a", count=50)
        names = [message.split()[1] for message in messages]
        self.assertEqual(50, len(set(names)))
        self.assertNotEqual(sorted(names, key=lambda name: int(re.sub(rb"\D", b"", name))), names)

    def test_bodies(self):
        self.assertEqual("Grüße 👋".encode(), body(sent("--body", "Grüße 👋")[0]))
        raw = bytes(range(256))
        message = sent("--body-file", self.file(raw), "--content-type", "application/octet-stream")
        self.assertEqual(raw, body(message[0]))
        text = sent("--body-utf8", "--body-bytes", 300)[0]
        self.assertEqual(300, len(body(text)))
        body(text).decode()

    def test_sizes(self):
        lengths = [len(body(message)) for message in sent("--body-bytes", "10-50", count=300)]
        self.assertTrue(all(10 <= length <= 50 for length in lengths))
        self.assertAlmostEqual(30, sum(lengths) / 300, delta=3)
        lengths = [len(body(message)) for message in sent("--body-bytes", "5:3,900:1", count=400)]
        self.assertEqual({5, 900}, set(lengths))
        self.assertAlmostEqual(300, lengths.count(5), delta=50)

    def test_headers_and_any_method(self):
        message = sent("--method", "NOTIFY", "--header", "Event: presence", "--header",
                       "Subject: [user]")[0]
        self.assertTrue(message.startswith(b"NOTIFY sip:u00000000@"))
        self.assertEqual("presence", header(message, "Event"))
        self.assertEqual("00000000", header(message, "Subject"))
        self.assertTrue(sent("--method", "PLUGH")[0].startswith(b"PLUGH "))

    def test_template(self):
        path = self.file(b"OPTIONS [to] SIP/2.0\nVia: SIP/2.0/[transport] [sent_by];rport;branch="
                         b"[branch]\nFrom: <[from]>;tag=[tag]\nTo: <[to]>\nCall-ID: [call_id]\n"
                         b"CSeq: [cseq] OPTIONS\nMax-Forwards: 70\nX-N: [sequence]\n"
                         b"Content-Length: [len]\n\n[1, [user]]\n")
        message = sent("--template", path)[0]
        self.assertTrue(message.startswith(b"OPTIONS sip:u00000000@"))
        self.assertEqual("0" * 16, header(message, "X-N"))
        self.assertEqual(b"[1, 00000000]", body(message))

    def test_what_is_wrong_is_told(self):
        for options, *words in (
                (("--header", "no colon"), "NAME: VALUE"), (("--header", "Via: a"), "already"),
                (("--method", "INVITE"), "of another kind"), (("--method", "A B"), "not a method"),
                (("--to", "sip:u%02d@a", "--users", 1000), "write %03d"),
                (("--to", "not a uri"), "not a request"),
                (("--header", "X: [what]"), "[what] is no keyword"),
                (("--body-bytes", "5-2"), "A-B"), (("--body-bytes", "1500"), "1300", "--vouch"),
                (("--body-bytes", "10-1500"), "1300"),
                (("--template", "/nonexistent"), "can't read"),
                (("--template", self.file(b"MESSAGE sip:a SIP/2.0\n\n")), "[branch]"),
                (("--inf", "/nonexistent"), "/nonexistent")):
            self.assert_refused(zsip("load", *options, "udp:127.0.0.1:5060"), USAGE, *words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
