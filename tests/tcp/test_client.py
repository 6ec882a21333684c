"""Whole programs as clients over TCP, and answers that find their connection gone."""
import os
import re
import socket
import sys
import tempfile
import threading
import unittest

import tcp
from tcp import peers

HOST = peers.HOST
OK, UNREACHED, USAGE = 0, 2, 64


def run(*arguments, seconds=60):
    """zsip to its end; its exit status and output."""
    program = peers.Program(peers.zsip(), *arguments)
    return program.wait(seconds), program.text


def load(*arguments):
    """zsip load to its end; exit status, output and counters, those of connections among them."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "load.json")
        # A busy machine is no fault of what is tested.
        status, text = run("load", "--quiet", "--lag-max", "99s", "--json", path, *arguments)
        data = peers.read_json(path)
        return status, text, {**data["counters"], **data["connections"]}


class Answerer(threading.Thread):
    """A listener that answers one request of each connection, first with 100, and counts both.
    Then it closes it, or waits for the other side to."""

    def __init__(self, listener, closes=False):
        super().__init__(daemon=True)
        self.listener, self.connections, self.reset, self.closes = listener, 0, 0, closes
        listener.settimeout(0.2)

    def run(self):
        while self.listener.fileno() >= 0:
            try:
                connection = tcp.accepted(self.listener)
            except socket.timeout:
                continue
            except OSError:
                return
            self.connections += 1
            answer = peers.response_to(connection.message())
            connection.send(answer.replace(b" 200 OK", b" 100 Trying", 1))
            connection.send(answer)
            try:
                if not self.closes:
                    connection.socket.recv(1)
            except ConnectionResetError:
                self.reset += 1
            connection.close()


class Connections(tcp.Case):
    def test_idle_ones_are_pinged(self):
        """As those of many registered users are kept through a NAT (RFC 5626 section 4.4.1)."""
        with self.serving() as server:
            status, text, counters = load("--rate", 2, "--duration", 2, "--connections", 3,
                                          "--tcp-ping-s", 0.1, f"tcp:{HOST}:{server.port}")
        self.assertEqual(OK, status, text)
        self.assertEqual(3, counters["connections_opened"])
        self.assertGreaterEqual(counters["pings_out"], 3)
        self.assertEqual(0, counters["closed_pong"])
        self.assertGreaterEqual(server.counters()["pings_in"], 3)
        self.assertRegex(text, r"pings sent +\d+\n")

    def test_ends_are_told(self):
        """A peer that closes after each answer: the next request opens another."""
        with tcp.listening() as listener:
            answerer = Answerer(listener, closes=True)
            answerer.start()
            status, text, counters = load("--window", 1, "--rate", 5, "--count", 4,
                                          f"tcp:{HOST}:{listener.getsockname()[1]}")
        answerer.join(tcp.PATIENCE_S)
        self.assertEqual(OK, status, text)
        self.assertEqual((4, 4), (counters["answered_2xx"], counters["connections_opened"]))
        self.assertGreaterEqual(counters["closed_by_peer"], 3)
        self.assertRegex(text, r"closed by the peer +\d\n")


class NewConnection(tcp.Case):
    def test_each_request_has_its_own_and_no_port_waits(self):
        with self.serving() as server:
            target = f"tcp:{HOST}:{server.port}"
            status, text, counters = load("--new-connection", "--window", 16, "--count", 2000,
                                          target)
            self.assertEqual(OK, status, text)
            self.assertEqual(2000, counters["answered_2xx"])
            self.assertEqual(2000, counters["connections_opened"])
            self.assertRegex(text, r"connections opened +2,000\n")
            waiting = peers.run("ss", "-Htan", "state", "time-wait",
                                f"( sport = :{server.port} or dport = :{server.port} )")
            self.assertLess(len(waiting.text.splitlines()), 50)  # our questions whether it is up
        accepted = server.counters()["connections_accepted"]
        self.assertGreaterEqual(accepted, 2000)
        self.assertLess(accepted, 2050)

    def test_a_provisional_response_does_not_end_it(self):
        with tcp.listening() as listener:
            answerer = Answerer(listener)
            answerer.start()
            status, text, counters = load("--new-connection", "--window", 1, "--count", 20,
                                          f"tcp:{HOST}:{listener.getsockname()[1]}")
        answerer.join(tcp.PATIENCE_S)
        self.assertEqual(OK, status, text)
        self.assertEqual(20, counters["answered_2xx"])
        self.assertEqual((20, 20), (answerer.connections, answerer.reset))

    def test_nobody_there(self):
        port = tcp.free_port()
        status, text, counters = load("--new-connection", "--window", 8, "--count", 30, "--t1", 20,
                                      f"tcp:{HOST}:{port}")
        self.assertEqual(UNREACHED, status, text)
        self.assertEqual(0, counters["answered_2xx"])

    def test_what_it_does_not_go_with(self):
        for options, word in ((("udp:127.0.0.1:9",), "not tcp"),
                              (("--connections", 2, "tcp:127.0.0.1:9"), "--connections")):
            status, text = run("load", "--new-connection", *options)
            self.assertEqual(USAGE, status)
            self.assertIn(word, text)


class Large(tcp.Case):
    """A request meant for UDP that is over 1300 bytes goes over TCP by itself (RFC 3261 section
    18.1.1), of programs that vouch for the way (RFC 3428 section 8)."""

    def both(self, *transports):
        """A server on one port of these transports, shown what it gets."""
        port = tcp.free_port()
        listens = [part for name in transports for part in ("--listen", f"{name}:{HOST}:{port}")]
        program = peers.Program(peers.zsip(), "serve", "--print", *listens)
        self.addCleanup(lambda: program.running() and program.stop())
        deadline = tcp.time.monotonic() + tcp.PATIENCE_S
        while "listening" not in program.output():
            self.assertTrue(program.running() and tcp.time.monotonic() < deadline, program)
            tcp.time.sleep(0.02)
        return program, port

    def test_send_goes_over_tcp(self):
        server, port = self.both("udp", "tcp")
        status, text = run("send", "--vouch", f"sip:bob@{HOST}:{port}", "x" * 1400)
        self.assertEqual(OK, status, text)
        self.assertIn("from tcp:", text)
        server.stop()
        self.assertRegex(server.text, r"tcp:127")

    def test_send_goes_back_to_udp_where_tcp_is_refused(self):
        _, port = self.both("udp")
        status, text = run("send", "--vouch", f"sip:bob@{HOST}:{port}", "x" * 1400)
        self.assertEqual(OK, status, text)
        self.assertIn("from udp:", text)

    def test_send_takes_a_place_as_load_does(self):
        _, port = self.both("udp", "tcp")
        for name in ("udp", "tcp"):
            status, text = run("send", f"{name}:{HOST}:{port}", "Hello")
            self.assertEqual(OK, status, text)
            self.assertIn(f"from {name}:", text)

    def test_small_stays_with_udp(self):
        _, port = self.both("udp", "tcp")
        status, text = run("send", f"sip:bob@{HOST}:{port}", "x" * 500)
        self.assertEqual(OK, status, text)
        self.assertIn("from udp:", text)

    def test_load_goes_over_tcp_and_back(self):
        for transports in (("udp", "tcp"), ("udp",)):
            _, port = self.both(*transports)
            status, text, counters = load("--vouch", "--body-bytes", 1400, "--window", 4, "--count",
                                          100, f"udp:{HOST}:{port}")
            self.assertEqual(OK, status, text)
            self.assertEqual(100, counters["answered_2xx"], transports)


class OtherWay(threading.Thread):
    """A listener that answers by a connection of its own to where Via says, each time."""

    def __init__(self, listener):
        super().__init__(daemon=True)
        self.listener, self.answered, self.fault = listener, 0, None

    def run(self):
        try:
            connection = tcp.accepted(self.listener)
            while message := connection.message():
                host, port = re.search(rb"SIP/2.0/TCP ([\d.]+):(\d+)", message).groups()
                with tcp.Connection((host.decode(), int(port))) as back:
                    back.send(peers.response_to(message))
                    self.answered += 1
                    back.closed(0.05)  # it may go on for its own reasons
        except (OSError, AttributeError) as fault:
            self.fault = fault


class Answers(tcp.Case):
    def test_answer_by_a_connection_to_sent_by_is_taken(self):
        """RFC 3261 section 18.1.1: a client is ready for it."""
        for command in (("send", "--timeout", 20, "sip:bob@{};transport=tcp", "Hello"),
                        ("load", "--quiet", "--count", 5, "--window", 1, "tcp:{}")):
            with tcp.listening() as listener:
                other = OtherWay(listener)
                other.start()
                place = f"{HOST}:{listener.getsockname()[1]}"
                status, text = run(*(str(part).format(place) for part in command))
                self.assertEqual(OK, status, f"{text} {other.fault}")
                other.join(tcp.PATIENCE_S)
            self.assertEqual(1 if command[0] == "send" else 5, other.answered)

    def test_queued_answers_go_by_a_connection_to_sent_by(self):
        """Of a peer that is reset before it read them (RFC 3261 section 18.2.2)."""
        with tcp.listening() as listener, self.serving() as server:
            port = listener.getsockname()[1]
            message = re.sub(rb"(SIP/2\.0/TCP )[^;\r]*", rb"\g<1>127.0.0.1:%d" % port,
                             tcp.request(), count=1)
            connection = self.connection(server, receive_buffer=4096)
            connection.socket.setblocking(False)
            sent, quiet = 0, 0
            while quiet < 10:  # until it reads no more, since we don't
                try:
                    sent += connection.socket.send(message * 100)
                    quiet = 0
                except BlockingIOError:
                    quiet += 1
                    tcp.time.sleep(0.05)
            connection.reset()
            other = tcp.accepted(listener)
            self.addCleanup(other.close)
            for _ in range(10):
                self.assertEqual(200, peers.status_of(other.message()))
        self.assertGreater(server.counters()["diverted"], 10)

    def test_body_of_64_kib_is_taken_and_no_more(self):
        with self.serving() as server:
            connection = self.connection(server)
            self.assertEqual(200, connection.ask(tcp.request(body="x" * 65536)))
            self.assertEqual(513, connection.ask(tcp.request(body="x" * 65537)))


if __name__ == "__main__":
    tcp.main()
