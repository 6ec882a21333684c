"""Kamailio as a program, with a configuration of ours."""
import os
import signal
import tempfile
import time

import peers


class Kamailio(peers.Program):
    """One that answers or relays, ready for requests."""

    def __init__(self, config, fill=None, tcp=False):
        """fill: {"@WORD@": text} to replace in the configuration. tcp: speaks that too."""
        self.folder = tempfile.TemporaryDirectory()
        self.port = peers.free_port()
        self.address = (peers.HOST, self.port)
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, config), encoding="utf-8") as file:
            text = file.read()
        for word, value in (fill or {}).items():
            text = text.replace(word, str(value))
        if tcp:
            text = text.replace("disable_tcp=yes", "tcp_children=2")
        path = os.path.join(self.folder.name, config)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        super().__init__("kamailio", "-f", path, "-DD", "-E", "-m", 128, "-M", 16,
                         "-Y", self.folder.name, "-w", self.folder.name,
                         "-l", f"udp:{peers.HOST}:{self.port}",
                         *(("-l", f"tcp:{peers.HOST}:{self.port}") if tcp else ()))
        deadline = time.monotonic() + 60
        while not peers.ask(self.address, peers.request("OPTIONS"), seconds=0.5):
            if not self.running() or time.monotonic() > deadline:
                self.end()
                raise AssertionError(f"does not answer: {self}")

    def end(self):
        if self.running():
            self.stop(signal.SIGTERM, seconds=40)
        self.output()
        self.folder.cleanup()
