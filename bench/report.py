#!/usr/bin/env python3
"""./dev bench report: bench/RESULTS.md and its plots, from the JSON that the benches left.

Every whole run of `./dev bench NAME` leaves build/results/NAME.json. They are copied to
bench/results beside the plots, so that what the page says can be compared later; what is not
measured here keeps the figures it has there. Nothing is measured by this program.
"""
import argparse
import json
import pathlib
import shutil
import sys

import figures
import svg
import targets

BENCH = figures.ROOT / "bench"
ORDER = ("udp", "compare", "overload", "limit", "tcp", "load", "scenario", "parser", "txn",
         "endpoint", "rest", "first")


class Results:
    """Rows of all benches by bench and name."""

    def __init__(self, folder):
        self.benches = {}
        for path in sorted(folder.glob("*.json")):
            with open(path, encoding="utf-8") as file:
                seen = json.load(file)
            self.benches[seen["bench"]] = seen

    def row(self, bench, name):
        for row in self.benches.get(bench, {}).get("rows", ()):
            if row["name"] == name:
                return row
        return None

    def value(self, bench, name):
        row = self.row(bench, name)
        return row["value"] if row else None

    def names(self):
        known = [name for name in ORDER if name in self.benches]
        return known + sorted(set(self.benches) - set(known))


def amount(value, unit):
    """A value as a reader wants it."""
    if value is None:
        return "–"
    if unit == "ns":
        for size, name in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
            if value >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.3g} ns"
    if unit == "B":
        for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if value >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.3g} B"
    if unit in ("1/s", "%"):
        return f"{value:,.0f} /s" if unit == "1/s" else f"{value:.3g} %"
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"


# ---- Plots -------------------------------------------------------------------------------------


def plot_rates(results):
    """The one picture: zsip with and without trains, the peers, the kernel."""
    wanted = (("kernel's echo, trains", "udp", "limit trains", "kernel"),
              ("zsip stateful, trains", "compare", "zsip stateful trains", "zsip"),
              ("kernel's echo, plain", "compare", "kernel echo plain", "kernel"),
              ("zsip stateful, plain", "compare", "zsip stateful plain", "zsip"),
              ("Kamailio stateless, plain", "compare", "kamailio stateless", "peers"),
              ("sofia-sip stateless, plain", "compare", "sofia-sip stateless", "peers"),
              ("SIPp as server, plain", "compare", "sipp server", "peers"),
              ("Kamailio stateful, plain", "compare", "kamailio stateful", "peers"))
    rows = [(label, results.value(bench, name), group) for label, bench, name, group in wanted
            if results.value(bench, name)]
    return svg.bars("MESSAGE answered a second, one server core (trains only where it says so)",
                    rows, "transactions a second") if rows else None


def plot_cpu(results):
    wanted = (("kernel's echo", "kernel echo plain ns", "kernel"),
              ("zsip stateful", "zsip stateful plain ns", "zsip"),
              ("Kamailio stateless", "kamailio stateless ns", "peers"),
              ("sofia-sip stateless", "sofia-sip stateless ns", "peers"),
              ("SIPp as server", "sipp server ns", "peers"),
              ("Kamailio stateful", "kamailio stateful ns", "peers"))
    rows = [(label, results.value("compare", name), group) for label, name, group in wanted
            if results.value("compare", name)]
    return svg.bars("Server CPU time for each MESSAGE, plain datagrams, one client for all", rows,
                    "ns", log=False) if rows else None


def overload_series(results, what, scale):
    series = {}
    for row in results.benches.get("overload", {}).get("rows", ()):
        words = row["name"].split()
        if words[-1] != what or not words[-2].endswith("x"):
            continue
        rule = " ".join(words[:-2])
        series.setdefault(rule, []).append((float(words[-2][:-1]), row["value"] * scale))
    return series


def plot_goodput(results):
    series = overload_series(results, "goodput", 1)
    return svg.lines("Goodput: distinct requests answered 2xx within T1", series,
                     "offered, in multiples of capacity", "requests a second") if series else None


def plot_overload_p99(results):
    series = overload_series(results, "p99", 1e-6)
    return svg.lines("p99 of what was answered, from the planned moment", series,
                     "offered, in multiples of capacity", "ms", log_y=True) if series else None


