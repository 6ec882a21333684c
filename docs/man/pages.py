"""Pieces that all writers of manual pages share: roff, and Markdown as far as docs/ uses it."""
import re

DATE = "2026-11-23"  # of the release


def roff(text):
    """Text as roff takes it: no escapes, no requests at the beginning of a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line
                     for line in text.split("\n"))


def head(name, section, version, manual, subject):
    return [f'.TH {name.upper()} {section} "{DATE}" "zsip {version}" "{manual}"',
            ".SH NAME", f"{roff(name)} \\- {roff(subject)}"]


def see_also(pages):
    """pages: (name, section)."""
    return [".SH SEE ALSO", ",\n".join(f".BR {roff(name)} ({section})" for name, section in pages)]


def finish(lines):
    """The text of a page. A paragraph begins by itself behind a heading."""
    out = []
    for line in lines:
        if not (line == ".PP" and out and out[-1].startswith((".SH", ".SS"))):
            out.append(line)
    return "\n".join(out) + "\n"


def literal(lines):
    return [".PP", ".in +4n", ".nf", *(roff(line) for line in lines), ".fi", ".in"]


def inline(text):
    """One paragraph of Markdown, its emphasis kept, in lines that roff fills."""
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)
    parts = re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", text.replace("\\*", "*"))
    out = ""
    for part in parts:
        if part.startswith(("`", "**")):
            out += "\\fB" + roff(part.strip("`*")) + "\\fR"
        else:
            out += roff(part)
    return "\\&" + out if out[:1] in (".", "'") else out


def block(lines):
    """One block of Markdown: heading, list or paragraph."""
    if lines[0].startswith("## "):
        return [f'.SH {inline(lines[0][3:]).upper()}', *(block(lines[1:]) if lines[1:] else [])]
    if lines[0].startswith("### "):
        return [f'.SS {inline(lines[0][4:])}', *(block(lines[1:]) if lines[1:] else [])]
    if lines[0].startswith("- "):
        out = []
        for item in re.split(r"(?m)^- ", "\n".join(lines))[1:]:
            out += [".IP \\(bu 3", inline(" ".join(item.split()))]
        return out
    return [".PP", inline(" ".join(" ".join(lines).split()))]


def markdown(text):
    """The body of a page from Markdown without its title."""
    out, lines, code = [], [], None
    for line in text.split("\n"):
        if line.startswith("```"):
            if code is None:
                out += block(lines) if lines else []
                lines, code = [], []
            else:
                out += literal(code)
                code = None
        elif code is not None:
            code.append(line)
        elif line.strip():
            lines.append(line)
        elif lines:
            out += block(lines)
            lines = []
    return out + (block(lines) if lines else [])
