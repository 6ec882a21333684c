"""Two interfaces joined by a virtual wire, the server's in a network namespace of its own:
datagrams cross it as they would a network, not as they cross loopback."""
import contextlib
import ipaddress
import os
import signal
import subprocess

NAME = f"zsip-bench-{os.getpid()}"
# RFC 2544 sets 198.18.0.0/15 apart for benchmarks. Addresses of our own each time: what a killed
# run left behind must not answer for us.
BITS = 30
CLIENT, SERVER = (str(ipaddress.ip_address("198.19.0.0") + os.getpid() % 2**14 * 4 + host)
                  for host in (1, 2))


class Refused(Exception):
    """Namespaces are not allowed here, or their tools are missing."""


def _run(*arguments):
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Refused(f"{arguments[0]}: {error.strerror}") from None
    if done.returncode != 0:
        raise Refused(f"{' '.join(arguments)}: {done.stderr.strip()}")


@contextlib.contextmanager
def _namespaces(*names):
    """Namespaces with a loopback; what is in them goes with them."""
    if os.geteuid() != 0:
        raise Refused("this takes root")
    # A kill must not leave them behind.
    old = signal.signal(signal.SIGTERM, lambda *_: exit(143))
    try:
        for name in names:
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in names:
            subprocess.run(("ip", "netns", "delete", name), capture_output=True, check=False)
        signal.signal(signal.SIGTERM, old)


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
    here, there = f"zb{os.getpid()}a"[:15], f"zb{os.getpid()}b"[:15]
    with _namespaces(NAME):
        _run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", NAME)
        _run("ip", "address", "add", f"{CLIENT}/{BITS}", "dev", here)
        _run("ip", "-n", NAME, "address", "add", f"{SERVER}/{BITS}", "dev", there)
        _run("ip", "link", "set", here, "up")
        _run("ip", "-n", NAME, "link", "set", there, "up")
        if not segmentation:
            _run("ethtool", "-K", here, "tx-udp-segmentation", "off", "gro", "off")
            _run("ip", "netns", "exec", NAME, "ethtool", "-K", there, "tx-udp-segmentation", "off",
                 "gro", "off")
        try:
            yield Pair(here)
        finally:
            # It goes with the namespace that its other end is in, but not at once.
            subprocess.run(("ip", "link", "delete", here), capture_output=True, check=False)


class Route:
    """Client and server with a router between them whose far link is narrow: what is too large for
    it comes back as an ICMP error that tells its MTU."""

    def __init__(self, family, client, server, address):
        self.family, self.client, self.server, self.address = family, client, server, address


def _inside(name, *command):
    _run("ip", "netns", "exec", name, *command)


def _join(here, there, device, mtu, addresses):
    """A wire between two namespaces, with an IPv4 and an IPv6 address at each end."""
    _run("ip", "-n", here, "link", "add", device, "mtu", str(mtu), "type", "veth",
         "peer", "name", device, "netns", there)
    for name, ends in ((here, addresses[:2]), (there, addresses[2:])):
        _run("ip", "-n", name, "link", "set", device, "mtu", str(mtu), "up")
        _run("ip", "-n", name, "address", "add", ends[0], "dev", device)
        _run("ip", "-n", name, "-6", "address", "add", ends[1], "dev", device, "nodad")


@contextlib.contextmanager
def narrow(mtu):
    """Routes, one each of IPv4 and IPv6, on which no more than mtu bytes come through whole."""
    client, router, server = (f"{NAME}-{end}" for end in ("client", "router", "server"))
    with _namespaces(client, router, server):
        _join(client, router, "wide", 1500,
              ("198.18.254.1/30", "fd00:1::1/64", "198.18.254.2/30", "fd00:1::2/64"))
        _join(router, server, "narrow", mtu,
              ("198.18.254.5/30", "fd00:2::1/64", "198.18.254.6/30", "fd00:2::2/64"))
        _inside(router, "sh", "-c", "echo 1 | tee /proc/sys/net/ipv4/ip_forward"
                " /proc/sys/net/ipv6/conf/all/forwarding")
        for name, via4, via6 in ((client, "198.18.254.2", "fd00:1::2"),
                                 (server, "198.18.254.5", "fd00:2::1")):
            _run("ip", "-n", name, "route", "add", "default", "via", via4)
            _run("ip", "-n", name, "-6", "route", "add", "default", "via", via6)
        before = [("ip", "netns", "exec", name) for name in (client, server)]
        yield [Route("IPv4", *before, "198.18.254.6"), Route("IPv6", *before, "[fd00:2::2]")]
