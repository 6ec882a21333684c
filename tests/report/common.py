"""What the tests of results share: a run against zsip serve with its files, HdrHistogram's format
read by a second hand, and the validator of the schema."""
import base64
import json
import os
import pathlib
import struct
import subprocess
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))
import peers  # noqa: E402

try:
    import jsonschema
except ImportError:
    # Debian's own Python has what Debian's packages brought; the first one in PATH need not.
    if sys.executable == "/usr/bin/python3":
        sys.exit("python3-jsonschema is missing")
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

HOST = peers.HOST
SCENARIOS = ROOT / "examples" / "scenarios"
USERS = "SEQUENTIAL\nalice;example.com;secret\nbob;example.com;secret\n"
SCHEMA = json.loads((ROOT / "docs" / "load.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(SCHEMA)


def validate(data):
    jsonschema.Draft202012Validator(SCHEMA).validate(data)


def zsip(*arguments, seconds=90, **keywords):
    return subprocess.run([peers.zsip(), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=seconds, check=False, encoding="utf-8",
                          errors="replace", **keywords)


def load(server, folder, *arguments, name="run"):
    """A run with its JSON; what it printed, and the data. That this machine is busy taints none."""
    path = pathlib.Path(folder) / f"{name}.json"
    ended = zsip("load", "--lag-max", "99s", "--json", path, *arguments,
                 f"udp:{HOST}:{server.port}")
    return ended, json.loads(path.read_text())


def word(data, at):
    """A ZigZag number of up to nine bytes; (number, where the next begins)."""
    value = shift = 0
    for count in range(9):
        byte = data[at]
        at += 1
        value |= (byte if count == 8 else byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            break
    return (value >> 1) ^ -(value & 1), at


def hdr_counts(text):
    """{index of a bucket: count} of an encoded histogram, by the published description."""
    deflated = base64.b64decode(text, validate=True)
    cookie, length = struct.unpack(">II", deflated[:8])
    assert cookie == 0x1c849314 and length == len(deflated) - 8, (hex(cookie), length)
    plain = zlib.decompress(deflated[8:])
    cookie, length, offset, digits, least, most, ratio = struct.unpack(">IIIIQQd", plain[:40])
    assert cookie == 0x1c849313 and length == len(plain) - 40, (hex(cookie), length)
    assert (offset, digits, least, most, ratio) == (0, 3, 1, 3600000000, 1.0)
    counts, at, index = {}, 40, 0
    while at < len(plain):
        value, at = word(plain, at)
        if value < 0:
            index -= value
        else:
            if value:
                counts[index] = value
            index += 1
    return counts


def hdr_text(counts):
    """The same backwards: {index of a bucket: count} as an encoded histogram."""
    plain, at = b"", 0
    for index in sorted(counts):
        for value in (at - index, counts[index]):
            if value:
                plain += zigzag(value)
        at = index + 1
    plain = struct.pack(">IIIIQQd", 0x1c849313, len(plain), 0, 3, 1, 3600000000, 1.0) + plain
    deflated = zlib.compress(plain)
    return base64.b64encode(struct.pack(">II", 0x1c849314, len(deflated)) + deflated).decode()


def zigzag(value):
    out, left = b"", value << 1 if value >= 0 else (-value << 1) - 1
    for _ in range(8):
        if left < 0x80:
            return out + bytes([left])
        out, left = out + bytes([left & 0x7f | 0x80]), left >> 7
    return out + bytes([left])


def upper(index):
    """The largest value of a bucket: 2,048 single values, then 1,024 to every doubling."""
    doubling = max(0, index // 1024 - 1)
    return (index - doubling * 1024 + 1 << doubling) - 1


def percentile(counts, percent, most):
    total, seen = sum(counts.values()), 0
    wanted = max(1, -(-total * percent // 100))
    for index in sorted(counts):
        seen += counts[index]
        if seen >= wanted:
            return min(upper(index), most)
    return 0


def summed(*parts):
    out = {}
    for part in parts:
        for index, count in part.items():
            out[index] = out.get(index, 0) + count
    return out
