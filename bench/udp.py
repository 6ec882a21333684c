#!/usr/bin/env python3
"""./dev bench udp: zsip over UDP at the limit of the machine. The server is pinned to one core, the
generator to another.

Rows 'stateful trains': zsip serve and zsip load, trains both ways. Rows 'stateful plain': zsip
serve, driven by the same plain client as the kernel's echo ('limit plain', answers grouped by both
servers). 'server ns' is the server's CPU time for each answered request, with everything its thread
did; those servers don't spin, so that waiting costs nothing.
"""
import sys

import figures
import netns
import rig
import sipp

SECONDS = 2
WINDOWS = (1, 64, 512)
SHARES = (10, 50, 80)
MEMORY_SECONDS = 40
# 32 s at three millions a second, so that memory and not the option is what ends.
REMEMBERED = ("--completed-max", "100M")
SIPP_SECONDS = 5


def check(bench, name, seen):
    if seen.unanswered > 0:
        bench.note(f"{name}: {seen.unanswered} of {seen.answered + seen.unanswered} unanswered")


def trains(bench):
    """The headline: stateful, trains both ways."""
    with rig.serving(rig.zsip("--spin-us", 0, *REMEMBERED)) as server:
        seen = rig.load(server, *rig.TRAINS, seconds=SECONDS)
    bench.sample("stateful trains", seen.rate, "1/s")
    bench.sample("stateful trains unanswered", seen.unanswered, "")
    bench.sample("server ns trains", seen.server_ns, "ns")
    bench.sample("client ns trains", seen.client_ns, "ns")
    stats = server.summary().get("worker", {})
    bench.sample("messages per syscall trains", stats.get("messages_per_syscall", 0), "")
    with rig.serving(rig.echo("trains")) as server:
        seen = rig.drive(server, 512, 1, 64, SECONDS)
    bench.sample("limit trains", seen.rate, "1/s")
    bench.sample("limit ns trains", seen.server_ns, "ns")
    with rig.serving(rig.zsip("--spin-us", 0, *REMEMBERED)) as server:
        seen = rig.drive(server, 512, 1, 64, SECONDS)
    bench.sample("stateful trains limit client", seen.rate, "1/s")
    check(bench, "stateful trains limit client", seen)


def plain(bench):
    """One client, two servers: what the SIP work costs."""
    with rig.serving(rig.echo("plain")) as server:
        seen = rig.drive(server, seconds=SECONDS)
    bench.sample("limit plain", seen.rate, "1/s")
    bench.sample("limit ns plain", seen.server_ns, "ns")
    limit = seen
    with rig.serving(rig.zsip("--spin-us", 0)) as server:
        seen = rig.drive(server, seconds=SECONDS)
    bench.sample("stateful plain", seen.rate, "1/s")
    bench.sample("server ns plain", seen.server_ns, "ns")
    bench.sample("server ns plain above limit", seen.server_ns - limit.server_ns, "ns")
    bench.sample("stateful plain of limit", seen.rate / limit.rate, "")
    stats = server.summary().get("worker", {})
    bench.sample("messages per syscall plain", stats.get("messages_per_syscall", 0), "")
    check(bench, "stateful plain", seen)
    # The control: no trains in either direction, and answers one by one.
    with rig.serving(rig.zsip("--spin-us", 0, "--no-trains")) as server:
        seen = rig.drive(server, seconds=SECONDS)
    bench.sample("stateful plain no trains", seen.rate, "1/s")
    bench.sample("server ns plain no trains", seen.server_ns, "ns")


def windows(bench):
    for window in WINDOWS:
        for name, option in (("trains", ()), ("plain", ("--no-trains",))):
            with rig.serving(rig.zsip(*option)) as server:
                seen = rig.load(server, "--window", window, *option, seconds=SECONDS / 2)
            row = f"stateful {name} window {window}"
            bench.sample(row, seen.rate, "1/s")
            bench.sample(f"{row} p50", seen.json["latency"]["p50_us"] * 1e3, "ns")
            check(bench, row, seen)


def many_peers(bench):
    for name, window, train in (("trains", 2048, 32), ("plain", 512, 1)):
        with rig.serving(rig.zsip("--spin-us", 0, *REMEMBERED)) as server:
            seen = rig.drive(server, window, 32, train, SECONDS)
        bench.sample(f"stateful {name} 32 peers", seen.rate, "1/s")
        bench.sample(f"server ns {name} 32 peers", seen.server_ns, "ns")
        check(bench, f"stateful {name} 32 peers", seen)
        with rig.serving(rig.echo(name)) as server:
            seen = rig.drive(server, window, 32, train, SECONDS)
        bench.sample(f"limit {name} 32 peers", seen.rate, "1/s")


