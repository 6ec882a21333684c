#!/usr/bin/env python3
"""./dev bench load: the generator at its limit, on one core, the server on another.

'load plain' and 'sipp plain' are offered and answered MESSAGE/s as plain datagrams at a responder
that costs what the kernel costs (bench/limit/respond.c); 'load trains' at zsip serve. 'arrival
error p99' is how late requests leave in an open loop at half of 'load plain'. 'cost of honesty' is
what plan, histograms and series take of a request's time, in percent: bench/micro/honesty.c counts
them alone.
"""
import subprocess
import sys

import figures
import peers
import rig
import sipp

SECONDS = 3
SIPP_SECONDS = 5
SIPP_RATES = (100000, 70000, 60000, 50000)
RESPOND = str(figures.ROOT / "build" / "bench" / "limit" / "bench-respond")
HONESTY = str(figures.ROOT / "build" / "bench" / "micro" / "bench-honesty")


def responder():
    port = peers.free_port()
    return rig.Server("responder", [RESPOND, peers.HOST, port], port)


def sipp_rate(server):
    """The highest of a few rates at which SIPp loses nothing and sends what it was asked to."""
    for rate in SIPP_RATES:
        driver = sipp.client((server.address, server.port), rate, rate * SIPP_SECONDS,
                             SIPP_SECONDS * 3, cpu=rig.LOAD_CPU)
        _, seen = driver.finish(SIPP_SECONDS * 4)
        good = seen.get("SuccessfulCall(C)", 0)
        took_s = seen.get("ElapsedTime(C)", 0) / 1e3 or SIPP_SECONDS
        if good >= 0.999 * rate * SIPP_SECONDS or rate == SIPP_RATES[-1]:
            return good / max(took_s, SIPP_SECONDS)
    return 0


def plain(bench):
    with rig.serving(responder()) as server:
        seen = rig.load(server, "--no-trains", "--window", 512, "--spin-us", 0, seconds=SECONDS)
        bench.sample("load plain", seen.rate, "1/s")
        bench.sample("load plain unanswered", seen.unanswered, "")
        bench.sample("load plain ns", seen.client_ns, "ns")
        open_loop = rig.load(server, "--no-trains", "--rate", int(seen.rate / 2), seconds=SECONDS)
    bench.sample("arrival error p99", open_loop.json["send_lag"]["p99_us"] * 1e3, "ns")
    bench.sample("arrival error p50", open_loop.json["send_lag"]["p50_us"] * 1e3, "ns")
    spent = float(subprocess.run([HONESTY],
                                 capture_output=True, text=True, check=True, timeout=60).stdout)
    bench.sample("honesty ns", spent, "ns")
    bench.sample("cost of honesty", 100 * spent / seen.client_ns, "%")


def trains(bench):
    with rig.serving(rig.zsip("--spin-us", 0, "--completed-max", "100M")) as server:
        seen = rig.load(server, *rig.TRAINS, seconds=SECONDS)
    bench.sample("load trains", seen.rate, "1/s")
    bench.sample("load trains unanswered", seen.unanswered, "")
    bench.sample("load trains ns", seen.client_ns, "ns")


def by_sipp(bench):
    with rig.serving(responder()) as server:
        bench.sample("sipp plain", sipp_rate(server), "1/s")


PARTS = {"plain": plain, "trains": trains, "sipp": by_sipp}


def main():
    bench = figures.Bench("load", sys.argv[1:], parts=PARTS)
    if rig.SERVER_CPU == rig.LOAD_CPU:
        bench.note("one core only: server and generator share it")
    for run in range(bench.runs):
        for name in bench.parts:
            figures.progress(f"run {run + 1} of {bench.runs}: {name}")
            PARTS[name](bench)
    bench.finish()


if __name__ == "__main__":
    main()
