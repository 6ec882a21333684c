#!/usr/bin/env python3
"""Keeps the state pictures in docs/states fresh, and the listing of all cells true.

    draw.py PROGRAM            compares what PROGRAM prints with the files; 1 if one is stale
    draw.py PROGRAM --cells    compares its listing of all cells with cells.txt
    draw.py PROGRAM --write    writes all of them again (dot of Graphviz draws the .svg)

An .svg ends with the digest of the .dot it was drawn from, since two versions of Graphviz never
draw the same."""
import hashlib
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CELLS = HERE / "cells.txt"
PICTURES = HERE.parent.parent / "docs" / "states"


def printed(program, what):
    return subprocess.run([program, what], check=True, capture_output=True).stdout


def mark(dot):
    return b"<!-- drawn from " + hashlib.sha256(dot).hexdigest().encode() + b" -->\n"


def write(program):
    for name in ("client", "server"):
        dot = printed(program, name)
        (PICTURES / f"{name}.dot").write_bytes(dot)
        svg = subprocess.run(["dot", "-Tsvg"], input=dot, check=True, capture_output=True).stdout
        (PICTURES / f"{name}.svg").write_bytes(svg + mark(dot))
    CELLS.write_bytes(printed(program, "cells"))


def content(path):
    return path.read_bytes() if path.exists() else b""


def stale(program):
    for name in ("client", "server"):
        dot = printed(program, name)
        if content(PICTURES / f"{name}.dot") != dot:
            yield f"docs/states/{name}.dot"
        if not content(PICTURES / f"{name}.svg").endswith(mark(dot)):
            yield f"docs/states/{name}.svg"


def cells(program):
    """Lines of the checked-in listing and of the tables that differ."""
    wanted = content(CELLS).decode().splitlines()
    found = printed(program, "cells").decode().splitlines()
    for line in wanted:
        if line not in found:
            yield f"listed:  {line}"
    for line in found:
        if line not in wanted:
            yield f"in code: {line}"
        if "UNWRITTEN" in line:
            yield f"hole:    {line}"


def main():
    program = sys.argv[1]
    if sys.argv[2:] == ["--write"]:
        write(program)
        return 0
    faults = list(cells(program)) if sys.argv[2:] == ["--cells"] else list(stale(program))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
