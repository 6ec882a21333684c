"""Where messages begin and end on a stream, and what becomes of one that can't be told (RFC 3261
section 18.3, RFC 5626 sections 3.5.1 and 4.4.1)."""
import select
import time

import tcp
from tcp import peers


class Framing(tcp.Case):
    def setUp(self):
        self.context = self.serving()
        self.server = self.context.__enter__()
        self.addCleanup(self.context.__exit__, None, None, None)

    def test_messages_in_one_write_are_answered_in_their_order(self):
        connection = self.connection(self.server)
        messages = [tcp.request() for _ in range(300)]
        connection.send(b"".join(messages))
        for message in messages:
            answer = connection.message()
            self.assertEqual(200, peers.status_of(answer))
            self.assertEqual(tcp.header(message, "Call-ID"), tcp.header(answer, "Call-ID"))

    def test_message_cut_anywhere_is_one_message(self):
        connection = self.connection(self.server)
        length = len(tcp.request())
        for cut in [*range(1, 12), *range(12, length - 24, 17), *range(length - 24, length)]:
            message = tcp.request()
            connection.send(message[:cut])
            time.sleep(0.002)
            connection.send(message[cut:])
            self.assertEqual(200, peers.status_of(connection.message()), cut)

    def test_message_byte_by_byte_and_the_next_behind_it(self):
        connection = self.connection(self.server)
        for byte in tcp.request():
            connection.send(bytes([byte]))
        connection.send(tcp.request())
        for _ in range(2):
            self.assertEqual(200, peers.status_of(connection.message()))

    def test_large_messages_among_small_ones(self):
        connection = self.connection(self.server)
        bodies = [1, 60000, 3, 40000, 65535, 5]
        connection.send(b"".join(tcp.request(body="x" * count) for count in bodies))
        for _ in bodies:
            self.assertEqual(200, peers.status_of(connection.message()))

    def test_double_crlf_is_answered_by_a_single_one(self):
        connection = self.connection(self.server)
        for data in (b"\r\n\r\n", b"\r\n", b"\r\n"):
            connection.send(data)
            time.sleep(0.05)
        # The second ping was cut in two.
        self.assertEqual(b"\r\n\r\n", connection.bytes(4))
        self.assertEqual(200, connection.ask())

    def test_ping_between_messages_gets_its_pong_between_answers(self):
        connection = self.connection(self.server)
        connection.send(tcp.request() + b"\r\n\r\n" + tcp.request())
        for _ in range(2):
            self.assertEqual(200, peers.status_of(connection.message()))

    def test_single_crlf_is_no_ping(self):
        connection = self.connection(self.server)
        connection.send(b"\r\n")
        self.assertFalse(select.select([connection.socket], [], [], 0.3)[0])
        self.assertEqual(200, connection.ask())

    def test_compact_content_length_counts(self):
        connection = self.connection(self.server)
        self.assertEqual(200, connection.ask(tcp.request().replace(b"Content-Length", b"l")))
        self.assertEqual(200, connection.ask())

    def assert_refused(self, data, *statuses):
        """It is answered by one of these, None being silence, and the connection is closed."""
        for wait in (0, 0.02):
            connection = self.connection(self.server)
            before = self.connection(self.server)
            connection.send(data)
            time.sleep(wait)
            answer = connection.message()
            self.assertIn(peers.status_of(answer), statuses, data[:200])
            self.assertTrue(connection.closed(), data[:200])
            self.assert_serves(self.server, before)

    def test_request_without_content_length_is_400_and_closes(self):
        self.assert_refused(tcp.no_length(tcp.request()), 400)
        self.assert_refused(tcp.no_length(tcp.request()) + tcp.request(), 400)

    def test_what_came_before_it_is_answered(self):
        connection = self.connection(self.server)
        connection.send(tcp.request() + tcp.no_length(tcp.request()))
        self.assertEqual(200, peers.status_of(connection.message()))
        self.assertEqual(400, peers.status_of(connection.message()))
        self.assertTrue(connection.closed())

    def test_response_without_content_length_is_dropped_and_closes(self):
        response = peers.response_to(tcp.request())
        self.assert_refused(tcp.no_length(response), None)

    def test_response_nobody_waits_for_is_dropped_and_does_not_close(self):
        connection = self.connection(self.server)
        connection.send(peers.response_to(tcp.request()))
        self.assertEqual(200, connection.ask())

    def test_content_length_that_is_none_closes(self):
        for value in (b"-1", b"1x", b"99999999999", b"", b"18\r\nContent-Length: 19"):
            message = tcp.request().replace(b"Content-Length: 18", b"Content-Length: " + value)
            with self.subTest(value):
                self.assert_refused(message, 400, 413, 513)

    def test_garbage_closes(self):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"MESSAGE\r\n\r\n",
                     b"\x00" * 3000 + b"\r\n\r\n", b": :\r\n" * 300 + b"\r\n"):
            with self.subTest(data[:20]):
                self.assert_refused(data, None, 400, 505, 513)

    def test_half_close_gets_all_its_answers(self):
        connection = self.connection(self.server)
        connection.send(b"".join(tcp.request() for _ in range(50)))
        connection.end_sending()
        for _ in range(50):
            self.assertEqual(200, peers.status_of(connection.message()))
        self.assertTrue(connection.closed())

    def test_half_close_gets_the_answer_that_comes_after_a_100(self):
        """A 100 after two seconds, unless this machine slept over it."""
        with self.serving("--t1", 2000, "--delay", 3000) as server:
            connection = self.connection(server)
            connection.send(tcp.request())
            connection.end_sending()
            status = peers.status_of(connection.message())
            if status == 100:
                status = peers.status_of(connection.message())
            self.assertEqual(200, status)
            self.assertTrue(connection.closed())

    def test_half_close_after_what_nobody_answers(self):
        connection = self.connection(self.server)
        response = peers.response_to(tcp.request())
        connection.send(tcp.request(method="ACK") + response + tcp.request())
        connection.end_sending()
        self.assertEqual(200, peers.status_of(connection.message()))
        self.assertTrue(connection.closed(tcp.PATIENCE_S))

    def test_half_close_in_the_middle_of_a_message(self):
        connection = self.connection(self.server)
        connection.send(tcp.request()[:100])
        connection.end_sending()
        self.assertTrue(connection.closed())
        self.assert_serves(self.server)


