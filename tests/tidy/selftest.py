#!/usr/bin/env python3
"""Tidy can fail: each rule is shown a tree with one fault planted, and must name it."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tidy  # noqa: E402

HEADER = "/* SPDX-License-Identifier: MIT */\n"
CLEAN = {
    "LICENSE": "MIT License\n",
    "include/zsip/base.h": HEADER + "void zsip_assert_failed(int line);\n",
    "include/zsip/parser.h": HEADER + '#include "zsip/base.h"\n',
    "parser/parse.c": '#include "zsip/parser.h"\n\n#include <stdint.h>\n',
    "txn/txn.c": '#include "zsip/base.h"\n\n#include "txn/txn.h"\n',
    "core/core.c": '#include "txn/txn.h"\n#include "zsip/parser.h"\n',
}


def faults_of(changes, **options):
    with tempfile.TemporaryDirectory() as root:
        for name, text in {**CLEAN, **changes}.items():
            path = pathlib.Path(root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tidy.check_all(root, **{"cc": None, "cxx": None, **options})


def archive(build, room, name, code):
    """Adds an object NAME.o made of code to the room's archive."""
    folder = pathlib.Path(build) / room
    folder.mkdir(exist_ok=True)
    subprocess.run(["cc", "-x", "c", "-c", "-", "-o", f"{name}.o"], cwd=folder, input=code,
                   text=True, check=True)
    subprocess.run(["ar", "rcS", f"lib{room}.a", f"{name}.o"], cwd=folder, check=True)
    subprocess.run(["ranlib", f"lib{room}.a"], cwd=folder, check=True)


