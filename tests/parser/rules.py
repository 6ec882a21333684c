#!/usr/bin/env python3
"""Holds parser/grammar.rl and headers.rl to the names and the order of RFC 3261 section 25.1.

usage: rules.py SOURCE_ROOT

rules.txt beside this file lists the RFC's rules. Each has to be defined once, or be left out with a
reason; groups have the RFC's order but where an earlier rule needs a later one (Ragel wants a rule
before its use). No rule is idle, and none has a mark: those belong to the machines.
"""
import pathlib
import re
import sys

# Text for whoever displays it: no machine reads these. The test "parser abnf" reads the last.
TEXT_FIELDS = {"MIME_Version", "Organization", "Subject", "Privacy", "extension_header"}
LITERALS = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|\[(?:\\.|[^\]\\])*\]')
RULE = re.compile(r"^    (\w+) = ([^;]*);", re.M)


def bare(path):
    """The text of a grammar without its comments and literals."""
    lines = path.read_text().splitlines()
    lines = [line for line in lines if not re.match(r"\s*(#|/?\*|//)", line)]
    return LITERALS.sub("``", "\n".join(lines))


def wanted():
    listed = (pathlib.Path(__file__).parent / "rules.txt").read_text().split("\n\n", 1)[1]
    groups, left_out = [], {}
    for line in listed.splitlines():
        names, _, reason = line.lstrip("- ").replace("-", "_").partition(":")
        if line.startswith("- "):
            left_out.update((name, reason.strip()) for name in names.split())
        else:
            groups.append(names.split())
    return groups, left_out


def needs(rules, name):
    """The names of all rules that this one is made of."""
    found, todo = set(), [name]
    while todo:
        used = set(re.findall(r"\w+", rules.get(todo.pop(), ""))) & rules.keys()
        todo += used - found
        found |= used
    return found


def faults(root):
    parser = root / "parser"
    text = bare(parser / "grammar.rl") + "\n" + bare(parser / "headers.rl")
    pairs = RULE.findall(text)
    rules, order = dict(pairs), [name for name, _ in pairs]
    groups, left_out = wanted()
    for name in order:
        if order.count(name) > 1:
            yield f"{name} is defined twice"
        if name in left_out:
            yield f"{name} is there and listed as left out"
    for name, reason in left_out.items():
        if not reason:
            yield f"{name} is left out without a reason"
    missing = [name for group in groups for name in group if name not in rules]
    yield from (f"{name} is missing" for name in missing)
    if missing:
        return

    needed, last = set(), ""
    for head in (group[0] for group in groups):
        if head not in needed:
            if last and order.index(head) < order.index(last):
                yield f"{head} stands before {last}"
            last = head
        needed |= needs(rules, head)

    machines = "".join(bare(path) for path in parser.glob("*.rl") if path.name not in
                       ("grammar.rl", "headers.rl"))
    used = set(re.findall(r"\w+", machines))
    fields = (pathlib.Path(__file__).parent / "abnf.py").read_text().replace("-", "_")
    used |= set(re.findall(r"\w+", fields)) | TEXT_FIELDS
    for name, rule in pairs:
        used |= set(re.findall(r"\w+", rule)) - {name}
        if re.search(r"[>@$%]\s*\w|:=", rule):
            yield f"{name} has a mark in it"
    yield from (f"{name} is used by nothing" for name in order if name not in used)
    if re.search(r"\baction\b|\{\s*[a-z]\w*\s*[=(]", text):
        yield "there is C or an action in the grammar"


def main():
    found = list(faults(pathlib.Path(sys.argv[1])))
    for fault in found:
        print(fault)
    print(f"{len(found)} faults")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
