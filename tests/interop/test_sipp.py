"""SIPp on the other side, as client and as server."""
import os
import tempfile
import unittest

import peers
import sipp


class SippDrivesServe(unittest.TestCase):
    def test_2000_a_second_without_a_failed_call(self):
        calls = 10000
        with peers.serving() as server:
            driver = sipp.client(server.address, rate=2000, calls=calls, seconds_max=90)
            status, figures = driver.finish(100)
        self.assertEqual(0, status, driver)
        self.assertEqual(calls, figures["SuccessfulCall(C)"], figures)
        self.assertEqual(0, figures["FailedCall(C)"], figures)
        # Not a word about retransmissions: on a busy machine SIPp itself is late. The bench counts.


class ZsipDrivesSipp(unittest.TestCase):
    def send_to_sipp(self, status):
        server = sipp.server(status, calls=1)
        try:
            sent = peers.run(peers.zsip(), "send", f"sip:bob@{peers.HOST}:{server.port}",
                             "Watson, come here.")
            server_status, figures = server.finish(60)
        finally:
            server.stop()
        self.assertEqual(0, server_status, server)
        self.assertEqual(1, figures["SuccessfulCall(C)"], figures)
        return sent

    def test_send_takes_200_and_202_as_success(self):
        for status in ("200 OK", "202 Accepted"):
            sent = self.send_to_sipp(status)
            self.assertEqual(0, sent.status, sent.text)
            self.assertIn(status[:3], sent.text)

    def test_send_says_404_and_exits_1(self):
        sent = self.send_to_sipp("404 Not Found")
        self.assertEqual(1, sent.status, sent.text)
        self.assertIn("404", sent.text)

    def test_load_is_answered_completely(self):
        count = 5000
        server = sipp.server(calls=count)
        with tempfile.TemporaryDirectory() as folder:
            json = os.path.join(folder, "load.json")
            try:
                load = peers.run(peers.zsip(), "load", f"udp:{peers.HOST}:{server.port}",
                                 "--rate", 1000, "--count", count, "--duration", 20,
                                 "--lag-max", "99s", "--json", json, seconds=90)
                self.assertEqual(0, load.status, load)
                self.assertTrue(peers.read_json(json))
                status, figures = server.finish(60)
            finally:
                server.stop()
        self.assertEqual(0, status, server)
        self.assertEqual(count, figures["SuccessfulCall(C)"], figures)


if __name__ == "__main__":
    peers.main("sipp")
