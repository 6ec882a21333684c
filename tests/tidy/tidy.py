#!/usr/bin/env python3
"""Holds what the compiler can't: which room may know which, what the pure rooms may import, sizes
of functions and files, and the plain habits of text. Prints one line a fault; exit 1 if any.

usage: tidy.py ROOT [--release BUILD] [--cc COMPILER] [--cxx COMPILER]
"""
import argparse
import ast
import pathlib
import re
import subprocess
import sys

# The arrows. For each folder, what its quoted includes may name besides its own folder: a public
# header ("zsip/base.h"), all of them ("zsip/"), or a folder.
ROOMS = ("parser", "txn", "transport", "core", "cli", "bench", "fuzz", "tests", "examples")
MAY_INCLUDE = {
    "include": ("zsip/",),
    "parser": ("zsip/base.h", "zsip/parser.h", "zsip/writer.h"),
    "txn": ("zsip/base.h",),
    "transport": ("zsip/base.h", "zsip/host.h"),
    "core": ("zsip/", "parser/", "txn/", "transport/"),
    # The command line is thin: what `zsip load` does lives in bench/load.
    "cli": ("zsip/", "bench/load/"),
    "examples": ("zsip/",),
    "bench": ("zsip/", "parser/", "txn/", "transport/", "core/"),
    # What judges an answer is shared with the tests.
    "fuzz": ("zsip/", "parser/", "txn/", "transport/", "core/", "tests/"),
    "tests": ("zsip/", "parser/", "txn/", "transport/", "core/", "cli/", "bench/"),
}
# Rooms that are functions of their inputs, and the system headers that can't make them less.
PURE = ("parser", "txn")
PURE_HEADERS = re.compile(
    r"(std(bool|def|int|align|arg)|string|limits|inttypes|cpuid|arm_neon|[a-z0-9]+intrin)\.h$")
PURE_IMPORTS = {"memchr", "memcmp", "memcpy", "memmove", "memset", "zsip_assert_failed",
                "__cpu_model", "__cpu_indicator_init", "_GLOBAL_OFFSET_TABLE_"}

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
COLUMNS_MAX = 100
# A ratchet: what was longer when the rule came, with the length it may not pass; an entry leaves
# when it is no longer needed. "path" for a file, "path:function" for a function.
KNOWN_LONG = {
}

CODE = {".c", ".h", ".rl"}
SCRIPT = {".py", ".sh", ".build"}
SHELL_NAMES = {"dev", "run"}
# Messages are bytes, not text; nobody formats them.
BYTES = {".sip", ".dat", ".bin", ".pcap", ".png", ".svg"}
SKIPPED_FOLDERS = re.compile(r"(\.git|\.cache|build.*|dist|__pycache__)$")
# Input of tests: bytes too, whatever they are called.
DATA_FOLDERS = ("tests/data", "fuzz/corpus")
# Written in pieces, so that this file passes its own test.
FORBIDDEN = re.compile(r"(?<![\w.$}*)-])/(wo" r"rk|tmp/z" r"s)/|deb\.deb" r"ian\.org")
LICENCE_LINE = "SPDX-License-Identifier: MIT"


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.faults = []
        self.files = []
        self._walk(self.root)

    def _walk(self, folder):
        for path in sorted(folder.iterdir()):
            if SKIPPED_FOLDERS.match(path.name) or self.name(path) in DATA_FOLDERS:
                continue
            if path.is_dir():
                self._walk(path)
            elif path.is_file() and path.suffix not in BYTES:
                self.files.append(path)

    def name(self, path):
        return path.relative_to(self.root).as_posix()

    def fault(self, path, line, text):
        where = path if isinstance(path, str) else self.name(path)
        self.faults.append(f"{where}:{line}: {text}" if line else f"{where}: {text}")


def is_code(path):
    return path.suffix in CODE


def is_program(path):
    return is_code(path) or path.suffix in SCRIPT or path.name in SHELL_NAMES


def check_includes(tree):
    """Every quoted include goes along an arrow; pure rooms use no header of the system's."""
    for path in filter(is_code, tree.files):
        room = tree.name(path).split("/")[0]
        if room not in MAY_INCLUDE:
            tree.fault(path, 0, f"C code outside the rooms: {room}")
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match is None:
                continue
            bracket, target = match.groups()
            if bracket == '"' and not include_allowed(room, target):
                tree.fault(path, number, f'{room} may not include "{target}"')
            if bracket == "<" and target.startswith("zsip/") and room != "examples":
                tree.fault(path, number, f'write "{target}" in the tree, not <{target}>')
            if bracket == "<" and room in PURE and not PURE_HEADERS.match(target):
                tree.fault(path, number, f"{room} is pure and may not include <{target}>")


