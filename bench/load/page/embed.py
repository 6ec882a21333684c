#!/usr/bin/env python3
"""Turns text files into a C header with an array each: embed.py OUT NAME=FILE..."""
import pathlib
import sys


def array(name, path):
    data = pathlib.Path(path).read_bytes()
    rows = (data[i:i + 20] for i in range(0, len(data), 20))
    return "\n".join([f"static const char {name}[] = {{",
                      *("    " + ", ".join(map(str, row)) + "," for row in rows), "};", ""])


def main():
    out, *pairs = sys.argv[1:]
    texts = [array(*pair.split("=", 1)) for pair in pairs]
    pathlib.Path(out).write_text("/* Made by embed.py. */\n" + "\n".join(texts))


if __name__ == "__main__":
    main()