def latency(bench):
    """Open loop, plain, at shares of what the same two programs do in a closed loop."""
    with rig.serving(rig.zsip("--no-trains")) as server:
        capacity = rig.load(server, "--no-trains", "--window", 512, seconds=SECONDS).rate
    bench.sample("open loop capacity plain", capacity, "1/s")
    for share in SHARES:
        with rig.serving(rig.zsip("--no-trains")) as server:
            seen = rig.load(server, "--no-trains", "--rate", int(capacity * share / 100),
                            seconds=SECONDS)
        for key, name in (("p50_us", "p50"), ("p99_us", "p99"), ("p99_9_us", "p99.9")):
            bench.sample(f"open loop {share} % {name}", seen.json["latency"][key] * 1e3, "ns")
        check(bench, f"open loop {share} %", seen)


def memory(bench):
    """Timer J full at the highest rate."""
    with rig.serving(rig.zsip("--spin-us", 0, *REMEMBERED)) as server:
        start = server.rss_bytes()
        # A whole run, read just before its end.
        generator = rig.Background(server, *rig.TRAINS, seconds=MEMORY_SECONDS)
        figures.sleep_until(generator.began + MEMORY_SECONDS - 0.5)
        end = server.rss_bytes()
        seen = generator.finish()
    summary = server.summary()
    kept = summary["endpoint"]["completed_now"]
    bench.sample("rss at start", start, "B")
    bench.sample("rss after 40 s", end, "B")
    bench.sample("transactions after 40 s", kept, "")
    bench.sample("bytes per transaction", (end - start) / max(1, kept), "B")
    bench.sample("stateful trains 40 s", seen.rate, "1/s")
    bench.sample("stateful trains 40 s unanswered", seen.unanswered, "")
    bench.sample("refused 40 s", summary["endpoint"]["refused_full"], "")


def by_sipp(bench):
    """zsip serve behind SIPp, which is the limit."""
    rate = 50000
    with rig.serving(rig.zsip("--spin-us", 0)) as server:
        before = server.cpu_ns()
        calls = rate * SIPP_SECONDS
        driver = sipp.client((server.address, server.port), rate, calls, SIPP_SECONDS * 3,
                             cpu=rig.LOAD_CPU)
        _, seen = driver.finish(SIPP_SECONDS * 4)
        spent = server.cpu_ns() - before
    good = seen.get("SuccessfulCall(C)", 0)
    bench.sample("sipp at zsip serve", good / SIPP_SECONDS, "1/s")
    bench.sample("sipp failed calls", calls - good, "")
    bench.sample("server ns sipp", spent / max(1, good), "ns")


def veth(bench):
    """The same through a pair of virtual interfaces that carry no trains: each datagram crosses
    alone, as on a wire."""
    with netns.pair(segmentation=False) as pair:
        for name, client in (("plain", (256, 1, 1)), ("trains", (512, 1, 64))):
            with rig.serving(rig.zsip("--spin-us", 0, *REMEMBERED, address=pair.server_address,
                                      prefix=pair.server)) as server:
                seen = rig.drive(server, *client, SECONDS, prefix=pair.client)
            bench.sample(f"veth stateful {name}", seen.rate, "1/s")
            bench.sample(f"veth server ns {name}", seen.server_ns, "ns")
            check(bench, f"veth stateful {name}", seen)
            with rig.serving(rig.echo(name, address=pair.server_address,
                                      prefix=pair.server)) as server:
                seen = rig.drive(server, *client, SECONDS, prefix=pair.client)
            bench.sample(f"veth limit {name}", seen.rate, "1/s")
            bench.sample(f"veth limit ns {name}", seen.server_ns, "ns")


PARTS = {"trains": trains, "plain": plain, "windows": windows, "peers": many_peers,
         "latency": latency, "sipp": by_sipp, "veth": veth, "memory": memory}
ONCE = ("memory",)


def main():
    bench = figures.Bench("udp", sys.argv[1:], parts=PARTS)
    if rig.SERVER_CPU == rig.LOAD_CPU:
        bench.note("one core only: server and generator share it")
    for run in range(bench.runs):
        for name in bench.parts:
            if run > 0 and name in ONCE:
                continue
            figures.progress(f"run {run + 1} of {bench.runs}: {name}")
            try:
                PARTS[name](bench)
            except netns.Refused as refused:
                bench.note(f"{name}: left out, {refused}")
    bench.finish()


if __name__ == "__main__":
    main()
