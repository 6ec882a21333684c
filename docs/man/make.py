#!/usr/bin/env python3
"""Writes the manual page of a command from its --help, so that the two never disagree.

usage: make.py HELP.txt VERSION [COMMAND]      without COMMAND: the page of zsip itself
"""
import pathlib
import re
import sys

from pages import finish, head, roff, see_also

SUBJECTS = {
    None: ("zsip", "SIP stack for MESSAGE: serve, send, load, parse"),
    "serve": ("zsip-serve", "answer SIP requests"),
    "send": ("zsip-send", "send one SIP MESSAGE"),
    "load": ("zsip-load", "send many SIP requests and measure what comes back"),
    "report": ("zsip-report", "show, compare and merge results of zsip-load"),
    "parse": ("zsip-parse", "tell what SIP messages are, or what is wrong with them"),
}
COMMANDS = [name for name in SUBJECTS if name]


def option(lines):
    """The first of lines is an option: its entry, and what is left."""
    match = re.match(r"  (--\S+)(?: (\S.*?))?(?:  +(.*))?$", lines[0])
    name, argument, text = match.groups()
    texts, rest = [text] if text else [], lines[1:]
    while rest and re.match(r" {10}", rest[0]):
        texts.append(rest.pop(0).strip())
    head = f"\\fB{roff(name)}\\fR" + (f" \\fI{roff(argument)}\\fR" if argument else "")
    return [".TP", head, *map(roff, texts)], rest


def listing(lines):
    """Lines that begin with two spaces, word by word as they stand."""
    return [".nf", *(roff(line.strip()) for line in lines), ".fi"]


def blocks(text):
    return [block.split("\n") for block in text.strip("\n").split("\n\n")]


def body(text):
    """Sections of the page from the blocks of a help text."""
    usage, *rest = blocks(text)
    synopsis = usage[0].removeprefix("usage: ")
    out = [".SH SYNOPSIS", f"\\fB{roff(synopsis)}\\fR", ".SH DESCRIPTION"]
    options = False
    for block in rest:
        if block[0].startswith("Exit status: "):
            block[0] = block[0].removeprefix("Exit status: ")
            out += [".SH EXIT STATUS", *map(roff, block)]
        elif any(line.startswith("  --") for line in block):
            out += [] if options else [".SH OPTIONS"]
            options = True
            if not block[0].startswith(" "):
                out.append(f".SS {roff(block.pop(0))}")
            while block:
                entry, block = option(block)
                out += entry
        elif all(line.startswith("  ") for line in block):
            out += [".PP" if not options else ".SH EXAMPLES", *listing(block)]
        else:
            out += [".PP", *map(roff, block)]
    return out


def page(help_file, version, command):
    text = pathlib.Path(help_file).read_text(encoding="utf-8")
    name, subject = SUBJECTS[command]
    others = [SUBJECTS[other][0] for other in [None, *COMMANDS] if other != command]
    return finish([*head(name, 1, version, "User Commands", subject), *body(text),
                   *see_also([(other, 1) for other in others] + [("zsip", 7)])])


if __name__ == "__main__":
    sys.stdout.write(page(sys.argv[1], sys.argv[2], *(sys.argv[3:] or [None])))
