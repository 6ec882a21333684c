#!/usr/bin/env python3
"""./dev bench tcp: zsip over TCP at the limit of the machine. The server is pinned to one core, the
generator to another.

Rows 'tcp CxD', 'limit CxD', 'kamailio CxD': zsip serve, the kernel's echo and a stateless Kamailio,
each on one core, driven by the same client with C connections and D requests under way on each, in
short turns. The echo looks for more as long as zsip serve does before it sleeps (20 us), by epoll
or io_uring, whichever is faster; 'limit sleeping' never looks. 'server ns' is the server's CPU time
for each answered request, 'load' rows are zsip load's at zsip serve, 'sipp' rows SIPp's. 'new
connection each' rows are that same client's, which opens and resets one for each request; 'load new
connection each' is zsip load --new-connection.

'bytes per idle connection' is the growth of resident memory by 10,000 of them; 'beside idle' rows
have these open meanwhile.
"""
import contextlib
import functools
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time

import figures
import peers
import rig
import sipp

SECONDS = 2
TURNS, TURN_SECONDS = 5, 1  # of each server, in a run
SPIN_US = 20
SHAPES = {"64x16": (64, 16), "1x512": (1, 512), "1000x8": (1000, 8)}
ECHOES = ("epoll", "incremental")
IDLE = 10000
SIPP_SECONDS = 2
# Rates to try, the highest clean one counts; a connection a call collapses soon.
SIPP_RATES = (5000, 10000, 20000, 40000, 60000, 80000, 100000)
SIPP_NEW_RATES = (500, 1000, 1500, 2000, 3000)
CONFIG = figures.ROOT / "bench" / "compare" / "kamailio-tcp.cfg"


def kamailio():
    port = peers.free_port()
    return rig.Server("kamailio", [
        "kamailio", "-f", CONFIG, "-DD", "-E", "-x", "fm", "-X", "fm", "-m", 1024, "-M", 64,
        "-Y", tempfile.gettempdir(), "-w", tempfile.gettempdir(),
        "-l", f"tcp:{peers.HOST}:{port}"], port, ask=peers.ask_tcp)


def check(bench, name, seen):
    if seen.unanswered > 0:
        bench.note(f"{name}: {seen.unanswered} of {seen.answered + seen.unanswered} unanswered")


def servers(shape):
    """Who is compared, by name."""
    scenario = f"tcp {shape}"
    makers = {"zsip": rig.zsip_tcp,
              **{kind: functools.partial(rig.echo_tcp, f"{scenario} {kind}", SPIN_US)
                 for kind in ECHOES},
              "sleeping": functools.partial(rig.echo_tcp, f"{scenario} {ECHOES[0]}", 0)}
    if shutil.which("kamailio") is not None:
        makers["kamailio"] = kamailio
    return makers


def driven(shape):
    """A part: one shape, all servers up, which sleep but for the one whose turn it is. Turns are
    short: the speed of a machine that others share changes within seconds."""
    def part(bench):
        with contextlib.ExitStack() as stack:
            up = {name: stack.enter_context(rig.serving(make()))
                  for name, make in servers(shape).items()}
            seen = {name: [] for name in up}
            for _ in range(TURNS):
                for name, server in up.items():
                    seen[name].append(rig.drive_tcp(server, *SHAPES[shape], TURN_SECONDS))
        stats = up["zsip"].summary().get("worker", {})
        if stats.get("writes"):
            bench.sample(f"answers a write {shape}", stats["messages_out"] / stats["writes"], "")
        best = max(ECHOES, key=lambda kind: statistics.median(turn.rate for turn in seen[kind]))
        report(bench, shape, {**seen, "limit": seen[best]})
    return part


def report(bench, shape, seen):
    for zsip, limit, sleeping in zip(seen["zsip"], seen["limit"], seen["sleeping"]):
        bench.sample(f"tcp {shape}", zsip.rate, "1/s")
        bench.sample(f"server ns {shape}", zsip.server_ns, "ns")
        bench.sample(f"limit {shape}", limit.rate, "1/s")
        bench.sample(f"limit ns {shape}", limit.server_ns, "ns")
        bench.sample(f"limit sleeping {shape}", sleeping.rate, "1/s")
        bench.sample(f"tcp of limit {shape}", zsip.rate / limit.rate, "")
        check(bench, f"tcp {shape}", zsip)
    if "kamailio" not in seen:
        bench.note("kamailio: not installed")
        return
    for zsip, other in zip(seen["zsip"], seen["kamailio"]):
        bench.sample(f"kamailio {shape}", other.rate, "1/s")
        bench.sample(f"kamailio ns {shape}", other.server_ns, "ns")
        bench.sample(f"tcp over kamailio {shape}", zsip.rate / max(1, other.rate), "")
        check(bench, f"kamailio {shape}", other)


