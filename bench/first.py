#!/usr/bin/env python3
"""./dev bench first: the whole stack, plain datagrams, the server pinned to one core and the
generator to another. Rows: rate and memory under `zsip load --window 256` for ten seconds, and
SIPp at 20,000 a second for ten seconds."""
import os
import sys
import tempfile

import figures
import peers
import sipp

SECONDS = 10
WINDOW = 256
SIPP_RATE = 20000
# A datagram at a time both ways, as peers without segmentation send and take them.
PLAIN = ("--without", "gro,gso")


def load_once(bench, server_cpu, load_cpu):
    """Ten seconds of closed loop at a fresh server, whose memory is read while it still runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "load.json")
        with peers.serving(*PLAIN, cpu=server_cpu, program=figures.ZSIP) as server:
            load = peers.Program(figures.ZSIP, "load", f"udp:{peers.HOST}:{server.port}", *PLAIN,
                                 "--window", WINDOW, "--duration", SECONDS, "--json", path,
                                 cpu=load_cpu)
            load.wait(SECONDS + 60)
            rss = figures.rss_bytes(server.pid)
            server_ns = figures.cpu_ns(server.pid)
        if not os.path.exists(path):
            raise SystemExit(f"zsip load wrote no figures: {load}")
        seen = peers.read_json(path)
    count = seen["counters"]
    answered = sum(count[f"answered_{n}xx"] for n in range(2, 7))
    bench.sample("load window 256", answered / seen["arrival_s"], "1/s")
    bench.sample("server rss after 10 s", rss, "B")
    bench.sample("unanswered", count["sent"] - answered, "")
    bench.sample("retransmitted", count["retransmissions"], "")
    bench.sample("server cpu per answer", server_ns / max(answered, 1), "ns")
    bench.sample("load p50", seen["latency"]["p50_us"] * 1000, "ns")
    bench.sample("load p99", seen["latency"]["p99_us"] * 1000, "ns")


def sipp_once(bench, server_cpu, load_cpu):
    calls = SIPP_RATE * SECONDS
    with peers.serving(*PLAIN, cpu=server_cpu, program=figures.ZSIP) as server:
        driver = sipp.client(server.address, SIPP_RATE, calls, SECONDS * 3, cpu=load_cpu)
        status, seen = driver.finish(SECONDS * 4)
    good = seen.get("SuccessfulCall(C)", 0)
    bench.sample("sipp 20k failed calls", calls - good, "")
    bench.sample("sipp 20k retransmitted", seen.get("Retransmissions(C)", 0), "")
    if status != 0:
        bench.note(f"SIPp ended with status {status}")


def main():
    bench = figures.Bench("first", sys.argv[1:])
    server_cpu, load_cpu = figures.two_cpus()
    if server_cpu == load_cpu:
        bench.note("one core only: server and generator share it")
    for run in range(bench.runs):
        figures.progress(f"run {run + 1} of {bench.runs}: zsip load, {SECONDS} s")
        load_once(bench, server_cpu, load_cpu)
        figures.progress(f"run {run + 1} of {bench.runs}: SIPp at {SIPP_RATE}/s, {SECONDS} s")
        sipp_once(bench, server_cpu, load_cpu)
    bench.finish()


if __name__ == "__main__":
    main()