class Limits(tcp.Case):
    def test_bytes_without_any_line_end_in_time(self):
        """Nobody knows yet what they are, so they have the time and the room of a message."""
        with self.serving("--tcp-message-s", 1) as server:
            for data in (b"\x16\x03\x01\x02\x00\x01\x00" * 40, b"\x00" * 3000, b"M" * 60000):
                connection = self.connection(server)
                connection.send(data)
                self.assertTrue(connection.closed())

    def test_more_bytes_than_a_message_has_end_it_at_once(self):
        with self.serving("--tcp-message-s", 60) as server:
            connection = self.connection(server)
            connection.send(b"M" * 70000)
            self.assertTrue(connection.closed())
            self.assert_serves(server)

    def test_header_section_over_its_limit_closes(self):
        with self.serving("--tcp-header-bytes", 2048) as server:
            connection = self.connection(server)
            self.assertEqual(200, connection.ask(tcp.request(headers=["X: " + "y" * 1500])))
            for message in (tcp.request(headers=["X: " + "y" * 4000]),
                            b"MESSAGE sip:" + b"a" * 4000,
                            tcp.request(headers=["X: " + "y" * 200000])):
                connection = self.connection(server)
                connection.send(message)
                self.assertIn(peers.status_of(connection.message()), (None, 400, 513))
                self.assertTrue(connection.closed())
            self.assert_serves(server)

    def test_body_over_its_limit_closes(self):
        with self.serving("--tcp-body-bytes", 1000) as server:
            self.assertEqual(200, self.connection(server).ask(tcp.request(body="x" * 1000)))
            for count in (1001, 5000, 1000000):
                connection = self.connection(server)
                connection.send(tcp.request(body="x" * count))
                self.assertIn(peers.status_of(connection.message()), (413, 513))
                self.assertTrue(connection.closed())
            self.assert_serves(server)


