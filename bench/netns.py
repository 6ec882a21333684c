"""Two interfaces joined by a virtual wire, the server's in a network namespace of its own:
datagrams cross it as they would a network, not as they cross loopback."""
import contextlib
import os
import signal
import subprocess

NAME = f"zsip-bench-{os.getpid()}"
# RFC 2544 sets this prefix apart for benchmarks.
CLIENT, SERVER, BITS = "198.18.255.1", "198.18.255.2", 30


class Refused(Exception):
    """Namespaces are not allowed here, or their tools are missing."""


def _run(*arguments):
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Refused(f"{arguments[0]}: {error.strerror}") from None
    if done.returncode != 0:
        raise Refused(f"{' '.join(arguments)}: {done.stderr.strip()}")


class Pair:
    server_address, client_address = SERVER, CLIENT
    # What to put before a program that shall run on that side.
    server, client = ("ip", "netns", "exec", NAME), ()

    def __init__(self, device):
        self.device = device

    def cut(self):
        """Nothing crosses any more, and neither side is told."""
        _run("ip", "link", "set", self.device, "down")

    def mend(self):
        _run("ip", "link", "set", self.device, "up")


@contextlib.contextmanager
def pair(segmentation):
    """segmentation: whether trains may cross whole, as they do on loopback."""
    if os.geteuid() != 0:
        raise Refused("this takes root")
    here, there = f"zb{os.getpid()}a"[:15], f"zb{os.getpid()}b"[:15]
    # A kill must not leave the namespace behind.
    old = signal.signal(signal.SIGTERM, lambda *_: exit(143))
    try:
        _run("ip", "netns", "add", NAME)
        _run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", NAME)
        _run("ip", "address", "add", f"{CLIENT}/{BITS}", "dev", here)
        _run("ip", "-n", NAME, "address", "add", f"{SERVER}/{BITS}", "dev", there)
        _run("ip", "link", "set", here, "up")
        _run("ip", "-n", NAME, "link", "set", there, "up")
        _run("ip", "-n", NAME, "link", "set", "lo", "up")
        if not segmentation:
            _run("ethtool", "-K", here, "tx-udp-segmentation", "off", "gro", "off")
            _run("ip", "netns", "exec", NAME, "ethtool", "-K", there, "tx-udp-segmentation", "off",
                 "gro", "off")
        yield Pair(here)
    finally:
        # The wire goes with the namespace that one of its ends is in.
        subprocess.run(("ip", "netns", "delete", NAME), capture_output=True, check=False)
        subprocess.run(("ip", "link", "delete", here), capture_output=True, check=False)
        signal.signal(signal.SIGTERM, old)
