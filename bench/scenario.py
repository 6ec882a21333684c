#!/usr/bin/env python3
"""./dev bench scenario: the same MESSAGE scenario file in zsip load and in SIPp, one core each, at
zsip serve on another; zsip load without a scenario beside it; and what it costs to watch a run."""
import os
import shlex
import subprocess
import sys
import tempfile

import compare
import figures
import peers
import rig

SECONDS = 3
COST_SECONDS, COST_PAIRS = 1.5, 6
OWN = rig.own_core()
FILE = os.path.join(peers.SCENARIOS, "message_uac.xml")


def rates(bench):
    """zsip as users run it, with trains, and with plain datagrams only."""
    for row, options in (("", ()), (" no trains", ("--no-trains",))):
        for name, more in (("scenario", ("--sf", FILE)), ("load plain", ())):
            with rig.serving(rig.zsip()) as server:
                seen = rig.load(server, "--window", 1024, *more, *options, seconds=SECONDS)
            bench.sample(name + row, seen.rate, "1/s")
            bench.sample(f"{name}{row} ns", seen.client_ns, "ns")
            if seen.unanswered:
                bench.note(f"{name}{row}: {seen.unanswered} unanswered")


def sipps(bench):
    if not compare.available("sipp"):
        bench.note("sipp: not installed")
        return
    best = 0
    for rate in compare.SIPP_RATES:
        with rig.serving(rig.zsip()) as server:
            if not (compare.sipp_clean(server, rate) or compare.sipp_clean(server, rate)):
                break
        best = rate
    bench.sample("sipp scenario", best, "1/s")


def on_a_terminal(server, folder, options):
    """CPU time a request of a run on a terminal of its own (script), in ns."""
    path = os.path.join(folder, "load.json")
    command = [*OWN, "taskset", "-c", str(rig.LOAD_CPU), str(figures.ZSIP), "load", "--window",
               "1024", "--duration", str(COST_SECONDS), "--json", path, *options,
               f"udp:{server.address}:{server.port}"]
    subprocess.run(["script", "-qec", shlex.join(command), "/dev/null"], check=True, timeout=60,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   env={**os.environ, "TERM": "xterm"})
    seen = peers.read_json(path)
    spent_s = seen["generator"]["user_s"] + seen["generator"]["system_s"]
    return spent_s * 1e9 / max(1, seen["counters"]["answered_2xx"])


def cost(bench):
    """The live view, the metrics and the sample of packets together, against the same run without
    any of it: in turns, and the least of each. What a machine adds is never negative."""
    plain, watched = [], []
    with tempfile.TemporaryDirectory() as folder, \
            rig.serving(rig.zsip("--completed-max", "100M", prefix=OWN)) as server:
        options = ["--prometheus", f"{peers.HOST}:0", "--pcap", os.path.join(folder, "x.pcapng"),
                   "--pcap-every", "1000"]
        for _ in range(COST_PAIRS):
            plain.append(on_a_terminal(server, folder, ["--quiet"]))
            watched.append(on_a_terminal(server, folder, options))
    bench.sample("watched ns", min(watched), "ns")
    bench.sample("unwatched ns", min(plain), "ns")
    bench.sample("watched over plain", min(watched) / min(plain), "")


PARTS = {"rates": rates, "sipp": sipps, "cost": cost}


def main():
    bench = figures.Bench("scenario", sys.argv[1:], parts=PARTS)
    if rig.SERVER_CPU == rig.LOAD_CPU:
        bench.note("one core only: server and generator share it")
    for _ in range(bench.runs):
        for part in bench.parts:
            figures.progress(f"scenario: {part}")
            PARTS[part](bench)
    for mine, theirs in zip(bench.rows.get("scenario", ("", []))[1],
                            bench.rows.get("sipp scenario", ("", []))[1]):
        if theirs > 0:
            bench.sample("scenario over sipp", mine / theirs, "")
    bench.finish()


if __name__ == "__main__":
    main()
