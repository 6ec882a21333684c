"""`zsip send`: one request, one line, one exit status."""
import socket
import tempfile
import time
import unittest

from common import Case, FAILED, HOST, OK, UNREACHED, header, peer, status, zsip
import peers


def to(server, user="bob"):
    return f"sip:{user}@{HOST}:{server.port}"


class Answers(Case):
    def send(self, line, *options, expected=OK):
        with peer(status(line)) as server:
            ended = zsip("send", *options, to(server), "Watson, come here.")
        self.assertEqual(expected, ended.returncode, ended)
        return ended.stdout

    def test_2xx_is_success(self):
        out = self.send("200 OK")
        self.assertRegex(out, rf"^200 OK from udp:{HOST}:\d+ after [\d.]+ [mu]?s\n$")

    def test_202_is_told_apart(self):
        self.assertIn("202 Accepted (for later delivery)", self.send("202 Accepted"))

    def test_other_finals_are_1(self):
        for line in ("302 Moved Temporarily", "404 Not Found", "503 Service Unavailable",
                     "603 Decline"):
            self.assertTrue(self.send(line, expected=FAILED).startswith(line))

    def test_a_reason_can_not_write_to_the_terminal(self):
        out = self.send("404 \x9b2Jgone", expected=FAILED)
        self.assertIn("\\x9b2Jgone", out)
        self.assertNotIn("\x9b", out)

    def test_a_provisional_is_waited_out(self):
        def answer(message, _):
            return [peers.response_to(message, "100 Trying"), peers.response_to(message)]
        with peer(answer) as server:
            ended = zsip("send", to(server), "x")
        self.assertEqual((OK, 1), (ended.returncode, len(ended.stdout.splitlines())), ended)

    def test_a_lost_request_is_sent_again(self):
        with peer(lambda message, number: number > 2 and [peers.response_to(message)]) as server:
            ended = zsip("send", to(server), "x")
        self.assertEqual(OK, ended.returncode, ended)
        self.assertRegex(ended.stdout, f"sent [3-{len(server.messages)}] times")
        self.assertEqual(1, len(set(server.messages)), "a retransmission is the same bytes")

    def test_silence_is_2(self):
        began = time.monotonic()
        with peer(lambda message, number: None) as server:
            ended = zsip("send", "--timeout", 1, to(server), "x")
        self.assert_refused(ended, UNREACHED, f"udp:{HOST}:{server.port}", "no answer in 1 s")
        self.assertLess(time.monotonic() - began, 25)  # Timer F is 32 s

    def test_a_closed_port_is_2_and_found_at_once(self):
        began = time.monotonic()
        ended = zsip("send", f"sip:bob@{HOST}:{peers.free_port()}", "x")
        self.assert_refused(ended, UNREACHED, "can't be reached")
        self.assertLess(time.monotonic() - began, 25)  # Timer F is 32 s

    def test_garbage_and_strangers_are_no_answer(self):
        def answer(message, _):
            right = peers.response_to(message)
            return [b"\x00\xff", b"SIP/2.0 200 OK\r\n\r\n", right.replace(b"z9hG4bK", b"z9hG4bKx"),
                    right.replace(b"CSeq: 1 MESSAGE", b"CSeq: 1 OPTIONS"),
                    peers.response_to(message, "404 \x1b[2J"),
                    peers.response_to(message, "480 Temporarily Unavailable")]
        with peer(answer) as server:
            ended = zsip("send", to(server), "x")
        self.assertEqual(FAILED, ended.returncode, ended)
        self.assertTrue(ended.stdout.startswith("480 "))


class Requests(Case):
    def sent(self, *arguments, text=None, server_uri=None):
        """The request that arrives."""
        with peer(status("200 OK")) as server:
            ended = zsip("send", *[str(a).replace("PORT", str(server.port)) for a in arguments],
                         *([server_uri or to(server)] if server_uri != "" else []),
                         *([] if text is not None else ["hello"]), text=text)
        self.assertEqual(OK, ended.returncode, ended)
        return server.messages[0]

    def body(self, message):
        return message.split(b"\r\n\r\n", 1)[1]

    def test_what_every_message_has(self):
        message = self.sent()
        self.assertTrue(message.startswith(b"MESSAGE sip:bob@"))
        for name in ("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Content-Type"):
            self.assertIsNotNone(header(message, name), name)
        self.assertEqual("text/plain", header(message, "Content-Type"))
        self.assertEqual("5", header(message, "Content-Length"))
        self.assertIn("rport", header(message, "Via"))
        for name in ("Contact", "Expires", "Date", "Route"):
            self.assertIsNone(header(message, name), name)
        self.assertEqual(b"hello", self.body(message))

    def test_body_from_standard_input(self):
        self.assertEqual("Grüße\n".encode(), self.body(self.sent(text="Grüße\n")))

    def test_body_from_a_file(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"\x00\x01binary")
            file.flush()
            message = self.sent("--body-file", file.name, "--content-type", "image/png", text="")
        self.assertEqual(b"\x00\x01binary", self.body(message))
        self.assertEqual("image/png", header(message, "Content-Type"))

    def test_expires_brings_a_date(self):
        message = self.sent("--expires", 60)
        self.assertEqual("60", header(message, "Expires"))
        self.assertRegex(header(message, "Date"), r"^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$")

    def test_headers_and_from(self):
        message = self.sent("--header", "Subject: one", "--header", "X-Two: 2", "--from",
                            "sip:alice@example.com")
        self.assertEqual(("one", "2"), (header(message, "Subject"), header(message, "X-Two")))
        self.assertTrue(header(message, "From").startswith("<sip:alice@example.com>;tag="))

    def test_proxy_is_a_loose_route(self):
        message = self.sent("--proxy", f"udp:{HOST}:PORT", server_uri="sip:bob@example.com")
        self.assertTrue(message.startswith(b"MESSAGE sip:bob@example.com SIP/2.0"))
        self.assertRegex(header(message, "Route"), rf"^<sip:{HOST}:\d+;lr>$")

    def test_a_proxy_carries_other_schemes(self):
        message = self.sent("--proxy", f"udp:{HOST}:PORT", server_uri="tel:+4930123456")
        self.assertTrue(message.startswith(b"MESSAGE tel:+4930123456 SIP/2.0"))

    def test_vouching_lifts_the_1300_bytes(self):
        with peer(status("200 OK")) as server:
            ended = zsip("send", "--vouch", to(server), "x" * 3000)
        self.assertEqual(OK, ended.returncode, ended)
        self.assertEqual(3000, len(self.body(server.messages[0])))

    def test_verbose_shows_both_messages(self):
        with peer(status("200 OK")) as server:
            ended = zsip("send", "--verbose", to(server), "hello")
        shown = ended.stdout.replace("\n", "\r\n").encode()
        self.assertIn(server.messages[0], shown)
        self.assertIn(b"SIP/2.0 200 OK\r\n", shown)

    def test_ipv6_and_names(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6 here")
        with peer(status("200 OK"), family=socket.AF_INET6, host="::1") as server:
            ended = zsip("send", f"sip:bob@[::1]:{server.port}", "x")
        self.assertEqual(OK, ended.returncode, ended)
        self.assertIn("SIP/2.0/UDP [::1]:", header(server.messages[0], "Via"))
        message = self.sent("--proxy", "udp:localhost:PORT", server_uri="sip:bob@example.com")
        self.assertRegex(header(message, "Route"), r"^<sip:localhost:\d+;lr>$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
