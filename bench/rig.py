"""The rig of the benches: servers and generators as programs pinned to a core each, with the CPU
time and the memory they took. What they are driven with is the same for all of them."""
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time

import figures
import peers

LIMIT = str(figures.ROOT / "build" / "bench" / "limit" / "bench-limit")
TRAINS = ("--window", 4096)  # what zsip load gets where it shall be at its best
SERVER_CPU, LOAD_CPU = figures.two_cpus()


def own_core():
    """What makes a core a program's own for a short run, whatever else the machine does; nothing
    where that is not allowed. The kernel takes such a core back for 50 ms in a second."""
    prefix = ("chrt", "-r", "5")
    try:
        return prefix if subprocess.run((*prefix, "true"), check=False,
                                        stderr=subprocess.DEVNULL).returncode == 0 else ()
    except OSError:
        return ()


def cpu_ns(pid):
    """CPU time of a process and its threads so far; what the scheduler counted, not its ticks."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total


def children(pid):
    """The process and those it started."""
    found, at = [pid], 0
    while at < len(found):
        with contextlib.suppress(OSError):
            with open(f"/proc/{found[at]}/task/{found[at]}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
        at += 1
    return found


class Server:
    """A server under load: where it listens, what it costs. One that starts others counts them in;
    their shared memory counts once (Pss)."""

    def __init__(self, name, arguments, port, address=peers.HOST, prefix=(), ask=peers.ask):
        """ask: how to find out whether it is up; None if it speaks no SIP."""
        self.name, self.port, self.address = name, port, address
        self.folder = tempfile.TemporaryDirectory()
        self.json_path = os.path.join(self.folder.name, "serve.json")
        arguments = [self.json_path if part == "@JSON@" else str(part) for part in arguments]
        self.program = peers.Program(*prefix, "taskset", "-c", SERVER_CPU, *arguments)
        self.ask = ask
        self.transport = "tcp" if ask is peers.ask_tcp else "udp"

    def pids(self):
        return children(self.program.pid)

    def cpu_ns(self):
        return sum(cpu_ns(pid) for pid in self.pids())

    def rss_bytes(self):
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    for line in file:
                        if line.startswith("Pss:"):
                            total += int(line.split()[1]) * 1024
        return total

    def wait_until_up(self, seconds=15):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.program.running():
            if self.ask is None:
                time.sleep(0.3)
                return self
            # A MESSAGE: some of the servers know nothing else.
            if self.ask((self.address, self.port), peers.request(), seconds=0.2):
                return self
        self.stop()
        raise SystemExit(f"{self.name} does not answer: {self.program}")

    def stop(self):
        pids = self.pids()
        if self.program.running():
            self.program.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.program.process.wait(10)
        for pid in pids if self.program.running() else []:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.program.process.wait()
        self.program.output()
        self.program.log.close()

    def summary(self):
        """What zsip serve wrote at its end."""
        if os.path.exists(self.json_path):
            return peers.read_json(self.json_path)
        return {}


@contextlib.contextmanager
def serving(server):
    try:
        yield server.wait_until_up()
    finally:
        server.stop()


def zsip(*options, address=peers.HOST, prefix=()):
    port = peers.free_port()
    return Server("zsip", [figures.ZSIP, "serve", "--listen", f"udp:{address}:{port}", "--json",
                           "@JSON@", *options], port, address, prefix)


def echo(scenario, address=peers.HOST, prefix=()):
    """The kernel's echo: bench-limit's, which speaks no SIP."""
    port = peers.free_port()
    return Server(f"echo {scenario}", [LIMIT, "--serve", f"{address}:{port}", scenario], port,
                  address, prefix, ask=None)


def zsip_tcp(*options):
    port = peers.free_port()
    return Server("zsip over TCP", [figures.ZSIP, "serve", "--listen", f"tcp:{peers.HOST}:{port}",
                                    "--json", "@JSON@", *options], port, ask=peers.ask_tcp)


def echo_tcp(scenario, spin_us):
    """The kernel's echo over TCP, which looks for more this long before it sleeps."""
    port = peers.free_port()
    return Server(f"echo {scenario}", [LIMIT, "--serve", f"{peers.HOST}:{port}", scenario, spin_us],
                  port, ask=None)


# ---- Generators --------------------------------------------------------------------------------


class Load:
    """What a generator saw, and what the server spent on it."""

    def __init__(self, rate, answered, unanswered, server_ns, client_ns, json=None):
        self.rate, self.answered, self.unanswered = rate, answered, unanswered
        self.server_ns, self.client_ns, self.json = server_ns, client_ns, json


def _pinned(prefix, *arguments, seconds):
    program = peers.Program(*prefix, "taskset", "-c", LOAD_CPU, *arguments)
    program.wait(seconds)
    return program


def drive(server, window=256, sources=1, train=1, seconds=2, prefix=()):
    """The client of bench limit: the kernel's batches and nothing else. It answers for no SIP, only
    counts what comes back."""
    return _driven(server, prefix, "--drive", (window, sources, train, seconds), seconds)


def drive_tcp(server, connections, depth, seconds=2, renew=False):
    """The same over TCP: on each connection so many requests under way. renew: a connection for
    each request."""
    return _driven(server, (), "--drive-tcp", (connections, depth, seconds, int(renew)), seconds)


def _driven(server, prefix, how, numbers, seconds):
    before = server.cpu_ns()
    program = _pinned(prefix, LIMIT, how, f"{server.address}:{server.port}", *numbers,
                      seconds=seconds + 30)
    spent = server.cpu_ns() - before
    try:
        seen = json.loads(program.text)
    except ValueError:
        raise SystemExit(f"the client failed: {program}") from None
    answered = max(1, seen["answered"])
    return Load(seen["answered_per_s"], seen["answered"], seen["unanswered"], spent / answered,
                seen["client_ns"])


class Background:
    """zsip load, begun."""

    def __init__(self, server, *options, seconds, prefix=()):
        self.server, self.seconds = server, seconds
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "load.json")
        self.before_ns, self.began = server.cpu_ns(), time.monotonic()
        self.program = peers.Program(
            *prefix, "taskset", "-c", LOAD_CPU, figures.ZSIP, "load", "--quiet", "--duration",
            seconds, "--json", self.path, *options,
            f"{server.transport}:{server.address}:{server.port}")

    def give_up(self):
        """Ends arrivals and what is pending."""
        for _ in range(2):
            if self.program.running():
                self.program.process.send_signal(signal.SIGINT)
                time.sleep(0.2)

    def finish(self):
        self.program.wait(self.seconds + 60)
        if not os.path.exists(self.path) or os.path.getsize(self.path) == 0:
            raise SystemExit(f"zsip load wrote no figures: {self.program}")
        spent = self.server.cpu_ns() - self.before_ns
        seen = peers.read_json(self.path)
        self.folder.cleanup()
        counters, own = seen["counters"], seen["generator"]
        answered = sum(counters[f"answered_{first}xx"] for first in "23456")
        return Load(answered / seen["arrival_s"], answered, counters["sent"] - answered,
                    spent / max(1, answered),
                    (own["user_s"] + own["system_s"]) * 1e9 / max(1, answered), seen)


def load(server, *options, seconds=2, prefix=()):
    """zsip load to its end."""
    return Background(server, *options, seconds=seconds, prefix=prefix).finish()
