"""Reads the public headers: sections, comments, what they declare. The layout that clang-format and
docs/contributing.md ask for is all the grammar there is."""
import dataclasses
import pathlib
import re


@dataclasses.dataclass
class Item:
    """One or more declarations under one comment."""
    kind: str  # "function", "type" or "macro"
    names: list
    text: str  # the code
    comment: str
    header: str
    section: str


@dataclasses.dataclass
class Header:
    name: str
    about: str
    items: list


def comment_text(lines):
    """Paragraphs without the stars. Lines that are set off further are kept as they stand."""
    text = "\n".join(lines)
    text = re.sub(r"^\s*/\*+ ?|\s*\*/\s*$", "", text)
    return re.sub(r"(?m)^\s*\* ?", "", text).strip("\n")


def take_comment(lines, at):
    end = at
    while "*/" not in lines[end]:
        end += 1
    return lines[at:end + 1], end + 1


def take_code(lines, at):
    """A declaration: to its semicolon, or to the brace in the first column; a macro to its end."""
    end = at
    if lines[at].startswith("#"):
        while lines[end].endswith("\\"):
            end += 1
        return lines[at:end + 1], end + 1
    while True:
        line = lines[end]
        if line.startswith("}") or (line.rstrip().endswith(";") and not line.startswith(" ")):
            break
        if line.rstrip().endswith(";") and "{" not in "".join(lines[at:end + 1]):
            break
        end += 1
    return lines[at:end + 1], end + 1


def name_of(code):
    """(kind, name) of a declaration, or None for what is nobody's business."""
    text = "\n".join(code)
    for kind, pattern in (
            ("macro", r"#define (ZSIP_\w+)"),
            ("type", r"typedef .*?(?:\(\*)?(zsip_\w+)\)?\("),
            ("type", r"(?:struct|enum) (zsip_\w+)\s*(?:\{|;)"),
            ("function", r"\b(zsip_\w+)\(")):
        match = re.match(pattern, text) if kind == "macro" else re.search(pattern, text)
        if match and (kind != "type" or text.startswith(("struct", "enum", "typedef"))):
            return kind, match.group(1)
    return None


def clean(code):
    """The declaration as a caller reads it."""
    text = "\n".join(code)
    text = re.sub(r"(?s)^__attribute__\(\(noreturn\)\) ", "", text)
    text = text.replace("ZSIP_API ", "")
    if text.startswith("static inline"):
        text = re.sub(r"(?s)^static inline (.*?\))\n\{.*", r"\1;", text)
    return text


def read(path):
    lines = pathlib.Path(path).read_text().split("\n")
    name = f"zsip/{pathlib.Path(path).name}"
    about, at = take_comment(lines, 0)
    header = Header(name, comment_text(about).split("SPDX")[0].strip(), [])
    section, comment = "", ""
    while at < len(lines):
        line = lines[at]
        if line.startswith("/* ----"):
            got, at = take_comment(lines, at)
            section = re.match(r"/\* -+ (.*?) -+", got[0]).group(1)
            comment = comment_text(["/* ", *got[1:]]) if len(got) > 1 else ""
        elif line.startswith("/*"):
            got, at = take_comment(lines, at)
            comment = comment_text(got)
        elif not line.strip():
            comment, at = "", at + 1
        elif re.match(r"#(ifn?def|endif|include|undef)|extern \"C\"|\}$", line):
            at += 1
        else:
            code, at = take_code(lines, at)
            add(header, code, section, comment)
    return header


def add(header, code, section, comment):
    found = name_of(code)
    if found is None or found[1].endswith("_H") or found[1] == "ZSIP_API":
        return
    kind, name = found
    text = clean(code)
    last = header.items[-1] if header.items else None
    if last and last.kind == kind == "function" and comment and last.comment == comment:
        last.names.append(name)
        last.text += "\n" + text
        return
    header.items.append(Item(kind, [name], text, comment, header.name, section))
