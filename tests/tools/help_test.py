"""--help: every program and subcommand shows an example, and every example works as it stands."""

import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

from program import ASSETS, BIN, SOURCE

PROGRAMS = ["pal-train", "pal-eval", "pal-generate", "pal-bench", "pal-convert", "pal-inspect", "pal-data"]  # what is trained comes first


def text_of(*words):
    result = subprocess.run([BIN / words[0], *words[1:], "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def commands():
    """Each program, and each of its subcommands."""
    for program in PROGRAMS:
        yield (program,)
        found = re.search(r"^Subcommands:\n((?:  .*\n)+)", text_of(program), re.MULTILINE)
        for line in found[1].splitlines() if found else []:
            if name := re.match(r"  ([a-z]\S*)", line):
                yield (program, name[1])


def examples(text):
    return re.findall(r"^(?:Example: |  )(pal-.*)$", text, re.MULTILINE)


class Help(unittest.TestCase):
    def test_every_program_says_its_version(self):
        for program in PROGRAMS:
            result = subprocess.run([BIN / program, "--version"], capture_output=True, text=True, timeout=60, check=True)
            self.assertRegex(result.stdout, r"^pal \d+\.\d+\.\d+, LibTorch \d+\.\d+\.\d+\n$")

    def test_every_command_shows_an_example(self):
        seen = list(commands())
        self.assertGreater(len(seen), 12)
        for command in seen:
            with self.subTest(command=command):
                self.assertTrue(examples(text_of(*command)))

    @unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
    def test_every_example_works_as_it_stands(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in ("assets", "configs", "tests", "examples"):
                (folder / name).symlink_to(SOURCE / name)
            for example in dict.fromkeys(one for command in commands() for one in examples(text_of(*command))):
                with self.subTest(example=example):
                    words = shlex.split(example)
                    result = subprocess.run([BIN / words[0], *words[1:]], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
                    self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
