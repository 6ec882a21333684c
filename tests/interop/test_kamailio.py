"""Kamailio on the other side: as the server behind zsip load, and as the proxy between zsip load
and zsip serve."""
import os
import tempfile
import unittest

import kamailio
import peers

COUNT = 5000


def load(address, *options):
    """zsip load to its end; (the program, its figures)."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "load.json")
        program = peers.run(peers.zsip(), "load", "--quiet", "--window", 32, "--count", COUNT,
                            "--json", path, *options, f"udp:{address[0]}:{address[1]}", seconds=120)
        return program, peers.read_json(path)


class KamailioAnswersLoad(unittest.TestCase):
    def setUp(self):
        self.server = kamailio.Kamailio("kamailio-answer.cfg")
        self.addCleanup(self.server.end)

    def check(self, *options):
        program, seen = load(self.server.address, *options)
        self.assertEqual(0, program.status, program)
        self.assertEqual(COUNT, seen["counters"]["answered_2xx"], seen["counters"])
        self.assertEqual(0, seen["counters"]["responses_stray"], seen["counters"])

    def test_trains_to_it_are_datagrams_to_it(self):
        self.check()

    def test_plain(self):
        self.check("--no-trains")

    def test_other_methods(self):
        self.check("--method", "OPTIONS")


class KamailioRelaysLoadToServe(unittest.TestCase):
    def relayed(self, load_options=(), serve_options=()):
        """Returns (figures of load, figures of serve)."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "serve.json")
            with peers.serving("--json", path, *serve_options) as server:
                proxy = kamailio.Kamailio("kamailio-relay.cfg", {"@PORT@": server.port})
                try:
                    program, seen = load(proxy.address, *load_options)
                finally:
                    proxy.end()
            return program, seen, peers.read_json(path)

    def test_every_request_arrives_once_and_is_answered(self):
        program, seen, served = self.relayed()
        self.assertEqual(0, program.status, program)
        self.assertEqual(COUNT, seen["counters"]["answered_2xx"], seen["counters"])
        # Two Vias, one To tag: what serve wrote found its way back, and nobody was asked twice
        # under another name. The OPTIONS are those that looked whether all is up.
        new = served["endpoint"]["requests_new"]
        self.assertTrue(COUNT <= new <= COUNT + 100, served["endpoint"])
        self.assertEqual(0, served["endpoint"]["merged"], served["endpoint"])
        self.assertEqual(0, served["endpoint"]["malformed_requests"], served["endpoint"])

    def test_a_refusal_comes_back_as_it_was_sent(self):
        program, seen, _ = self.relayed(serve_options=("--status", "404"))
        self.assertEqual(1, program.status, program)
        self.assertEqual(COUNT, seen["counters"]["answered_4xx"], seen["counters"])

    def test_preloaded_route(self):
        """zsip load --proxy: the target is serve, the way goes over Kamailio."""
        with peers.serving() as server:
            proxy = kamailio.Kamailio("kamailio-relay.cfg", {"@PORT@": server.port})
            try:
                program, seen = load(server.address, "--proxy",
                                     f"udp:{proxy.address[0]}:{proxy.address[1]}")
            finally:
                proxy.end()
        self.assertEqual(0, program.status, program)
        self.assertEqual(COUNT, seen["counters"]["answered_2xx"], seen["counters"])


if __name__ == "__main__":
    peers.main("kamailio")
