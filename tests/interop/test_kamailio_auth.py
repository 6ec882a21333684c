"""Digest authentication against Kamailio, with a list of subscribers in a text file."""
import os
import pathlib
import shutil
import tempfile
import unittest

import kamailio
import peers

USERS = 40
COUNT = 400


def write_subscribers(folder):
    """What db_text reads: a line of columns, then a line a row."""
    with open(os.path.join(folder, "version"), "w", encoding="ascii") as file:
        file.write("table_name(str) table_version(int)\nsubscriber:7\n")
    with open(os.path.join(folder, "subscriber"), "w", encoding="ascii") as file:
        file.write("username(str) domain(str) password(str)\n")
        for i in range(USERS):
            file.write(f"user{i:03}:example.com:secret{i}\n")


class Authenticates(unittest.TestCase):
    def run_load(self, *options, algorithm="MD5", expire=300, count=COUNT, password="secret"):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            write_subscribers(folder)
            users = pathlib.Path(folder, "users.csv")
            users.write_text("SEQUENTIAL\n" + "".join(
                f"user{i:03};example.com;{password}{i}\n" for i in range(USERS)), encoding="ascii")
            json = pathlib.Path(folder, "load.json")
            server = kamailio.Kamailio("kamailio-auth.cfg", fill={
                "@FOLDER@": folder, "@ALGORITHM@": algorithm, "@EXPIRE@": expire})
            try:
                ended = peers.run(
                    peers.zsip(), "load", *options, "--inf", users, "--auth", "[field0]:[field2]",
                    "--rate", 200, "--count", count, "--lag-max", "99s", "--quiet", "--json", json,
                    f"{peers.HOST}:{server.port}", seconds=120)
            finally:
                server.end()
            return ended, peers.read_json(json)["counters"]

    def check(self, ended, counters, challenged=None, count=COUNT):
        self.assertEqual(0, ended.status, ended)
        self.assertEqual(count, counters["answered_2xx"], ended)
        if challenged is not None:
            # A copy has a nonce count that is used up: where a machine is late, it is challenged.
            more = counters["challenged"] - challenged
            self.assertTrue(0 <= more <= counters["retransmissions"], ended)

    def test_register_is_challenged_once_a_user(self):
        for algorithm in ("MD5", "SHA-256"):
            with self.subTest(algorithm=algorithm):
                ended, counters = self.run_load("--method", "REGISTER", "--to",
                                                "sip:[field0]@[field1]", algorithm=algorithm)
                self.check(ended, counters, challenged=USERS)

    def test_message_by_a_proxys_challenge(self):
        ended, counters = self.run_load("--from", "sip:[field0]@[field1]", "--to",
                                        "sip:bob-[field0]@[field1]")
        self.check(ended, counters, challenged=USERS)

    def test_a_stale_nonce_is_renewed(self):
        ended, counters = self.run_load("--method", "REGISTER", "--to", "sip:[field0]@[field1]",
                                        expire=1, count=800)
        self.check(ended, counters, count=800)
        self.assertGreater(counters["challenged"], USERS)

    def test_a_wrong_password_is_told(self):
        ended, counters = self.run_load("--method", "REGISTER", "--to", "sip:[field0]@[field1]",
                                        password="wrong", count=80)
        self.assertEqual(1, ended.status, ended)
        self.assertEqual(80, counters["answered_4xx"])


if __name__ == "__main__":
    if shutil.which("kamailio") and not any(
            pathlib.Path("/usr/lib").glob("*/kamailio/modules/auth_db.so")):
        print("skipped, Kamailio has no auth_db here")
        raise SystemExit(peers.SKIPPED)
    peers.main("kamailio")