def idle(bench):
    """What connections cost that do nothing, and what they cost the others: two servers in turns,
    and one of them has the crowd."""
    shape = SHAPES["64x16"]
    with rig.serving(rig.zsip_tcp()) as empty, rig.serving(rig.zsip_tcp()) as server:
        rig.drive_tcp(server, *shape, TURN_SECONDS)  # buffers and pools are in use from here on
        before = server.rss_bytes()
        crowd = peers.Program(rig.LIMIT, "--idle-tcp", f"{server.address}:{server.port}", IDLE)
        try:
            deadline = time.monotonic() + 20
            while "ready" not in crowd.output() and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(1)
            grown = server.rss_bytes() - before
            for _ in range(TURNS):
                alone = rig.drive_tcp(empty, *shape, TURN_SECONDS)
                beside = rig.drive_tcp(server, *shape, TURN_SECONDS)
                bench.sample("tcp 64x16 alone", alone.rate, "1/s")
                bench.sample("tcp 64x16 beside idle", beside.rate, "1/s")
                bench.sample("beside idle of alone", beside.rate / alone.rate, "")
                check(bench, "tcp 64x16 beside idle", beside)
        finally:
            crowd.stop(signal.SIGKILL)
    bench.sample("bytes per idle connection", grown / IDLE, "B")


def renewed(bench):
    """A connection for each request, opened and closed by the same client; SIPp's own beside it."""
    makers = {"": rig.zsip_tcp, "limit ": lambda: rig.echo_tcp("tcp 64x16 epoll", 20)}
    if shutil.which("kamailio") is not None:
        makers["kamailio "] = kamailio
    for name, make in makers.items():
        row = f"{name}new connection each"
        with rig.serving(make()) as server:
            seen = rig.drive_tcp(server, 64, 1, SECONDS, renew=True)
        bench.sample(row, seen.rate, "1/s")
        check(bench, row, seen)


def generators(bench):
    """zsip load, and SIPp beside it."""
    with rig.serving(rig.zsip_tcp()) as server:
        seen = rig.load(server, "--window", 512, "--connections", 1, seconds=SECONDS)
    bench.sample("load one connection", seen.rate, "1/s")
    bench.sample("load ns one connection", seen.client_ns, "ns")
    check(bench, "load one connection", seen)
    with rig.serving(rig.zsip_tcp()) as server:
        seen = rig.load(server, "--new-connection", "--window", 64, seconds=SECONDS)
    bench.sample("load new connection each", seen.rate, "1/s")
    bench.sample("load ns new connection each", seen.client_ns, "ns")
    check(bench, "load new connection each", seen)
    if shutil.which("sipp") is None:
        bench.note("sipp: not installed")
        return
    for row, transport, rates in (("sipp one connection", "t1", SIPP_RATES),
                                  ("sipp new connection each", "tn", SIPP_NEW_RATES)):
        bench.sample(row, sipp_best(transport, rates), "1/s")
    for name, over, under in (("load over sipp", "load one connection", "sipp one connection"),
                              ("load new connection each over sipp", "load new connection each",
                               "sipp new connection each"),
                              ("new connection each over sipp", "new connection each",
                               "sipp new connection each")):
        if over in bench.rows and bench.rows[under][1][-1] > 0:
            bench.sample(name, bench.rows[over][1][-1] / bench.rows[under][1][-1], "")


def sipp_best(transport, rates):
    """The highest of these rates that it does, in the time that takes, without a failed call."""
    best = 0
    for rate in rates:
        calls = rate * SIPP_SECONDS
        with rig.serving(rig.zsip_tcp()) as server:
            began = time.monotonic()
            driver = sipp.client((server.address, server.port), rate, calls, SIPP_SECONDS * 3,
                                 cpu=rig.LOAD_CPU, transport=transport)
            status, seen = driver.finish(SIPP_SECONDS * 5)
            took = time.monotonic() - began
        if status != 0 or seen.get("SuccessfulCall(C)", 0) != calls or took > SIPP_SECONDS * 1.25:
            break
        best = calls / max(took, SIPP_SECONDS)
    return best


PARTS = {**{shape: driven(shape) for shape in SHAPES}, "idle": idle, "renewed": renewed,
         "generators": generators}


def main():
    bench = figures.Bench("tcp", sys.argv[1:], parts=PARTS)
    if rig.SERVER_CPU == rig.LOAD_CPU:
        bench.note("one core only: server and generator share it")
    for run in range(bench.runs):
        for name in bench.parts:
            figures.progress(f"run {run + 1} of {bench.runs}: {name}")
            PARTS[name](bench)
    bench.finish()


if __name__ == "__main__":
    main()
