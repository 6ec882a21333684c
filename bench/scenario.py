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


def watched(server, folder, options):
    """CPU of a run on a terminal of its own (script), which draws the live view."""
    path = os.path.join(folder, "load.json")
    command = ["taskset", "-c", str(rig.LOAD_CPU), str(figures.ZSIP), "load", "--window", "1024",
               "--duration", str(SECONDS), "--json", path, *options,
               f"udp:{server.address}:{server.port}"]
    subprocess.run(["script", "-qec", shlex.join(command), "/dev/null"], check=True, timeout=60,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   env={**os.environ, "TERM": "xterm"})
    return peers.read_json(path)


def cost(bench):
    """The live view, and the metrics and the sample of packets where they are built in."""
    text = subprocess.run([figures.ZSIP, "load", "--help"], check=True, stdout=subprocess.PIPE,
                          encoding="utf-8").stdout
    with tempfile.TemporaryDirectory() as folder:
        options = []
        if "--prometheus" in text:
            options += ["--prometheus", f"{peers.HOST}:{peers.free_port()}"]
        if "--pcap-every" in text:
            options += ["--pcap", os.path.join(folder, "x.pcapng"), "--pcap-every", "1000"]
        if not options:
            bench.note("watched: the live view alone")
        with rig.serving(rig.zsip()) as server:
            plain = rig.load(server, "--window", 1024, seconds=SECONDS)
        with rig.serving(rig.zsip()) as server:
            seen = watched(server, folder, options)
    answered = max(1, seen["counters"]["answered_2xx"])
    spent = (seen["generator"]["user_s"] + seen["generator"]["system_s"]) * 1e9 / answered
    bench.sample("watched ns", spent, "ns")
    bench.sample("watched over plain", spent / plain.client_ns, "")


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
