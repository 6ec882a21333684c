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


def load_once(bench, server_cpu, load_cpu):
    """Ten seconds of closed loop at a fresh server, whose memory is read while it still runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "load.json")
        with peers.serving(cpu=server_cpu, program=figures.ZSIP) as server:
            rss_start = figures.rss_bytes(server.pid)
            load = peers.Program(figures.ZSIP, "load", f"udp:{peers.HOST}:{server.port}",
                                 "--window", WINDOW, "--duration", SECONDS, "--json", path,
                                 cpu=load_cpu)
            load.wait(SECONDS + 60)
            rss_end = figures.rss_bytes(server.pid)
        if not os.path.exists(path):
            raise SystemExit(f"zsip load wrote no figures: {load}")
        seen = peers.read_json(path)
    bench.sample("load window 256", seen["answered"] / seen["seconds"], "1/s")
    bench.sample("server rss after 10 s", rss_end, "B")
    bench.sample("server rss at start", rss_start, "B")
    bench.sample("unanswered", seen["sent"] - seen["answered"], "")
    bench.sample("retransmitted", seen["retransmitted"], "")


def sipp_once(bench, server_cpu, load_cpu):
    calls = SIPP_RATE * SECONDS
    with peers.serving(cpu=server_cpu, program=figures.ZSIP) as server:
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
