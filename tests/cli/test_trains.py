"""Trains as the programs make and take them: every way to do without, both address families, trains
of a stranger's making, and replies of different lengths."""
import os
import socket
import tempfile
import unittest

import common
import peers

COUNT = 3000
SOL_UDP, UDP_SEGMENT, UDP_GRO = 17, 103, 104
WITHOUT = ("gro", "gso", "incremental", "bundles", "defer", "multishot", "files", "long", "gro,gso",
           "gro,gso,incremental,bundles,defer,multishot,files,long")


class Case(common.Case):
    def exchange(self, serve=(), load=(), host=peers.HOST, count=COUNT):
        """zsip load at zsip serve; figures of both. Every request must be answered, once."""
        with tempfile.TemporaryDirectory() as folder:
            served, loaded = (os.path.join(folder, name) for name in ("serve", "load"))
            where = f"[{host}]" if ":" in host else host
            listen = () if host == peers.HOST else ("--listen", f"udp:{where}:{self.port(host)}")
            with peers.serving("--json", served, *listen, *serve) as server:
                port = server.port if host == peers.HOST else self.last_port
                ended = common.zsip("load", "--quiet", "--window", 256, "--count", count, "--json",
                                    loaded, *load, f"udp:{where}:{port}")
            self.assertEqual(0, ended.returncode, ended)
            seen, kept = peers.read_json(loaded), peers.read_json(served)
        self.assertEqual(count, seen["counters"]["answered_2xx"], seen["counters"])
        self.assertEqual(0, seen["counters"]["responses_stray"], seen["counters"])
        self.assertEqual(0, kept["worker"]["truncated"], kept["worker"])
        # One more: peers.serving() asks whether the server is up.
        self.assertTrue(count < kept["endpoint"]["requests_new"] <= count + 60, kept["endpoint"])
        return kept, seen

    def port(self, host):
        self.last_port = peers.free_port(host)
        return self.last_port


