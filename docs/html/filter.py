#!/usr/bin/env python3
"""Doxygen reads these headers through this: our comments are plain, its own have another mark.

usage: filter.py HEADER
"""
import re
import sys


def marked(text):
    # The licence line and the ruler lines of sections are no documentation.
    text = re.sub(r"(?m)^/\* -+ .*? -+ ?(\*/)?$", lambda m: "/*" + (m.group(1) or ""), text)
    text = re.sub(r"(?m)^ \* SPDX-License-Identifier:.*\n", "", text)
    # What stands above a declaration, at any depth.
    text = re.sub(r"(?m)^(\s*)/\* ", r"\1/** ", text)
    # What stands behind a member.
    text = re.sub(r"(?m)([;,(] *)/\* ", r"\1/**< ", text)
    # The X-macros declare by expansion; tables of them are no prose.
    text = re.sub(r"(?m)/\*\* (.*?)\*/( *\\)$", r"/* \1*/\2", text)
    # Doxygen takes these for its own words.
    text = re.sub(r"(?m)^( *\* .*)<(?=[a-zA-Z/])", r"\1\\<", text)
    return text


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    first, rest = text.split("*/", 1)
    name = sys.argv[1].rsplit("/include/", 1)[-1]
    first = first.replace("/* ", f"/** @file {name}\n * ", 1)
    sys.stdout.write(marked(first + "*/" + rest))


if __name__ == "__main__":
    main()
