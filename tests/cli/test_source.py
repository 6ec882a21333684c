"""`zsip load --source`: requests leave from the addresses and ports it names, say so, and a user
keeps to his."""
import collections
import selectors
import socket
import threading
import unittest

from common import Case, HOST, OK, Peer, USAGE, header, zsip
import peers


class Sources(Peer):
    """Answers, and remembers where each request came from, and what differs from that in it."""

    def __init__(self, **keywords):
        super().__init__(None, **keywords)
        self.came, self.users, self.wrong = collections.Counter(), {}, []

    def run(self):
        while not self.over:
            try:
                message, source = self.socket.recvfrom(65535)
            except socket.timeout:
                continue
            self.came[source[:2]] += 1
            name = ("[%s]:%d" if ":" in source[0] else "%s:%d") % source[:2]
            if f" {name};" not in header(message, "Via"):
                self.wrong.append((name, header(message, "Via")))
            if (header(message, "Contact") or name).find(name) < 0:
                self.wrong.append((name, header(message, "Contact")))
            if header(message, "Content-Length") != str(len(message.split(b"\r\n\r\n", 1)[1])):
                self.wrong.append((name, "Content-Length", header(message, "Content-Length")))
            self.users.setdefault(header(message, "To"), set()).add(source)
            self.socket.sendto(peers.response_to(message), source)


class Connections(threading.Thread):
    """The same over TCP; of connections."""

    def __init__(self, listener):
        super().__init__(daemon=True)
        self.came, self.wrong, self.over = [], [], False
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)
        self.left = {}

    def read(self, connection):
        data = connection.recv(65536)
        if not data:
            self.selector.unregister(connection)
            connection.close()
            return
        data = self.left[connection] + data
        while (head := data.find(b"\r\n\r\n")) >= 0:
            end = head + 4 + int(header(data[:head], "Content-Length"))
            if len(data) < end:
                break
            message, data = data[:end], data[end:]
            if f" {connection.getpeername()[0]}:" not in header(message, "Via"):
                self.wrong.append(header(message, "Via"))
            connection.sendall(peers.response_to(message))
        self.left[connection] = data

    def run(self):
        while not self.over:
            for key, _ in self.selector.select(0.05):
                if key.fileobj in self.left:
                    self.read(key.fileobj)
                else:
                    connection, source = key.fileobj.accept()
                    self.came.append(source[0])
                    self.left[connection] = b""
                    self.selector.register(connection, selectors.EVENT_READ)


class SourcesOfLoad(Case):
    def run_from(self, text, *options, host=HOST, **keywords):
        server = Sources(host=host, **keywords)
        server.start()
        target = f"[{host}]" if ":" in host else host
        try:
            ended = zsip("load", "--quiet", "--lag-max", "9s", "--source", text, *options,
                         f"udp:{target}:{server.port}")
        finally:
            server.stop()
        self.assertEqual(OK, ended.returncode, ended)
        self.assertEqual([], server.wrong)
        for sources in server.users.values():
            self.assertEqual(1, len(sources))
        return server

    def test_fifty_addresses_take_turns(self):
        came = self.run_from("127.0.1.1-127.0.1.50", "--count", 1000).came
        self.assertEqual({f"127.0.1.{i}" for i in range(1, 51)}, {source[0] for source in came})
        self.assertEqual(50, len(came))
        self.assertLess(max(came.values()), 3 * min(came.values()))

    def test_ports_and_workers_share_them_out(self):
        came = self.run_from("127.0.1.1-2:17000-17003,127.0.1.9:17000", "--count", 900,
                             "--workers", 2).came
        self.assertEqual({(f"127.0.1.{i}", 17000 + j) for i in (1, 2) for j in range(4)} |
                         {("127.0.1.9", 17000)}, set(came))

    def test_fewer_addresses_than_workers(self):
        came = self.run_from("127.0.1.1", "--count", 90, "--workers", 2).came
        self.assertEqual(["127.0.1.1"] * 2, [source[0] for source in came])

    def test_contacts_of_registrations_name_their_source(self):
        came = self.run_from("127.0.1.1-3", "--count", 60, "--method", "REGISTER").came
        self.assertEqual(3, len(came))

    def test_credentials_change_no_length(self):
        came = self.run_from("127.0.1.1-9", "--count", 500, "--auth", "u%06d:p").came
        self.assertEqual(9, len(came))

    def test_ipv6(self):
        came = self.run_from("::1", "--count", 20, host="::1", family=socket.AF_INET6).came
        self.assertEqual(["::1"], [source[0] for source in came])

    def test_as_many_as_a_worker_may_have(self):
        came = self.run_from("127.0.1.0-255", "--count", 512).came
        self.assertEqual(256, len(came))

    def test_connections_leave_from_them(self):
        with socket.create_server((HOST, 0)) as listener:
            server = Connections(listener)
            server.start()
            ended = zsip("load", "--quiet", "--lag-max", "9s", "--source", "127.0.1.1-5", "--count",
                         100, f"tcp:{HOST}:{listener.getsockname()[1]}")
            server.over = True
            server.join(5)
        self.assertEqual(OK, ended.returncode, ended)
        self.assertEqual([f"127.0.1.{i}" for i in range(1, 6)], sorted(server.came))
        self.assertEqual([], server.wrong)

    def test_what_cannot_be_is_refused_in_a_line(self):
        target = f"udp:{HOST}:9"
        for source, words, more in (
                ("127.0.1.9-127.0.1.1", "ends before it begins", (target,)),
                ("127.0.1.1,bob", "'bob' is no IPv4 address", (target,)),
                ("127.0.1.1-2:0", "is no port", (target,)),
                ("::1", "the target is IPv4", (target,)),
                ("127.0.1.1:6000", "over tcp the kernel chooses", (f"tcp:{HOST}:9",)),
                ("127.0.1.0-127.0.2.255", "more than 256 for each worker", (target,)),
                ("127.0.1.1:6000", "give more ports", ("--workers", 2, target)),
                ("127.0.1.1-9", "for 5 users", ("--users", 5, target)),
                ("127.0.1.1", "one list is enough", ("--source", "127.0.1.2", target))):
            ended = zsip("load", "--count", 1, "--source", source, *more)
            self.assert_refused(ended, USAGE, "--source", words)
        ended = zsip("load", "--count", 1, "--source", "192.0.2.77", target)
        self.assert_refused(ended, 2, "192.0.2.77", "ip address")


if __name__ == "__main__":
    unittest.main()