class Tidy(unittest.TestCase):
    def assert_fault(self, text, changes, **options):
        faults = faults_of(changes, **options)
        self.assertEqual(1, len(faults), faults)
        self.assertIn(text, faults[0])

    def test_clean_tree_has_no_fault(self):
        self.assertEqual([], faults_of({}, cc="cc", cxx="c++"))

    def test_siblings_do_not_know_each_other(self):
        self.assert_fault('txn may not include "parser/x.h"',
                          {"txn/a.c": '#include "parser/x.h"\n'})
        self.assert_fault('parser may not include "zsip/endpoint.h"',
                          {"parser/a.rl": '#  include "zsip/endpoint.h"\n'})
        self.assert_fault('transport may not include "core/x.h"',
                          {"transport/a.h": '#include "core/x.h"\n'})

    def test_outsiders_know_public_headers_only(self):
        self.assert_fault('cli may not include "core/x.h"', {"cli/a.c": '#include "core/x.h"\n'})
        self.assert_fault('examples may not include "bench/x.h"',
                          {"examples/a.c": f'{HEADER}#include "bench/x.h"\n'})
        self.assert_fault('include may not include "core/x.h"',
                          {"include/zsip/a.h": f'{HEADER}#include "core/x.h"\n'})

    def test_no_way_round_by_parent_folder(self):
        self.assert_fault("txn may not include", {"txn/a.c": '#include "../core/x.h"\n'})

    def test_pure_rooms_use_no_system_header(self):
        self.assert_fault("txn is pure and may not include <time.h>",
                          {"txn/a.c": "#include <time.h>\n"})

    def test_long_function_and_file(self):
        body = "    x();\n" * 70
        self.assert_fault("grown has 72 lines", {"core/a.c": f"int grown(int a)\n{{\n{body}}}\n"})
        self.assert_fault("big has 72 lines",
                          {"tests/a.py": "def big():\n" + "    x = 1\n" * 71})
        self.assert_fault("loud has 72 lines", {"dev": "loud() {\n" + body + "}\n"})
        self.assert_fault("core/a.c: has 601 lines", {"core/a.c": "\n" * 601})

    def test_ratchet_holds_and_lets_go(self):
        tidy.KNOWN_LONG["core/a.c"] = 610
        try:
            self.assertEqual([], faults_of({"core/a.c": "\n" * 610}))
            self.assert_fault("has 611 lines, limit 610", {"core/a.c": "\n" * 611})
            self.assert_fault("take it off the list", {"core/a.c": "\n" * 600})
        finally:
            del tidy.KNOWN_LONG["core/a.c"]

    def test_text_habits(self):
        self.assert_fault("101 columns", {"core/a.c": "/" * 101 + "\n"})
        self.assert_fault("ends with white space", {"docs/a.md": "word \n"})
        self.assert_fault("does not end with a newline", {"docs/a.md": "word"})
        self.assert_fault("has a tab", {"core/a.c": "\tint a;\n"})
        self.assert_fault("somebody's machine", {"docs/a.md": "in /wo" "rk/main\n"})

    def test_data_is_left_alone(self):
        self.assertEqual([], faults_of({"tests/data/a.txt": "no end \t "}))

    def test_licence(self):
        self.assert_fault("does not say SPDX", {"include/zsip/a.h": "int a(void);\n"})
        self.assert_fault("another licence", {"core/a.c": "/* SPDX-License-Identifier: BSD */\n"})
        self.assert_fault("LICENSE: is not", {"LICENSE": "All rights reserved\n"})

    def test_conformance_names_what_is_there(self):
        row = "| R1-1 | `core/core.c` `f` | UAS `a_test_that_is_there`, `tests/a.c` |\n"
        files = {"docs/conformance.md": row, "core/core.c": "int f(void);\n",
                 "tests/a.c": "Test(uas, a_test_that_is_there);\n"}
        self.assertEqual([], faults_of(files))
        self.assert_fault("conformance.md:1: nothing is called a_test_that_is_there",
                          {**files, "tests/a.c": "\n"})
        self.assert_fault("conformance.md:1: there is no core/core.x",
                          {**files, "docs/conformance.md": row.replace("core.c", "core.x")})

    def test_header_that_needs_another_first(self):
        faults = faults_of({"include/zsip/a.h": HEADER + "uint8_t a(void);\n"}, cc="cc", cxx="c++")
        self.assertEqual(2, len(faults), faults)
        self.assertIn("does not compile alone as c:", faults[0])
        self.assertIn("does not compile alone as c++:", faults[1])

    def test_import_of_a_clock(self):
        with tempfile.TemporaryDirectory() as build:
            for room, body in (("parser", "zsip_assert_failed(1)"), ("txn", "clock_gettime(1)")):
                folder = pathlib.Path(build) / room
                folder.mkdir()
                callee = body.split("(", maxsplit=1)[0]
                (folder / "a.c").write_text(f"void {callee}(int);\nvoid f(void){{ {body}; }}\n")
                subprocess.run(["cc", "-c", "a.c"], cwd=folder, check=True)
                subprocess.run(["ar", "rc", f"lib{room}.a", "a.o"], cwd=folder, check=True)
            self.assert_fault("libtxn.a imports clock_gettime", {}, release=build)

    def test_import_of_another_room(self):
        with tempfile.TemporaryDirectory() as build:
            for room, callee in (("parser", "zsip_worker_stop"), ("txn", "zsip_assert_failed")):
                archive(build, room, "a", f"void {callee}(int);\nvoid f(void){{ {callee}(1); }}\n")
            worker = HEADER + "void zsip_worker_stop(int line);\n"
            self.assert_fault("libparser.a imports zsip_worker_stop",
                              {"include/zsip/worker.h": worker}, release=build)

    def test_machines(self):
        good = "int f(int a) { return a; }\n"
        cases = {"uri has 9": 'const char big[] = "' + "x" * 90000 + '";\n' + good,
                 "uri has 4 bytes of data": "int count;\n" + good}
        for text, code in cases.items():
            with tempfile.TemporaryDirectory() as build:
                for name in tidy.MACHINE_BYTES_MAX:
                    archive(build, "parser", f"meson-generated_.._{name}.c",
                            code if name == "uri" else good)
                archive(build, "txn", "a", good)
                faults = faults_of({"parser/grammar.rl": "\n"}, release=build)
                self.assertEqual(1, len(faults), faults)
                self.assertIn(text, faults[0])

    def test_machine_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as build:
            for name in (*tidy.MACHINE_BYTES_MAX, "other"):
                if name != "uri":
                    archive(build, "parser", f"meson-generated_.._{name}.c", "int f;\n")
            archive(build, "txn", "a", "int f;\n")
            faults = faults_of({"parser/grammar.rl": "\n"}, release=build)
            self.assertIn("parser: there is no machine uri in libparser.a", faults)
            self.assertIn("parser: machine other has no limit in MACHINE_BYTES_MAX", faults)

    def test_allocation_past_the_hooks(self):
        with tempfile.TemporaryDirectory() as build:
            for room, name in (("core", "base"), ("transport", "memory")):
                folder = pathlib.Path(build) / room
                folder.mkdir()
                (folder / "a.c").write_text("void malloc(int);\nvoid f(void){ malloc(1); }\n")
                subprocess.run(["cc", "-fno-builtin", "-c", "a.c", "-o", f"{name}.c.o"],
                               cwd=folder, check=True)
                subprocess.run(["ar", "rc", f"lib{room}.a", f"{name}.c.o"], cwd=folder, check=True)
            faults = tidy.Tree(build)
            tidy.check_allocators(faults, build)
            self.assertEqual(["core: base.c.o calls malloc, not the hooks"], faults.faults)


if __name__ == "__main__":
    unittest.main()
