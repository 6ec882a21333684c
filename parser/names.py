#!/usr/bin/env python3
"""Makes the hash table of header field names from ZSIP_HEADER_MAP of a header file.

usage: names.py PARSER_H OUTPUT

The hash is of the last three characters and of one a quarter into the name, in lower case, and of
the length. The multiplier is searched for until no two names share a slot, the same one for the
same names every time.
"""
import random
import re
import sys

BITS = 8
NAME_BYTES = 22  # of struct zsip_name_slot, with the colon and a space


def names_of(path):
    text = open(path, encoding="ascii").read()
    body = text[text.index("#define ZSIP_HEADER_MAP(X)"):]
    rows = re.findall(r'X\((\w+), (\d+), "([^"]*)", (0|\'.\'), \w+\)', body)
    for symbol, _, name, letter in rows:
        if name:
            yield name.lower(), symbol
        if letter != "0":
            yield letter[1], symbol


def key(name):
    """As zsip_name_key() in names.h."""
    last = int.from_bytes(("\r\n" + name + ":")[-4:].encode("ascii"), "little")
    quarter = ord(name[len(name) // 4])
    return ((last ^ quarter) | 0x20202020) + 8 * len(name)


def slot(multiplier, k):
    return (k * multiplier % 2**32) >> (32 - BITS)


def search(keys):
    rng = random.Random(3261)
    for _ in range(20_000_000):
        multiplier = rng.getrandbits(32) | 1
        if len({slot(multiplier, k) for k in keys}) == len(keys):
            return multiplier
    sys.exit("names.py: no multiplier found; take more characters into the key")


def main():
    names = list(names_of(sys.argv[1]))
    keys = [key(name) for name, _ in names]
    if max(len(name) for name, _ in names) + 2 > NAME_BYTES:
        sys.exit("names.py: a name is too long for its slot")
    if len(set(keys)) != len(keys):
        sys.exit("names.py: two names have one key; take more characters into it")
    multiplier = search(keys)
    slots = {}
    for (name, symbol), k in zip(names, keys):
        slots[slot(multiplier, k)] = (name, symbol)
    with open(sys.argv[2], "w", encoding="ascii") as out:
        out.write("/* Made by names.py. */\n")
        out.write(f"#define ZSIP_NAME_MULTIPLIER 0x{multiplier:08X}u\n")
        out.write(f"#define ZSIP_NAME_SHIFT {32 - BITS}\n")
        out.write("#define ZSIP_NAME_ROWS \\\n")
        lines = []
        for place, (name, symbol) in sorted(slots.items()):
            lines.append(f'    [{place}] = ZSIP_NAME_SLOT("{name}", {len(name)}, '
                         f'ZSIP_HEADER_{symbol}),')
        out.write(" \\\n".join(lines) + "\n")


main()
