#!/usr/bin/env python3
"""./dev bench overload: what is left of the goodput when more is offered than can be served.

zsip serve burns 20 us of CPU for each new request; what it can do then is measured first (closed
loop). Shares of that are offered by plan, whatever comes back, with retransmissions as RFC 3261
wants them. Goodput: distinct requests answered 2xx within T1 (500 ms) of the moment at which they
should have left. p99 is of all that were answered, 503 among them, from the same moment.

'age rule drop': requests that waited more than 200 ms are dropped silently, the default, and so are
the copies that their sender sends later, while there is a queue. 'age rule': they are refused with
503, so that their sender stops. 'no age rule': --max-age 0. The socket holds seconds of requests in
all three.
"""
import sys
import time

import figures
import rig

WORK = ("--work-us", 20, "--rcvbuf", "256M")
SHARES = (0.5, 1, 1.5, 2, 4)
RULES = (("age rule", ("--aged", "503")), ("age rule drop", ()), ("no age rule", ("--max-age", 0)))
SECONDS = 4


def capacity(bench):
    with rig.serving(rig.zsip(*WORK)) as server:
        seen = rig.load(server, "--window", 256, seconds=2)
    bench.sample("capacity", seen.rate, "1/s")
    return seen.rate


def point(bench, rule, options, share, rate):
    name = f"{rule} {share:g}x"
    with rig.serving(rig.zsip(*WORK, *options)) as server:
        # Pending ones are as many as the plan has in the 32 s that each may last.
        generator = rig.Background(server, "--rate", max(1, int(rate)), "--window", "4M",
                                   "--rcvbuf", "64M", seconds=SECONDS)
        # What is pending then is lost as far as goodput goes.
        figures.sleep_until(generator.began + SECONDS + 1)
        generator.give_up()
        seen = generator.finish()
        time.sleep(0.2)
    stats = server.summary()
    counters = seen.json["counters"]
    bench.sample(f"{name} goodput", counters["good_in_t1"] / seen.json["arrival_s"], "1/s")
    bench.sample(f"{name} p99", seen.json["latency"]["p99_us"] * 1e3, "ns")
    bench.sample(f"{name} offered", counters["sent"] / seen.json["arrival_s"], "1/s")
    bench.sample(f"{name} retransmitted", counters["retransmissions"], "")
    bench.sample(f"{name} aged", stats["endpoint"]["aged"], "")
    bench.sample(f"{name} aged again", stats["endpoint"]["aged_again"], "")
    bench.sample(f"{name} dropped by socket", stats["worker"]["dropped_socket"], "")


def shares_of_1x(bench):
    def median(name):
        values = sorted(bench.rows[name][1])
        return values[len(values) // 2]

    for rule, _ in RULES:
        base = median(f"{rule} 1x goodput")
        for share in SHARES:
            if share > 1 and base > 0:
                bench.sample(f"{rule} {share:g}x of 1x",
                             median(f"{rule} {share:g}x goodput") / base, "")


def main():
    bench = figures.Bench("overload", sys.argv[1:])
    for run in range(bench.runs):
        rate = capacity(bench)
        for rule, options in RULES:
            for share in SHARES:
                figures.progress(f"run {run + 1} of {bench.runs}: {rule}, {share:g} of "
                                 f"{rate:.0f}/s for {SECONDS} s")
                point(bench, rule, options, share, rate * share)
    shares_of_1x(bench)
    bench.finish()


if __name__ == "__main__":
    main()
