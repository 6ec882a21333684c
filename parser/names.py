#!/usr/bin/env python3
"""Makes the hash tables of names: of header fields, from ZSIP_HEADER_MAP of a header file, and of
the parameters of Digest.

usage: names.py PARSER_H OUTPUT

The hash of a field is of the last three characters and of one a quarter into the name, in lower
case, and of the length; that of a parameter is of the first eight. The multiplier is searched for
until no two names share a slot, the same one for the same names every time.
"""
import random
import re
import sys

BITS = 8
DIGEST_BITS = 5
DIGEST = ("algorithm", "cnonce", "domain", "nc", "nextnonce", "nonce", "opaque", "qop", "realm",
          "response", "rspauth", "stale", "uri", "userhash", "username")
NAME_BYTES = 26  # of struct zsip_name_slot, with the colon and a space


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


def digest_word(name):
    """As zsip_digest_slot() in names.h wants it."""
    return int.from_bytes(name[:8].ljust(8).encode("ascii"), "little")


def digest_slot(multiplier, word):
    return (word * multiplier % 2**64) >> (64 - DIGEST_BITS)


def search(keys, bits, slot_of):
    rng = random.Random(3261)
    for _ in range(20_000_000):
        multiplier = rng.getrandbits(bits) | 1
        if len({slot_of(multiplier, k) for k in keys}) == len(keys):
            return multiplier
    sys.exit("names.py: no multiplier found; take more characters into the key")


def digest_rows():
    multiplier = search([digest_word(name) for name in DIGEST], 64, digest_slot)
    yield f"#define ZSIP_DIGEST_MULTIPLIER 0x{multiplier:016X}u\n"
    yield f"#define ZSIP_DIGEST_SHIFT {64 - DIGEST_BITS}\n"
    yield "#define ZSIP_DIGEST_ROWS \\\n"
    rows = sorted((digest_slot(multiplier, digest_word(name)), name) for name in DIGEST)
    lines = []
    for place, name in rows:
        ninth = f"'{name[8]}'" if len(name) > 8 else "0"
        lines.append(f"    [{place}] = {{0x{digest_word(name):016X}u, {len(name)}, {ninth}, "
                     f"offsetof(struct zsip_auth, {name})}},")
    yield " \\\n".join(lines) + "\n"


def main():
    names = list(names_of(sys.argv[1]))
    keys = [key(name) for name, _ in names]
    if max(len(name) for name, _ in names) + 2 > NAME_BYTES:
        sys.exit("names.py: a name is too long for its slot")
    if len(set(keys)) != len(keys):
        sys.exit("names.py: two names have one key; take more characters into it")
    multiplier = search(keys, 32, slot)
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
        out.writelines(digest_rows())


main()