def include_allowed(room, target):
    first = target.split("/")[0]
    if "/" not in target or first == room:
        return ".." not in target
    if first not in ROOMS and first != "zsip":
        return ".." not in target  # a folder inside the room
    return any(target == a or (a.endswith("/") and target.startswith(a))
               for a in MAY_INCLUDE[room])


def check_function_lengths(tree):
    for path in tree.files:
        if is_code(path):
            spans = c_functions(path.read_text(errors="replace").splitlines())
        elif path.suffix == ".py":
            spans = python_functions(path.read_text())
        elif path.suffix == ".sh" or path.name in SHELL_NAMES:
            spans = shell_functions(path.read_text().splitlines())
        else:
            continue
        for function, line, length in spans:
            check_length(tree, path, f"{tree.name(path)}:{function}", line, length,
                         FUNCTION_LINES_MAX)


def c_functions(lines):
    """(name, line, length), by the layout that clang-format gives: the braces of a function stand
    alone in the first column, and nothing else's do."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield function_name(lines[:start - 1]), start, number - start + 1
            start = None


def function_name(lines_before):
    for line in reversed(lines_before[-12:]):
        match = re.match(r"[A-Za-z_].*?(\w+)\(", line)
        if match:
            return match.group(1)
    return "?"


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def shell_functions(lines):
    name, start = None, 0
    for number, line in enumerate(lines, 1):
        match = re.match(r"(\w+)\(\) \{$", line)
        if match:
            name, start = match.group(1), number
        elif line == "}" and name is not None:
            yield name, start, number - start + 1
            name = None


def check_file_lengths(tree):
    for path in filter(is_program, tree.files):
        length = len(path.read_text(errors="replace").splitlines())
        check_length(tree, path, tree.name(path), 0, length, FILE_LINES_MAX)


def check_length(tree, path, key, line, length, limit):
    known = KNOWN_LONG.get(key)
    what = key.rpartition(":")[2] + " has" if line else "has"
    if length > max(limit, known or 0):
        tree.fault(path, line, f"{what} {length} lines, limit {known or limit}")
    elif known is not None and length <= limit:
        tree.fault(path, line, f"{what} {length} lines: take it off the list KNOWN_LONG")


def check_text(tree):
    """Columns, trailing space, last newline, words that belong to one machine."""
    for path in tree.files:
        text = path.read_text(errors="replace")
        if text and not text.endswith("\n"):
            tree.fault(path, 0, "does not end with a newline")
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                tree.fault(path, number, "ends with white space")
            if is_program(path) and len(line) > COLUMNS_MAX:
                tree.fault(path, number, f"{len(line)} columns, limit {COLUMNS_MAX}")
            if is_program(path) and "\t" in line:
                tree.fault(path, number, "has a tab")
            if FORBIDDEN.search(line):
                tree.fault(path, number, "names a path or host of somebody's machine")


def check_licence(tree):
    """What gets copied away from LICENSE says its licence itself; nothing has another one."""
    licence = tree.root / "LICENSE"
    if not licence.is_file() or not licence.read_text().startswith("MIT License"):
        tree.fault("LICENSE", 0, "is not the MIT licence")
    for path in filter(is_code, tree.files):
        head = path.read_text(errors="replace")[:2000]
        copied = tree.name(path).startswith(("include/", "examples/"))
        if copied and LICENCE_LINE not in head:
            tree.fault(path, 1, f"does not say {LICENCE_LINE}")
        elif re.search(r"SPDX-License-Identifier:(?! MIT\b)", head):
            tree.fault(path, 1, "has another licence than MIT")


def check_headers(tree, cc, cxx):
    """Each public header compiles alone, as C11 and as C++17."""
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
    for path in tree.files:
        if not tree.name(path).startswith("include/") or path.suffix != ".h":
            continue
        for compiler, language in ((cc, "c"), (cxx, "c++")):
            standard = "-std=c11" if language == "c" else "-std=c++17"
            result = subprocess.run(
                [compiler, "-x", language, standard, *warnings, "-I", tree.root / "include", "-"],
                input=f'#include "{path.relative_to(tree.root / "include")}"\n',
                capture_output=True, text=True, check=False)
            if result.returncode != 0:
                tree.fault(path, 0, f"does not compile alone as {language}:\n{result.stderr}")


def check_imports(tree, build):
    """The archives of the pure rooms import next to nothing: of ours, what base.h declares."""
    base = tree.root / "include/zsip/base.h"
    public = set(re.findall(r"\b(zsip_\w+)\s*\(", base.read_text()))
    for room in PURE:
        archive = pathlib.Path(build) / room / f"lib{room}.a"
        if not archive.is_file():
            tree.fault(room, 0, f"there is no {archive.name} to look into")
            continue
        listing = subprocess.run(["nm", archive], capture_output=True, text=True, check=True)
        symbols = re.findall(r"^[0-9a-f ]* ([A-Za-z]) (\S+)$", listing.stdout, re.MULTILINE)
        defined = {name for kind, name in symbols if kind not in "Uwv"}
        wanted = {name for kind, name in symbols if kind in "Uwv"}
        for name in sorted(wanted - defined - PURE_IMPORTS - public):
            tree.fault(room, 0, f"{archive.name} imports {name}")


# Bytes of code of what Ragel makes, with room for other compilers: the URI's machine drawn into
# another one, to exist twice, goes over it by far.
MACHINE_BYTES_MAX = {"host": 5000, "uri": 24000, "via": 18000, "party": 12000, "start": 5000,
                     "values": 16000, "lists": 26000}


def check_machines(tree, build):
    """The generated code is small; each machine exists once, and writes nothing of its own."""
    archive = pathlib.Path(build) / "parser/libparser.a"
    if not archive.is_file() or not (tree.root / "parser/grammar.rl").is_file():
        return
    listing = subprocess.run(["size", "-A", archive], capture_output=True, text=True,
                             check=True).stdout
    text, data = {}, {}
    for head, body in re.findall(r"^(\S+\.o) .*?\n(.*?)(?=^\S+\.o |\Z)", listing, re.M | re.S):
        machine = re.search(r"_(\w+)\.c\.o$", head)
        sections = re.findall(r"^(\.[\w.]+) +(\d+)", body, re.M)
        if machine and "generated" in head:
            text[machine.group(1).lstrip("._")] = sum(
                int(n) for s, n in sections if s.startswith((".text", ".rodata")))
            data[machine.group(1).lstrip("._")] = sum(
                int(n) for s, n in sections if s in (".data", ".bss"))
    for name, limit in MACHINE_BYTES_MAX.items():
        if name not in text:
            tree.fault("parser", 0, f"there is no machine {name} in {archive.name}")
        elif text[name] > limit:
            tree.fault("parser", 0, f"machine {name} has {text[name]} bytes, limit {limit}")
    for name, length in data.items():
        if name not in MACHINE_BYTES_MAX:
            tree.fault("parser", 0, f"machine {name} has no limit in MACHINE_BYTES_MAX")
        if length > 0:
            tree.fault("parser", 0, f"machine {name} has {length} bytes of data that change")


# What takes memory, or does so behind the caller's back. One object may: the default hooks.
ALLOCATORS = {"malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "posix_memalign",
              "memalign", "valloc", "free", "mmap", "mmap64", "munmap", "brk", "sbrk", "strdup",
              "strndup", "asprintf", "vasprintf", "fopen", "fopen64", "opendir", "getline",
              "open_memstream", "getaddrinfo", "alloca"}
ALLOCATING_OBJECT = "memory.c.o"


def check_allocators(tree, build):
    """The library allocates through the caller's hooks only."""
    for room in ("parser", "txn", "transport", "core"):
        archive = pathlib.Path(build) / room / f"lib{room}.a"
        if not archive.is_file():
            continue
        listing = subprocess.run(["nm", "-A", "-u", archive], capture_output=True, text=True,
                                 check=True).stdout
        for line in listing.splitlines():
            where, name = line.rsplit(":", 1)[0], line.split()[-1]
            if name in ALLOCATORS and ALLOCATING_OBJECT not in where:
                tree.fault(room, 0, f"{where.split(':')[-1]} calls {name}, not the hooks")