def plot_tcp(results):
    rows = [(f"{label}, {shape}", results.value("tcp", f"{name} {shape}"), group)
            for shape in ("64x16", "1x512", "1000x8")
            for label, name, group in (("kernel's echo", "limit", "kernel"),
                                       ("zsip stateful", "tcp", "zsip"),
                                       ("Kamailio stateless", "kamailio", "peers"))]
    rows = [row for row in rows if row[1]]
    return svg.bars("MESSAGE answered a second over TCP, connections x in flight, one server core",
                    rows, "transactions a second") if rows else None


def plot_parser(results):
    rows = [(f"{name}, {shape} {order}", results.value("parser", f"{name} {shape} {order}"), name)
            for shape in "ABC" for order in ("mix", "shuffled")
            for name in ("zsip", "sofia-sip", "osip2", "re")]
    rows = [row for row in rows if row[1]]
    return svg.bars("Time to parse a message, of 1,000 different ones of each kind", rows,
                    "ns") if rows else None


PLOTS = (("rates", plot_rates), ("cpu", plot_cpu), ("tcp", plot_tcp), ("parser", plot_parser),
         ("goodput", plot_goodput), ("overload-p99", plot_overload_p99))


# ---- The page ----------------------------------------------------------------------------------


def machine_lines(results):
    about = {name: (seen["machine"], seen["commit"]) for name, seen in results.benches.items()}
    first, _ = next(iter(about.values()))
    commits = sorted({commit for _, commit in about.values()})
    lines = [f"{first['cpu']}, {first['cores']} cores, {first['memory_mb']} MB; {first['os']}, "
             f"Linux {first['kernel']}; {first['compiler']}; commit {', '.join(commits)}."]
    others = [name for name, (machine, _) in about.items() if machine != first]
    if others:
        lines.append(f"Of another machine: {', '.join(others)} (see their JSON).")
    return lines


def table(rows):
    lines = ["| row | median | least | most | runs |", "|---|---:|---:|---:|---:|"]
    for row in rows:
        unit = row["unit"]
        lines.append(f"| {row['name']} | {amount(row['value'], unit)} | "
                     f"{amount(row['min'], unit)} | {amount(row['max'], unit)} | {row['runs']} |")
    return lines


def page(results, plots):
    lines = ["# Results", "",
             "Made by `./dev bench report` from `bench/results/*.json`; do not edit. What was "
             "measured and why, and what limits it: docs/performance.md.", ""]
    lines += [*machine_lines(results), "",
              "Server and generator have one core each. Differences under 15 % are noise on a "
              "machine that others share; compare rows of one run.", ""]
    for name, _ in plots:
        lines += [f"![{name}](results/{name}.svg)", ""]
    lines += ["## Figures aimed at", "",
              "| | figure | wanted | reached | |", "|---|---|---|---|---|"]
    for room, what, bound, wanted, reached, good in targets.judged(results.value):
        mark = "not measured" if good is None else "yes" if good else "**no**"
        lines.append(f"| {room} | {what} | {bound} {amount(*wanted)} | {amount(*reached)} | "
                     f"{mark} |")
    for name in results.names():
        seen = results.benches[name]
        lines += ["", f"## {name}", "", f"`./dev bench {name}`, commit {seen['commit']}.", "",
                  *table(seen["rows"])]
        if seen.get("notes"):
            lines += ["", *[f"- {note}" for note in seen["notes"]]]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench report")
    parser.add_argument("folder", nargs="?", type=pathlib.Path,
                        default=figures.ROOT / "build" / "results",
                        help="where new JSON files are (build/results)")
    parser.add_argument("--out", type=pathlib.Path, default=BENCH,
                        help="where RESULTS.md and results/*.svg go (bench)")
    options = parser.parse_args()
    kept = options.out / "results"
    kept.mkdir(parents=True, exist_ok=True)
    for path in options.folder.glob("*.json"):
        shutil.copyfile(path, kept / path.name)
    results = Results(kept)
    if not results.benches:
        print(f"nothing in {options.folder}; run ./dev bench udp first", file=sys.stderr)
        return 1
    plots = [(name, plot(results)) for name, plot in PLOTS]
    plots = [(name, text) for name, text in plots if text is not None]
    for name, text in plots:
        (options.out / "results" / f"{name}.svg").write_text(text, encoding="utf-8")
    (options.out / "RESULTS.md").write_text(page(results, plots), encoding="utf-8")
    print(f"{options.out / 'RESULTS.md'}: {len(results.benches)} benches, {len(plots)} plots")
    return 0


if __name__ == "__main__":
    sys.exit(main())
