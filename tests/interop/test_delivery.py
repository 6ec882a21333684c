"""Does an IM core deliver? `zsip load --register` at both ends of Kamailio with its registrar and
usrloc in memory: everything arrives once and in order; what is lost or doubled on purpose is told.
"""
import os
import tempfile
import unittest

import kamailio
import peers

FILL = {"@TWICE@": "u00000003", "@NEVER@": "u00000005", "@REFUSED@": "u00000066"}


class Delivery(unittest.TestCase):
    def setUp(self):
        self.server = kamailio.Kamailio("kamailio-registrar.cfg", FILL)
        self.addCleanup(self.server.end)

    def load(self, *options):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "load.json")
            host, port = self.server.address
            program = peers.run(peers.zsip(), "load", "--quiet", "--lag-max", "99s", "--json", path,
                                *options, f"udp:{host}:{port}", seconds=120)
            return program, peers.read_json(path)

    def check(self, seen, sent, **expected):
        self.assertEqual(sent, seen["counters"]["sent"], seen["counters"])
        for name, count in expected.items():
            self.assertEqual(count, seen["counters"][name], (name, seen["counters"]))

    def test_everything_arrives_once_and_in_order(self):
        for options in (("--workers", 2, "--rate", 400, "--count", 400),
                        ("--window", 3, "--count", 400),
                        ("--warmup", 0.2, "--rate", 400, "--count", 400)):
            program, seen = self.load("--register", 3, *options, "--slo", "lost<=0%,duplicated<=0%")
            self.assertEqual(0, program.status, program)
            self.check(seen, 400, answered_2xx=400, delivered=400, duplicated=0, reordered=0,
                       misdelivered=0)
            self.assertEqual(3, seen["registered"])
            self.assertEqual(400, seen["one_way"]["count"])
            self.assertLessEqual(seen["one_way"]["p50_us"], seen["latency"]["p50_us"])

    def test_what_is_lost_or_doubled_is_told(self):
        """Of eight users one gets everything twice and another nothing."""
        program, seen = self.load("--register", 8, "--window", 1, "--count", 80, "--slo", "lost<1%")
        self.assertEqual(3, program.status, program)
        self.check(seen, 80, answered_2xx=80, delivered=70, duplicated=10)
        self.assertRegex(program.text, r"lost +10 +12.50 %")
        self.assertRegex(program.text, r"delivered twice +10 ")
        self.assertRegex(program.text, r"objective lost<1% +MISSED +12.5 %")

    def test_a_refused_registration_ends_the_run(self):
        program, seen = self.load("--register", 70, "--count", 100)
        self.assertEqual(2, program.status, program)
        self.assertEqual(0, seen["counters"]["sent"])
        self.assertEqual(1, seen["register_failed"])
        self.assertIn("1 of 70 users could not be registered (403)", program.text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
