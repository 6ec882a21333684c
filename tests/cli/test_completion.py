"""What the shell completes, asked as bash asks."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

from common import Case, ROOT
import peers

ASK = """. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _zsip; printf '%s\n' "${COMPREPLY[@]}"
"""


class Completion(Case):
    @classmethod
    def setUpClass(cls):
        maker = ROOT / "docs" / "man" / "complete.py"
        with tempfile.TemporaryDirectory() as folder:
            for name in ["", "serve", "send", "load", "report", "parse"]:
                asked = [peers.zsip(), "help", *([name] if name else [])]
                with open(pathlib.Path(folder) / f"{name or 'zsip'}.txt", "wb") as file:
                    subprocess.run(asked, stdout=file, check=True, timeout=60)
            cls.text = subprocess.run([sys.executable, maker, folder], capture_output=True,
                                      text=True, check=True).stdout

    def ask(self, *words):
        """What is offered for the last word."""
        ended = subprocess.run(
            ["bash", "-c", ASK, "bash", "/dev/stdin", "zsip", *words], input=self.text,
            capture_output=True, text=True, timeout=10, check=True)
        self.assertEqual("", ended.stderr)
        return ended.stdout.split()

    def test_commands(self):
        self.assertEqual(["serve", "send"], self.ask("se"))
        self.assertIn("load", self.ask(""))
        self.assertEqual(["parse"], self.ask("help", "p"))

    def test_options_of_each_command(self):
        self.assertEqual(["--methods", "--merged"], self.ask("serve", "--me"))
        self.assertIn("--window", self.ask("load", "--w"))
        self.assertEqual([], self.ask("serve", "--window"))

    def test_values(self):
        self.assertEqual(["482", "accept"], self.ask("serve", "--merged", ""))
        self.assertEqual(["gro", "gso"], self.ask("serve", "--without", "g"))
        self.assertEqual([], self.ask("serve", "--delay", ""))

    def test_files(self):
        folder = pathlib.Path(__file__).parent
        wanted = str(folder / "test_completion.py")
        self.assertEqual([wanted], self.ask("serve", "--json", wanted[:-4]))
        self.assertEqual([wanted], self.ask("parse", wanted[:-4]))


if __name__ == "__main__":
    unittest.main()
