#!/usr/bin/env python3
"""./dev bench compare: zsip beside the peers that Debian packages, in one run, in turns.

Servers are driven by the same client with the same messages, plain datagrams, the window at which
each does best (--only sweep shows how it was found). 'zsip stateful trains' is the one row with
trains, driven by zsip load: no peer can form them. 'ns' is the server's CPU time for each answered
request, 'rss' its resident memory at the end of a run. Generators are measured at a zsip serve that
answers faster than they ask.

How the peers are set up: bench/compare/*.cfg and the lines below; Kamailio with its fastest
allocators (-x fm -X fm), no log, no DNS, one receiving process; SIPp without screen, log or dead
calls; sofia-sip by a server of ours of one callback (bench/compare/sofia.c).
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import figures
import peers
import rig
import sipp

SECONDS = 3
COMPARE = figures.ROOT / "bench" / "compare"
SOFIA = figures.ROOT / "build" / "bench" / "compare" / "peer-sofia"
PARSER = figures.ROOT / "build" / "bench" / "micro" / "bench-parser"


def kamailio(config):
    def make():
        port = peers.free_port()
        return rig.Server(config, [
            "kamailio", "-f", COMPARE / config, "-DD", "-E", "-x", "fm", "-X", "fm", "-m", 4096,
            "-M", 64, "-Y", tempfile.gettempdir(), "-w", tempfile.gettempdir(),
            "-l", f"udp:{peers.HOST}:{port}"], port)
    return make


def sofia():
    port = peers.free_port()
    return rig.Server("sofia-sip", [SOFIA, peers.HOST, port], port)


def sipp_server():
    port = peers.free_port()
    folder = tempfile.mkdtemp()
    script = os.path.join(folder, "uas.xml")
    with open(os.path.join(peers.SCENARIOS, "message_uas.xml"), encoding="utf-8") as file:
        text = file.read().replace("@STATUS@", "200 OK")
    with open(script, "w", encoding="utf-8") as file:
        file.write(text)
    server = rig.Server("sipp", [
        "sipp", "-sf", script, "-i", peers.HOST, "-p", port, "-nostdin", "-buff_size", 8 << 20,
        "-deadcall_wait", 0], port)
    server.leftovers = folder
    return server


# Row name: (how to make it, window of the client). The window is the one of 16, 64 and 256 with the
# highest rate and every request answered.
SERVERS = {
    "zsip stateful plain": (lambda: rig.zsip("--spin-us", 0), 256),
    "kamailio stateless": (kamailio("kamailio-stateless.cfg"), 256),
    "kamailio stateful": (kamailio("kamailio-stateful.cfg"), 64),
    "sofia-sip stateless": (sofia, 64),
    "sipp server": (sipp_server, 64),
}
TOOLS = {"kamailio": "kamailio", "sipp": "sipp"}


def available(name):
    tool = name.split()[0]
    if tool == "sofia-sip":
        return SOFIA.exists()
    return tool not in TOOLS or shutil.which(TOOLS[tool]) is not None


def one_server(bench, name):
    make, window = SERVERS[name]
    server = make()
    with rig.serving(server):
        seen = rig.drive(server, window=window, seconds=SECONDS)
        rss = server.rss_bytes()
    if hasattr(server, "leftovers"):
        shutil.rmtree(server.leftovers)
    bench.sample(name, seen.rate, "1/s")
    bench.sample(f"{name} ns", seen.server_ns, "ns")
    bench.sample(f"{name} rss", rss, "B")
    bench.sample(f"{name} unanswered", seen.unanswered, "")


def servers(bench):
    with rig.serving(rig.zsip("--spin-us", 0)) as server:
        seen = rig.load(server, *rig.TRAINS, seconds=SECONDS)
        rss = server.rss_bytes()
    bench.sample("zsip stateful trains", seen.rate, "1/s")
    bench.sample("zsip stateful trains ns", seen.server_ns, "ns")
    bench.sample("zsip stateful trains rss", rss, "B")
    bench.sample("zsip stateful trains unanswered", seen.unanswered, "")
    with rig.serving(rig.echo("plain")) as server:
        seen = rig.drive(server, seconds=SECONDS)
    bench.sample("kernel echo plain", seen.rate, "1/s")
    bench.sample("kernel echo plain ns", seen.server_ns, "ns")
    for name in SERVERS:
        if available(name):
            one_server(bench, name)
        else:
            bench.note(f"{name}: not installed")


# ---- Generators --------------------------------------------------------------------------------

# SIPp's rate is an input. It is clean where every call succeeds and hardly any (one in a thousand:
# a stall of the machine) was sent twice; a rate has two tries.
SIPP_RATES = (40000, 50000, 60000, 70000, 80000)


def sipp_clean(server, rate):
    """Whether SIPp does this rate cleanly."""
    calls = rate * SECONDS
    driver = sipp.client((server.address, server.port), rate, calls, SECONDS * 3, cpu=rig.LOAD_CPU)
    status, seen = driver.finish(SECONDS * 5)
    return (status == 0 and seen.get("SuccessfulCall(C)", 0) == calls and
            seen.get("Retransmissions(C)", 0) <= calls / 1000)


def generators(bench):
    # Answers leave one by one, as a plain responder's do.
    with rig.serving(rig.zsip("--no-trains")) as server:
        seen = rig.load(server, "--no-trains", "--window", 512, seconds=SECONDS)
    bench.sample("zsip client plain to plain server", seen.rate, "1/s")
    # Answers leave in trains and arrive as datagrams: the server is out of the way.
    with rig.serving(rig.zsip()) as server:
        seen = rig.load(server, "--no-trains", "--window", 512, seconds=SECONDS)
    bench.sample("zsip client plain", seen.rate, "1/s")
    bench.sample("zsip client plain ns", seen.client_ns, "ns")
    if not available("sipp"):
        bench.note("sipp: not installed")
        return
    best = 0
    for rate in SIPP_RATES:
        with rig.serving(rig.zsip()) as server:
            if not (sipp_clean(server, rate) or sipp_clean(server, rate)):
                break
        best = rate
    bench.sample("sipp client", best, "1/s")


# ---- Parsers -----------------------------------------------------------------------------------


def parsers(bench):
    """Rows of bench parser: zsip, osip2, sofia-sip and re on the same messages."""
    if not PARSER.exists():
        bench.note("parsers: bench parser is not built")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "parser.json")
        subprocess.run([PARSER, "--runs", "3", "--json", path], stdout=subprocess.DEVNULL,
                       check=True)
        with open(path, encoding="utf-8") as file:
            seen = json.load(file)
    for row in seen["rows"]:
        bench.sample(f"parser {row['name']}", row["value"], row["unit"])
    for note in seen.get("notes", []):
        bench.note(note)


def sweep(bench):
    """Which window each server likes best; for whoever changes SERVERS."""
    for name, (make, _) in SERVERS.items():
        for window in (16, 64, 256):
            if not available(name):
                continue
            with rig.serving(make()) as server:
                seen = rig.drive(server, window=window, seconds=SECONDS)
            bench.sample(f"{name} window {window}", seen.rate, "1/s")
            bench.sample(f"{name} window {window} unanswered", seen.unanswered, "")


PARTS = {"servers": servers, "generators": generators, "parsers": parsers, "sweep": sweep}


def ratios(bench):
    """What the headline says, round by round: a slow moment of the machine is in both."""
    for name, over, under in (
            ("trains over kamailio stateless", "zsip stateful trains", "kamailio stateless"),
            ("trains over kamailio stateful", "zsip stateful trains", "kamailio stateful"),
            ("plain over kamailio stateless", "zsip stateful plain", "kamailio stateless"),
            ("plain over kamailio stateful", "zsip stateful plain", "kamailio stateful"),
            ("client over sipp", "zsip client plain", "sipp client")):
        if over in bench.rows and under in bench.rows:
            for mine, theirs in zip(bench.rows[over][1], bench.rows[under][1]):
                if theirs > 0:
                    bench.sample(name, mine / theirs, "")


def main():
    bench = figures.Bench("compare", sys.argv[1:], parts=PARTS,
                          parts_default=("servers", "generators", "parsers"))
    if rig.SERVER_CPU == rig.LOAD_CPU:
        bench.note("one core only: server and generator share it")
    bench.note("trains: only 'zsip stateful trains' has them; all other rows are plain datagrams")
    for run in range(bench.runs):
        for name in bench.parts:
            if run > 0 and name == "parsers":
                continue
            figures.progress(f"run {run + 1} of {bench.runs}: {name}")
            PARTS[name](bench)
    ratios(bench)
    bench.finish()


if __name__ == "__main__":
    main()