def check_conformance(tree):
    """What docs/conformance.md names in its rows exists: files, functions, tests."""
    page = tree.root / "docs/conformance.md"
    if not page.is_file():
        return
    words = set()
    for path in filter(is_program, tree.files):
        words.update(re.findall(r"\w+", path.read_text(errors="replace")))
    for number, line in enumerate(page.read_text().splitlines(), 1):
        for name in re.findall(r"`([^`]+)`", line) if line.startswith("| R") else ():
            path = re.fullmatch(r"[\w.-]+/[\w./-]*", name)
            if path and not (tree.root / name).exists():
                tree.fault(page, number, f"there is no {name}")
            elif re.fullmatch(r"\w+", name) and name not in words:
                tree.fault(page, number, f"nothing is called {name}")


def check_all(root, release=None, cc="cc", cxx="c++"):
    tree = Tree(root)
    for check in (check_includes, check_function_lengths, check_file_lengths, check_text,
                  check_licence, check_conformance):
        check(tree)
    if cc and cxx:
        check_headers(tree, cc, cxx)
    if release:
        check_imports(tree, release)
        check_machines(tree, release)
        check_allocators(tree, release)
    return tree.faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("root")
    parser.add_argument("--release", help="a plain release build, whose archives are looked into")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="c++")
    options = parser.parse_args()
    faults = check_all(options.root, options.release, options.cc, options.cxx)
    for fault in faults:
        print(fault)
    print(f"tidy: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
