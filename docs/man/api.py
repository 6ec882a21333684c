#!/usr/bin/env python3
"""Writes the manual pages of the API (section 3) from the public headers, one for each comment that
stands above functions, and those of section 7 from docs/. A function without a comment is an error.

usage: api.py VERSION FOLDER API-RULES.md OVERVIEW.md HEADER...
       api.py --list HEADER...       the names of the pages of section 3
"""
import pathlib
import re
import sys

import header as headers
from pages import DATE, finish, head, literal, markdown, roff, see_also

MANUAL = "zsip API"


def status_texts(base):
    """ERROR_X: its text, from the table in base.h."""
    return dict(re.findall(r'X\((ERROR_\w+|MORE|OK), -?\d+, \d+, "([^"]+)"\)', base))


def paragraphs(comment):
    out = []
    for part in comment.split("\n\n"):
        lines = part.split("\n")
        if all(line.startswith("  ") for line in lines):
            out += literal(line[2:] for line in lines)
        else:
            out += [".PP", roff(" ".join(" ".join(lines).split()))]
    return out


def types_of(text, types):
    """Definitions that a caller of these prototypes needs, in their order."""
    names = re.findall(r"(?:struct|enum) (zsip_\w+)|\b(zsip_log|zsip_posted)\b", text)
    seen = []
    for name in (a or b for a, b in names):
        if name in types and name not in seen and name != "zsip_status":
            seen.append(name)
    return [types[name] for name in seen]


def errors(comment, statuses):
    named = []
    for name in re.findall(r"\b(?:ZSIP_)?(ERROR_\w+|MORE)\b", comment):
        if name in statuses and name not in named:
            named.append(name)
    out = []
    for name in named:
        out += [".TP", f".B ZSIP_{name}", roff(statuses[name] + ".")]
    return [".SH STATUS", ".B ZSIP_OK", "(0), or:", *out] if out else []


def subject(item):
    """The first sentence, short enough for a line of apropos."""
    text = " ".join(item.comment.split())
    first = re.split(r"(?<=[^.])\. (?=[A-Z*0-9])|(?<=[a-z)\"]{9})[:;] ", text)[0].rstrip(".")
    first = re.split(r" ?\(|: |; ", first)[0] if len(first) > 90 else first
    return first if len(first) <= 90 else first[:87].rsplit(" ", 1)[0] + " ..."


def page(item, version, statuses, types, siblings):
    name = item.names[0]
    out = [f'.TH {name.upper()} 3 "{DATE}" "zsip {version}" "{MANUAL}"', ".SH NAME",
           ", ".join(roff(n) for n in item.names) + " \\- " + roff(subject(item)),
           ".SH LIBRARY", ".RI \"SIP stack for MESSAGE (\" libzsip \", \" \\-lzsip )",
           ".SH SYNOPSIS", ".nf", f".B #include <{item.header}>", ".PP"]
    out += [f"\\fB{roff(line)}\\fR" for line in item.text.split("\n")]
    out += [".fi", ".SH DESCRIPTION", *paragraphs(item.comment)]
    for kind in types_of(item.text, types):
        if "{" in kind.text or kind.text.startswith("typedef"):
            out += [f".SS {roff(kind.names[0])}"]
            out += paragraphs(kind.comment) if kind.comment else []
            out += literal(kind.text.split("\n"))
    if "enum zsip_status" in item.text:
        out += errors(item.comment, statuses)
    out += see_also([(n, 3) for n in siblings if n != name] + [("zsip-api", 7), ("zsip", 7)])
    return finish(out)


def section_7(name, subject_text, text, version, others):
    body = text.split("\n", 1)[1]
    first, rest = body.split("\n## ", 1)
    out = [*head(name, 7, version, MANUAL, subject_text), ".SH DESCRIPTION", *markdown(first),
           *markdown("## " + rest), *see_also(others)]
    return finish(out)


def listing(paths):
    for path in paths:
        for item in headers.read(path).items:
            if item.kind == "function":
                print("\n".join(f"{name}.3" for name in item.names))
    return 0


def main():
    if sys.argv[1] == "--list":
        return listing(sys.argv[2:])
    version, folder, rules, overview, *paths = sys.argv[1:]
    folder = pathlib.Path(folder)
    texts = {path: pathlib.Path(path).read_text() for path in paths}
    statuses = status_texts("".join(texts.values()))
    read = [headers.read(path) for path in paths]
    types = {item.names[0]: item for one in read for item in one.items if item.kind == "type"}
    faults, pages = [], {}
    for one in read:
        functions = [item for item in one.items if item.kind == "function"]
        for item in functions:
            if not item.comment:
                faults.append(f"{one.name}: {', '.join(item.names)}: no comment above it")
                continue
            near = [other.names[0] for other in functions if other.section == item.section]
            pages[item.names[0]] = page(item, version, statuses, types, near)
            for alias in item.names[1:]:
                pages[alias] = f".so man3/{item.names[0]}.3\n"
    for name, text in pages.items():
        (folder / f"{name}.3").write_text(text)
    starts = [(n, 3) for n in ("zsip_parse", "zsip_endpoint_create", "zsip_worker_create")]
    programs = [("zsip", 1), ("zsip-serve", 1), ("zsip-send", 1), ("zsip-load", 1)]
    (folder / "zsip-api.7").write_text(
        section_7("zsip-api", "rules of libzsip: threads, lifetimes, errors",
                  pathlib.Path(rules).read_text(), version, [("zsip", 7), *starts]))
    (folder / "zsip.7").write_text(
        section_7("zsip", "SIP stack for MESSAGE: library and programs",
                  pathlib.Path(overview).read_text(), version, [*programs, ("zsip-api", 7),
                                                                *starts]))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
