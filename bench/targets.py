"""The figures aimed at, and where each is read: a row of a bench, or one row over another.

A machine that others share gives a figure its luck: what is judged is the median of a bench's own
runs, and for the parser and the endpoint, which are pure CPU time, nothing better.
"""
import operator

AT_LEAST, AT_MOST = "at least", "at most"
RIGHT = {AT_LEAST: operator.ge, AT_MOST: operator.le}


def _parser():
    wanted = {"A": (200, 300), "B": (320, 420), "C": (150, 210)}
    for shape, (mix, shuffled) in wanted.items():
        yield f"{shape} mix", AT_MOST, mix, "ns", f"parser: zsip {shape} mix"
        yield f"{shape} shuffled", AT_MOST, shuffled, "ns", f"parser: zsip {shape} shuffled"
        yield (f"{shape} mix, sofia-sip over zsip", AT_LEAST, 8, "",
               f"parser: sofia-sip {shape} mix / zsip {shape} mix")
    yield "B, all headers on demand", AT_MOST, 900, "ns", "parser: zsip B all headers"


def _overload():
    for rule, how in (("age rule", "--aged 503"), ("age rule drop", "--aged drop")):
        for share in (2, 4):
            yield (f"goodput at {share}× of capacity, of that at 1× ({how})", AT_LEAST, 0.8, "",
                   f"overload: {rule} {share}x of 1x")


def _tcp():
    for shape, rate, echo in (("64x16", 1200000, 0.45), ("1x512", 1600000, 0.25),
                              ("1000x8", 500000, 0.45)):
        yield f"{shape}", AT_LEAST, rate, "1/s", f"tcp: tcp {shape}"
        yield f"{shape} over the kernel's echo", AT_LEAST, echo, "", f"tcp: tcp of limit {shape}"
    yield "64x16 over Kamailio", AT_LEAST, 10, "", "tcp: tcp over kamailio 64x16"
    yield "memory of an idle connection", AT_MOST, 1024, "B", "tcp: bytes per idle connection"
    yield "zsip load over SIPp, one connection", AT_LEAST, 10, "", "tcp: load over sipp"
    yield ("a new connection each, over SIPp", AT_LEAST, 10, "",
           "tcp: new connection each over sipp")


# Of each room: (what, at least or at most, how much, in what unit, "bench: row" or "bench: row /
# row").
TARGETS = {
    "Parser": list(_parser()),
    "Transactions": [
        ("server, 1 M live", AT_MOST, 150, "ns", "txn: server at 1M live"),
        ("server, 32 M live", AT_MOST, 260, "ns", "txn: server at 32M live"),
        ("memory of a completed one", AT_MOST, 40, "B", "txn: bytes per completed"),
        ("client", AT_MOST, 150, "ns", "txn: client"),
    ],
    "UDP": [
        ("stateful, trains both ways", AT_LEAST, 1500000, "1/s", "udp: stateful trains"),
        ("of these unanswered", AT_MOST, 0, "", "udp: stateful trains unanswered"),
        ("over Kamailio stateless, same run (ours with trains)", AT_LEAST, 10, "",
         "compare: trains over kamailio stateless"),
        ("over Kamailio stateful, same run (ours with trains)", AT_LEAST, 30, "",
         "compare: trains over kamailio stateful"),
        ("server CPU above the kernel's echo, plain", AT_MOST, 500, "ns",
         "udp: server ns plain above limit"),
        ("rate over the kernel's echo, plain", AT_LEAST, 0.85, "", "udp: stateful plain of limit"),
        ("server CPU a request under SIPp", AT_MOST, 5000, "ns", "udp: server ns sipp"),
        ("zsip load over SIPp's clean rate, plain", AT_LEAST, 4, "", "compare: client over sipp"),
        ("memory a transaction, Timer J full", AT_MOST, 50, "B", "udp: bytes per transaction"),
        ("open loop at 50 % of plain capacity, p99", AT_MOST, 1e6, "ns", "udp: open loop 50 % p99"),
        *_overload(),
    ],
    "TCP": list(_tcp()),
    "Load": [
        ("plain datagrams", AT_LEAST, 250000, "1/s", "load: load plain"),
        ("trains, against zsip serve", AT_LEAST, 1500000, "1/s", "load: load trains"),
        ("behind its plan at half the plain rate, p99", AT_MOST, 1e5, "ns",
         "load: arrival error p99"),
        ("cost of honesty", AT_MOST, 5, "%", "load: cost of honesty"),
        ("scenario over SIPp's clean rate", AT_LEAST, 5, "", "scenario: scenario over sipp"),
        ("watched over plain, CPU a request", AT_MOST, 1.03, "", "scenario: watched over plain"),
    ],
    "Library": [
        ("endpoint from memory, parse to reply", AT_LEAST, 2500000, "1/s", "endpoint: endpoint"),
        ("two threads over one", AT_LEAST, 1.8, "", "endpoint: endpoint two threads / endpoint"),
        ("stripped", AT_MOST, 500e3, "B", "rest: library, stripped"),
        ("start-up", AT_MOST, 20e6, "ns", "rest: start-up of zsip serve"),
        ("resident at rest", AT_MOST, 16e6, "B", "rest: rss at rest, zsip serve"),
    ],
}


def reached(value, where):
    """What was reached by "bench: row" or "bench: row / row", value(bench, row) giving None for
    what was not measured."""
    bench, rows = where.split(": ", 1)
    values = [value(bench, row) for row in rows.split(" / ")]
    if None in values:
        return None
    return values[0] if len(values) == 1 else values[0] / values[1] if values[1] else None


def judged(value):
    """(room, what, bound, wanted, reached, whether) of each; reached and whether None for what was
    not measured."""
    for room, rows in TARGETS.items():
        for what, bound, wanted, unit, where in rows:
            got = reached(value, where)
            yield (room, what, bound, (wanted, unit), (got, unit),
                   None if got is None else RIGHT[bound](got, wanted))
