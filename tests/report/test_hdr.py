#!/usr/bin/env python3
"""The log of latencies, read by hdr-histogram-js: whatever it sees, the JSON of the run says too.
Skipped where npm can't bring it."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from common import ROOT, load, peers


def library(folder):
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None, "no npm here"
    ended = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder,
         "hdr-histogram-js@3.0.1"], stdin=subprocess.DEVNULL, capture_output=True, timeout=90,
        check=False, encoding="utf-8")
    found = pathlib.Path(folder) / "node_modules" / "hdr-histogram-js"
    return (found, "") if found.is_dir() else (None, ended.stderr.strip().splitlines()[-1:])


def main():
    with tempfile.TemporaryDirectory() as folder:
        try:
            found, why = library(folder)
        except subprocess.TimeoutExpired:
            found, why = None, "npm gave no answer"
        if found is None:
            print("skipped: hdr-histogram-js can't be had:", why)
            return 77
        log = pathlib.Path(folder) / "run.hlog"
        with peers.serving() as server:
            _, data = load(server, folder, "--rate", 3000, "--duration", 2, "--hlog", log)
        read = json.loads(subprocess.run(
            ["node", ROOT / "tests" / "report" / "hdr.js", found, log], capture_output=True,
            timeout=30, check=True).stdout)
    assert len(read) == len(data["seconds"]), (len(read), len(data["seconds"]))
    for index, (theirs, ours) in enumerate(zip(read, data["seconds"])):
        assert theirs["count"] == ours["answered"], (index, theirs, ours)
        # Their value of a bucket is its upper end; ours as well, but never above the largest.
        assert theirs["p50"] >= ours["p50_us"] >= theirs["p50"] * 0.998, (index, theirs, ours)
        assert theirs["max"] >= ours["max_us"] >= theirs["max"] * 0.998, (index, theirs, ours)
        begin_ms = data["started_utc_us"] / 1000 + 1000 * index
        assert abs(theirs["start_ms"] - begin_ms) < 2, (index, theirs, begin_ms)
        assert abs(theirs["end_ms"] - theirs["start_ms"] - 1000) < 2, (index, theirs)
    print(f"{len(read)} histograms read alike")
    return 0


if __name__ == "__main__":
    sys.exit(main())
