#!/usr/bin/env python3
"""Python over the installed library, by ctypes: what SIP messages are, or what is wrong with them.

    ./parse.py message.sip ...

SPDX-License-Identifier: MIT
"""
import ctypes
import sys
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_uint8, c_uint16, c_uint32, c_uint64

zsip = ctypes.CDLL("libzsip.so.0")  # the number says that the structures below are its own


class Slice(ctypes.Structure):
    _fields_ = [("offset", c_uint16), ("length", c_uint16)]


def slices(*names):
    return [(name, Slice) for name in names]


class Uri(ctypes.Structure):
    _fields_ = slices("whole", "scheme_name", "user", "password", "host", "params", "headers") + [
        ("port", c_uint16), ("scheme", c_uint8), ("host_kind", c_uint8)]


class Via(ctypes.Structure):
    _fields_ = slices("whole", "transport_name", "sent_by", "host", "params", "branch", "received",
                      "maddr", "rport") + [
        ("port", c_uint16), ("rport_port", c_uint16), ("transport", c_uint8),
        ("host_kind", c_uint8), ("flags", c_uint8), ("ttl", c_uint8)]


class Party(ctypes.Structure):
    _fields_ = slices("whole", "display", "uri", "params", "tag")


class MediaType(ctypes.Structure):
    _fields_ = slices("type", "subtype", "params")


class Fault(ctypes.Structure):
    _fields_ = [("offset", c_uint32), ("status", c_int), ("rule", c_char_p)]


class Message(ctypes.Structure):
    """struct zsip_msg up to its list of header fields, which is reached by functions."""
    _fields_ = [
        ("data", POINTER(c_uint8)), ("body_offset", c_uint32), ("body_bytes", c_uint32),
        ("header_bytes", c_uint16), ("header_count", c_uint16), ("status_code", c_uint16),
        ("kind", c_uint8), ("method", c_uint8), ("present", c_uint64),
        ("method_name", Slice), ("reason", Slice), ("request_uri", Uri), ("via", Via),
        ("from_", Party), ("to", Party), ("call_id", Slice), ("cseq_number", c_uint32),
        ("max_forwards", c_uint32), ("content_length", c_uint32), ("content_type", MediaType),
        ("fault", Fault)]


zsip.zsip_msg_size.restype = c_size_t
zsip.zsip_status_text.restype = c_char_p
zsip.zsip_parse.argtypes = [c_char_p, c_char_p, c_size_t, c_uint]


def parse(data):
    """A line about a message."""
    room = ctypes.create_string_buffer(zsip.zsip_msg_size())
    status = zsip.zsip_parse(room, data, len(data), 0)
    message = Message.from_buffer(room)
    if status != 0:
        text = zsip.zsip_status_text(status).decode()
        return False, f"{text}: {message.fault.rule.decode()} at byte {message.fault.offset}"
    # data may begin with empty lines; what the parser counts from, it says.
    start = ctypes.addressof(message.data.contents)

    def text(piece):
        return ctypes.string_at(start + piece.offset, piece.length).decode(errors="replace")

    what = text(message.method_name) if message.kind == 1 else str(message.status_code)
    return True, f"{what} from {text(message.from_.uri)} to {text(message.to.uri)}"


if __name__ == "__main__":
    good = True
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            fine, line = parse(file.read())
        good &= fine
        print(f"{path}: {line}")
    sys.exit(0 if good else 1)
