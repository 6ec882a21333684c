#!/usr/bin/env python3
"""./dev bench load: the generator at its limit, on one core, the server on another.

'load plain' and 'sipp plain' are offered and answered MESSAGE/s as plain datagrams at a responder
that costs what the kernel costs (bench/limit/respond.c); 'load trains' at zsip serve. 'arrival
error p99' is how late requests leave in an open loop at half of 'load plain'. 'cost of honesty' is
what plan, histograms and series take of a request's time, in percent: bench/micro/honesty.c counts
them alone.

What is said of an open loop holds while a core is free. So both ends get a core of their own where
that is allowed, and the open loop is measured in runs that end before the kernel takes it back.
"""
import statistics
import subprocess
import sys
import time

import figures
import peers
import rig
import sipp

SECONDS = 3
OPEN_SECONDS, OPEN_RUNS = 0.8, 5
OWN = rig.own_core()
SIPP_SECONDS = 5
SIPP_RATES = (100000, 70000, 60000, 50000)
RESPOND = str(figures.ROOT / "build" / "bench" / "limit" / "bench-respond")
HONESTY = str(figures.ROOT / "build" / "bench" / "micro" / "bench-honesty")


def responder():
    port = peers.free_port()
    return rig.Server("responder", [RESPOND, peers.HOST, port], port, prefix=OWN)


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


def lateness(server, rate):
    """How late requests leave, in ns: {percentile: the median of a few runs}."""
    runs = []
    for _ in range(OPEN_RUNS):
        seen = rig.load(server, "--no-trains", "--rate", rate, seconds=OPEN_SECONDS, prefix=OWN)
        runs.append(seen.json["send_lag"])
        time.sleep(0.4)
    return {key: 1e3 * statistics.median(run[key] for run in runs) for key in ("p50_us", "p99_us")}


def plain(bench):
    with rig.serving(responder()) as server:
        seen = rig.load(server, "--no-trains", "--window", 512, "--spin-us", 0, seconds=SECONDS,
                        prefix=OWN)
        bench.sample("load plain", seen.rate, "1/s")
        bench.sample("load plain unanswered", seen.unanswered, "")
        bench.sample("load plain ns", seen.client_ns, "ns")
        late = lateness(server, int(seen.rate / 2))
    bench.sample("arrival error p99", late["p99_us"], "ns")
    bench.sample("arrival error p50", late["p50_us"], "ns")
    spent = float(subprocess.run([HONESTY],
                                 capture_output=True, text=True, check=True, timeout=60).stdout)
    bench.sample("honesty ns", spent, "ns")
    bench.sample("cost of honesty", 100 * spent / seen.client_ns, "%")


def trains(bench):
    with rig.serving(rig.zsip("--spin-us", 0, "--completed-max", "100M", prefix=OWN)) as server:
        seen = rig.load(server, *rig.TRAINS, seconds=SECONDS, prefix=OWN)
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
    if not OWN:
        bench.note("not allowed to have cores of its own: what else runs here is in the figures")
    for run in range(bench.runs):
        for name in bench.parts:
            figures.progress(f"run {run + 1} of {bench.runs}: {name}")
            PARTS[name](bench)
    bench.finish()


if __name__ == "__main__":
    main()
