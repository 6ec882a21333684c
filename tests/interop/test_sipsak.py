"""sipsak asks, `zsip serve` answers."""
import tempfile
import unittest

import peers


class SipsakAsks(unittest.TestCase):
    def sipsak(self, *options, serve=()):
        with peers.serving(*serve) as server:
            return peers.run("sipsak", "-vvv", *options, "-s",
                             f"sip:bob@{peers.HOST}:{server.port}", seconds=20)

    def message(self, **keywords):
        """Sent from a file: sipsak 0.9.8's own mode for MESSAGE (-M) writes through a null pointer
        before it sends anything. The Via is sipsak's."""
        with tempfile.NamedTemporaryFile() as file:
            lines = peers.request().split(b"\r\n")
            file.write(b"\r\n".join(line for line in lines if not line.startswith(b"Via:")))
            file.flush()
            return self.sipsak("-f", file.name, **keywords)

    def test_options_is_answered_with_allow(self):
        asked = self.sipsak()
        self.assertEqual(0, asked.status, asked.text)
        self.assertIn("SIP/2.0 200", asked.text)
        self.assertRegex(asked.text, r"Allow: .*MESSAGE")

    def test_message_is_delivered(self):
        asked = self.message()
        self.assertEqual(0, asked.status, asked.text)
        self.assertIn("SIP/2.0 200", asked.text)

    def test_message_refused_is_seen_as_refused(self):
        asked = self.message(serve=("--status", 404))
        self.assertNotEqual(0, asked.status, asked.text)
        self.assertIn("SIP/2.0 404", asked.text)


if __name__ == "__main__":
    peers.main("sipsak")