class Answers(tcp.Case):
    """RFC 3261 section 18.2.2."""

    def test_answer_goes_back_by_its_connection_whatever_the_via_says(self):
        with self.serving("--delay", 50) as server:
            first, second = self.connection(server), self.connection(server)
            message = tcp.request().replace(b"peer.invalid;branch", b"127.0.0.99:9;branch")
            first.send(message)
            self.assertEqual(200, peers.status_of(first.message()))
            self.assertEqual(200, second.ask())

    def test_answer_to_a_connection_that_is_gone_goes_by_a_new_one(self):
        """To the source of the request, at the port of its sent-by."""
        with self.serving("--delay", 3000) as server, tcp.listening(self.place) as listener:
            connection = self.connection(server)
            port = str(listener.getsockname()[1]).encode()
            message = tcp.request().replace(b"peer.invalid;branch", b"peer.invalid:" + port +
                                            b";branch")
            connection.send(message)
            time.sleep(0.5)  # to be read before
            connection.reset()
            answer = tcp.accepted(listener).message()
            self.assertEqual(200, peers.status_of(answer))
            self.assertEqual(tcp.header(message, "Call-ID"), tcp.header(answer, "Call-ID"))
            self.assert_serves(server)

    def test_answer_that_nobody_takes_is_dropped(self):
        with self.serving("--delay", 100) as server:
            with tcp.nothing_left(self, server):
                for _ in range(50):
                    connection = self.connection(server)
                    connection.send(tcp.request().replace(b"peer.invalid;branch",
                                                          b"127.0.0.1:9;branch"))
                    connection.reset()
                self.assert_serves(server)

    def test_copy_over_a_stream_is_a_request_again(self):
        """Timer J is 0 over reliable transports (RFC 3261 section 17.2.2)."""
        with self.serving() as server:
            connection, message = self.connection(server), tcp.request()
            connection.send(message)
            self.assertEqual(200, peers.status_of(connection.message()))
            connection.send(message)
            self.assertEqual(200, peers.status_of(connection.message()))


class Addresses(tcp.Case):
    def test_several_listeners_of_both_families_and_transports(self):
        if self.place.prefix:
            self.skipTest("the wire has one address")
        ports = [tcp.free_port() for _ in range(2)]
        with self.serving("--listen", f"tcp:{peers.HOST}:{ports[0]}", "--listen",
                          f"tcp:[::1]:{ports[1]}", "--listen",
                          f"udp:{peers.HOST}:{ports[0]}") as server:
            for address in ((peers.HOST, ports[0]), ("::1", ports[1]), server.address):
                with tcp.Connection(address) as connection:
                    self.assertEqual(200, connection.ask())
            answer = peers.ask((peers.HOST, ports[0]), peers.request())
            self.assertEqual(200, peers.status_of(answer))

    def test_connections_spread_over_workers_and_stay_there(self):
        """By what each worker took in: five messages by each connection, one by each of those that
        saw whether the server is up."""
        with self.serving("--workers", 2) as server:
            connections = [self.connection(server) for _ in range(40)]
            for _ in range(5):
                for connection in connections:
                    self.assertEqual(200, connection.ask())
        shares = peers.read_json(server.json_path)["workers"]
        beyond = [share["messages_in"] - share["connections_accepted"] for share in shares]
        self.assertEqual(2, len(beyond))
        self.assertEqual(4 * 40, sum(beyond))
        self.assertTrue(all(more > 0 and more % 4 == 0 for more in beyond), shares)


if __name__ == "__main__":
    tcp.main()
