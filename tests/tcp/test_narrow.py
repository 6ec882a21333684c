"""A path that turns out to be narrower than the interface: the ICMP error that says so is believed,
and requests too large for the path go over TCP from then on (RFC 3261 section 18.1.1)."""
import re
import tempfile
import unittest

import tcp
from tcp import netns, peers

# As narrow as a path of IPv6 may be.
MTU = 1280
ROUTES = []


class Narrow(unittest.TestCase):
    def exchange(self, route, count, body_bytes):
        """zsip load sends so many over UDP, one behind the other, at zsip serve behind the router.
        What the server saw, by transport, and what load says."""
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/serve.json"
            server = peers.Program(*route.server, peers.zsip(), "serve", "--json", path,
                                   "--listen", f"udp:{route.address}:5060",
                                   "--listen", f"tcp:{route.address}:5060")
            try:
                server.says("listening")
                load = peers.run(*route.client, peers.zsip(), "load", "--count", count,
                                 "--window", 1, "--body-bytes", body_bytes,
                                 "--json", f"{folder}/load.json",
                                 f"udp:{route.address}:5060")
                self.assertEqual(0, load.status, load.text)
            finally:
                server.stop()
            return peers.read_json(path), peers.read_json(f"{folder}/load.json"), load.text

    def test_larger_requests_go_over_tcp_once_the_path_is_known(self):
        for route in ROUTES:
            with self.subTest(route.family):
                served, load, text = self.exchange(route, 5, 910)
                size = int(re.search(r"MESSAGE of (\d+) B", text).group(1))
                self.assertTrue(MTU < size + 28 and size < 1300, size)
                self.assertEqual(5, load["counters"]["answered_2xx"], text)
                # The first was lost, cut by the kernel when it was sent again, and answered.
                worker = served["worker"]
                self.assertGreaterEqual(worker["datagrams_in"], 1)
                self.assertEqual(1, worker["connections_accepted"])
                self.assertEqual(4, worker["messages_in"])

    def test_smaller_ones_stay_with_udp(self):
        for route in ROUTES:
            with self.subTest(route.family):
                served, load, text = self.exchange(route, 3, 100)
                self.assertEqual(3, load["counters"]["answered_2xx"], text)
                self.assertEqual(0, served["worker"]["connections_accepted"])


if __name__ == "__main__":
    tcp.main_across(netns.narrow(MTU), ROUTES.extend)