class EveryWay(Case):
    def test_with_everything_they_are_trains(self):
        kept, _ = self.exchange()
        worker = kept["worker"]
        self.assertGreater(worker["datagrams_in"], 4 * worker["receives"], worker)
        self.assertGreater(worker["datagrams_out"], 4 * worker["sends"], worker)

    def test_serve_without(self):
        for without in WITHOUT:
            with self.subTest(without=without):
                kept, _ = self.exchange(serve=("--without", without))
                worker = kept["worker"]
                if "gro" in without.split(","):
                    self.assertEqual(worker["datagrams_in"], worker["receives"], worker)
                if "gso" in without.split(","):
                    self.assertEqual(worker["datagrams_out"], worker["sends"], worker)

    def test_load_without(self):
        for without in WITHOUT:
            with self.subTest(without=without):
                self.exchange(load=("--without", without))

    def test_no_trains_on_both(self):
        kept, _ = self.exchange(serve=("--no-trains",), load=("--no-trains",))
        worker = kept["worker"]
        self.assertEqual(worker["datagrams_in"], worker["receives"], worker)
        self.assertEqual(worker["datagrams_out"], worker["sends"], worker)

    def test_ipv6(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6")
        kept, _ = self.exchange(host="::1")
        self.assertGreater(kept["worker"]["datagrams_in"], 4 * kept["worker"]["receives"])
        self.exchange(host="::1", serve=("--no-trains",), load=("--no-trains",))

    def test_several_workers_pass_on_what_is_not_theirs(self):
        kept, _ = self.exchange(serve=("--workers", 4))
        worker = kept["worker"]
        # One source: the kernel gives all to one worker, who owns a quarter.
        self.assertGreater(worker["steered_out"], COUNT // 2, worker)
        self.assertEqual(worker["steered_out"], worker["steered_in"], worker)
        self.assertEqual(0, worker["steered_full"], worker)

    def test_steered_by_peer_nothing_is_passed_on(self):
        kept, _ = self.exchange(serve=("--workers", 4, "--steer", "peer"))
        self.assertEqual(0, kept["worker"]["steered_out"], kept["worker"])


class Strangers(Case):
    """Trains that are not zsip's, sent once: taken however late the server comes to them."""

    def client(self, address, gro=False):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(peers.PATIENCE_S)
        if gro:
            client.setsockopt(SOL_UDP, UDP_GRO, 1)
        client.connect(address)
        return client

    def send_train(self, client, messages):
        """One send of messages that are equal in length, but for a shorter last one."""
        size = len(messages[0])
        self.assertTrue(all(len(message) == size for message in messages[:-1]))
        self.assertLessEqual(len(messages[-1]), size)
        client.sendmsg([b"".join(messages)],
                       [(SOL_UDP, UDP_SEGMENT, size.to_bytes(2, "little"))])

    def request(self, number, body="Watson, come here.", **keywords):
        return peers.request(body=body, ids=(f"train-{number:04}@peer.invalid", f"t{number:04}"),
                             **keywords)

    def test_odd_last_segment(self):
        with peers.serving("--max-age", 0) as server:
            client = self.client(server.address)
            # Equal in length: branches of peers.request() are numbered, so start where digits are.
            messages = self.equal(9, "Watson, come here.") + [self.request(99, body="Watson")]
            self.send_train(client, messages)
            answers = [client.recv(65535) for _ in messages]
        self.assertEqual([200] * 10, [peers.status_of(answer) for answer in answers])
        self.assertEqual({common.header(message, "Call-ID") for message in messages},
                         {common.header(answer, "Call-ID") for answer in answers})

    def equal(self, count, body):
        """Requests of one length: their ids grow by a digit now and then."""
        messages = [self.request(number, body=body) for number in range(3 * count)]
        sizes = [len(message) for message in messages]
        size = max(sizes, key=sizes.count)
        return [message for message in messages if len(message) == size][:count]

    def test_a_bad_segment_spoils_no_other(self):
        with peers.serving("--max-age", 0) as server:
            client = self.client(server.address)
            messages = self.equal(8, "Watson, come here.")
            messages[3] = b"x" * len(messages[3])
            self.send_train(client, messages)
            answers = [client.recv(65535) for _ in range(7)]
        self.assertEqual([200] * 7, [peers.status_of(answer) for answer in answers])

    def test_replies_of_different_lengths(self):
        """In one turn: 200 without Allow, 200 with it, 405, 416, 481; each as long as it is, or
        padded where that may be."""
        with peers.serving("--max-age", 0) as server:
            client = self.client(server.address)
            messages = []
            for _ in range(12):
                messages += [peers.request(), peers.request("OPTIONS"), peers.request("PUBLISH"),
                             peers.request(uri="mailto:bob@zsip.invalid"),
                             peers.request(to_tag="gone")]
            for message in messages:
                client.send(message)
            answers = [client.recv(65535) for _ in messages]
        expected = {common.header(message, "Call-ID"): code
                    for message, code in zip(messages, [200, 200, 405, 416, 481] * 12)}
        seen = {common.header(answer, "Call-ID"): peers.status_of(answer) for answer in answers}
        self.assertEqual(expected, seen)
        for answer in answers:
            head, _, body = answer.partition(b"\r\n\r\n")
            self.assertEqual(b"", body, answer)
            self.assertEqual("0", common.header(answer, "Content-Length"), head)

    def test_a_peer_that_takes_trains_gets_whole_ones(self):
        with peers.serving("--max-age", 0) as server:
            client = self.client(server.address, gro=True)
            messages = self.equal(16, "Watson, come here.")
            self.send_train(client, messages)
            answers = []
            while len(answers) < len(messages):
                data, control, _, _ = client.recvmsg(65535, 128)
                size = next((int.from_bytes(value[:4], "little") for level, kind, value in control
                             if (level, kind) == (SOL_UDP, UDP_GRO)), len(data))
                answers += [data[at:at + size] for at in range(0, len(data), size)]
        self.assertEqual([200] * 16, [peers.status_of(answer) for answer in answers])


class DeadPeers(Case):
    def test_a_dead_source_harms_no_other(self):
        """Trains from sources that are gone when the answer comes: ICMP errors, and the living one
        is answered all the same."""
        with peers.serving() as server:
            for number in range(20):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ghost:
                    ghost.connect(server.address)
                    ghost.send(peers.request())
                if number % 4 == 3:
                    answer = peers.ask(server.address, peers.request())
                    self.assertEqual(200, peers.status_of(answer), number)

    def test_load_at_a_closed_port_ends_at_once(self):
        # Alone: of a train the kernel's error quotes the first one only, and nobody else is failed.
        ended = common.zsip("load", "--quiet", "--no-trains", "--count", 20, "--window", 5,
                            f"udp:{peers.HOST}:{peers.free_port()}", seconds=20)
        self.assertEqual(common.UNREACHED, ended.returncode, ended)


if __name__ == "__main__":
    unittest.main(verbosity=2)
